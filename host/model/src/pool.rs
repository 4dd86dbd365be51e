//! Max-pool, concatenation, sum of two maps and global sum of whole rows, in code that the compiler vectorises.

use crate::plan::{BufferPlace, Layout};
use firebrick_network::Pool;
use firebrick_spec::arith;
use std::ops::Range;

/// Pools some output rows. `out` begins with the first of them; `scratch` is overwritten.
pub(crate) fn max_pool(
    pool: Pool,
    input: &[u8],
    from: &Layout,
    rows: Range<usize>,
    out: &mut [u8],
    place: &BufferPlace,
    scratch: &mut Vec<u8>,
) {
    let (width, channels) = (from.shape.width, from.shape.channels);
    let row = |y: usize| &input[from.origin(0) + y * from.row_stride()..][..width * channels];
    for (y, out) in rows.zip(out.chunks_mut(place.row_stride)) {
        let window = pool.window(y, from.shape.height);
        scratch.clear();
        scratch.extend_from_slice(row(window.start));
        for y in window.start + 1..window.end {
            raise(scratch, row(y));
        }
        for x in 0..place.shape.width {
            let window = pool.window(x, width);
            let columns = window.start * channels..window.end * channels;
            let (head, tail) = scratch[columns].split_at(channels);
            let out = &mut out[x * place.pixel_stride..][..channels];
            out.copy_from_slice(head);
            for column in tail.chunks_exact(channels) {
                raise(out, column);
            }
        }
    }
}

/// Element-wise maximum.
#[inline]
fn raise(to: &mut [u8], from: &[u8]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = (*to).max(from);
    }
}

/// Copies a map's channels into a concatenation; `out` begins with their first byte.
pub(crate) fn copy(input: &[u8], from: &Layout, out: &mut [u8], place: &BufferPlace) {
    let channels = from.shape.channels;
    for y in 0..from.shape.height {
        let row = &input[from.origin(0) + y * from.row_stride()..];
        for x in 0..from.shape.width {
            out[y * place.row_stride + x * place.pixel_stride..][..channels]
                .copy_from_slice(&row[x * channels..][..channels]);
        }
    }
}

/// Adds two maps of one shape; `out` begins with their first byte.
pub(crate) fn add(a: (&[u8], &Layout), b: (&[u8], &Layout), out: &mut [u8], place: &BufferPlace) {
    let (width, channels) = (place.shape.width, place.shape.channels);
    let row = |from: &Layout, y: usize| {
        let start = from.origin(0) + y * from.row_stride();
        start..start + width * channels
    };
    for y in 0..place.shape.height {
        let (a, b) = (&a.0[row(a.1, y)], &b.0[row(b.1, y)]);
        let pixels = a.chunks_exact(channels).zip(b.chunks_exact(channels));
        for (x, (a, b)) in pixels.enumerate() {
            let at = y * place.row_stride + x * place.pixel_stride;
            let out = out[at..].iter_mut().take(channels);
            out.zip(a.iter().zip(b))
                .for_each(|(out, (&a, &b))| *out = arith::add(a, b));
        }
    }
}

/// Exact sums over all pixels.
pub(crate) fn global_sum(input: &[u8], from: &Layout) -> Vec<i32> {
    let channels = from.shape.channels;
    let mut sums = vec![0i32; channels];
    for y in 0..from.shape.height {
        let row = &input[from.origin(0) + y * from.row_stride()..];
        for pixel in row[..from.shape.width * channels].chunks_exact(channels) {
            for (sum, &x) in sums.iter_mut().zip(pixel) {
                *sum += i32::from(x);
            }
        }
    }
    sums
}
