//! AVX-512 VNNI: `vpdpbusd` adds four products u8 x i8 to each of 16 i32 accumulators. It
//! never saturates (that is `vpdpbusds`), and its sums wrap, so they are exact.
#![allow(unsafe_code)] // Intrinsics, and loads without bounds checks in the inner loop.

use super::{ConvJob, Sums, Tile};
use crate::packed::{BLOCK, GROUP, Scaling};
use std::arch::x86_64::*;

/// Runs a job. The processor must have the instructions.
pub(super) fn run(job: &mut ConvJob<'_>) {
    let blocks = job.conv.blocks();
    let mut block = 0;
    while block < blocks {
        // Accumulators: pixels x blocks <= 24 of the 32 registers.
        block += match blocks - block {
            1 => sweep::<12, 1>(job, block),
            2 => sweep::<12, 2>(job, block),
            3 => sweep::<8, 3>(job, block),
            _ => sweep::<6, 4>(job, block),
        };
    }
}

/// All pixels for `B` blocks.
fn sweep<const P: usize, const B: usize>(job: &mut ConvJob<'_>, block: usize) -> usize {
    job.tiles::<P>(|job, tile| {
        // SAFETY: `Kernel::is_available` was checked when the model was made; `Job::check`
        // bounds every access of the tiles that `Job::tiles` makes; `block + B <= blocks`.
        unsafe { run_tile::<P, B>(job, tile, block) }
    });
    B
}

/// # Safety
/// The processor has the features; the tile's offsets passed `Job::check`; the convolution
/// has at least `block + B` blocks.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn run_tile<const P: usize, const B: usize>(
    job: &mut ConvJob<'_>,
    tile: &Tile<P>,
    block: usize,
) {
    let conv = job.conv;
    let steps = conv.steps();
    let mut acc = [[_mm512_setzero_si512(); B]; P];
    // SAFETY: the blocks exist.
    let mut weights = unsafe { conv.weights.as_ptr().add(block * steps) };
    // SAFETY: offsets lie within the input.
    let mut rows = tile
        .input
        .map(|offset| unsafe { job.input.as_ptr().add(offset) });
    for _ in 0..conv.kernel {
        for group in 0..conv.groups {
            // SAFETY: lines `0..steps` of `B` consecutive blocks; 64-byte aligned.
            let w: [__m512i; B] = std::array::from_fn(|b| unsafe {
                _mm512_load_si512(weights.add(b * steps).cast())
            });
            for (acc, row) in acc.iter_mut().zip(&rows) {
                // SAFETY: within the reach that `Job::check` bounds.
                let x = unsafe { row.add(group * GROUP).cast::<i32>().read_unaligned() };
                let x = _mm512_set1_epi32(x);
                for (acc, w) in acc.iter_mut().zip(w) {
                    *acc = _mm512_dpbusd_epi32(*acc, x, w);
                }
            }
            // SAFETY: at most one past the block's last line.
            weights = unsafe { weights.add(1) };
        }
        rows = rows.map(|row| row.wrapping_add(job.geometry.in_row));
    }
    let mut sums = [[Sums::ZERO; P]; B];
    for (p, acc) in acc.iter().enumerate() {
        for (b, acc) in acc.iter().enumerate() {
            // SAFETY: 64 bytes, aligned to 64.
            unsafe { _mm512_store_si512(sums[b][p].0.as_mut_ptr().cast(), *acc) };
        }
    }
    for (b, sums) in sums.iter().enumerate() {
        let first = (block + b) * BLOCK;
        let channels = conv.out_channels - first;
        let mask = if channels < BLOCK {
            (1u16 << channels) - 1
        } else {
            u16::MAX
        };
        let scaling = Lanes::new(&conv.scaling[block + b]);
        for (sums, out) in sums.iter().zip(&tile.out).take(tile.live) {
            // SAFETY: `Job::check` bounds the last pixel's channels; the mask keeps the store
            // within the pixel.
            unsafe {
                let bytes = scaling.apply(_mm512_load_si512(sums.0.as_ptr().cast()));
                _mm_mask_storeu_epi8(job.out.as_mut_ptr().add(out + first).cast(), mask, bytes);
            }
        }
    }
}

/// A block's requantisation in registers, the lower eight channels and the upper eight.
struct Lanes {
    bias: [__m512i; 2],
    mult: [__m512i; 2],
    round: [__m512i; 2],
    shift: [__m512i; 2],
}

impl Lanes {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    #[inline]
    fn new(scaling: &Scaling) -> Lanes {
        // SAFETY: 16 elements of 64 bits each.
        let load = |from: *const i64| unsafe {
            [
                _mm512_loadu_si512(from.cast()),
                _mm512_loadu_si512(from.add(8).cast()),
            ]
        };
        Lanes {
            bias: load(scaling.bias.as_ptr()),
            mult: load(scaling.mult.as_ptr().cast()),
            round: load(scaling.round.as_ptr().cast()),
            shift: load(scaling.shift.as_ptr().cast()),
        }
    }

    /// `Requant::apply` for 16 channels. A negative sum gives 0 whatever its size, and a
    /// positive one has 32 bits at most, so an unsigned 32 x 32 multiplication is exact.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    #[inline]
    fn apply(&self, acc: __m512i) -> __m128i {
        let low = self.half(0, _mm512_castsi512_si256(acc));
        let high = self.half(1, _mm512_extracti64x4_epi64::<1>(acc));
        _mm_unpacklo_epi64(low, high)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    #[inline]
    fn half(&self, half: usize, acc: __m256i) -> __m128i {
        let sum = _mm512_add_epi64(_mm512_cvtepi32_epi64(acc), self.bias[half]);
        let sum = _mm512_max_epi64(sum, _mm512_setzero_si512());
        let product = _mm512_add_epi64(_mm512_mul_epu32(sum, self.mult[half]), self.round[half]);
        _mm512_cvtusepi64_epi8(_mm512_srlv_epi64(product, self.shift[half]))
    }
}
