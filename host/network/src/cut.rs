//! A network's first part as a network of its own: a feature extractor.

use crate::graph::{Network, Node, NodeId};
use crate::op::Op;
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

/// A name that no node has yet: `name`, or one with a number behind it.
#[must_use]
pub fn name_beside(nodes: &[Node], name: &str) -> String {
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
    fn its_name_is_its_own() {
        let mut b = Builder::new(1);
        let x = b.conv("features", NodeId::INPUT, 8, (3, 2, 0));
        let network = b.finish(x, 21, 21);
        assert_eq!(network.up_to(x).unwrap().nodes[1].name, "features2");
    }
}
