//! Histograms.

use maud::{Markup, html};

use super::{at, grouped, svg};

const WIDTH: f64 = 160.0;
const HEIGHT: f64 = 36.0;

/// Bars of a histogram from `low` to `high`, heights by the square root, so that small ones are seen.
pub fn histogram(id: &str, name: &str, counts: &[u64], (low, high): (i32, i32)) -> Markup {
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let width = WIDTH / counts.len().max(1) as f64;
    let step = (high - low + 1) / counts.len().max(1) as i32;
    let inside = html! {
        @for (index, count) in counts.iter().enumerate() {
            @let height = (*count as f64 / most).sqrt() * HEIGHT;
            @let from = low + index as i32 * step;
            rect class="bar" x=(at(index as f64 * width)) y=(at(HEIGHT - height))
                width=(at(width - 0.5)) height=(at(height)) data-count=(count) {
                title { (from) " to " (from + step - 1) ": " (grouped(*count)) }
            }
        }
    };
    svg(id, name, WIDTH, HEIGHT, &inside)
}
