//! One value against another.

use maud::{Markup, html};

use super::{at, short, svg, ticks};
use crate::parts::{Line, Points};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 40.0;

/// Least and largest value of an axis; 0 is always on it.
fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((0.0, 0.0), |(low, high): (f64, f64), value| {
        (low.min(value), high.max(value))
    });
    match high > low {
        true => (low, high),
        false => (low, low + 1.0),
    }
}

/// Round numbers from `low` to `high`.
fn marks(low: f64, high: f64) -> Vec<f64> {
    let all = ticks(high - low, 6);
    let step = all.get(1).copied().unwrap_or(1.0);
    let first = (low / step).ceil();
    let marks = (0..all.len()).map(|index| (first + index as f64) * step);
    marks.filter(|mark| *mark <= high).collect()
}

/// Indices of those that no other beats, from left to right.
fn front(points: &[(String, f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| {
        let by_x = points[a].1.total_cmp(&points[b].1);
        by_x.then(points[b].2.total_cmp(&points[a].2))
    });
    let mut best = f64::NEG_INFINITY;
    order.retain(|&index| {
        let better = points[index].2 > best;
        best = best.max(points[index].2);
        better
    });
    order
}

/// The points, and the line through them.
pub fn draw(chart: &Points) -> Markup {
    let points = &chart.points;
    let (mut x0, mut x1) = extent(points.iter().map(|point| point.1));
    let (mut y0, mut y1) = extent(points.iter().map(|point| point.2));
    if chart.line == Line::Diagonal {
        (x0, x1) = (x0.min(y0), x1.max(y1));
        (y0, y1) = (x0, x1);
    }
    let x = |value: f64| LEFT + (value - x0) / (x1 - x0) * (WIDTH - LEFT - 20.0);
    let y = |value: f64| {
        let up = (value - y0) / (y1 - y0);
        (HEIGHT - BOTTOM) - up * (HEIGHT - BOTTOM - 12.0)
    };
    let best = match chart.line {
        Line::Front => front(points),
        Line::Diagonal => Vec::new(),
    };
    let mut path = String::new();
    match chart.line {
        Line::Diagonal => {
            path += &format!("M{} {}L{} {}", at(x(x0)), at(y(y0)), at(x(x1)), at(y(y1)));
        }
        Line::Front => {
            for (place, &index) in best.iter().enumerate() {
                let (here, up) = (at(x(points[index].1)), at(y(points[index].2)));
                path += &match place {
                    0 => format!("M{here} {up}"),
                    _ => format!("H{here}V{up}"),
                };
            }
        }
    }
    // Also those that lie on the same place.
    let marked = |across: f64, up: f64| {
        let same = |&index: &usize| (points[index].1, points[index].2) == (across, up);
        best.iter().any(same)
    };
    // The marked ones last and larger: what lies close to them does not cover them.
    let (over, under): (Vec<_>, Vec<_>) = points.iter().partition(|(_, x, y)| marked(*x, *y));
    let radius = if points.len() > 200 { 2.5 } else { 5.0 };
    let inside = html! {
        @for mark in marks(x0, x1) {
            line class="grid" x1=(at(x(mark))) x2=(at(x(mark))) y1="12" y2=(at(HEIGHT - BOTTOM)) {}
            text class="small" x=(at(x(mark))) y=(at(HEIGHT - BOTTOM + 16.0))
                text-anchor="middle" { (short(mark)) }
        }
        @for mark in marks(y0, y1) {
            line class="grid" x1=(at(LEFT)) x2=(at(WIDTH - 20.0)) y1=(at(y(mark)))
                y2=(at(y(mark))) {}
            text class="small" x=(at(LEFT - 6.0)) y=(at(y(mark) + 4.0)) text-anchor="end" {
                (short(mark))
            }
        }
        text class="small" x=(at(WIDTH / 2.0)) y=(at(HEIGHT - 6.0)) text-anchor="middle" {
            (chart.x)
        }
        text class="small" x="12" y=(at(HEIGHT / 2.0)) text-anchor="middle"
            transform=(format!("rotate(-90 12 {})", at(HEIGHT / 2.0))) { (chart.y) }
        path class="through" d=(path) {}
        @for (best, (name, across, up)) in
            under.iter().map(|point| (false, point)).chain(over.iter().map(|point| (true, point)))
        {
            circle class=(if best { "point best" } else { "point" })
                cx=(at(x(*across))) cy=(at(y(*up))) r=(at(if best { 1.4 * radius } else { radius }))
                data-name=(name) data-x=(across) data-y=(up)
                data-best=[best.then_some("1")] {
                title { (name) ": " (chart.x) " " (at(*across)) ", " (chart.y) " " (at(*up)) }
            }
        }
    };
    svg(chart.id, &chart.name, WIDTH, HEIGHT, &inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_nothing_beats() {
        let point = |x, y| (String::new(), x, y);
        let points = [
            point(3.0, 2.0),
            point(1.0, 1.0),
            point(1.0, 2.0),
            point(4.0, 5.0),
            point(2.0, 2.0),
        ];
        assert_eq!(front(&points), [2, 3]);
        assert_eq!(marks(-1.0, 1.0), [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(extent([].into_iter()), (0.0, 1.0));
    }
}
