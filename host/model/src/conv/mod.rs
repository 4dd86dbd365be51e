//! Convolution of a range of output pixels, with one of several inner loops.
//!
//! The inner loops work on tiles: a few pixels by one to four blocks of 16 output channels,
//! whose accumulators stay in registers over all steps.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avxvnni;
mod portable;

use crate::Kernel;
use crate::packed::{BLOCK, PackedConv};
use std::ops::Range;

/// What a convolution reads and where its results go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    /// Offset in the input of the first kernel tap of output pixel 0.
    pub in_origin: usize,
    /// Bytes from one input row to the next.
    pub in_row: usize,
    /// Output pixels in a row.
    pub out_width: usize,
    /// Bytes from one output row to the next.
    pub out_row: usize,
    /// Bytes from one output pixel to the next.
    pub out_pixel: usize,
}

/// A convolution of some pixels.
pub(crate) struct ConvJob<'a> {
    pub conv: &'a PackedConv,
    pub geometry: Geometry,
    pub input: &'a [u8],
    /// Output pixels in row-major order.
    pub pixels: Range<usize>,
    /// Begins with the first channel of the first of these pixels.
    pub out: &'a mut [u8],
}

/// Input and output offsets of the pixels of a tile. A tile at the end of the range repeats
/// its last pixel; only the first `live` ones count.
pub(crate) struct Tile<const P: usize> {
    input: [usize; P],
    out: [usize; P],
    live: usize,
}

/// A block's sums of one pixel. Tiles hand their accumulators on in this form, through memory:
/// indexed by a variable, as the last part of a tile must, they would not stay in registers.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Sums([i32; BLOCK]);

#[cfg(target_arch = "x86_64")]
impl Sums {
    const ZERO: Sums = Sums([0; BLOCK]);
}

/// Runs a job with a kernel that this processor has.
pub(crate) fn run(kernel: Kernel, mut job: ConvJob<'_>) {
    if job.pixels.is_empty() {
        return;
    }
    job.check();
    match kernel {
        Kernel::Portable => portable::run(&mut job),
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2 => avx2::run(&mut job),
        #[cfg(target_arch = "x86_64")]
        Kernel::AvxVnni => avxvnni::run(&mut job),
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512Vnni => avx512::run(&mut job),
        #[cfg(not(target_arch = "x86_64"))]
        _ => portable::run(&mut job),
    }
}

impl ConvJob<'_> {
    /// Input and output offset of an output pixel.
    fn offsets(&self, pixel: usize) -> (usize, usize) {
        let Geometry {
            in_origin,
            in_row,
            out_width,
            out_row,
            out_pixel,
        } = self.geometry;
        let (y, x) = (pixel / out_width, pixel % out_width);
        let PackedConv {
            stride,
            in_channels,
            ..
        } = *self.conv;
        (
            in_origin + y * stride * in_row + x * stride * in_channels,
            y * out_row + x * out_pixel,
        )
    }

    /// Makes sure that every access of the kernels lies within the buffers: offsets grow from
    /// pixel to pixel, so the last pixel decides.
    fn check(&self) {
        let (last_in, last_out) = self.offsets(self.pixels.end - 1);
        let (_, first_out) = self.offsets(self.pixels.start);
        let conv = self.conv;
        assert!(last_in + conv.reach(self.geometry.in_row) <= self.input.len());
        assert!(last_out - first_out + conv.out_channels <= self.out.len());
        assert_eq!(conv.weights.len(), conv.blocks() * conv.steps());
        assert_eq!(conv.out_channels.div_ceil(BLOCK), conv.blocks());
        assert_eq!(conv.out_channels, conv.requant.len());
    }

    /// Cuts the pixels into tiles of `P`.
    #[inline]
    fn tiles<const P: usize>(&mut self, mut run: impl FnMut(&mut Self, &Tile<P>)) {
        let geometry = self.geometry;
        let (mut input, mut out) = self.offsets(self.pixels.start);
        let start = out;
        let mut x = self.pixels.start % geometry.out_width;
        let pixel_step = self.conv.stride * self.conv.in_channels;
        // From behind the last pixel of a row to the first of the next.
        let in_turn = self.conv.stride * geometry.in_row - geometry.out_width * pixel_step;
        let out_turn = geometry.out_row - geometry.out_width * geometry.out_pixel;
        let mut left = self.pixels.len();
        let mut tile = Tile {
            input: [0; P],
            out: [0; P],
            live: P,
        };
        while left > 0 {
            tile.live = left.min(P);
            for p in 0..P {
                tile.input[p] = input;
                tile.out[p] = out - start;
                if p + 1 < tile.live || (p + 1 == tile.live && left > tile.live) {
                    input += pixel_step;
                    out += geometry.out_pixel;
                    x += 1;
                    if x == geometry.out_width {
                        x = 0;
                        input += in_turn;
                        out += out_turn;
                    }
                }
            }
            run(self, &tile);
            left -= tile.live;
        }
    }
}

/// Stores a block's results for one pixel, as many as there are channels.
#[inline]
fn store(block: &[u8; BLOCK], channels: usize, out: &mut [u8]) {
    if channels >= BLOCK {
        out[..BLOCK].copy_from_slice(block);
    } else {
        out[..channels].copy_from_slice(&block[..channels]);
    }
}
