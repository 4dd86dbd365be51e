//! Cycles by layer, each split by use.

use maud::{Markup, html};

use super::{at, colour, grouped, percent, short, svg, ticks};
use crate::parts::LayerCycles;

const ROW: f64 = 20.0;
const LEFT: f64 = 170.0;
const WIDTH: f64 = 900.0;
const TOP: f64 = 20.0;

/// A bar for each layer, as long as its cycles.
pub fn draw(layers: &[LayerCycles]) -> Markup {
    let most = layers.iter().map(|l| l.cycles).max().unwrap_or(1).max(1) as f64;
    let span = WIDTH - LEFT - 90.0;
    let height = TOP + layers.len() as f64 * ROW + 4.0;
    let inside = html! {
        @for tick in ticks(most, 6) {
            @let x = LEFT + tick / most * span;
            line class="grid" x1=(at(x)) x2=(at(x)) y1=(at(TOP)) y2=(at(height)) {}
            text class="small" x=(at(x)) y="12" text-anchor="middle" { (short(tick)) }
        }
        @for (index, layer) in layers.iter().enumerate() {
            @let y = TOP + index as f64 * ROW;
            text x=(at(LEFT - 8.0)) y=(at(y + 13.0)) text-anchor="end" { (layer.name) }
            g data-layer=(layer.name) data-cycles=(layer.cycles) data-macs=(layer.macs) {
                (parts(layer, y, layer.cycles as f64 / most * span))
            }
            text class="small" x=(at(LEFT + layer.cycles as f64 / most * span + 6.0))
                y=(at(y + 13.0)) { (percent(layer.utilization)) }
        }
    };
    svg("cycles-by-layer", "Cycles by layer", WIDTH, height, &inside)
}

fn parts(layer: &LayerCycles, y: f64, width: f64) -> Markup {
    let all = layer.account.values().sum::<u64>().max(1) as f64;
    // Useful work first.
    let mut parts: Vec<(&String, &u64)> = layer.account.iter().filter(|(_, n)| **n > 0).collect();
    parts.sort_by_key(|(name, n)| (name.as_str() != "useful", std::cmp::Reverse(**n)));
    let mut from = 0.0;
    html! {
        @for (name, n) in parts {
            @let share = *n as f64 / all;
            rect class=(colour(name)) x=(at(LEFT + from * width)) y=(at(y + 2.0)) height="15"
                width=(at(share * width)) data-use=(name) data-mac-cycles=(n) {
                title {
                    (layer.name) ": " (grouped(layer.cycles)) " cycles, " (percent(share)) " "
                    (name)
                }
            }
            ({ from += share; "" })
        }
    }
}
