//! AVX-VNNI: the 256-bit `vpdpbusd` of processors without AVX-512. Exact, as the wide one.
#![allow(unsafe_code)] // Intrinsics, and loads without bounds checks in the inner loop.

use super::{ConvJob, Sums, Tile, avx2};
use crate::packed::GROUP;
use std::arch::x86_64::*;

/// Pixels of a tile: 6 x 2 accumulators of the 16 registers.
const PIXELS: usize = 6;

/// Runs a job. The processor must have the instructions.
pub(super) fn run(job: &mut ConvJob<'_>) {
    for block in 0..job.conv.blocks() {
        job.tiles::<PIXELS>(|job, tile| {
            // SAFETY: `Kernel::is_available` was checked when the model was made; `Job::check`
            // bounds every access of the tiles that `Job::tiles` makes.
            unsafe { run_tile(job, tile, block) }
        });
    }
}

/// # Safety
/// The processor has AVX2 and AVX-VNNI; the tile's offsets passed `Job::check`; the block
/// exists.
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn run_tile(job: &mut ConvJob<'_>, tile: &Tile<PIXELS>, block: usize) {
    let conv = job.conv;
    let mut acc = [[_mm256_setzero_si256(); 2]; PIXELS];
    // SAFETY: the block exists.
    let mut weights = unsafe { conv.weights.as_ptr().add(block * conv.steps()) };
    // SAFETY: offsets lie within the input.
    let mut rows = tile
        .input
        .map(|offset| unsafe { job.input.as_ptr().add(offset) });
    for _ in 0..conv.kernel {
        for group in 0..conv.groups {
            // SAFETY: a line has 64 bytes, aligned to 64.
            let w: [__m256i; 2] = std::array::from_fn(|half| unsafe {
                _mm256_load_si256(weights.cast::<__m256i>().add(half))
            });
            for (acc, row) in acc.iter_mut().zip(&rows) {
                // SAFETY: within the reach that `Job::check` bounds.
                let x = unsafe { row.add(group * GROUP).cast::<i32>().read_unaligned() };
                let x = _mm256_set1_epi32(x);
                acc[0] = _mm256_dpbusd_avx_epi32(acc[0], x, w[0]);
                acc[1] = _mm256_dpbusd_avx_epi32(acc[1], x, w[1]);
            }
            // SAFETY: at most one past the block's last line.
            weights = unsafe { weights.add(1) };
        }
        rows = rows.map(|row| row.wrapping_add(job.geometry.in_row));
    }
    let mut sums = [Sums::ZERO; PIXELS];
    for (sums, acc) in sums.iter_mut().zip(acc) {
        avx2::write(sums, acc);
    }
    avx2::finish(job, tile, block, &sums);
}
