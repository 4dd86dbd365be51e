//! Bypasses without ReLU, neither on the way nor behind the sum. The engine's maps are unsigned: each
//! channel of such a sum is raised until nothing that was measured is below 0, and the biases of the
//! convolutions that read it take off what that adds. That is exact for all that was measured.

use std::collections::BTreeMap;

use ndarray::Array3;
use rayon::prelude::*;

use crate::float::{FloatConv, FloatError, FloatNetwork, FloatOp};
use crate::graph::NodeId;

/// How much further than measured the channels are raised, as a part of it.
const MARGIN: f32 = 0.1;

/// By how much each channel of a convolution is raised, by the convolution's name.
pub type Raises = BTreeMap<String, Vec<f32>>;

/// Convolutions without ReLU other than the last one.
fn open(network: &FloatNetwork) -> Vec<usize> {
    let convs = network.nodes.iter().enumerate();
    let convs = convs.filter_map(|(index, node)| Some((index, node.op.conv()?)));
    let mut convs: Vec<(usize, &FloatConv)> = convs.collect();
    convs.pop();
    let open = convs.into_iter().filter(|(_, conv)| !conv.relu);
    open.map(|(index, _)| index).collect()
}

/// Whether there is such a bypass.
#[must_use]
pub fn is_open(network: &FloatNetwork) -> bool {
    !open(network).is_empty()
}

/// By how much the channels have to be raised: what the pictures go below 0, and a margin.
///
/// # Errors
/// The first node that cannot be computed.
pub fn measure(network: &FloatNetwork, pictures: &[Array3<u8>]) -> Result<Raises, FloatError> {
    let open = open(network);
    if open.is_empty() {
        return Ok(Raises::new());
    }
    let none = || -> Vec<Vec<f32>> {
        let channels = |&index: &usize| network.nodes[index].op.conv().map_or(0, |c| c.bias.len());
        open.iter()
            .map(|index| vec![0.0; channels(index)])
            .collect()
    };
    let lower = |mut a: Vec<Vec<f32>>, b: Vec<Vec<f32>>| {
        for (a, b) in a.iter_mut().flatten().zip(b.into_iter().flatten()) {
            *a = a.min(b);
        }
        a
    };
    let lowest = pictures
        .par_iter()
        .map(|picture| {
            let maps = network.forward(picture.view())?;
            let mut lowest = none();
            for (lowest, &index) in lowest.iter_mut().zip(&open) {
                for pixel in maps[index].rows() {
                    for (low, &value) in lowest.iter_mut().zip(pixel) {
                        *low = low.min(value);
                    }
                }
            }
            Ok(lowest)
        })
        .try_reduce(none, |a, b| Ok(lower(a, b)))?;
    let raises = open.iter().zip(lowest).map(|(&index, lowest)| {
        let by = lowest.into_iter().map(|low| -low * (1.0 + MARGIN));
        (network.nodes[index].name.clone(), by.collect())
    });
    Ok(raises.collect())
}

/// Raises the sums, puts a ReLU behind each, and takes what was added off again in their readers.
///
/// # Errors
/// A sentence: a sum that `raises` has nothing for, or a reader that cannot take it off.
pub fn raise(network: &mut FloatNetwork, raises: &Raises) -> Result<(), String> {
    let open = open(network);
    // By node, for each channel; empty where nothing was added.
    let mut added: Vec<Vec<f32>> = Vec::with_capacity(network.nodes.len());
    for index in 0..network.nodes.len() {
        let node = &mut network.nodes[index];
        let name = node.name.clone();
        let of = |id: &NodeId| added.get(id.0).cloned().unwrap_or_default();
        let inputs: Vec<Vec<f32>> = node.inputs.iter().map(of).collect();
        let first = inputs.first().cloned().unwrap_or_default();
        let sum = match &mut node.op {
            FloatOp::Conv(conv) => {
                take_off(conv, &first).map_err(|reason| format!("node {name:?} {reason}"))?;
                match open.contains(&index) {
                    true => {
                        let by = raises.get(&name).filter(|by| by.len() == conv.bias.len());
                        let by = by.ok_or_else(|| {
                            format!("how far the sums of {name:?} go below 0 is not known")
                        })?;
                        conv.bias.iter_mut().zip(by).for_each(|(b, by)| *b += by);
                        conv.relu = true;
                        by.clone()
                    }
                    false => vec![0.0; conv.bias.len()],
                }
            }
            FloatOp::MaxPool(_) => first,
            FloatOp::Concat => inputs.concat(),
            FloatOp::Add => {
                let mut all = inputs.into_iter();
                let sum = all.next().unwrap_or_default();
                all.fold(sum, |sum, more| {
                    sum.iter().zip(&more).map(|(a, b)| a + b).collect()
                })
            }
            FloatOp::Global if first.iter().any(|&by| by != 0.0) => {
                return Err(format!("node {name:?} averages sums that have no ReLU"));
            }
            FloatOp::Global => Vec::new(),
        };
        added.push(sum);
    }
    Ok(())
}

/// Lessens the biases by what raised inputs add. Padding adds nothing, so that only the middle of a
/// padded kernel may read a raised channel.
fn take_off(conv: &mut FloatConv, added: &[f32]) -> Result<(), String> {
    if added.iter().all(|&by| by == 0.0) {
        return Ok(());
    }
    let raised = |input: usize| added.get(input).copied().filter(|&by| by != 0.0);
    let kernel = conv.weights.dim().1;
    for ((output, row, column, input), &weight) in conv.weights.indexed_iter() {
        let Some(by) = raised(input) else { continue };
        let middle = row == kernel / 2 && column == kernel / 2 && conv.pad <= kernel / 2;
        if conv.pad > 0 && !middle && weight != 0.0 {
            return Err("pads a sum that has no ReLU".into());
        }
        conv.bias[output] -= weight * by;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Pool;
    use crate::random;
    use crate::squeezenet::SqueezeNet;
    use ndarray::Array4;

    /// conv1, a convolution over it without ReLU, a pool, a 1x1 convolution and the mean.
    fn network() -> FloatNetwork {
        let table = SqueezeNet::tiny();
        let mut network = random::float(&table, 3);
        let conv = |outputs: usize, inputs: usize, relu: bool| {
            FloatOp::Conv(FloatConv {
                stride: 1,
                pad: 0,
                weights: Array4::from_shape_fn((outputs, 1, 1, inputs), |(o, _, _, i)| {
                    ((o * 7 + i * 5) % 9) as f32 / 4.0 - 1.0
                }),
                bias: (0..outputs).map(|o| o as f32 - 1.0).collect(),
                relu,
            })
        };
        network.nodes.truncate(1);
        for (name, op) in [
            ("sum", conv(5, 4, false)),
            ("pool", FloatOp::MaxPool(Pool::PAIRS)),
            ("last", conv(3, 5, true)),
            ("mean", FloatOp::Global),
        ] {
            network.nodes.push(crate::float::FloatNode {
                name: name.to_owned(),
                op,
                inputs: vec![NodeId(network.nodes.len() - 1)],
            });
        }
        network
    }

    #[test]
    fn what_is_added_to_a_sum_is_taken_off_behind_it() {
        let network = network();
        let pictures: Vec<_> = (0..4).map(|seed| random::picture(23, 23, seed)).collect();
        let raises = measure(&network, &pictures).unwrap();
        assert!(raises["sum"].iter().any(|&by| by > 0.0));
        let mut raised = network.clone();
        raise(&mut raised, &raises).unwrap();
        assert!(is_open(&network) && !is_open(&raised));
        for picture in &pictures {
            let plain = network.forward(picture.view()).unwrap();
            let after = raised.forward(picture.view()).unwrap();
            assert!(after[1].iter().all(|&v| v >= 0.0));
            for (a, b) in plain[4].iter().zip(&after[4]) {
                assert!((a - b).abs() < 1e-3 * a.abs().max(1.0), "{a} became {b}");
            }
        }
    }

    #[test]
    fn readers_that_pad_cannot_take_it_off() {
        let mut network = network();
        let raises = Raises::from([("sum".to_owned(), vec![1.0; 5])]);
        if let FloatOp::Conv(conv) = &mut network.nodes[3].op {
            conv.pad = 1;
        }
        let error = raise(&mut network, &raises).unwrap_err();
        assert!(error.contains("last") && error.contains("pads"), "{error}");
        assert!(raise(&mut self::network(), &Raises::new()).is_err());
    }
}
