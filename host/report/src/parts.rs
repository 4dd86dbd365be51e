//! A page of a command: its results as parts, each of them text, a table or a chart.

use std::collections::BTreeMap;

use firebrick::LayerQuantisation;
use maud::{Markup, html};

use crate::chart::{bars, heat, layers, points, quantisation, ranges, waterfall};
use crate::data::Map;
use crate::{frame, page};

/// What a page shows.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Its heading.
    pub title: String,
    /// The figures in short: name and value.
    pub figures: Vec<(String, String)>,
    /// In order.
    pub sections: Vec<Section>,
    /// What was run: name and value.
    pub run: Vec<(String, String)>,
    /// What the command prints with `--json`, one object each; it stands in the page.
    pub objects: Vec<String>,
}

/// Parts below a heading.
#[derive(Clone, Debug)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// In order.
    pub parts: Vec<Part>,
}

impl Section {
    /// A section of these parts.
    #[must_use]
    pub fn new(heading: impl Into<String>, parts: Vec<Part>) -> Section {
        Section {
            heading: heading.into(),
            parts,
        }
    }
}

/// Part of a section. Ids and names of charts are unique on a page.
#[derive(Clone, Debug)]
pub enum Part {
    /// A paragraph.
    Text(String),
    /// Rows of text; figures stand right.
    Table(Table),
    /// Shares of all MAC-cycles by use, adding up to 1.
    Account(Vec<(String, f64)>),
    /// Cycles of each layer by use.
    Layers(Vec<LayerCycles>),
    /// Values side by side.
    Bars(Bars),
    /// One value against another.
    Points(Points),
    /// What was measured of each layer, and what is kept of it.
    Ranges(Vec<Range>),
    /// Histograms of weights and activations by layer.
    Histograms(Vec<LayerQuantisation>),
    /// Where values are wrong.
    Heat(Heat),
    /// Channels as pictures; once on a page.
    Maps(Vec<Map>),
}

/// Rows of text.
#[derive(Clone, Debug)]
pub struct Table {
    /// Of the element.
    pub id: &'static str,
    /// Those that end in `#` stand over figures.
    pub headings: Vec<String>,
    /// As many cells as headings.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(id: &'static str, headings: &[&str]) -> Table {
        Table {
            id,
            headings: headings.iter().map(|h| (*h).to_owned()).collect(),
            rows: Vec::new(),
        }
    }
}

/// Cycles of a layer.
#[derive(Clone, Debug)]
pub struct LayerCycles {
    /// Its name.
    pub name: String,
    /// Useful multiply-accumulates.
    pub macs: u64,
    /// All cycles that are booked for it.
    pub cycles: u64,
    /// `macs` over what the array could do in `cycles`, 0 to 1.
    pub utilization: f64,
    /// MAC-cycles by use: `useful`, and the causes of idleness.
    pub account: BTreeMap<String, u64>,
}

/// Values side by side, from 0.
#[derive(Clone, Debug)]
pub struct Bars {
    /// Of the chart.
    pub id: String,
    /// For screen readers.
    pub name: String,
    /// Behind each value, as in ` dB`.
    pub unit: &'static str,
    /// Name and value.
    pub rows: Vec<(String, f64)>,
}

/// One value against another.
#[derive(Clone, Debug)]
pub struct Points {
    /// Of the chart.
    pub id: &'static str,
    /// For screen readers.
    pub name: String,
    /// Name of the horizontal axis.
    pub x: String,
    /// Name of the vertical axis.
    pub y: String,
    /// Name, and both values.
    pub points: Vec<(String, f64, f64)>,
    /// What is drawn through them.
    pub line: Line,
}

/// What is drawn through points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Where both values are equal.
    Diagonal,
    /// Through those that no other beats: more of the vertical value for less of the horizontal.
    Front,
}

/// What was measured of a layer's outputs, and what is kept of it.
#[derive(Clone, Debug)]
pub struct Range {
    /// The layer.
    pub name: String,
    /// Largest real value that was measured.
    pub largest: f64,
    /// Largest real value that is kept.
    pub clip: f64,
}

/// Where values of a map are wrong.
#[derive(Clone, Debug)]
pub struct Heat {
    /// Name of the map.
    pub name: String,
    /// Rows and columns of a cell.
    pub step: usize,
    /// Rows of the map.
    pub height: usize,
    /// Columns of the map.
    pub width: usize,
    /// Wrong values of each cell, over all channels: rows of cells.
    pub cells: Vec<Vec<u64>>,
    /// Wrong values of each channel.
    pub channels: Vec<u64>,
}

impl Page {
    /// The page as one HTML file.
    #[must_use]
    pub fn html(&self) -> String {
        self.framed(None)
    }

    /// The page of work that is under way, as a server shows it: it says what is being done, and asks the server's
    /// `state` for when to show itself anew. `version` is the number of the state that it shows, `over` says that
    /// nothing more will come.
    #[must_use]
    pub fn live(&self, status: &str, version: u64, over: bool) -> String {
        self.framed(Some(frame::Live {
            status,
            version,
            over,
        }))
    }

    fn framed(&self, live: Option<frame::Live<'_>>) -> String {
        let sections = self.sections.iter().enumerate();
        let sections = sections.map(|(index, section)| frame::Section {
            id: format!("s-{index}"),
            heading: section.heading.clone(),
            inside: html! { @for part in &section.parts { (draw(part)) } },
        });
        let figures = self.figures.iter();
        let figures = figures.map(|(name, value)| (name.clone(), None, value.clone()));
        frame::Frame {
            title: &self.title,
            figures: figures.collect(),
            sections: sections.collect(),
            run: &self.run,
            data: &format!("[{}]", self.objects.join(",")),
            live,
        }
        .html()
    }
}

fn draw(part: &Part) -> Markup {
    match part {
        Part::Text(text) => html! { p { (text) } },
        Part::Table(rows) => table(rows),
        Part::Account(account) => waterfall::draw(account),
        Part::Layers(shown) => layers::draw(shown),
        Part::Bars(shown) => bars::draw(shown),
        Part::Points(shown) => points::draw(shown),
        Part::Ranges(shown) => ranges::draw(shown),
        Part::Histograms(shown) => quantisation::table(shown),
        Part::Heat(shown) => heat::draw(shown),
        Part::Maps(shown) => page::maps(shown),
    }
}

fn table(table: &Table) -> Markup {
    let figure = |column: usize| {
        let heading = table.headings.get(column);
        heading.is_some_and(|heading| heading.ends_with('#'))
    };
    html! {
        div class="scroll" { table id=(table.id) {
            thead { tr { @for (column, heading) in table.headings.iter().enumerate() {
                th class=(if figure(column) { "n" } else { "t" }) { (heading.trim_end_matches('#')) }
            } } }
            tbody { @for row in &table.rows {
                tr { @for (column, cell) in row.iter().enumerate() {
                    td class=[figure(column).then_some("n")] { (cell) }
                } }
            } }
        } }
    }
}
