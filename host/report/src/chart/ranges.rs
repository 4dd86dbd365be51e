//! What was measured of each layer's outputs, and what is kept of it.

use maud::{Markup, html};

use super::{at, percent, short, svg, ticks};
use crate::parts::Range;

const ROW: f64 = 20.0;
const LEFT: f64 = 190.0;
const WIDTH: f64 = 760.0;
const TOP: f64 = 20.0;

/// For each layer a bar up to the clip, and a line up to the largest value that was measured.
pub fn draw(ranges: &[Range]) -> Markup {
    let most = ranges.iter().map(|range| range.largest.max(range.clip));
    let most = most.fold(0.0, f64::max);
    let span = WIDTH - LEFT - 60.0;
    let scale = if most > 0.0 { span / most } else { 0.0 };
    let height = TOP + ranges.len() as f64 * ROW + 4.0;
    let inside = html! {
        @for tick in ticks(most, 6) {
            @let x = at(LEFT + tick * scale);
            line class="grid" x1=(x) x2=(x) y1=(at(TOP)) y2=(at(height)) {}
            text class="small" x=(x) y="12" text-anchor="middle" { (short(tick)) }
        }
        @for (index, range) in ranges.iter().enumerate() {
            @let y = TOP + index as f64 * ROW;
            @let Range { name, largest, clip } = range;
            text x=(at(LEFT - 8.0)) y=(at(y + 13.0)) text-anchor="end" { (name) }
            g data-layer=(name) data-largest=(largest) data-clip=(clip) {
                title {
                    (name) ": " (format!("{largest:.3}")) " measured, " (format!("{clip:.3}"))
                    " kept, " (percent(clip / largest.max(f64::MIN_POSITIVE)))
                }
                rect class="bar" x=(at(LEFT)) y=(at(y + 4.0)) height="11"
                    width=(at(clip * scale)) {}
                line class="measured" x1=(at(LEFT)) x2=(at(LEFT + largest * scale))
                    y1=(at(y + 9.5)) y2=(at(y + 9.5)) {}
                line class="measured" x1=(at(LEFT + largest * scale))
                    x2=(at(LEFT + largest * scale)) y1=(at(y + 3.0)) y2=(at(y + 16.0)) {}
            }
        }
    };
    svg(
        "ranges",
        "Range and clip of each layer, real values",
        WIDTH,
        height,
        &inside,
    )
}
