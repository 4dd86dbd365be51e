//! What `verify` prints: tables and sentences, or JSON objects.

use schemars::JsonSchema;
use serde::Serialize;

use super::compare::{Layer, Mismatch};
use super::conclude::{Divergence, Fault};
use crate::args::{self, EngineBackend};
use crate::engine::{Disturbance, Figures};
use crate::error::CliError;
use crate::output::{Output, Wide, logits_sha256, percent};
use crate::progress::{Colour, Stream, paint};
use crate::target::Target;

/// What a picture that is not exact comes to.
#[derive(Default)]
pub struct Conclusion {
    /// The value that was wrong first; none if only the run without feature maps is wrong.
    pub divergence: Option<Divergence>,
    /// How to see more of it.
    pub next: Option<String>,
}

/// One picture, compared.
pub struct Picture {
    pub image: String,
    pub layers: Vec<Layer>,
    pub conclusion: Conclusion,
    /// Logits that differ in the run that sends no feature maps.
    pub plain_mismatches: usize,
    pub figures: Option<Figures>,
    pub logits: Vec<i32>,
}

impl Picture {
    fn mismatches(&self) -> usize {
        self.layers.iter().map(|l| l.mismatches).sum()
    }

    fn elements(&self) -> usize {
        self.layers.iter().map(|l| l.elements).sum()
    }

    fn is_exact(&self) -> bool {
        self.mismatches() + self.plain_mismatches == 0
    }
}

/// All pictures.
#[derive(Debug, Default)]
pub struct Summary {
    pub images: usize,
    /// Bit-exact.
    pub good: usize,
    /// Without a result.
    pub failed: usize,
    elements: usize,
    mismatches: usize,
}

impl Summary {
    /// How many pictures have a result.
    pub fn compared(&self) -> u64 {
        (self.images - self.failed) as u64
    }

    pub fn add(&mut self, picture: &Picture) {
        self.good += usize::from(picture.is_exact());
        self.elements += picture.elements();
        self.mismatches += picture.mismatches() + picture.plain_mismatches;
    }
}

/// One line of JSON.
#[derive(JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Object<'a> {
    Layer {
        image: &'a str,
        #[serde(flatten)]
        layer: &'a Layer,
    },
    Image {
        image: &'a str,
        bit_exact: bool,
        layers: usize,
        elements: usize,
        mismatches: usize,
        /// Of the run without feature maps.
        plain_mismatches: usize,
        /// The value that was wrong first.
        divergence: Option<&'a Divergence>,
        /// How to see more of it.
        next: Option<&'a str>,
        logits_sha256: String,
        #[serde(flatten)]
        figures: Option<&'a Figures>,
    },
    Summary {
        bit_exact: bool,
        images: usize,
        images_exact: usize,
        images_failed: usize,
        elements: usize,
        mismatches: usize,
        #[serde(flatten)]
        run: &'a RunInfo,
    },
}

/// Of what the comparison was.
#[derive(JsonSchema, Serialize)]
pub struct RunInfo {
    backend: String,
    preset: String,
    network: String,
    height: usize,
    width: usize,
    seed: u32,
    idle: f64,
    back_pressure: f64,
    random_state: bool,
}

fn object<'a>(run: &'a RunInfo, summary: &Summary) -> Object<'a> {
    Object::Summary {
        bit_exact: summary.good == summary.images,
        images: summary.images,
        images_exact: summary.good,
        images_failed: summary.failed,
        elements: summary.elements,
        mismatches: summary.mismatches,
        run,
    }
}

/// Prints as the command line wants it.
pub struct Reporter<'a> {
    json: bool,
    /// Whether layers that are exact have a row too.
    table: bool,
    run: RunInfo,
    output: &'a mut Output,
}

impl<'a> Reporter<'a> {
    pub fn new(
        args: &args::Verify,
        backend: String,
        target: &Target,
        seed: u32,
        disturbance: Disturbance,
        output: &'a mut Output,
    ) -> Reporter<'a> {
        let run = RunInfo {
            backend,
            preset: target.config().name.clone(),
            network: target.network.name.clone(),
            height: target.size.height,
            width: target.size.width,
            seed,
            idle: disturbance.idle,
            back_pressure: disturbance.back_pressure,
            random_state: args.random_state,
        };
        Reporter {
            json: args.json.on,
            table: args.table,
            run,
            output,
        }
    }

    /// The conditions, before anything can go wrong.
    pub fn begin(&mut self) -> Result<(), CliError> {
        if self.json {
            return Ok(());
        }
        let run = &self.run;
        self.output.line(format_args!(
            "{} at {}x{} on {} ({}), against the integer model",
            run.network, run.height, run.width, run.preset, run.backend
        ))?;
        if run.backend == EngineBackend::Sim.name() {
            self.output.line(format_args!(
                "seed {}: idle cycles {}, back-pressure {}{}",
                run.seed,
                percent(run.idle),
                percent(run.back_pressure),
                if run.random_state {
                    ", random initial state"
                } else {
                    ""
                }
            ))?;
        }
        self.output.flush()
    }

    pub fn picture(&mut self, picture: &Picture) -> Result<(), CliError> {
        self.objects(picture)?;
        match self.json {
            true => Ok(()),
            false => self.picture_text(picture),
        }
    }

    fn objects(&mut self, picture: &Picture) -> Result<(), CliError> {
        let image = &picture.image;
        for layer in &picture.layers {
            self.output
                .object(&Object::Layer { image, layer }, self.json)?;
        }
        let object = Object::Image {
            image,
            bit_exact: picture.is_exact(),
            layers: picture.layers.len(),
            elements: picture.elements(),
            mismatches: picture.mismatches(),
            plain_mismatches: picture.plain_mismatches,
            divergence: picture.conclusion.divergence.as_ref(),
            next: picture.conclusion.next.as_deref(),
            logits_sha256: logits_sha256(&picture.logits),
            figures: picture.figures.as_ref(),
        };
        self.output.object(&object, self.json)
    }

    fn picture_text(&mut self, picture: &Picture) -> Result<(), CliError> {
        let (image, number) = (&picture.image, picture.layers.len());
        let exact = picture.is_exact();
        self.output.line("")?;
        if self.table || !exact {
            let rows = picture.layers.iter();
            let rows = rows.filter(|l| self.table || l.fault.is_some() || l.mismatches > 0);
            self.output
                .line(format_args!("{image}\n\n{}\n", rows_of(rows)))?;
        }
        match (exact, self.table) {
            (true, false) => self.output.line(format_args!(
                "{image}: {}: {number} layers, {} values",
                good("bit-exact"),
                picture.elements()
            ))?,
            (true, true) => self.output.line(format_args!(
                "{}: {number} layers, {} values",
                good("bit-exact"),
                picture.elements()
            ))?,
            (false, _) => self.conclusion(picture)?,
        }
        if let Some(figures) = &picture.figures {
            let text = figures.text();
            self.output.line(format_args!(
                "again without feature maps, idle cycles and back-pressure:\n{text}"
            ))?;
        }
        self.output.flush()
    }

    /// What a picture that is not exact comes to.
    fn conclusion(&mut self, picture: &Picture) -> Result<(), CliError> {
        let bad = picture.layers.iter().filter(|l| l.mismatches > 0).count();
        self.output.line(format_args!(
            "{}: {} of {} values differ, in {bad} of {} layers; {} logits differ in \
             the run without feature maps",
            paint(Stream::Out, Colour::Red, "NOT bit-exact"),
            picture.mismatches(),
            picture.elements(),
            picture.layers.len(),
            picture.plain_mismatches
        ))?;
        let of = |fault| {
            let layers = picture.layers.iter().filter(|l| l.fault == Some(fault));
            layers.map(|l| l.layer.as_str()).collect::<Vec<_>>()
        };
        let conclusion = &picture.conclusion;
        match &conclusion.divergence {
            Some(first) => {
                self.output
                    .line(format_args!("first: {}", sentence(first)))?;
                if !first.units.is_empty() {
                    let units = first.units.join("; ");
                    self.output
                        .line(format_args!("units in question: {units}"))?;
                }
                self.output.line(format_args!(
                    "wrong on their own: {}; wrong because their inputs are: {}",
                    listed(&of(Fault::Own)),
                    listed(&of(Fault::Inherited))
                ))?;
            }
            None if bad == 0 => self.output.line(
                "every map of the first run is right: the fault depends on the timing of the \
                 streams, or on what was sent before",
            )?,
            None => {}
        }
        match &conclusion.next {
            Some(next) => self.output.line(format_args!("next: {next}")),
            None => Ok(()),
        }
    }

    /// The summary of what is done, for those who look on.
    pub fn so_far(&self, summary: &Summary) -> Result<(), CliError> {
        self.output.interim(&object(&self.run, summary))
    }

    pub fn summary(&mut self, summary: &Summary) -> Result<(), CliError> {
        let object = object(&self.run, summary);
        self.output.object(&object, self.json)?;
        if self.json {
            return Ok(());
        }
        self.output.line(format_args!(
            "\n{} of {} pictures bit-exact, {} without a result; {} mismatches in {} values",
            summary.good, summary.images, summary.failed, summary.mismatches, summary.elements
        ))
    }
}

fn good(text: &str) -> String {
    paint(Stream::Out, Colour::Green, text)
}

/// The layers as rows.
fn rows_of<'a>(layers: impl Iterator<Item = &'a Layer>) -> String {
    let mut rows = Wide::new(&[
        "layer",
        "shape",
        "differ#",
        "first y, x, c: got, want",
        "wrong",
    ]);
    for layer in layers {
        rows.add_row(vec![
            layer.layer.clone(),
            format!("{}x{}x{}", layer.height, layer.width, layer.channels),
            layer.mismatches.to_string(),
            first(layer),
            layer.fault.map_or("", Fault::name).to_owned(),
        ]);
    }
    rows.text()
}

/// The first wrong value in one sentence.
fn sentence(first: &Divergence) -> String {
    let Mismatch { y, x, c, got, want } = first.value;
    let mut text = format!("{} ({y}, {x}, {c}): {got}, want {want}", first.layer);
    if let (Some(record), Some(tile)) = (first.record, &first.tile) {
        text += &format!("; written by record {record} ({tile})");
    }
    if let (Some(lane), Some(column), Some(pass)) = (first.lane, first.column, &first.pass) {
        text += &format!(", lane {lane}, column {column}, pass {pass}");
    }
    if let Some(cycle) = first.cycle {
        text += &format!(", sent in cycle {cycle}");
    }
    let (rows, columns, channels) = (&first.rows, &first.columns, &first.channels);
    text + &format!("; the layer differs in rows: {rows}, columns: {columns}, channels: {channels}")
}

/// Names, at most so many that they can be taken in.
fn listed(names: &[&str]) -> String {
    const MOST: usize = 4;
    match names.len() {
        0 => "none".to_owned(),
        n if n > MOST => format!("{} and {} more", names[..MOST].join(", "), n - MOST),
        _ => names.join(", "),
    }
}

fn first(layer: &Layer) -> String {
    match layer.first_mismatch {
        Some(Mismatch { y, x, c, got, want }) => format!("{y}, {x}, {c}: {got}, {want}"),
        None if layer.received => String::new(),
        None => "not received".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(mismatches: usize, plain_mismatches: usize) -> Picture {
        let layer = Layer {
            layer: "a".into(),
            height: 1,
            width: 1,
            channels: 9,
            elements: 9,
            mismatches,
            first_mismatch: None,
            received: true,
            fault: None,
        };
        Picture {
            image: "p".into(),
            layers: vec![layer],
            conclusion: Conclusion::default(),
            plain_mismatches,
            figures: None,
            logits: Vec::new(),
        }
    }

    #[test]
    fn a_mismatch_anywhere_spoils_a_picture() {
        let mut summary = Summary::default();
        for (mismatches, plain) in [(0, 0), (1, 0), (0, 1)] {
            summary.add(&picture(mismatches, plain));
        }
        assert_eq!(summary.good, 1);
        assert_eq!((summary.mismatches, summary.elements), (2, 27));
    }
}
