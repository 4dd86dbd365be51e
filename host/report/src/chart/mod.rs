//! Charts as SVG. Every element that shows a number has it in a `title` for people and in `data-`
//! attributes for programs.

pub mod bars;
pub mod graph;
pub mod heat;
pub mod layers;
pub mod memory;
pub mod points;
pub mod quantisation;
pub mod ranges;
pub mod roofline;
pub mod timeline;
pub mod waterfall;

use maud::{Markup, PreEscaped};

/// Numbers with separators of thousands.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as per cent.
pub fn percent(share: f64) -> String {
    let digits = if share > 0.0 && share < 0.001 { 3 } else { 1 };
    format!("{:.digits$} %", 100.0 * share)
}

/// A coordinate, short.
pub fn at(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Class of the colour of a cause.
pub fn colour(cause: &str) -> String {
    format!("c-{cause}")
}

/// Steps of an axis from 0: about `count` round numbers up to `most`.
pub fn ticks(most: f64, count: usize) -> Vec<f64> {
    if most.is_nan() || most <= 0.0 {
        return vec![0.0];
    }
    let rough = most / count as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|f| f * power)
        .find(|s| *s >= rough)
        .unwrap_or(10.0 * power);
    (0..)
        .map(|i| f64::from(i) * step)
        .take_while(|t| *t <= most * 1.0001)
        .collect()
}

/// A number of an axis in few characters.
pub fn short(n: f64) -> String {
    match n.abs() {
        a if a >= 1e9 => format!("{}G", at(n / 1e9)),
        a if a >= 1e6 => format!("{}M", at(n / 1e6)),
        a if a >= 1e3 => format!("{}k", at(n / 1e3)),
        _ => at(n),
    }
}

/// The root of a chart: its name for screen readers, and a viewBox.
pub fn svg(id: &str, name: &str, width: f64, height: f64, inside: &Markup) -> Markup {
    PreEscaped(format!(
        "<svg id=\"{id}\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {} {}\" \
         xmlns=\"http://www.w3.org/2000/svg\">{}</svg>",
        escape(name),
        at(width),
        at(height),
        inside.0
    ))
}

/// Text for an attribute.
pub fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_384_102), "1,384,102");
        assert_eq!(percent(0.9854), "98.5 %");
        assert_eq!(percent(0.0001), "0.010 %");
        assert_eq!(at(3.0), "3");
        assert_eq!(at(2.71499), "2.71");
        assert_eq!(short(1_384_102.0), "1.38M");
        assert_eq!(ticks(10.0, 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(0.0, 5), [0.0]);
    }
}
