//! Traps that models are known for, explained where they are met.

use crate::calibration::Calibration;
use crate::float::{FloatNetwork, FloatOp};
use crate::graph::NodeId;
use firebrick_spec::arith::pool_len;

/// Ranges of joined maps further apart than this are reported.
const FAR_APART: f32 = 4.0;

/// Notes on pitfalls that the graph and its input size reveal.
#[must_use]
pub fn graph(network: &FloatNetwork) -> Vec<String> {
    let mut notes = Vec::new();
    let size = (network.input.height, network.input.width);
    let shapes = network.shapes(size.0, size.1).unwrap_or_default();
    let source = |id: &NodeId| match id {
        &NodeId::INPUT => Some(size),
        id => shapes.get(id.0).map(|s| (s.height, s.width)),
    };
    let (mut floors, mut ceils, mut differ) = (0, 0, Vec::new());
    for node in &network.nodes {
        match (&node.op, node.inputs.first().and_then(source)) {
            (FloatOp::Conv(conv), Some((height, width)))
                if conv.pad > 0 && conv.weights.dim().1 == 1 =>
            {
                notes.push(format!(
                    "{:?} pads its 1x1 kernel by {}, as Caffe's published v1.0 does: a map of \
                     {height}x{width} becomes {}x{}, and the outputs at the border are its bias \
                     alone. The mean counts them, so keep the padding if the model was trained \
                     with it, and only then.",
                    node.name,
                    conv.pad,
                    height + 2 * conv.pad,
                    width + 2 * conv.pad,
                ));
            }
            (FloatOp::MaxPool(pool), Some((height, width))) if !pool.pairs => {
                *(if pool.ceil { &mut ceils } else { &mut floors }) += 1;
                let differs = |n| pool_len(n, true) != pool_len(n, false);
                if differs(height) || differs(width) {
                    differ.push(format!("{:?} ({height}x{width})", node.name));
                }
            }
            _ => {}
        }
    }
    if ceils > 0 && floors > 0 {
        notes.push(format!(
            "{ceils} pools count a last, partial window (ceil mode) and {floors} do not (floor \
             mode): an exporter may have mixed them up."
        ));
    } else if floors > 0 && !differ.is_empty() {
        notes.push(format!(
            "The pools drop a last, partial window (floor mode), which at this input size makes a \
             difference at {}. Caffe and torchvision pool in ceil mode; some ports to other \
             frameworks do not.",
            differ.join(", ")
        ));
    }
    notes
}

/// Notes on pitfalls that the measured ranges reveal: concatenated maps of very different ranges.
#[must_use]
pub fn ranges(network: &FloatNetwork, calibration: &Calibration) -> Vec<String> {
    let channels = |name: &str| {
        let conv = network.nodes.iter().find(|n| n.name == name);
        conv.and_then(|n| n.op.conv()).map_or(0, |c| c.bias.len())
    };
    let mut notes = Vec::new();
    for range in calibration.range.iter().filter(|r| r.convs.len() > 1) {
        let mut rest = range.peaks.as_slice();
        let mut peaks = Vec::new();
        for name in &range.convs {
            let (own, others) = rest.split_at(channels(name).min(rest.len()));
            if !own.is_empty() {
                let peak = own.iter().fold(0.0f32, |m, &p| m.max(p));
                peaks.push((peak, name.as_str()));
            }
            rest = others;
        }
        peaks.sort_by(|a, b| a.0.total_cmp(&b.0));
        if let (Some(&(least, low)), Some(&(most, high))) = (peaks.first(), peaks.last())
            && most > FAR_APART * least
        {
            notes.push(format!(
                "{low:?} and {high:?} are joined, and their largest values are {least:.1} and \
                 {most:.1}. Joined maps share a scale unless channels have scales of their own \
                 (as they have unless --no-equalise is given): with one scale {low:?} would use \
                 {:.0} of 256 steps.",
                (least / most * 255.0).max(0.0)
            ));
        }
    }
    notes
}
