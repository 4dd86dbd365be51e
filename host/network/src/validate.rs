//! Proves that a network is one that the engine can run: shapes fit, every number is within its
//! range, and no accumulator can overflow.

use std::collections::HashSet;

use firebrick_spec::arith::{self, MULT_MAX, MULT_MIN, SHIFT_MAX, SHIFT_MIN, WEIGHT_MAX};

use crate::graph::{Border, Conv, Network, Op, ResizePolicy, Scores};

/// Longest side of a network's default input, in pixels.
pub const MAX_INPUT_SIDE: usize = 4096;
/// Most nodes a network may have.
pub const MAX_NODES: usize = 4096;
/// Most channels a feature map may have.
pub const MAX_CHANNELS: usize = 65_536;
/// Largest stride, and largest padding, of a convolution.
pub const MAX_STRIDE: usize = 8;
/// Name of the input picture, which no node may have.
pub const INPUT_NAME: &str = "input";

/// Why a network is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct InvalidNetwork {
    /// The node, or the part of the description.
    pub place: String,
    /// What does not fit.
    pub reason: String,
}

impl InvalidNetwork {
    fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        InvalidNetwork {
            place: place.into(),
            reason: reason.into(),
        }
    }
}

impl Network {
    /// Checks everything that the engine and the integer model rely on, using the actual weights.
    /// Every packed model is checked when it is written and when it is read.
    ///
    /// # Errors
    ///
    /// The first violation, with the node.
    pub fn validate(&self) -> Result<(), InvalidNetwork> {
        self.validate_input()?;
        self.validate_nodes()?;
        // Before the shapes: they take kernel, stride and padding as they are.
        for node in &self.nodes {
            if let Op::Conv(conv) = &node.op {
                validate_conv(conv)
                    .map_err(|e| InvalidNetwork::new(format!("node {:?}", node.name), e))?;
            }
        }
        let shapes = self
            .shapes(self.input.height, self.input.width)
            .map_err(|e| InvalidNetwork::new(format!("node {:?}", e.node), e.reason))?;
        for (node, shape) in self.nodes.iter().zip(&shapes) {
            if shape.channels == 0 || shape.channels > MAX_CHANNELS {
                return Err(InvalidNetwork::new(
                    format!("node {:?}", node.name),
                    format!(
                        "has {} channels, must have 1 to {MAX_CHANNELS}",
                        shape.channels
                    ),
                ));
            }
        }
        let (Some(last), Some(node)) = (shapes.last(), self.nodes.last()) else {
            return Err(InvalidNetwork::new("nodes", "there are none"));
        };
        if last.channels != self.labels.len() {
            return Err(InvalidNetwork::new(
                "labels",
                format!(
                    "there are {} for {} classes",
                    self.labels.len(),
                    last.channels
                ),
            ));
        }
        if node
            .inputs
            .iter()
            .any(|id| shapes.get(id.0).is_some_and(|s| !sum_fits(*s)))
        {
            return Err(InvalidNetwork::new(
                format!("node {:?}", node.name),
                "a sum over all pixels can overflow 32 bits",
            ));
        }
        Ok(())
    }

    fn validate_input(&self) -> Result<(), InvalidNetwork> {
        let sides = 1..=MAX_INPUT_SIDE;
        if !sides.contains(&self.input.height) || !sides.contains(&self.input.width) {
            return Err(InvalidNetwork::new(
                "input",
                format!(
                    "size {}x{} is outside 1 to {MAX_INPUT_SIDE} pixels a side",
                    self.input.height, self.input.width
                ),
            ));
        }
        if self.normalise.is_some_and(|n| !n.is_valid()) {
            return Err(InvalidNetwork::new(
                "normalise",
                "mean and std must be finite, and std positive",
            ));
        }
        if let Scores::Sigmoid { raised } | Scores::Map { raised } = self.scores
            && !raised.is_finite()
        {
            return Err(InvalidNetwork::new(
                "scores",
                "what was added to all of them must be finite",
            ));
        }
        let border = &self.input.border;
        let sides = [border.top, border.left, border.bottom, border.right];
        let [height, width] = self.input.inner([self.input.height, self.input.width]);
        if sides.iter().any(|&side| side > Border::MAX) || height == 0 || width == 0 {
            return Err(InvalidNetwork::new(
                "input",
                format!(
                    "a border of {sides:?} pixels around {height}x{width}: at most {} a side, around \
                     at least one pixel",
                    Border::MAX
                ),
            ));
        }
        if let ResizePolicy::CropCenter { short } = self.input.resize
            && !(height.max(width)..=MAX_INPUT_SIDE).contains(&short)
        {
            return Err(InvalidNetwork::new(
                "input",
                format!("a picture scaled to {short} pixels cannot be cut to the input size"),
            ));
        }
        Ok(())
    }

    fn validate_nodes(&self) -> Result<(), InvalidNetwork> {
        if self.nodes.len() > MAX_NODES {
            return Err(InvalidNetwork::new(
                "nodes",
                format!("more than {MAX_NODES}"),
            ));
        }
        let mut names = HashSet::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let fail = |reason: &str| InvalidNetwork::new(format!("node {:?}", node.name), reason);
            if node.name.is_empty() || node.name == INPUT_NAME {
                return Err(fail("this name is reserved"));
            }
            if !names.insert(node.name.as_str()) {
                return Err(fail("another node has the same name"));
            }
            if let Op::MaxPool(pool) = &node.op
                && pool.pairs
                && pool.ceil
            {
                return Err(fail("a pool of 2x2 drops a last, partial window"));
            }
            let last = index + 1 == self.nodes.len();
            if last != matches!(node.op, Op::Global) {
                return Err(fail("the last node, and no other, must be the global sum"));
            }
        }
        Ok(())
    }
}

/// Whether the sum of a whole u8 map fits a logit.
fn sum_fits(shape: crate::graph::Shape) -> bool {
    (shape.height * shape.width)
        .checked_mul(255)
        .is_some_and(|sum| i32::try_from(sum).is_ok())
}

fn validate_conv(conv: &Conv) -> Result<(), String> {
    let (outputs, rows, columns, inputs) = conv.weights.dim();
    if ![1, 3, 7].contains(&conv.kernel) {
        return Err(format!(
            "kernel {k}x{k}: must be 1x1, 3x3 or 7x7",
            k = conv.kernel
        ));
    }
    if (rows, columns) != (conv.kernel, conv.kernel) || inputs == 0 {
        return Err(format!(
            "weights of shape {outputs}x{rows}x{columns}x{inputs} do not fit a {k}x{k} kernel",
            k = conv.kernel
        ));
    }
    if conv.stride == 0 || conv.stride > MAX_STRIDE || conv.pad > MAX_STRIDE {
        return Err(format!(
            "stride {} and padding {}: must be 1 to {MAX_STRIDE} and 0 to {MAX_STRIDE}",
            conv.stride, conv.pad
        ));
    }
    if conv.requant.len() != outputs {
        return Err(format!(
            "{} requantisers for {outputs} output channels",
            conv.requant.len()
        ));
    }
    if !(conv.output_scale.is_finite() && conv.output_scale > 0.0) {
        return Err(format!(
            "output scale {} is not a positive number",
            conv.output_scale
        ));
    }
    for (channel, (weights, requant)) in conv.weights.outer_iter().zip(&conv.requant).enumerate() {
        if weights.iter().any(|&w| w < -WEIGHT_MAX) {
            return Err(format!(
                "channel {channel}: a weight of -128, must be within ±127"
            ));
        }
        if !requant.is_valid() {
            return Err(format!(
                "channel {channel}: multiplier {} and shift {} are outside \
                 {MULT_MIN}..={MULT_MAX} and {SHIFT_MIN}..={SHIFT_MAX}",
                requant.mult, requant.shift
            ));
        }
        let bound = arith::accumulator_bound(weights.iter().copied(), requant.bias);
        if bound > i64::from(i32::MAX) {
            return Err(format!(
                "channel {channel}: the accumulator can reach {bound}, more than 32 bits hold"
            ));
        }
    }
    Ok(())
}
