//! Results on standard output: lines, tables, and JSON objects.

use std::fmt::Display;
use std::io::{self, BufWriter, Stdout, Write};
use std::sync::Arc;

use comfy_table::{CellAlignment, Table, presets};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::CliError;
use crate::live::Feed;

/// Version of the layout of all objects, which docs/json.md describes.
const SCHEMA: u32 = 1;

/// An object with the version of its layout.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "{T}", description = "One line of output.")]
pub struct Numbered<'a, T> {
    #[schemars(schema_with = "only_schema")]
    schema: u32,
    #[serde(flatten)]
    object: &'a T,
}

impl<T> Numbered<'_, T> {
    pub fn of(object: &T) -> Numbered<'_, T> {
        let schema = SCHEMA;
        Numbered { schema, object }
    }
}

fn only_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "Version of the layout of the object.",
        "const": SCHEMA,
    })
}

/// Standard output, flushed whenever a result is complete.
pub struct Output {
    to: BufWriter<Stdout>,
    /// The objects, for a page that shows them.
    kept: Option<Vec<String>>,
    /// The same for a page that is shown meanwhile.
    feed: Option<Arc<Feed>>,
}

impl Output {
    pub fn new() -> Output {
        Output {
            to: BufWriter::new(io::stdout()),
            kept: None,
            feed: None,
        }
    }

    /// Shows all objects from now on to those who look on.
    pub fn feed(&mut self, feed: Arc<Feed>) {
        self.feed = Some(feed);
    }

    /// Whether those who look on are to see what stands for the objects that come with the end.
    pub fn wants_interim(&self) -> bool {
        self.feed.as_ref().is_some_and(|feed| feed.wants_interim())
    }

    /// Shows an object to those who look on that stands for one that comes with the end.
    pub fn interim(&self, object: &impl Serialize) -> Result<(), CliError> {
        if let Some(feed) = &self.feed {
            feed.interim(numbered(object)?);
        }
        Ok(())
    }

    /// Keeps all objects from now on.
    pub fn keep(&mut self) {
        self.kept.get_or_insert_default();
    }

    /// The objects that were kept, as they are printed.
    pub fn kept(&self) -> &[String] {
        self.kept.as_deref().unwrap_or_default()
    }

    /// One line, or several.
    pub fn line(&mut self, text: impl Display) -> Result<(), CliError> {
        writeln!(self.to, "{text}").map_err(CliError::Stdout)
    }

    /// One object on a line of its own, at once.
    pub fn json(&mut self, object: &impl Serialize) -> Result<(), CliError> {
        self.object(object, true)
    }

    /// One object: kept for the page if there is one, and printed on a line of its own if it is
    /// asked for.
    pub fn object(&mut self, object: &impl Serialize, print: bool) -> Result<(), CliError> {
        if !print && self.kept.is_none() && self.feed.is_none() {
            return Ok(());
        }
        let text = numbered(object)?;
        if print {
            self.line(&text)?;
            self.flush()?;
        }
        if let Some(feed) = &self.feed {
            feed.object(text.clone());
        }
        if let Some(kept) = &mut self.kept {
            kept.push(text);
        }
        Ok(())
    }

    /// Makes everything so far visible.
    pub fn flush(&mut self) -> Result<(), CliError> {
        self.to.flush().map_err(CliError::Stdout)
    }
}

/// An object with the version of its layout, on one line.
fn numbered(object: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string(&Numbered::of(object)).map_err(|e| CliError::Stdout(e.into()))
}

/// An empty table; columns whose headings end in `#` hold figures.
pub fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(headings.iter().map(|h| h.trim_end_matches('#')));
    for (column, heading) in table.column_iter_mut().zip(headings) {
        if heading.ends_with('#') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A table of many columns. Where the width is known and not enough for all, the columns are laid
/// out in several tables below each other, each with the columns that say what a row is.
pub struct Wide {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Wide {
    /// An empty table; headings are those of [`table`].
    pub fn new(headings: &[&str]) -> Wide {
        Wide {
            headings: headings.iter().map(|h| (*h).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// One more row, of as many cells as there are headings.
    pub fn add_row(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// The table for where standard output goes.
    pub fn text(&self) -> String {
        self.in_width(width())
    }

    /// The table, or the tables, in so many characters.
    fn in_width(&self, width: Option<usize>) -> String {
        let all: Vec<usize> = (0..self.headings.len()).collect();
        // A cell has a bar before it and a space on either side.
        let cells = |column: &usize| {
            let heading = self.headings[*column].trim_end_matches('#').chars().count();
            let rows = self.rows.iter().map(|row| row[*column].chars().count());
            rows.fold(heading, usize::max) + 3
        };
        let wide = |columns: &[usize]| columns.iter().map(cells).sum::<usize>() + 1;
        let Some(width) = width.filter(|width| wide(&all) > *width) else {
            return self.of(&all);
        };
        // A rank is followed by the name that it ranks.
        let keys = 1 + usize::from(self.headings.first().is_some_and(|h| h == "#"));
        let mut parts = vec![all[..keys].to_vec()];
        for column in &all[keys..] {
            let last = parts.len() - 1;
            parts[last].push(*column);
            if wide(&parts[last]) > width && parts[last].len() > keys + 1 {
                parts[last].pop();
                parts.push([&all[..keys], &[*column]].concat());
            }
        }
        let parts: Vec<String> = parts.iter().map(|part| self.of(part)).collect();
        parts.join("\n\n")
    }

    fn of(&self, columns: &[usize]) -> String {
        let headings: Vec<&str> = columns.iter().map(|c| self.headings[*c].as_str()).collect();
        let mut table = table(&headings);
        for row in &self.rows {
            table.add_row(columns.iter().map(|column| &row[*column]));
        }
        table.to_string()
    }
}

/// Characters in a line: of the variable COLUMNS, else of the terminal; unknown in a file or pipe.
fn width() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok().and_then(|n| n.parse().ok());
    let terminal = || {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col))
    };
    columns.or_else(terminal).filter(|columns| *columns > 0)
}

/// A share as per cent.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of sums as little-endian 32-bit words.
pub fn logits_sha256(logits: &[i32]) -> String {
    let mut hash = Sha256::new();
    for logit in logits {
        hash.update(logit.to_le_bytes());
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_little_endian_words() {
        // printf '\1\0\0\0\377\377\377\377' | sha256sum
        let direct = hex(&Sha256::digest([1, 0, 0, 0, 255, 255, 255, 255]));
        assert_eq!(logits_sha256(&[1, -1]), direct);
    }

    #[test]
    fn a_wide_table_is_laid_out_in_parts() {
        let mut table = Wide::new(&["layer", "cycles#", "useful#", "idle#"]);
        table.add_row(
            ["conv1", "12345", "98.00 %", "2.00 %"]
                .map(str::to_owned)
                .into(),
        );
        let whole = table.in_width(None);
        assert_eq!(whole.lines().count(), 3);
        assert_eq!(table.in_width(Some(whole.find('\n').unwrap())), whole);
        let parts = table.in_width(Some(24));
        assert!(
            parts.lines().all(|line| line.chars().count() <= 24),
            "{parts}"
        );
        assert_eq!(parts.matches("| conv1 |").count(), 3, "{parts}");
        for cell in ["12345", "98.00 %", "2.00 %"] {
            assert!(parts.contains(cell), "{parts}");
        }
        // Nothing is lost where even one column does not fit.
        assert_eq!(table.in_width(Some(3)).matches("| conv1 |").count(), 3);
    }

    #[test]
    fn figures_stand_right() {
        let mut table = table(&["name", "n#"]);
        table.add_row(["a", "1"]);
        table.add_row(["b", "100"]);
        let text = table.to_string();
        assert!(
            text.lines().nth(2).is_some_and(|l| l == "| a    |   1 |"),
            "{text}"
        );
    }
}
