//! Refuses networks and pictures for which the arithmetic would not be exact.

use crate::ModelError;
use firebrick_network::{Conv, Network, NodeId, Op, Shape};
use firebrick_spec::arith::{self, WEIGHT_MAX};
use ndarray::{ArrayView3, Axis};
use std::collections::HashSet;

/// Largest kernel, stride and padding.
const GEOMETRY_MAX: usize = 255;
/// Longest side of a picture.
const SIDE_MAX: usize = 1 << 16;
/// Most bytes that all feature maps together may take.
const BYTES_MAX: u128 = 1 << 32;

/// Checks everything about a network that does not depend on the picture's size.
pub(crate) fn network(network: &Network) -> Result<(), ModelError> {
    match network.nodes.split_last() {
        None => return Err(ModelError::Network("it has no nodes".into())),
        Some((last, _)) if !matches!(last.op, Op::Global) => {
            return Err(ModelError::Network(format!(
                "its last node {:?} is not the global sum",
                last.name
            )));
        }
        Some(_) => {}
    }
    let mut names = HashSet::new();
    let mut channels: Vec<usize> = Vec::with_capacity(network.nodes.len());
    for (index, node) in network.nodes.iter().enumerate() {
        let fail = |reason: String| ModelError::Node {
            node: node.name.clone(),
            reason,
        };
        if !names.insert(&node.name) {
            return Err(fail("another node has the same name".into()));
        }
        let mut sources = Vec::with_capacity(node.inputs.len());
        for &id in &node.inputs {
            sources.push(match id {
                NodeId::INPUT => 3,
                NodeId(i) => *channels
                    .get(i)
                    .ok_or_else(|| fail(format!("input {i} is not an earlier node")))?,
            });
        }
        if let Op::Conv(conv) = &node.op {
            self::conv(conv).map_err(fail)?;
        }
        if matches!(node.op, Op::Global) && index + 1 < network.nodes.len() {
            return Err(fail("a global sum must be the last node".into()));
        }
        channels.push(node.op.channels(&sources).map_err(fail)?);
    }
    Ok(())
}

fn conv(conv: &Conv) -> Result<(), String> {
    let (out, height, width, _) = conv.weights.dim();
    let kernel = conv.kernel;
    for (name, value, least) in [
        ("kernel", kernel, 1),
        ("stride", conv.stride, 1),
        ("padding", conv.pad, 0),
    ] {
        if !(least..=GEOMETRY_MAX).contains(&value) {
            return Err(format!(
                "{name} {value} is not within {least}..={GEOMETRY_MAX}"
            ));
        }
    }
    if (height, width) != (kernel, kernel) {
        return Err(format!(
            "weights are {height}x{width}, the kernel is {kernel}x{kernel}"
        ));
    }
    if out == 0 {
        return Err("has no output channels".into());
    }
    if conv.requant.len() != out {
        return Err(format!(
            "{} requantisations for {out} channels",
            conv.requant.len()
        ));
    }
    for (o, (weights, requant)) in conv
        .weights
        .axis_iter(Axis(0))
        .zip(&conv.requant)
        .enumerate()
    {
        if !requant.is_valid() {
            return Err(format!(
                "channel {o}: multiplier {} or shift {} out of range",
                requant.mult, requant.shift
            ));
        }
        if weights.iter().any(|&w| w < -WEIGHT_MAX) {
            return Err(format!("channel {o}: a weight lies outside ±{WEIGHT_MAX}"));
        }
        // The bias is added in 64 bits, so only the products count here.
        let bound = arith::accumulator_bound(weights.iter().copied(), 0);
        if bound > i64::from(i32::MAX) {
            return Err(format!(
                "channel {o}: an accumulator can reach {bound}, beyond 32 bits"
            ));
        }
    }
    Ok(())
}

/// Checks a picture and gives the shape of every node's map.
pub(crate) fn picture(
    network: &Network,
    image: &ArrayView3<'_, u8>,
) -> Result<Vec<Shape>, ModelError> {
    let (height, width, found) = image.dim();
    if found != 3 {
        return Err(ModelError::Channels { found });
    }
    shapes(network, height, width)
}

/// Checks a picture's size and gives the shape of every node's map.
pub(crate) fn shapes(
    network: &Network,
    height: usize,
    width: usize,
) -> Result<Vec<Shape>, ModelError> {
    if height == 0 || width == 0 {
        return Err(ModelError::Empty { height, width });
    }
    let large = |reason: String| ModelError::TooLarge {
        height,
        width,
        reason,
    };
    if height > SIDE_MAX || width > SIDE_MAX {
        return Err(large(format!("no side may exceed {SIDE_MAX} pixels")));
    }
    let shapes = network
        .shapes(height, width)
        .map_err(|source| ModelError::Shape {
            height,
            width,
            source,
        })?;
    let bytes: u128 = shapes
        .iter()
        .map(|s| s.height as u128 * s.width as u128 * s.channels as u128)
        .sum();
    if bytes > BYTES_MAX {
        return Err(large(format!(
            "the feature maps take {bytes} bytes, more than {BYTES_MAX}"
        )));
    }
    if let Some(&NodeId(last)) = network.nodes.last().and_then(|node| node.inputs.first())
        && let Some(shape) = shapes.get(last)
        && (shape.height * shape.width) as u64 * 255 > i32::MAX as u64
    {
        return Err(large("the sums over all pixels exceed 32 bits".into()));
    }
    Ok(shapes)
}
