//! What lies where in the feature buffer.

use maud::{Markup, html};

use super::{at, grouped, short, svg, ticks};
use crate::data::MemoryMap;

const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const BOTTOM: f64 = 24.0;

/// A box for each region: cycles across, words up. The page moves the line `memory-now`.
pub fn draw(memory: &MemoryMap) -> Markup {
    let cycles = memory.cycles.max(1) as f64;
    let words = memory.words.max(1) as f64;
    let x = |cycle: u64| LEFT + cycle as f64 / cycles * (WIDTH - LEFT - 10.0);
    let y = |word: u64| (HEIGHT - BOTTOM) * (1.0 - word as f64 / words);
    let inside = html! {
        @for tick in ticks(cycles, 8) {
            text class="small" x=(at(x(tick as u64))) y=(at(HEIGHT - 6.0)) text-anchor="middle" {
                (short(tick))
            }
        }
        @for tick in ticks(words, 8) {
            @let here = at(y(tick as u64));
            line class="grid" x1=(at(LEFT)) x2=(at(WIDTH - 10.0)) y1=(here) y2=(here) {}
            text class="small" x=(at(LEFT - 6.0)) y=(at(y(tick as u64) + 10.0)) text-anchor="end" {
                (short(tick))
            }
        }
        @for (index, region) in memory.regions.iter().enumerate() {
            rect class=(format!("region r-{}", index % 6)) x=(at(x(region.written)))
                y=(at(y(region.to))) width=(at((x(region.read) - x(region.written)).max(1.0)))
                height=(at((y(region.from) - y(region.to)).max(1.0))) data-name=(region.name)
                data-from=(region.from) data-to=(region.to) data-written=(region.written)
                data-read=(region.read) {
                title {
                    (region.name) ": words " (grouped(region.from)) " to "
                    (grouped(region.to.saturating_sub(1))) ", written from cycle "
                    (grouped(region.written)) ", read until " (grouped(region.read))
                }
            }
        }
        line id="memory-now" class="mark" x1=(at(LEFT)) x2=(at(LEFT)) y1="0" y2=(at(HEIGHT - BOTTOM))
            data-left=(at(LEFT)) data-span=(at(WIDTH - LEFT - 10.0)) {}
    };
    svg(
        "memory",
        "The feature buffer over time",
        WIDTH,
        HEIGHT,
        &inside,
    )
}
