//! Where every MAC-cycle went, down to 100 %.

use maud::{Markup, html};

use super::{at, colour, percent, svg};

const ROW: f64 = 26.0;
const LEFT: f64 = 130.0;
const WIDTH: f64 = 760.0;

/// A bar for each use, each beginning where the one above ends. Below 1 % bars are also written.
pub fn draw(account: &[(String, f64)]) -> Markup {
    let shown: Vec<&(String, f64)> = account.iter().filter(|(_, share)| *share > 0.0).collect();
    let span = WIDTH - LEFT - 80.0;
    let mut from = 0.0;
    let bars = html! {
        @for (index, (name, share)) in shown.iter().enumerate() {
            @let y = index as f64 * ROW + 4.0;
            text x=(at(LEFT - 8.0)) y=(at(y + 14.0)) text-anchor="end" { (name) }
            rect class=(colour(name)) x=(at(LEFT + from * span)) y=(at(y)) height="18"
                width=(at((share * span).max(0.5))) data-use=(name) data-share=(share) {
                title { (name) ": " (percent(*share)) }
            }
            text x=(at(LEFT + (from + share) * span + 6.0)) y=(at(y + 14.0)) { (percent(*share)) }
            ({ from += share; "" })
        }
    };
    let height = shown.len() as f64 * ROW + 8.0;
    svg(
        "waterfall",
        "Share of MAC-cycles by use",
        WIDTH,
        height,
        &bars,
    )
}
