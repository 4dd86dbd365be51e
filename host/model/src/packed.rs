//! A convolution's weights in the order in which the kernels read them.

use firebrick_network::Conv;
use firebrick_spec::arith::Requant;

/// Output channels of one block.
pub(crate) const BLOCK: usize = 16;
/// Input bytes that one step takes.
pub(crate) const GROUP: usize = 4;

/// Weights of one step: those of 4 input bytes for 16 output channels, in a kernel's order.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Line(pub [i8; GROUP * BLOCK]);

/// Order of the weights of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WeightOrder {
    /// `[output channel][input byte]`, as the dot product instructions want it.
    ByChannel,
    /// `[input byte][output channel]`, for one multiplication at a time.
    ByInput,
}

/// Requantisation of one block, widened for the 64-bit arithmetic of the x86-64 kernels.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) struct Scaling {
    pub bias: [i64; BLOCK],
    pub mult: [u64; BLOCK],
    pub round: [u64; BLOCK],
    pub shift: [u64; BLOCK],
}

/// A convolution made ready for the kernels.
///
/// The pixels of a kernel row lie next to each other in memory, so a row is one run of
/// `kernel * in_channels` bytes, taken four at a time. The last step of a run may reach into
/// the bytes behind it; its weights there are zero.
#[derive(Clone, Debug)]
pub(crate) struct PackedConv {
    pub kernel: usize,
    pub stride: usize,
    pub pad: usize,
    pub in_channels: usize,
    pub out_channels: usize,
    /// Steps of one kernel row.
    pub groups: usize,
    /// `[block][kernel row][step]`.
    pub weights: Vec<Line>,
    /// By block.
    pub scaling: Vec<Scaling>,
    /// By output channel.
    pub requant: Vec<Requant>,
}

impl PackedConv {
    /// Repacks a convolution that passed the checks.
    pub(crate) fn new(conv: &Conv, order: WeightOrder) -> PackedConv {
        let (kernel, depth) = (conv.kernel, conv.in_channels());
        let groups = (kernel * depth).div_ceil(GROUP);
        let blocks = conv.out_channels().div_ceil(BLOCK);
        let mut weights = vec![Line([0; GROUP * BLOCK]); blocks * kernel * groups];
        for ((o, ky, kx, i), &w) in conv.weights.indexed_iter() {
            let byte = kx * depth + i;
            let line = ((o / BLOCK) * kernel + ky) * groups + byte / GROUP;
            let (channel, byte) = (o % BLOCK, byte % GROUP);
            weights[line].0[match order {
                WeightOrder::ByChannel => channel * GROUP + byte,
                WeightOrder::ByInput => byte * BLOCK + channel,
            }] = w;
        }
        let scaling = conv.requant.chunks(BLOCK).map(scaling).collect();
        PackedConv {
            kernel,
            stride: conv.stride,
            pad: conv.pad,
            in_channels: depth,
            out_channels: conv.out_channels(),
            groups,
            weights,
            scaling,
            requant: conv.requant.clone(),
        }
    }

    /// Number of blocks of output channels.
    pub(crate) fn blocks(&self) -> usize {
        self.scaling.len()
    }

    /// Steps for one output pixel.
    pub(crate) fn steps(&self) -> usize {
        self.kernel * self.groups
    }

    /// Bytes from one pixel's first step to the end of its last.
    pub(crate) fn reach(&self, row_stride: usize) -> usize {
        (self.kernel - 1) * row_stride + self.groups * GROUP
    }
}

fn scaling(channels: &[Requant]) -> Scaling {
    let mut block = Scaling {
        bias: [0; BLOCK],
        mult: [0; BLOCK],
        round: [0; BLOCK],
        shift: [1; BLOCK],
    };
    for (i, requant) in channels.iter().enumerate() {
        block.bias[i] = i64::from(requant.bias);
        block.mult[i] = u64::from(requant.mult);
        block.round[i] = 1 << (requant.shift - 1);
        block.shift[i] = u64::from(requant.shift);
    }
    block
}
