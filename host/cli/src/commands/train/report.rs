//! What is printed of a training.

use firebrick_train::{ClassFigures, Confusion, Data, Epoch, Extracted, Fitted, Packed};
use schemars::JsonSchema;
use serde::Serialize;

use crate::args;
use crate::error::CliError;
use crate::output::{Output, Wide, percent};
use crate::target::shown;

use super::files::Files;

/// Classes that are shown on a screen; all are in the file.
const SHOWN: usize = 40;

#[derive(JsonSchema, Serialize)]
pub struct EpochObject<'a> {
    kind: &'static str,
    #[serde(flatten)]
    epoch: &'a Epoch,
}

/// One epoch as an object.
pub fn epoch(epoch: &Epoch, output: &mut Output) -> Result<(), CliError> {
    output.json(&EpochObject {
        kind: "epoch",
        epoch,
    })
}

/// Everything that came of it.
pub struct Made<'a> {
    pub args: &'a args::Train,
    pub base: &'a str,
    pub data: &'a Data,
    pub training: &'a Extracted,
    pub validation: &'a Extracted,
    pub skipped: usize,
    pub fitted: &'a Fitted,
    pub packed: &'a Packed,
    pub confusion: &'a Confusion,
    pub bytes: usize,
    pub files: &'a Files,
}

#[derive(JsonSchema, Serialize)]
pub struct Class<'a> {
    label: &'a str,
    #[serde(flatten)]
    figures: ClassFigures,
}

#[derive(JsonSchema, Serialize)]
pub struct ResultObject<'a> {
    kind: &'static str,
    data: String,
    pack: String,
    bytes: usize,
    network: &'a str,
    base: &'a str,
    classes: Vec<Class<'a>>,
    training: usize,
    views: usize,
    validation: usize,
    skipped: usize,
    seed: u32,
    epochs: usize,
    best_epoch: usize,
    validation_loss: f64,
    float_accuracy: f64,
    accuracy: f64,
    raised: f32,
    confusion: Vec<Vec<u32>>,
    files: &'a [String],
}

impl Made<'_> {
    fn best(&self) -> &Epoch {
        &self.fitted.epochs[self.fitted.best - 1]
    }

    /// The last object.
    pub fn json(&self, output: &mut Output) -> Result<(), CliError> {
        let classes = self.data.classes.iter().zip(self.confusion.classes());
        let rows = self.confusion.counts.outer_iter();
        output.json(&ResultObject {
            kind: "result",
            data: shown(&self.args.data),
            pack: shown(&self.args.output),
            bytes: self.bytes,
            network: &self.packed.network.name,
            base: self.base,
            classes: classes
                .map(|(label, figures)| Class { label, figures })
                .collect(),
            training: self.training.items.len(),
            views: self.training.samples.len(),
            validation: self.validation.items.len(),
            skipped: self.skipped,
            seed: self.args.seed,
            epochs: self.fitted.epochs.len(),
            best_epoch: self.fitted.best,
            validation_loss: self.best().validation_loss,
            float_accuracy: self.float_accuracy(),
            accuracy: self.confusion.accuracy(),
            raised: self.packed.raised,
            confusion: rows.map(|row| row.to_vec()).collect(),
            files: &self.files.names,
        })
    }

    /// Of the layer in floats on the same features.
    fn float_accuracy(&self) -> f64 {
        self.fitted.head.accuracy(&self.validation.samples)
    }

    pub fn print(&self, output: &mut Output) -> Result<(), CliError> {
        output.line(format_args!(
            "{} classes: {} pictures ({} views) to learn from, {} to validate on, seed {}",
            self.data.classes.len(),
            self.training.items.len(),
            self.training.samples.len(),
            self.validation.items.len(),
            self.args.seed
        ))?;
        let best = self.best();
        output.line(format_args!(
            "best epoch: {} of {}, loss {:.4}, validation loss {:.4}",
            self.fitted.best,
            self.fitted.epochs.len(),
            best.loss,
            best.validation_loss
        ))?;
        output.line(format_args!(
            "validation: {} are classified right by the pack, {} by the layer in floats",
            percent(self.confusion.accuracy()),
            percent(self.float_accuracy())
        ))?;
        output.line("")?;
        output.line(self.table())?;
        output.line("")?;
        for name in &self.files.names {
            output.line(name)?;
        }
        output.flush()
    }

    /// The classes, worst first, with what each is mostly mistaken for.
    fn table(&self) -> String {
        let mut table = Wide::new(&[
            "class",
            "pictures#",
            "right#",
            "precision#",
            "recall#",
            "F1#",
            "mistaken for",
        ]);
        let figures = self.confusion.classes();
        let mut order: Vec<usize> = (0..figures.len()).collect();
        order.sort_by(|&a, &b| figures[a].f1.total_cmp(&figures[b].f1).then(a.cmp(&b)));
        for &class in order.iter().take(SHOWN) {
            let f = figures[class];
            let row = self.confusion.counts.row(class);
            let others = row
                .iter()
                .enumerate()
                .filter(|(other, n)| *other != class && **n > 0);
            // The lowest class among equals.
            let most = others.max_by_key(|(other, n)| (**n, std::cmp::Reverse(*other)));
            let mistaken = most.map_or(String::new(), |(other, n)| {
                format!("{} ({n})", self.data.classes[other])
            });
            table.add_row(vec![
                self.data.classes[class].clone(),
                f.pictures.to_string(),
                f.right.to_string(),
                percent(f.precision),
                percent(f.recall),
                percent(f.f1),
                mistaken,
            ]);
        }
        let more = order.len().saturating_sub(SHOWN);
        match more {
            0 => table.text(),
            more => format!("{}\nand {more} more classes", table.text()),
        }
    }
}
