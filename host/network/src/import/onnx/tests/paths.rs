//! Bypasses with convolutions, modules of which pruning has left one half, and pools of 2x2: each
//! gives what the graph says, computed by hand.

use ndarray::Array4;

use super::super::sketch::{Sketch, numbers};
use super::*;
use crate::float::{FloatConv, FloatNode};
use crate::graph::{NodeId, Pool};
use crate::sums;

/// Weights by row, column, input and output, of both signs.
fn weights(kernel: usize, inputs: usize, outputs: usize, seed: usize) -> Array4<f32> {
    Array4::from_shape_fn((kernel, kernel, inputs, outputs), |(y, x, i, o)| {
        ((seed + 3 * y + 5 * x + 7 * i + 11 * o) % 13) as f32 / 24.0 - 0.25
    })
}

/// A graph, and the same by hand.
struct Both {
    sketch: Sketch,
    nodes: Vec<FloatNode>,
}

impl Both {
    fn new() -> Both {
        let mut sketch = Sketch::default();
        sketch.picture("picture", 3, [Some(17), Some(17)]);
        let mut both = Both {
            sketch,
            nodes: Vec::new(),
        };
        both.conv("conv1", "picture", 3, (3, 6), 0);
        both.relu("conv1.relu", "conv1");
        both
    }

    fn id(&self, name: &str) -> NodeId {
        let at = self.nodes.iter().position(|node| node.name == name);
        at.map_or(NodeId::INPUT, NodeId)
    }

    fn push(&mut self, name: &str, op: FloatOp, inputs: &[&str]) {
        let inputs = inputs.iter().map(|input| self.id(input)).collect();
        let name = name.to_owned();
        self.nodes.push(FloatNode { name, op, inputs });
    }

    /// A convolution without ReLU, of stride 1.
    fn conv(
        &mut self,
        name: &str,
        input: &str,
        kernel: usize,
        (ins, outs): (usize, usize),
        pad: usize,
    ) {
        let kernel = weights(kernel, ins, outs, name.len());
        let bias: Vec<f32> = (0..outs).map(|o| o as f32 / 8.0 - 0.25).collect();
        let window = vec![numbers("pads", &[pad; 4])];
        self.sketch.conv(name, input, &kernel, Some(&bias), window);
        let turned = kernel.permuted_axes([3, 0, 1, 2]);
        let conv = FloatConv {
            stride: 1,
            pad,
            weights: turned.as_standard_layout().into_owned(),
            bias,
            relu: false,
        };
        self.push(name, FloatOp::Conv(conv), &[input]);
    }

    /// A ReLU; by hand, a convolution that changes nothing else.
    fn relu(&mut self, name: &str, input: &str) {
        self.sketch.node("Relu", name, &[input], Vec::new());
        let NodeId(from) = self.id(input);
        let table = crate::op::shapes(&self.nodes, 17, 17).unwrap();
        let channels = table[from].channels;
        let conv = FloatConv {
            stride: 1,
            pad: 0,
            weights: Array4::from_shape_fn((channels, 1, 1, channels), |(o, _, _, i)| {
                f32::from(u8::from(o == i))
            }),
            bias: vec![0.0; channels],
            relu: true,
        };
        self.push(name, FloatOp::Conv(conv), &[input]);
    }

    fn join(&mut self, op: &str, name: &str, inputs: &[&str]) {
        self.sketch.node(op, name, inputs, Vec::new());
        let kind = match op {
            "Add" => FloatOp::Add,
            _ => FloatOp::Concat,
        };
        self.push(name, kind, inputs);
    }

    /// Ends with 1x1 and the mean: the network as it is read, and by hand.
    fn finish(mut self, input: &str, channels: usize) -> (FloatNetwork, FloatNetwork) {
        self.conv("last", input, 1, (channels, 5), 0);
        self.relu("last.relu", "last");
        self.sketch
            .node("GlobalAveragePool", "mean", &["last.relu"], Vec::new());
        self.push("mean", FloatOp::Global, &["last.relu"]);
        let lowered = self.sketch.lower("mean", None, [17; 2]);
        let lowered = lowered.unwrap_or_else(|e| panic!("{e}"));
        let network = |nodes| FloatNetwork {
            nodes,
            normalise: Normalise {
                mean: [100.0, 110.0, 120.0],
                std: [60.0; 3],
            },
            ..network()
        };
        (network(lowered.nodes), network(self.nodes))
    }
}

fn pictures() -> Vec<Array3<u8>> {
    (0..4).map(|seed| random::picture(17, 17, seed)).collect()
}

fn alike(read: &FloatNetwork, by_hand: &FloatNetwork) {
    for picture in pictures() {
        let read = read.forward(picture.view()).unwrap();
        let want = by_hand.forward(picture.view()).unwrap();
        let (read, want) = (read.last().unwrap(), want.last().unwrap());
        assert!(want.iter().any(|&v| v > 0.1), "{want}");
        for (a, b) in read.iter().zip(want) {
            assert!((a - b).abs() < 1e-3 * b.abs().max(1.0), "{a}, not {b}");
        }
    }
}

#[test]
fn a_convolution_on_the_bypass_becomes_part_of_one_over_both_maps() {
    for (kernel, far) in [(1, "conv1.relu"), (3, "main.relu")] {
        let mut both = Both::new();
        both.conv("main", "conv1.relu", 3, (6, 7), 1);
        both.relu("main.relu", "main");
        let depth = if far == "conv1.relu" { 6 } else { 7 };
        both.conv("side", far, kernel, (depth, 7), kernel / 2);
        both.join("Add", "sum", &["main.relu", "side"]);
        both.relu("sum.relu", "sum");
        let (read, by_hand) = both.finish("sum.relu", 7);
        assert!(!read.nodes.iter().any(|n| matches!(n.op, FloatOp::Add)));
        alike(&read, &by_hand);
    }
}

#[test]
fn a_module_without_relu_and_its_input_are_added_part_by_part() {
    let mut both = Both::new();
    both.conv("squeeze", "conv1.relu", 1, (6, 4), 0);
    both.relu("squeeze.relu", "squeeze");
    both.conv("one", "squeeze.relu", 1, (4, 2), 0);
    both.conv("three", "squeeze.relu", 3, (4, 4), 1);
    both.join("Concat", "module", &["one", "three"]);
    both.join("Add", "sum", &["conv1.relu", "module"]);
    both.relu("sum.relu", "sum");
    let (read, by_hand) = both.finish("sum.relu", 6);
    // One concatenation of the module's parts and one of what both convolutions read.
    let concats = read.nodes.iter().filter(|n| n.op == FloatOp::Concat);
    assert_eq!(concats.count(), 2);
    alike(&read, &by_hand);
}

#[test]
fn sums_without_any_relu_are_raised() {
    let mut both = Both::new();
    both.conv("main", "conv1.relu", 3, (6, 7), 1);
    both.relu("main.relu", "main");
    both.conv("side", "conv1.relu", 1, (6, 7), 0);
    both.join("Add", "sum", &["main.relu", "side"]);
    let (mut read, by_hand) = both.finish("sum", 7);
    assert!(sums::is_open(&read));
    alike(&read, &by_hand);
    let raises = sums::measure(&read, &pictures()).unwrap();
    assert!(raises["sum"].iter().any(|&by| by > 0.0), "{raises:?}");
    sums::raise(&mut read, &raises).unwrap();
    assert!(!sums::is_open(&read));
    alike(&read, &by_hand);
}

#[test]
fn sums_without_relu_that_cannot_be_raised_are_refused() {
    let refused = |reader: &dyn Fn(&mut Both) -> &'static str| {
        let mut both = Both::new();
        both.conv("main", "conv1.relu", 3, (6, 7), 1);
        both.relu("main.relu", "main");
        both.conv("side", "conv1.relu", 1, (6, 7), 0);
        both.join("Add", "sum", &["main.relu", "side"]);
        let end = reader(&mut both);
        both.sketch
            .node("GlobalAveragePool", "mean", &[end], Vec::new());
        match both.sketch.lower("mean", None, [17; 2]) {
            Ok(_) => panic!("it was read"),
            Err(error) => error.to_string(),
        }
    };
    let error = refused(&|both| {
        both.conv("wide", "sum", 3, (7, 5), 1);
        both.relu("wide.relu", "wide");
        "wide.relu"
    });
    assert!(
        error.contains("\"wide\"") && error.contains("\"sum\""),
        "{error}"
    );
    let error = refused(&|both| {
        both.conv("narrow", "sum", 1, (7, 5), 0);
        both.relu("late", "sum");
        "late"
    });
    assert!(error.contains("also read without its Relu"), "{error}");
    let error = refused(&|both| {
        both.conv("other", "side", 1, (7, 5), 0);
        "other"
    });
    assert!(error.contains("\"side\""), "{error}");
}

#[test]
fn a_module_with_nothing_left_of_one_half() {
    for left in ["one", "three"] {
        let mut both = Both::new();
        both.conv("squeeze", "conv1.relu", 1, (6, 4), 0);
        both.relu("squeeze.relu", "squeeze");
        let kernel = if left == "one" { 1 } else { 3 };
        both.conv(left, "squeeze.relu", kernel, (4, 5), kernel / 2);
        both.relu("kept", left);
        let none = Array4::zeros((4 - kernel, 4 - kernel, 4, 0));
        both.sketch
            .conv("gone", "squeeze.relu", &none, Some(&[]), Vec::new());
        both.sketch.node("Relu", "gone.relu", &["gone"], Vec::new());
        both.sketch
            .node("Concat", "module", &["gone.relu", "kept"], Vec::new());
        // By hand there is nothing to join.
        both.push("module", FloatOp::Concat, &["kept"]);
        let (read, by_hand) = both.finish("module", 5);
        assert!(!read.nodes.iter().any(|n| n.op == FloatOp::Concat));
        alike(&read, &by_hand);
    }
}

#[test]
fn a_graph_may_end_with_a_map() {
    for (output, last, sum) in [
        // The first convolution's map passes a convolution that an engine can send.
        ("conv1", "output", "output/sum"),
        ("fire2/concat", "output", "output/sum"),
        ("fire2/expand3x3", "fire2/expand3x3.conv", "output/sum"),
    ] {
        let mut model = good();
        graph(&mut model).outputs[0].name = output.into();
        let imported = read(&model).unwrap();
        assert!(imported.map && imported.table.is_none());
        let [.., map, mean] = &imported.network.nodes[..] else {
            panic!("{:?}", imported.network.nodes)
        };
        assert_eq!((map.name.as_str(), mean.name.as_str()), (last, sum));
        let picture = random::picture(48, 48, 1);
        let read = imported.network.forward(picture.view()).unwrap();
        let whole = network();
        let want = whole.forward(picture.view()).unwrap();
        let place = whole.nodes.iter().position(|n| n.name == output).unwrap();
        assert_eq!(read[read.len() - 2], want[place], "{output}");
    }
    let options = Options {
        up_to: Some("fire2/concat".into()),
        ..Options::default()
    };
    let imported = import::read(good().encode_to_vec(), "kinds", &options).unwrap();
    assert!(imported.map && imported.table.is_none());
    // Without a ReLU the map is raised, as scores are.
    let mut model = good();
    graph(&mut model).outputs[0].name = "conv10.conv".into();
    let error = read(&model).unwrap_err().to_string();
    assert!(error.contains("also has a Relu"), "{error}");
    let behind = ["conv10", "logits", "scores"];
    let nodes = &mut graph(&mut model).nodes;
    nodes.retain(|n| !behind.contains(&n.name.as_str()) && n.outputs != ["scores"]);
    let imported = read(&model).unwrap();
    assert!(imported.map && crate::tail::is_open(&imported.network));
}

#[test]
fn pools_of_2x2() {
    let mut both = Both::new();
    let window = vec![
        numbers("kernel_shape", &[2, 2]),
        numbers("strides", &[2, 2]),
    ];
    both.sketch.node("MaxPool", "pool", &["conv1.relu"], window);
    both.push("pool", FloatOp::MaxPool(Pool::PAIRS), &["conv1.relu"]);
    let (read, by_hand) = both.finish("pool", 6);
    assert!(
        read.nodes
            .iter()
            .any(|n| n.op == FloatOp::MaxPool(Pool::PAIRS))
    );
    alike(&read, &by_hand);
}
