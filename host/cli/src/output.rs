//! Results on standard output: lines, tables, and JSON objects.

use std::fmt::Display;
use std::io::{self, BufWriter, Stdout, Write};

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::CliError;

/// Standard output, flushed whenever a result is complete.
pub struct Output(BufWriter<Stdout>);

impl Output {
    pub fn new() -> Output {
        Output(BufWriter::new(io::stdout()))
    }

    /// One line, or several.
    pub fn line(&mut self, text: impl Display) -> Result<(), CliError> {
        writeln!(self.0, "{text}").map_err(CliError::Stdout)
    }

    /// One object on a line of its own, at once.
    pub fn json(&mut self, object: &impl Serialize) -> Result<(), CliError> {
        serde_json::to_writer(&mut self.0, object)
            .map_err(|e| CliError::Stdout(e.into()))
            .and_then(|()| self.line(""))
            .and_then(|()| self.flush())
    }

    /// Makes everything so far visible.
    pub fn flush(&mut self) -> Result<(), CliError> {
        self.0.flush().map_err(CliError::Stdout)
    }
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
