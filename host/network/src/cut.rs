//! A network's first part as a network of its own: a feature extractor.

use firebrick_spec::arith::Requant;
use ndarray::Array4;

use crate::float::{FloatConv, FloatNetwork};
use crate::graph::{Conv, Network, Node, NodeId, Scores};
use crate::op::{self, Op};
use crate::validate::InvalidNetwork;

impl Network {
    /// The network up to a node, whose "classes" are the sums of the node's channels over all pixels.
    ///
    /// # Errors
    ///
    /// If there is no such node, it is the sum over the classes itself, or [`Network::validate`] refuses
    /// what is left.
    pub fn up_to(&self, node: NodeId) -> Result<Network, InvalidNetwork> {
        let fail = |reason: &str| InvalidNetwork {
            place: format!("node {}", node.0),
            reason: reason.into(),
        };
        let shapes = self
            .shapes(self.input.height, self.input.width)
            .map_err(|e| InvalidNetwork {
                place: format!("node {:?}", e.node),
                reason: e.reason,
            })?;
        let shape = shapes.get(node.0).ok_or_else(|| fail("there is none"))?;
        if matches!(self.nodes[node.0].op, Op::Global) {
            return Err(fail("is the sum over the classes, not a map"));
        }
        let mut part = self.clone();
        part.nodes.truncate(node.0 + 1);
        part.nodes.push(Node {
            name: name_beside(&part.nodes, "features"),
            op: Op::Global,
            inputs: vec![node],
        });
        part.labels = (0..shape.channels)
            .map(|n| format!("channel {n}"))
            .collect();
        part.validate()?;
        Ok(part)
    }
}

/// Whether the engine can send a node's map: that of an addition, or of a convolution other than the
/// first, which nothing else reads.
fn is_sent<C>(node: &op::Node<C>) -> bool {
    match node.op {
        Op::Add => true,
        Op::Conv(_) => node.inputs.first() != Some(&NodeId::INPUT),
        _ => false,
    }
}

/// What a node needs and the node, then a 1x1 convolution that changes nothing (`same`, if the engine
/// needs one to send the map), and the sum.
fn ending<C: Clone>(nodes: &[op::Node<C>], end: NodeId, same: Option<C>) -> Vec<op::Node<C>> {
    let mut used = vec![false; end.0 + 1];
    used[end.0] = true;
    for index in (0..=end.0).rev().filter(|&index| index < nodes.len()) {
        if used[index] {
            for input in nodes[index].inputs.iter().filter(|id| id.0 < index) {
                used[input.0] = true;
            }
        }
    }
    let mut places = vec![NodeId::INPUT; end.0 + 1];
    let mut kept: Vec<op::Node<C>> = Vec::new();
    for (index, node) in nodes[..=end.0].iter().enumerate() {
        if used[index] {
            let mut node = node.clone();
            for input in &mut node.inputs {
                *input = places.get(input.0).copied().unwrap_or(NodeId::INPUT);
            }
            places[index] = NodeId(kept.len());
            kept.push(node);
        }
    }
    let mut add = |name: &str, op: Op<C>| {
        let inputs = vec![NodeId(kept.len() - 1)];
        let name = name_beside(&kept, name);
        kept.push(op::Node { name, op, inputs });
    };
    if let Some(same) = same {
        add("output", Op::Conv(same));
    }
    add("output/sum", Op::Global);
    kept
}

/// Weights that give each channel as it is.
pub(crate) fn diagonal<T: From<bool>>(channels: usize) -> Array4<T> {
    Array4::from_shape_fn((channels, 1, 1, channels), |(output, _, _, input)| {
        T::from(output == input)
    })
}

impl Network {
    /// The network that ends with a node's map, as an engine can send it: without what the map does not
    /// need, and where the node is no convolution or addition of its own, with a 1x1 convolution behind
    /// it that changes nothing. The map is that of the node before the last.
    ///
    /// # Errors
    ///
    /// As [`Network::up_to`].
    pub fn output(&self, node: NodeId) -> Result<Network, InvalidNetwork> {
        let part = self.up_to(node)?;
        let channels = part.labels.len();
        let same = (!is_sent(&self.nodes[node.0])).then(|| Conv {
            kernel: 1,
            stride: 1,
            pad: 0,
            weights: diagonal(channels),
            requant: vec![Requant::IDENTITY; channels],
            output_scale: self.scale_of(node),
        });
        let ended = Network {
            nodes: ending(&self.nodes, node, same),
            scores: Scores::Map { raised: 0.0 },
            ..part
        };
        ended.validate()?;
        Ok(ended)
    }

    /// Real value of one step of a node's map, where its channels have one scale; of others that of the
    /// map as a whole.
    #[must_use]
    pub fn scale_of(&self, mut node: NodeId) -> f32 {
        while let Some(at) = self.nodes.get(node.0) {
            match (&at.op, at.inputs.first()) {
                (Op::Conv(conv), _) => return conv.output_scale,
                (_, Some(&input)) => node = input,
                _ => break,
            }
        }
        1.0
    }
}

impl FloatNetwork {
    /// The network that ends with a node's map, as [`Network::output`] says; nothing if there is no such
    /// node, or it is the mean itself.
    #[must_use]
    pub fn output(&self, node: NodeId) -> Option<FloatNetwork> {
        let shapes = self.shapes(self.input.height, self.input.width).ok()?;
        let channels = shapes.get(node.0)?.channels;
        let end = &self.nodes[node.0];
        if matches!(end.op, Op::Global) {
            return None;
        }
        let same = (!is_sent(end)).then(|| FloatConv {
            stride: 1,
            pad: 0,
            weights: diagonal(channels),
            bias: vec![0.0; channels],
            relu: true,
        });
        Some(FloatNetwork {
            nodes: ending(&self.nodes, node, same),
            ..self.clone()
        })
    }
}

/// A name that no node has yet: `name`, or one with a number behind it.
#[must_use]
pub fn name_beside<C>(nodes: &[op::Node<C>], name: &str) -> String {
    let taken = |name: &str| nodes.iter().any(|node| node.name == name);
    let mut free = name.to_owned();
    let mut number = 2;
    while taken(&free) {
        free = format!("{name}{number}");
        number += 1;
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::tiny;
    use crate::random::Builder;

    #[test]
    fn a_part_is_a_network() {
        let network = tiny();
        let part = network.up_to(NodeId(5)).unwrap();
        assert_eq!(part.nodes.len(), 7);
        assert_eq!(part.labels.len(), 32);
        assert_eq!(part.nodes[..6], network.nodes[..6]);
        for (bad, words) in [(7, "not a map"), (8, "there is none")] {
            let error = network.up_to(NodeId(bad)).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn an_output_has_only_what_it_needs() {
        let network = tiny();
        let place = |name: &str| network.nodes.iter().position(|n| n.name.ends_with(name));
        for (name, same) in [("expand3x3", 0), ("concat", 1), ("pool1", 1), ("conv1", 1)] {
            let node = NodeId(place(name).unwrap());
            let ended = network.output(node).unwrap();
            let names: Vec<&str> = ended.nodes.iter().map(|n| n.name.as_str()).collect();
            let [.., map, _] = ended.nodes[..].as_ref() else {
                panic!("{names:?}")
            };
            assert_eq!(map.name == "output", same == 1, "{names:?}");
            assert_eq!(
                names.iter().any(|n| n.ends_with("expand1x1")),
                name == "concat"
            );
            assert_eq!(ended.scores, Scores::Map { raised: 0.0 });
        }
        assert!(network.output(NodeId(network.nodes.len() - 1)).is_err());
    }

    #[test]
    fn its_name_is_its_own() {
        let mut b = Builder::new(1);
        let x = b.conv("features", NodeId::INPUT, 8, (3, 2, 0));
        let network = b.finish(x, 21, 21);
        assert_eq!(network.up_to(x).unwrap().nodes[1].name, "features2");
    }
}
