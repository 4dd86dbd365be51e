//! Values side by side.

use maud::{Markup, html};

use super::{at, short, svg, ticks};
use crate::parts::Bars;

const ROW: f64 = 20.0;
const LEFT: f64 = 190.0;
const WIDTH: f64 = 760.0;
const TOP: f64 = 20.0;

/// A value in few digits, also a small one.
fn value_of(value: f64) -> String {
    match value.abs() {
        a if a > 0.0 && a < 0.1 => format!("{value:.4}"),
        _ => at(value),
    }
}

/// A bar for each value, from 0.
pub fn draw(bars: &Bars) -> Markup {
    let most = bars.rows.iter().map(|row| row.1).fold(0.0, f64::max);
    let span = WIDTH - LEFT - 90.0;
    let scale = if most > 0.0 { span / most } else { 0.0 };
    let height = TOP + bars.rows.len() as f64 * ROW + 4.0;
    let inside = html! {
        @for tick in ticks(most, 5) {
            @let x = at(LEFT + tick * scale);
            line class="grid" x1=(x) x2=(x) y1=(at(TOP)) y2=(at(height)) {}
            text class="small" x=(x) y="12" text-anchor="middle" { (short(tick)) }
        }
        @for (index, (name, value)) in bars.rows.iter().enumerate() {
            @let y = TOP + index as f64 * ROW;
            @let long = value.max(0.0) * scale;
            text x=(at(LEFT - 8.0)) y=(at(y + 13.0)) text-anchor="end" { (name) }
            rect class="bar" x=(at(LEFT)) y=(at(y + 2.0)) height="15" width=(at(long))
                data-name=(name) data-value=(value) {
                title { (name) ": " (value_of(*value)) (bars.unit) }
            }
            text class="small" x=(at(LEFT + long + 6.0)) y=(at(y + 13.0)) {
                (value_of(*value)) (bars.unit)
            }
        }
    };
    svg(&bars.id, &bars.name, WIDTH, height, &inside)
}
