//! Components of fewer samples to full size, row by row, as libjpeg's `jdsample` does it: a
//! component of half the width, of half the height with the same width, or of both, is
//! interpolated (nearer sample 3/4, farther one 1/4); everything else is repeated.

use image::RgbImage;

use super::colour::Colour;
use super::frame::{Component, Frame};

/// How a component gets its full size.
#[derive(Clone, Copy)]
enum Way {
    Same,
    Columns,
    Rows,
    Both,
    Repeat,
}

/// Makes the picture, and lets go of the components' samples.
pub(super) fn picture(frame: &mut Frame, colour: Colour) -> RgbImage {
    let (width, height) = (frame.width, frame.height);
    let mut pixels = vec![0; width * height * 3];
    let ways: Vec<Way> = frame
        .components
        .iter()
        .map(|c| way(c, frame.most))
        .collect();
    // Room for a pixel more, since interpolation makes two at a time.
    let mut lines = vec![vec![0; width + 1]; frame.components.len()];
    for (y, out) in pixels.chunks_exact_mut(width * 3).enumerate() {
        for ((component, line), &way) in frame.components.iter().zip(&mut lines).zip(&ways) {
            row(component, way, frame.most, y, &mut line[..]);
        }
        colour.convert(&lines, out);
    }
    frame.components.clear();
    RgbImage::from_raw(width as u32, height as u32, pixels).unwrap_or_default()
}

fn way(c: &Component, most: (usize, usize)) -> Way {
    // libjpeg repeats so few columns.
    let wide = c.width > 2;
    match (
        c.h == most.0,
        2 * c.h == most.0,
        c.v == most.1,
        2 * c.v == most.1,
    ) {
        (true, _, true, _) => Way::Same,
        (_, true, true, _) if wide => Way::Columns,
        (true, _, _, true) => Way::Rows,
        (_, true, _, true) if wide => Way::Both,
        _ => Way::Repeat,
    }
}

fn row(c: &Component, way: Way, most: (usize, usize), y: usize, out: &mut [u8]) {
    let samples = |y: usize| &c.plane[y * c.across * 8..][..c.width];
    let width = out.len() - 1;
    // The row that lies next to the near one, on the side of this pixel.
    let near = y / 2;
    let far = match y % 2 {
        0 => near.saturating_sub(1),
        _ => (near + 1).min(c.height - 1),
    };
    match way {
        Way::Same => out[..width].copy_from_slice(samples(y)),
        Way::Columns => {
            let near = samples(y);
            double(out, c.width, |x| u16::from(near[x]), (1, 2, 2));
        }
        Way::Rows => {
            let bias = 1 + (y % 2) as u16;
            for ((out, &near), &far) in out.iter_mut().zip(samples(near)).zip(samples(far)) {
                *out = ((u16::from(near) * 3 + u16::from(far) + bias) >> 2) as u8;
            }
        }
        Way::Both => {
            let (near, far) = (samples(near), samples(far));
            let sum = |x: usize| u16::from(near[x]) * 3 + u16::from(far[x]);
            double(out, c.width, sum, (8, 7, 4));
        }
        Way::Repeat => {
            let samples = samples(y * c.v / most.1);
            for (x, out) in out[..width].iter_mut().enumerate() {
                *out = samples[x * c.h / most.0];
            }
        }
    }
}

/// Interpolates a row of `width` values to twice as many, less one if `out` is so long. Left and
/// right pixels have roundings of their own; `bits` are dropped.
#[inline(always)]
fn double(
    out: &mut [u8],
    width: usize,
    value: impl Fn(usize) -> u16,
    (left, right, bits): (u16, u16, u32),
) {
    for (x, pair) in out.chunks_exact_mut(2).take(width).enumerate() {
        let near = value(x) * 3;
        let before = if x == 0 { value(0) } else { value(x - 1) };
        let behind = if x + 1 == width {
            value(x)
        } else {
            value(x + 1)
        };
        pair[0] = ((near + before + left) >> bits) as u8;
        pair[1] = ((near + behind + right) >> bits) as u8;
    }
}
