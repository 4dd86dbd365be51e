//! Whether a graph is a SqueezeNet, and of which figures.

use std::collections::BTreeMap;

use super::Layer;
use crate::float::{FloatConv, FloatNetwork, FloatOp};
use crate::graph::{NodeId, Pool};
use crate::squeezenet::{Fire, SqueezeNet};

/// The table of a graph and its weights by the table's names; none if the graph is another.
pub fn table(network: &FloatNetwork) -> Option<(SqueezeNet, BTreeMap<String, Layer>)> {
    let graph = Graph(network);
    let mut layers = BTreeMap::new();
    let [first] = graph.readers(NodeId::INPUT)[..] else {
        return None;
    };
    let conv1 = graph.conv(first)?;
    if conv1.pad != 0 || conv1.weights.dim().1 != conv1.weights.dim().2 {
        return None;
    }
    layers.insert("conv1".to_owned(), layer(conv1));
    let mut table = SqueezeNet {
        kernel: conv1.weights.dim().1,
        stride: conv1.stride,
        outputs: conv1.bias.len(),
        fires: Vec::new(),
        pools: Vec::new(),
        ..SqueezeNet::v1_1()
    };
    let mut ceil = None;
    let mut nodes = 1;
    let mut last = first;
    let last_conv = loop {
        let mut readers = graph.readers(NodeId(last));
        if let [pool] = readers[..]
            && let FloatOp::MaxPool(Pool {
                ceil: mode,
                pairs: false,
            }) = network.nodes[pool].op
        {
            let layer = table.fires.len() + 1;
            if table.pools.last() == Some(&layer) || ceil.is_some_and(|c| c != mode) {
                return None;
            }
            ceil = Some(mode);
            table.pools.push(layer);
            (last, nodes) = (pool, nodes + 1);
            readers = graph.readers(NodeId(last));
        }
        // A module with a bypass is read by its squeeze and by the sum.
        let convs: Vec<usize> = readers
            .iter()
            .copied()
            .filter(|&r| graph.conv(r).is_some())
            .collect();
        let [conv] = convs[..] else { return None };
        let inner = graph.readers(NodeId(conv));
        if let [mean] = inner[..]
            && matches!(network.nodes[mean].op, FloatOp::Global)
        {
            nodes += 2;
            break graph.conv(conv)?;
        }
        let number = table.fires.len() + 2;
        let (fire, end) = graph.fire(conv, number, &mut layers)?;
        table.fires.push(fire);
        nodes += 4;
        let others: Vec<usize> = readers.into_iter().filter(|&r| r != conv).collect();
        last = match others[..] {
            [] => end,
            [add]
                if matches!(network.nodes[add].op, FloatOp::Add)
                    && network.nodes[add].inputs.contains(&NodeId(end))
                    && graph.readers(NodeId(end)) == [add] =>
            {
                table.bypass.push(number);
                nodes += 1;
                add
            }
            _ => return None,
        };
    };
    let (classes, kernel, _, _) = last_conv.weights.dim();
    if nodes != network.nodes.len() || (kernel, last_conv.stride) != (1, 1) {
        return None;
    }
    layers.insert(SqueezeNet::LAST.to_owned(), layer(last_conv));
    table.classes = classes;
    table.last_pad = last_conv.pad;
    table.ceil = ceil.unwrap_or(true);
    Some((table, layers))
}

/// Weights as the table takes them.
fn layer(conv: &FloatConv) -> Layer {
    let kernel = conv.weights.view().permuted_axes([1, 2, 3, 0]);
    Layer {
        kernel: kernel.as_standard_layout().into_owned(),
        bias: conv.bias.clone(),
    }
}

struct Graph<'a>(&'a FloatNetwork);

impl<'a> Graph<'a> {
    fn readers(&self, id: NodeId) -> Vec<usize> {
        let nodes = self.0.nodes.iter().enumerate();
        nodes
            .filter(|(_, node)| node.inputs.contains(&id))
            .map(|(index, _)| index)
            .collect()
    }

    fn conv(&self, index: usize) -> Option<&'a FloatConv> {
        match &self.0.nodes.get(index)?.op {
            FloatOp::Conv(conv) => Some(conv),
            _ => None,
        }
    }

    /// A module that begins with a squeeze convolution, and the node at its end.
    fn fire(
        &self,
        squeeze: usize,
        number: usize,
        layers: &mut BTreeMap<String, Layer>,
    ) -> Option<(Fire, usize)> {
        let shape = |c: &FloatConv| (c.weights.dim().1, c.stride, c.pad);
        let [a, b] = self.readers(NodeId(squeeze))[..] else {
            return None;
        };
        let (first, second) = (self.conv(a)?, self.conv(b)?);
        let (one, three) = match (shape(first), shape(second)) {
            ((1, 1, 0), (3, 1, 1)) => (a, b),
            ((3, 1, 1), (1, 1, 0)) => (b, a),
            _ => return None,
        };
        let [concat] = self.readers(NodeId(one))[..] else {
            return None;
        };
        let joined = matches!(self.0.nodes[concat].op, FloatOp::Concat)
            && self.0.nodes[concat].inputs == [NodeId(one), NodeId(three)]
            && self.readers(NodeId(three)) == [concat];
        let squeezer = self.conv(squeeze)?;
        if !joined || shape(squeezer) != (1, 1, 0) {
            return None;
        }
        let (one, three) = (self.conv(one)?, self.conv(three)?);
        for (part, conv) in [
            ("squeeze1x1", squeezer),
            ("expand1x1", one),
            ("expand3x3", three),
        ] {
            layers.insert(format!("fire{number}/{part}"), layer(conv));
        }
        let fire = Fire {
            squeeze: squeezer.bias.len(),
            expand1: one.bias.len(),
            expand3: three.bias.len(),
        };
        Some((fire, concat))
    }
}
