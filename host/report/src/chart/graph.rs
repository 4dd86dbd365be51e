//! The network, from the picture down.

use maud::{Markup, html};

use super::{at, svg};
use crate::data::Node;

const BOX: (f64, f64) = (210.0, 34.0);
const STEP: (f64, f64) = (240.0, 54.0);

/// Row and column of each node: below all that it reads, beside others of its row.
fn places(nodes: &[Node]) -> Vec<(usize, usize)> {
    let mut places: Vec<(usize, usize)> = Vec::with_capacity(nodes.len());
    let mut used: Vec<usize> = Vec::new();
    for node in nodes {
        let above = |input: &Option<usize>| input.and_then(|i| places.get(i)).map(|p| p.0 + 1);
        let row = node.inputs.iter().filter_map(above).max().unwrap_or(1);
        if used.len() <= row {
            used.resize(row + 1, 0);
        }
        places.push((row, used[row]));
        used[row] += 1;
    }
    places
}

/// Boxes with name, kind and shape, and lines from what each reads.
pub fn draw(nodes: &[Node]) -> Markup {
    let places = places(nodes);
    let columns = places.iter().map(|p| p.1 + 1).max().unwrap_or(1);
    let rows = places.iter().map(|p| p.0 + 1).max().unwrap_or(1);
    let corner =
        |(row, column): (usize, usize)| (10.0 + column as f64 * STEP.0, 6.0 + row as f64 * STEP.1);
    let line = |from: (usize, usize), to: (usize, usize)| {
        let ((x0, y0), (x1, y1)) = (corner(from), corner(to));
        let (x0, y0, x1) = (x0 + BOX.0 / 2.0, y0 + BOX.1, x1 + BOX.0 / 2.0);
        let middle = (y0 + y1) / 2.0;
        format!(
            "M{x0} {y0}C{x0} {middle} {x1} {middle} {x1} {y1}",
            x0 = at(x0),
            y0 = at(y0),
            x1 = at(x1),
            y1 = at(y1),
            middle = at(middle)
        )
    };
    let boxed = |place, name: &str, below: &str, kind: &str| {
        let (x, y) = corner(place);
        html! {
            rect class=(format!("node n-{kind}")) x=(at(x)) y=(at(y)) width=(at(BOX.0))
                height=(at(BOX.1)) rx="5" {}
            text x=(at(x + 8.0)) y=(at(y + 14.0)) { (name) }
            text class="small" x=(at(x + 8.0)) y=(at(y + 28.0)) { (below) }
        }
    };
    let inside = html! {
        @for (node, place) in nodes.iter().zip(&places) {
            @for input in &node.inputs {
                @let from = input.and_then(|i| places.get(i)).copied().unwrap_or((0, 0));
                path class="edge" d=(line(from, *place)) {}
            }
        }
        (boxed((0, 0), "picture", "3 channels", "picture"))
        @for (index, (node, place)) in nodes.iter().zip(&places).enumerate() {
            @let [height, width, channels] = node.shape;
            @let kind = node.kind.split(' ').next().unwrap_or_default();
            g data-node=(node.name) data-index=(index) {
                title { (node.name) ": " (node.kind) ", " (height) "x" (width) "x" (channels) }
                (boxed(*place, &node.name,
                    &format!("{}, {height}x{width}x{channels}", node.kind), kind))
            }
        }
    };
    let size = (columns as f64 * STEP.0, rows as f64 * STEP.1 + 6.0);
    svg("graph", "The network's graph", size.0, size.1, &inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_stands_below_what_it_reads() {
        let node = |inputs: &[usize]| Node {
            name: String::new(),
            kind: String::new(),
            shape: [1; 3],
            inputs: inputs.iter().map(|i| i.checked_sub(1)).collect(),
        };
        // 0 is the picture; two branches of different length meet.
        let nodes = [
            node(&[0]),
            node(&[1]),
            node(&[1]),
            node(&[3]),
            node(&[2, 4]),
        ];
        assert_eq!(places(&nodes), [(1, 0), (2, 0), (2, 1), (3, 0), (4, 0)]);
    }
}
