//! Histograms, and the table of what quantising did to each layer.

use firebrick::LayerQuantisation;
use maud::{Markup, html};

use super::{at, grouped, percent, svg};

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

/// A row for each layer. Columns of which nothing is known are left out.
pub fn table(layers: &[LayerQuantisation]) -> Markup {
    let share = |value: Option<f64>| value.map_or("–".to_owned(), percent);
    let some =
        |value: fn(&LayerQuantisation) -> Option<f64>| layers.iter().any(|q| value(q).is_some());
    let (ranges, noise) = (some(|q| q.largest), some(|q| q.sqnr_db));
    html! {
        p {
            "Weights from -128 to 127 and activations from 0 to 255 (of photographs, if there are \
             any); the height of a bar is the root of its count. Clipped are activations at 255."
        }
        div class="scroll" { table id="quantisation" {
            thead { tr {
                th { "Layer" } th { "Weights" } th { "Zero weights" } th { "Largest" }
                th { "Activations" } th { "Zero" } th { "Clipped" } th { "Output step" }
                th { "Clip" }
                @if ranges { th { "Range" } }
                @if noise { th { "SQNR, dB" } }
            } }
            tbody {
                @for (index, layer) in layers.iter().enumerate() {
                    tr data-layer=(layer.name) data-sqnr=[layer.sqnr_db] data-range=[layer.largest]
                        data-clip=(layer.clip) data-clipped=[layer.clipped] {
                        td { (layer.name) }
                        td { (histogram(&format!("w-{index}"),
                            &format!("Weights of {}", layer.name), &layer.weights, (-128, 127))) }
                        td class="n" { (percent(layer.zero_weights)) }
                        td class="n" { (layer.largest_weight) }
                        td { @if !layer.activations.is_empty() {
                            (histogram(&format!("a-{index}"),
                                &format!("Activations of {}", layer.name), &layer.activations,
                                (0, 255)))
                        } }
                        td class="n" { (share(layer.zeros)) }
                        td class="n" { (share(layer.clipped)) }
                        td class="n" { (format!("{:.5}", layer.output_scale)) }
                        td class="n" { (format!("{:.3}", layer.clip)) }
                        @if ranges {
                            td class="n" { @if let Some(n) = layer.largest { (format!("{n:.3}")) } }
                        }
                        @if noise {
                            td class="n" { @if let Some(n) = layer.sqnr_db { (format!("{n:.1}")) } }
                        }
                    }
                }
            }
        } }
    }
}
