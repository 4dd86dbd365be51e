//! The comparison itself.

use firebrick_driver::{ImageResult, PartialResult};
use firebrick_model::Activations;
use firebrick_network::{Network, NodeId, Op};
use firebrick_report::data::Map;
use ndarray::{Array3, ArrayView3};
use schemars::JsonSchema;
use serde::Serialize;

use super::conclude::{Divergence, Fault};

/// The first value of a map that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Mismatch {
    pub y: usize,
    pub x: usize,
    pub c: usize,
    pub got: i32,
    pub want: i32,
}

/// One node's map, engine against model.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Layer {
    pub layer: String,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub elements: usize,
    /// How many differ; all of them if the engine sent no such map.
    pub mismatches: usize,
    pub first_mismatch: Option<Mismatch>,
    /// Whether the engine sent the map.
    pub received: bool,
    /// Why it is wrong, if it is.
    pub fault: Option<Fault>,
}

/// Every node of the network, in order; the last is the logits.
pub fn compare(network: &Network, got: &ImageResult, want: &Activations) -> Vec<Layer> {
    let nodes = network.nodes.iter().enumerate();
    nodes
        .map(|(index, node)| {
            let id = NodeId(index);
            let sent = got.maps.iter().find(|(node, _)| *node == id);
            match (&node.op, want.map(id)) {
                (Op::Global, _) | (_, None) => logits(&node.name, &got.logits, &want.logits),
                (_, Some(want)) => map(&node.name, sent.map(|(_, map)| map), want),
            }
        })
        .collect()
}

/// The differences of the layer of a divergence, without their signs; none if they are no map.
pub fn differences(
    network: &Network,
    got: &ImageResult,
    want: &Activations,
    first: &Divergence,
) -> Option<Map> {
    let node = network.nodes.iter().position(|n| n.name == first.layer)?;
    let (_, got) = got.maps.iter().find(|(id, _)| id.0 == node)?;
    let want = want.map(NodeId(node))?;
    let pairs = Array3::from_shape_fn(got.dim(), |at| got[at].abs_diff(want[at]));
    Some(crate::commands::map(&first.layer, &pairs.view()))
}

/// What the part of a result says that came before it broke off: how many maps are whole and
/// right, the first that differs, and the first that lacks values, in the network's order.
pub fn came(network: &Network, got: &PartialResult, want: &Activations) -> String {
    let (mut whole, mut values) = (0, 0);
    let (mut differs, mut lacks) = (None, None);
    for map in &got.maps {
        let Some(want) = want.map(map.node) else {
            continue;
        };
        let name = &network.nodes[map.node.0].name;
        let mut missing = 0;
        let mut wrong = None;
        for ((at, &got), &came) in map.values.indexed_iter().zip(&map.came) {
            match (came, want[at]) {
                (0, _) => missing += 1,
                (_, want) if got != want => {
                    wrong.get_or_insert((at, got, want));
                }
                _ => {}
            }
        }
        values += want.len() - missing;
        whole += usize::from(missing == 0 && wrong.is_none());
        if let (None, Some(((y, x, c), got, want))) = (&differs, wrong) {
            differs = Some(format!("{name} ({y}, {x}, {c}): {got}, want {want}"));
        }
        if missing > 0 && lacks.is_none() {
            let all = want.len();
            lacks = Some(format!(
                "{name}, of which {} of {all} values came",
                all - missing
            ));
        }
    }
    format!(
        "of the feature maps {values} values came, {whole} of {} maps are whole and right; the \
         first that differs: {}; the first that lacks values: {}",
        got.maps.len(),
        differs.as_deref().unwrap_or("none"),
        lacks.as_deref().unwrap_or("none")
    )
}

/// Number of positions at which two lists differ, missing ones included.
pub fn differing(got: &[i32], want: &[i32]) -> usize {
    let differ = got.iter().zip(want).filter(|(g, w)| g != w).count();
    differ + got.len().abs_diff(want.len())
}

fn map(name: &str, got: Option<&Array3<u8>>, want: ArrayView3<'_, u8>) -> Layer {
    let (height, width, channels) = want.dim();
    let got = got.filter(|got| got.dim() == want.dim());
    let mut layer = Layer {
        layer: name.to_owned(),
        height,
        width,
        channels,
        elements: want.len(),
        mismatches: if got.is_some() { 0 } else { want.len() },
        first_mismatch: None,
        received: got.is_some(),
        fault: None,
    };
    for (((y, x, c), &want), &got) in want.indexed_iter().zip(got.into_iter().flatten()) {
        if got != want {
            layer.mismatches += 1;
            layer.first_mismatch.get_or_insert(Mismatch {
                y,
                x,
                c,
                got: got.into(),
                want: want.into(),
            });
        }
    }
    layer
}

fn logits(name: &str, got: &[i32], want: &[i32]) -> Layer {
    let first = got.iter().zip(want).position(|(got, want)| got != want);
    Layer {
        layer: name.to_owned(),
        height: 1,
        width: 1,
        channels: want.len(),
        elements: want.len(),
        mismatches: differing(got, want),
        first_mismatch: first.map(|c| Mismatch {
            y: 0,
            x: 0,
            c,
            got: got[c],
            want: want[c],
        }),
        received: got.len() == want.len(),
        fault: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_found_where_it_is() {
        let want = Array3::from_shape_fn((2, 3, 4), |(y, x, c)| (y * 12 + x * 4 + c) as u8);
        let mut got = want.clone();
        assert_eq!(map("m", Some(&got), want.view()).mismatches, 0);
        got[(1, 0, 2)] = 99;
        got[(1, 2, 3)] = 98;
        let layer = map("m", Some(&got), want.view());
        assert_eq!((layer.mismatches, layer.elements), (2, 24));
        let first = Mismatch {
            y: 1,
            x: 0,
            c: 2,
            got: 99,
            want: 14,
        };
        assert_eq!(layer.first_mismatch, Some(first));
    }

    #[test]
    fn a_missing_map_differs_everywhere() {
        let want = Array3::<u8>::zeros((2, 2, 2));
        let layer = map("m", None, want.view());
        assert_eq!((layer.mismatches, layer.received), (8, false));
        let short = Array3::<u8>::zeros((1, 2, 2));
        assert_eq!(map("m", Some(&short), want.view()).mismatches, 8);
    }

    #[test]
    fn logits_differ_one_by_one() {
        assert_eq!(logits("l", &[1, 2, 3], &[1, 2, 3]).mismatches, 0);
        let layer = logits("l", &[1, -5, 3], &[1, 2, 4]);
        assert_eq!(layer.mismatches, 2);
        let first = Mismatch {
            y: 0,
            x: 0,
            c: 1,
            got: -5,
            want: 2,
        };
        assert_eq!(layer.first_mismatch, Some(first));
        assert_eq!(differing(&[1], &[1, 2]), 1);
    }
}
