//! Networks whose last convolution has no ReLU. The engine's maps are unsigned: all classes are
//! raised by the same amount until nothing that was measured is below 0. That is exact, since it
//! changes neither the order of the classes nor what Softmax makes of them.

use ndarray::Array3;
use rayon::prelude::*;

use crate::float::{FloatConv, FloatError, FloatNetwork, FloatOp};

/// How much further than measured the classes are raised, as a part of it.
const MARGIN: f32 = 0.1;

fn last(network: &mut FloatNetwork) -> Option<&mut FloatConv> {
    network
        .nodes
        .iter_mut()
        .rev()
        .find_map(|node| match &mut node.op {
            FloatOp::Conv(conv) => Some(conv),
            _ => None,
        })
}

/// Whether the last convolution has no ReLU.
#[must_use]
pub fn is_open(network: &FloatNetwork) -> bool {
    let convs = network.nodes.iter().rev().filter_map(|n| n.op.conv());
    convs.take(1).any(|conv| !conv.relu)
}

/// Takes the ReLU from behind the last convolution.
pub fn open(network: &mut FloatNetwork) {
    if let Some(conv) = last(network) {
        conv.relu = false;
    }
}

/// By how much the classes have to be raised: what the pictures go below 0, and a margin.
///
/// # Errors
/// The first node that cannot be computed.
pub fn measure(network: &FloatNetwork, pictures: &[Array3<u8>]) -> Result<f32, FloatError> {
    let place = network.nodes.iter().rposition(|n| n.op.conv().is_some());
    let lowest = pictures
        .par_iter()
        .map(|picture| {
            let maps = network.forward(picture.view())?;
            let map = place.and_then(|place| maps.get(place));
            Ok(map.map_or(0.0, |map| map.iter().copied().fold(0.0, f32::min)))
        })
        .try_reduce(|| 0.0, |a, b| Ok(a.min(b)))?;
    Ok(-lowest * (1.0 + MARGIN))
}

/// Raises all classes and puts the ReLU behind them.
pub fn raise(network: &mut FloatNetwork, by: f32) {
    if let Some(conv) = last(network) {
        conv.bias.iter_mut().for_each(|bias| *bias += by);
        conv.relu = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;
    use crate::squeezenet::SqueezeNet;

    #[test]
    fn raised_classes_keep_their_distances() {
        let table = SqueezeNet::tiny();
        let mut network = random::float(&table, 3);
        assert!(!is_open(&network));
        if let Some(conv) = last(&mut network) {
            conv.bias.fill(-3.0);
        }
        open(&mut network);
        assert!(is_open(&network));
        let pictures: Vec<_> = (0..4).map(|seed| random::picture(23, 23, seed)).collect();
        let by = measure(&network, &pictures).unwrap();
        assert!(by > 0.0);
        let mut raised = network.clone();
        raise(&mut raised, by);
        assert!(!is_open(&raised));
        for picture in &pictures {
            let plain = network.forward(picture.view()).unwrap();
            let after = raised.forward(picture.view()).unwrap();
            let (plain, after) = (plain.last().unwrap(), after.last().unwrap());
            for (a, b) in plain.iter().zip(after) {
                assert!(
                    (b - a - by).abs() < 1e-4 * by.max(1.0),
                    "{a} became {b}, by {by}"
                );
            }
        }
    }
}
