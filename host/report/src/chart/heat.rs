//! Where values of a map are wrong: rows against columns, and channels.

use maud::{Markup, html};

use super::{at, grouped, svg};
use crate::parts::Heat;

/// Side of the square that holds the rows and columns.
const SIDE: f64 = 420.0;
const LEFT: f64 = 44.0;
const TOP: f64 = 18.0;
const WIDTH: f64 = 900.0;
const CHANNELS: f64 = 110.0;

/// From `index` on in steps, as far as there are any: `3` or `4 to 7`.
fn span(index: usize, step: usize, size: usize) -> String {
    let (from, to) = (index * step, ((index + 1) * step).min(size));
    match to - from {
        0 | 1 => from.to_string(),
        _ => format!("{from} to {}", to - 1),
    }
}

/// How dark a cell is: also where little is wrong it is seen.
fn shade(count: u64, most: u64) -> String {
    at(0.65 + 0.35 * count as f64 / most.max(1) as f64)
}

/// Both charts.
pub fn draw(heat: &Heat) -> Markup {
    html! { (cells(heat)) (channels(heat)) }
}

fn cells(heat: &Heat) -> Markup {
    let (rows, columns) = (heat.cells.len(), heat.cells.first().map_or(0, Vec::len));
    let size = SIDE / rows.max(columns).max(1) as f64;
    let most = heat.cells.iter().flatten().copied().max().unwrap_or(0);
    let (wide, high) = (columns as f64 * size, rows as f64 * size);
    let inside = html! {
        rect class="plane" x=(at(LEFT)) y=(at(TOP)) width=(at(wide)) height=(at(high)) {}
        text class="small" x=(at(LEFT)) y="12" { "columns 0 to " (heat.width.saturating_sub(1)) }
        text class="small" x="12" y=(at(TOP + high / 2.0)) text-anchor="middle"
            transform=(format!("rotate(-90 12 {})", at(TOP + high / 2.0))) {
            "rows 0 to " (heat.height.saturating_sub(1))
        }
        @for (row, counts) in heat.cells.iter().enumerate() {
            @for (column, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                rect class="hot" x=(at(LEFT + column as f64 * size))
                    y=(at(TOP + row as f64 * size)) width=(at(size)) height=(at(size))
                    fill-opacity=(shade(*count, most)) data-row=(row) data-column=(column)
                    data-wrong=(count) {
                    title {
                        "rows " (span(row, heat.step, heat.height)) ", columns "
                        (span(column, heat.step, heat.width)) ": " (grouped(*count)) " wrong"
                    }
                }
            }
        }
    };
    let name = format!("Wrong values of {} by row and column", heat.name);
    svg("heat", &name, WIDTH, TOP + high + 6.0, &inside)
}

fn channels(heat: &Heat) -> Markup {
    let most = heat.channels.iter().copied().max().unwrap_or(0);
    let width = (WIDTH - LEFT - 10.0) / heat.channels.len().max(1) as f64;
    let base = TOP + CHANNELS;
    let inside = html! {
        text class="small" x=(at(LEFT)) y="12" {
            "channels 0 to " (heat.channels.len().saturating_sub(1)) ", at most "
            (grouped(most)) " wrong values in one"
        }
        line class="grid" x1=(at(LEFT)) x2=(at(WIDTH - 10.0)) y1=(at(base)) y2=(at(base)) {}
        @for (channel, count) in heat.channels.iter().enumerate().filter(|(_, n)| **n > 0) {
            @let high = CHANNELS * *count as f64 / most.max(1) as f64;
            rect class="hot" x=(at(LEFT + channel as f64 * width)) y=(at(base - high))
                width=(at((width - 0.5).max(0.5))) height=(at(high)) data-channel=(channel)
                data-wrong=(count) {
                title { "channel " (channel) ": " (grouped(*count)) " wrong" }
            }
        }
    };
    let name = format!("Wrong values of {} by channel", heat.name);
    svg("heat-channels", &name, WIDTH, base + 6.0, &inside)
}
