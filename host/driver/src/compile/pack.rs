//! Weights and requantisation parameters in the order in which the array takes them.

use firebrick_network::Conv;
use firebrick_spec::arith::{self, Requant, SHIFT_MAX};
use firebrick_spec::command::PARAM_BYTES;

/// Input channels of one group, by row of the tile: `None` for padding.
pub(crate) type InputGroup = Vec<Option<usize>>;

/// Makes every output of a padded channel 0, whatever the accumulator holds.
const PADDED: Requant = Requant {
    bias: 0,
    mult: 1,
    shift: SHIFT_MAX,
};

/// By row of the tile, the output channel of the group that a channel is passed to unchanged.
pub(crate) type Selection = Vec<Option<usize>>;

/// Groups of the window unit for the first convolution: taps and colours flattened.
pub(crate) fn window_groups(conv: &Conv, tile: usize) -> Vec<InputGroup> {
    let taps = conv.kernel * conv.kernel * conv.in_channels();
    (0..taps.div_ceil(tile))
        .map(|group| {
            (0..tile)
                .map(|k| Some(group * tile + k).filter(|&index| index < taps))
                .collect()
        })
        .collect()
}

/// Weight blocks of one group of output channels, for each input group its taps.
/// With `window`, input "channels" are flattened taps and colours.
pub(crate) fn weight_blocks(
    conv: &Conv,
    output_group: usize,
    inputs: &[InputGroup],
    tile: usize,
    window: bool,
) -> Vec<u8> {
    let taps = if window { 1 } else { conv.kernel };
    let channels = conv.in_channels();
    let mut bytes = Vec::with_capacity(inputs.len() * taps * taps * tile * tile);
    for group in inputs {
        for ky in 0..taps {
            for kx in 0..taps {
                for input in group {
                    for output in output_group * tile..(output_group + 1) * tile {
                        let weight = match *input {
                            Some(index) if output < conv.out_channels() => {
                                let at = if window {
                                    let (tap, channel) = (index / channels, index % channels);
                                    [output, tap / conv.kernel, tap % conv.kernel, channel]
                                } else {
                                    [output, ky, kx, index]
                                };
                                conv.weights[at]
                            }
                            _ => 0,
                        };
                        bytes.push(weight as u8);
                    }
                }
            }
        }
    }
    bytes
}

/// The weight block that passes channels on.
pub(crate) fn selection_block(selection: &Selection) -> Vec<u8> {
    let tile = selection.len();
    let mut bytes = vec![0; tile * tile];
    for (input, output) in selection.iter().enumerate() {
        if let Some(output) = output {
            bytes[input * tile + output] = 1;
        }
    }
    bytes
}

/// An output channel whose bias cannot be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BiasRange {
    /// Within the group.
    pub channel: usize,
    pub bias: i32,
    /// What the array's sum lacks; `None` if that alone leaves 32 bits.
    pub offset: Option<i32>,
}

/// Parameters of one group of output channels, whose biases make up for what the array takes from
/// every activation ([`arith::offset`]). `blocks` are all weights of the group.
fn param_bytes<'a>(
    requant: impl ExactSizeIterator<Item = &'a Requant>,
    blocks: &[u8],
) -> Result<Vec<u8>, BiasRange> {
    let mut bytes = Vec::new();
    let columns = requant.len();
    for (channel, requant) in requant.enumerate() {
        let weights = blocks.iter().skip(channel).step_by(columns);
        let offset = arith::offset(weights.map(|&w| w as i8));
        let bias = offset
            .and_then(|offset| requant.bias.checked_add(offset))
            .ok_or(BiasRange {
                channel,
                bias: requant.bias,
                offset,
            })?;
        let mut word = [0; PARAM_BYTES];
        word[..4].copy_from_slice(&bias.to_le_bytes());
        word[4..6].copy_from_slice(&requant.mult.to_le_bytes());
        word[6] = requant.shift;
        bytes.extend(word);
    }
    Ok(bytes)
}

/// Parameters of one group of output channels with these weights.
pub(crate) fn params(
    conv: &Conv,
    output_group: usize,
    tile: usize,
    blocks: &[u8],
) -> Result<Vec<u8>, BiasRange> {
    let outputs = output_group * tile..(output_group + 1) * tile;
    param_bytes(
        outputs.map(|output| conv.requant.get(output).unwrap_or(&PADDED)),
        blocks,
    )
}

/// Parameters that leave a sum with these weights as it is, but for the clamp to 255.
pub(crate) fn identity_params(tile: usize, blocks: &[u8]) -> Result<Vec<u8>, BiasRange> {
    param_bytes(vec![&Requant::IDENTITY; tile].into_iter(), blocks)
}
