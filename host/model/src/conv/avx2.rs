//! AVX2: activations and weights widened to 16 bits for `vpmaddwd`, whose sums of two
//! products fit 32 bits. (`vpmaddubsw` would saturate: 2 * 255 * 127 exceeds 16 bits.)
#![allow(unsafe_code)] // Intrinsics, and loads without bounds checks in the inner loop.

use super::{ConvJob, Sums, Tile, store};
use crate::packed::{BLOCK, GROUP, Scaling};
use std::arch::x86_64::*;

/// Pixels of a tile: 3 x 4 accumulators of the 16 registers.
const PIXELS: usize = 3;
/// Registers that one block's products take.
const PARTS: usize = 4;

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
/// The processor has AVX2; the tile's offsets passed `Job::check`; the block exists.
#[target_feature(enable = "avx2")]
unsafe fn run_tile(job: &mut ConvJob<'_>, tile: &Tile<PIXELS>, block: usize) {
    let conv = job.conv;
    // Part q holds channels 4q..4q+4, each as two partial sums.
    let mut acc = [[_mm256_setzero_si256(); PIXELS]; PARTS];
    // SAFETY: the block exists.
    let mut weights = unsafe { conv.weights.as_ptr().add(block * conv.steps()) };
    // SAFETY: offsets lie within the input.
    let mut rows = tile
        .input
        .map(|offset| unsafe { job.input.as_ptr().add(offset) });
    for _ in 0..conv.kernel {
        for group in 0..conv.groups {
            let x: [__m256i; PIXELS] = std::array::from_fn(|p| {
                // SAFETY: within the reach that `Job::check` bounds.
                let x = unsafe { rows[p].add(group * GROUP).cast::<i32>().read_unaligned() };
                _mm256_cvtepu8_epi16(_mm_set1_epi32(x))
            });
            for (q, acc) in acc.iter_mut().enumerate() {
                // SAFETY: a line has 64 bytes, a part 16.
                let w = unsafe { _mm_load_si128(weights.cast::<__m128i>().add(q)) };
                let w = _mm256_cvtepi8_epi16(w);
                for (acc, x) in acc.iter_mut().zip(x) {
                    *acc = _mm256_add_epi32(*acc, _mm256_madd_epi16(x, w));
                }
            }
            // SAFETY: at most one past the block's last line.
            weights = unsafe { weights.add(1) };
        }
        rows = rows.map(|row| row.wrapping_add(job.geometry.in_row));
    }
    let [a, b, c, d] = acc;
    let mut sums = [Sums::ZERO; PIXELS];
    for (p, sums) in sums.iter_mut().enumerate() {
        write(sums, [pair(a[p], b[p]), pair(c[p], d[p])]);
    }
    finish(job, tile, block, &sums);
}

/// Requantises and stores a tile's sums.
#[target_feature(enable = "avx2")]
pub(super) fn finish<const P: usize>(
    job: &mut ConvJob<'_>,
    tile: &Tile<P>,
    block: usize,
    sums: &[Sums; P],
) {
    let conv = job.conv;
    let first = block * BLOCK;
    for (sums, out) in sums.iter().zip(&tile.out).take(tile.live) {
        let bytes = requantise(&conv.scaling[block], sums);
        store(
            &bytes,
            conv.out_channels - first,
            &mut job.out[out + first..],
        );
    }
}

/// Writes two registers of sums to memory.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn write(sums: &mut Sums, [low, high]: [__m256i; 2]) {
    let to = sums.0.as_mut_ptr().cast::<__m256i>();
    // SAFETY: two registers of 32 bytes fill it; it is aligned to 64 bytes.
    unsafe {
        _mm256_store_si256(to, low);
        _mm256_store_si256(to.add(1), high);
    }
}

/// Adds the partial sums of eight channels.
#[target_feature(enable = "avx2")]
#[inline]
fn pair(low: __m256i, high: __m256i) -> __m256i {
    _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(low, high))
}

/// `Requant::apply` for the 16 channels of a block. A negative sum gives 0 whatever its size,
/// and a positive one has 32 bits at most, so an unsigned 32 x 32 multiplication is exact.
#[target_feature(enable = "avx2")]
#[inline]
fn requantise(scaling: &Scaling, sums: &Sums) -> [u8; BLOCK] {
    let quarter = |q: usize| {
        // SAFETY: 16 elements each, four to a quarter.
        let (acc, [bias, mult, round, shift]) = unsafe {
            let wide = |from: *const i64| _mm256_loadu_si256(from.cast::<__m256i>().add(q));
            (
                _mm_load_si128(sums.0.as_ptr().cast::<__m128i>().add(q)),
                [
                    wide(scaling.bias.as_ptr()),
                    wide(scaling.mult.as_ptr().cast()),
                    wide(scaling.round.as_ptr().cast()),
                    wide(scaling.shift.as_ptr().cast()),
                ],
            )
        };
        let (zero, top) = (_mm256_setzero_si256(), _mm256_set1_epi64x(255));
        let sum = _mm256_add_epi64(_mm256_cvtepi32_epi64(acc), bias);
        let sum = _mm256_andnot_si256(_mm256_cmpgt_epi64(zero, sum), sum);
        let product = _mm256_add_epi64(_mm256_mul_epu32(sum, mult), round);
        let value = _mm256_srlv_epi64(product, shift);
        _mm256_blendv_epi8(value, top, _mm256_cmpgt_epi64(value, top))
    };
    let [a, b, c, d] = [quarter(0), quarter(1), quarter(2), quarter(3)];
    // Each 64-bit lane: one byte of every quarter; then the 4 x 4 bytes transposed.
    let ab = _mm256_or_si256(a, _mm256_slli_epi64::<8>(b));
    let cd = _mm256_or_si256(_mm256_slli_epi64::<16>(c), _mm256_slli_epi64::<24>(d));
    let even = _mm256_setr_epi32(0, 2, 4, 6, 0, 0, 0, 0);
    let dwords = _mm256_permutevar8x32_epi32(_mm256_or_si256(ab, cd), even);
    let order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    let bytes = _mm_shuffle_epi8(_mm256_castsi256_si128(dwords), order);
    let mut out = [0; BLOCK];
    // SAFETY: 16 bytes.
    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), bytes) };
    out
}
