//! The first convolution as the window unit takes it: 3x3 or 7x7 over three channels, without
//! padding. Other kernels are put into a larger one of which the rest is 0, and what they pad
//! becomes a border around the picture, which the host draws.

use ndarray::{Array4, s};

use super::ImportError;
use crate::float::{FloatNetwork, FloatOp};
use crate::graph::{Border, NodeId, PixelOrder};

/// Kernels that the window unit takes.
const KERNELS: [usize; 2] = [3, 7];

/// Fits the first convolution. `pads` are its top, left, bottom and right; the network's input is
/// the picture's size before, and afterwards that with the border.
///
/// # Errors
///
/// If the engine cannot run the convolution.
pub fn fit(network: &mut FloatNetwork, pads: [usize; 4]) -> Result<(), ImportError> {
    let mut readers = network
        .nodes
        .iter_mut()
        .filter(|node| node.inputs.contains(&NodeId::INPUT));
    let (Some(node), None) = (readers.next(), readers.next()) else {
        // What reads the picture otherwise is refused elsewhere, with its reason.
        return Ok(());
    };
    let name = node.name.clone();
    let FloatOp::Conv(conv) = &mut node.op else {
        return Ok(());
    };
    let fail =
        |reason: String, hint: &str| ImportError::new(format!("node {name:?}"), reason, hint);
    let (outputs, rows, columns, channels) = conv.weights.dim();
    let Some(kernel) = KERNELS.into_iter().find(|&k| k >= rows.max(columns)) else {
        return Err(fail(
            format!("has a kernel of {rows}x{columns} over the picture"),
            "the window unit takes kernels of up to 7x7",
        ));
    };
    let spare = [kernel - rows, kernel - columns];
    let (above, left) = (spare[0] / 2, spare[1] / 2);
    if (rows, columns) != (kernel, kernel) || channels == 1 {
        let mut weights = Array4::zeros((outputs, kernel, kernel, 3));
        weights
            .slice_mut(s![
                ..,
                above..above + rows,
                left..left + columns,
                ..channels
            ])
            .assign(&conv.weights);
        conv.weights = weights;
    }
    let border = Border {
        top: pads[0] + above,
        left: pads[1] + left,
        bottom: pads[2] + spare[0] - above,
        right: pads[3] + spare[1] - left,
        pixel: [0; 3],
    };
    let sides = [border.top, border.left, border.bottom, border.right];
    if sides.iter().any(|&side| side > Border::MAX) {
        return Err(fail(
            format!("wants a border of {sides:?} pixels around the picture"),
            "at most 16 a side can be drawn",
        ));
    }
    network.input.border = border.of(&network.normalise);
    network.input.height += border.top + border.bottom;
    network.input.width += border.left + border.right;
    if channels == 1 {
        network.input.order = PixelOrder::Grey;
    }
    Ok(())
}

/// How far the border's pixel is from what it stands for, a 0 behind the normalisation: in the
/// normalised values, the largest of three channels.
#[must_use]
pub fn residue(network: &FloatNetwork) -> f32 {
    let pixel = network.input.border.pixel;
    let normalise = &network.normalise;
    (0..3)
        .map(|c| ((f32::from(pixel[c]) - normalise.mean[c]) / normalise.std[c]).abs())
        .fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::float::{FloatConv, FloatNode};
    use crate::graph::{Input, Normalise, ResizePolicy};

    /// One convolution over the picture.
    fn network(kernel: (usize, usize), channels: usize, stride: usize) -> FloatNetwork {
        let shape = (2, kernel.0, kernel.1, channels);
        let weight = |(o, y, x, c)| (o * 31 + y * 7 + x * 3 + c) as f32 - 20.0;
        FloatNetwork {
            name: "first".into(),
            input: Input {
                height: 9,
                width: 8,
                order: PixelOrder::Rgb,
                resize: ResizePolicy::Squash,
                border: Border::NONE,
            },
            normalise: Normalise {
                mean: [3.0, 5.0, 7.0],
                std: [2.0, 4.0, 8.0],
            },
            nodes: vec![FloatNode {
                name: "conv1".into(),
                op: FloatOp::Conv(FloatConv {
                    stride,
                    pad: 0,
                    weights: Array4::from_shape_fn(shape, weight),
                    bias: vec![1.0, 2.0],
                    relu: false,
                }),
                inputs: vec![NodeId::INPUT],
            }],
        }
    }

    /// The same by its definition: a sum over the taps that meet the picture.
    fn direct(
        network: &FloatNetwork,
        pixels: &Array3<u8>,
        pads: [usize; 4],
        (y, x, o): (usize, usize, usize),
    ) -> f32 {
        let FloatOp::Conv(conv) = &network.nodes[0].op else {
            panic!("a convolution");
        };
        let mut sum = conv.bias[o];
        for ((k, dy, dx, c), &w) in conv.weights.indexed_iter() {
            let row = (y * conv.stride + dy).checked_sub(pads[0]);
            let column = (x * conv.stride + dx).checked_sub(pads[1]);
            if let (true, Some(row), Some(column)) = (k == o, row, column)
                && let Some(&pixel) = pixels.get((row, column, c))
            {
                let normalise = &network.normalise;
                sum += w * (f32::from(pixel) - normalise.mean[c]) / normalise.std[c];
            }
        }
        sum
    }

    #[test]
    fn every_first_convolution_gives_what_it_gave() {
        let kernels = [(1, 1), (3, 3), (5, 5), (7, 7), (2, 2), (4, 6), (3, 5)];
        let pads = [[0; 4], [1; 4], [2; 4], [3; 4], [0, 0, 1, 1], [2, 1, 0, 3]];
        for (kernel, channels, stride, pads) in kernels
            .iter()
            .flat_map(|k| [1, 3].map(|c| (*k, c)))
            .flat_map(|(k, c)| [1, 2].map(|s| (k, c, s)))
            .flat_map(|(k, c, s)| pads.map(|p| (k, c, s, p)))
        {
            let before = network(kernel, channels, stride);
            let mut after = before.clone();
            fit(&mut after, pads).unwrap();
            let grey = channels == 1;
            let pixels = Array3::from_shape_fn((9, 8, 3), |(y, x, c)| {
                (y * 23 + x * 11 + if grey { 0 } else { c * 5 }) as u8
            });
            let border = after.input.border;
            assert_eq!(after.input.order == PixelOrder::Grey, grey);
            let shape = (after.input.height, after.input.width, 3);
            let mut whole = Array3::from_shape_fn(shape, |(_, _, c)| border.pixel[c]);
            whole
                .slice_mut(s![
                    border.top..border.top + 9,
                    border.left..border.left + 8,
                    ..
                ])
                .assign(&pixels);
            let maps = after.forward(whole.view()).unwrap();
            let (height, width, _) = maps[0].dim();
            let count = |n: usize, side: usize| (n - side) / stride + 1;
            assert_eq!(height, count(9 + pads[0] + pads[2], kernel.0));
            assert_eq!(width, count(8 + pads[1] + pads[3], kernel.1));
            for (at, &found) in maps[0].indexed_iter() {
                let wanted = direct(&before, &pixels, pads, at);
                assert!(
                    (found - wanted).abs() < 0.01 + wanted.abs() * 1e-5,
                    "{kernel:?} {channels} {stride} {pads:?} at {at:?}: {found}, not {wanted}"
                );
            }
            // The means are whole pixels.
            assert_eq!(
                residue(&after),
                if border.is_none() {
                    residue(&after)
                } else {
                    0.0
                }
            );
        }
    }

    #[test]
    fn the_rest_of_the_mean_is_told() {
        let mut network = network((3, 3), 3, 1);
        network.normalise.mean = [103.25, 117.0, 123.0];
        fit(&mut network, [1; 4]).unwrap();
        assert_eq!(network.input.border.pixel, [103, 117, 123]);
        assert_eq!(residue(&network), 0.125);
        let error = fit(&mut super::tests::network((9, 9), 3, 1), [0; 4]).unwrap_err();
        assert!(error.to_string().contains("9x9"), "{error}");
    }
}
