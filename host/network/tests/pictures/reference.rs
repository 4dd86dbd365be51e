//! A decoder for tests: from quantised coefficients to colours in floating point, written from
//! the formulas and with nothing of the decoder under test. Chroma at half the resolution is
//! interpolated linearly, everything else repeated, which is what libjpeg does.

use super::jpeg::{Coefficients, Colour, Jpeg, Plane, waves, zigzag};

/// The pixels, 0 to 255, as three planes.
pub fn decode(jpeg: &Jpeg, coefficients: &[Coefficients]) -> [Plane; 3] {
    let (most_h, most_v) = jpeg.largest();
    let of = |(component, coefficients): (&super::jpeg::Component, &Coefficients)| {
        let small = inverse(coefficients, &jpeg.quant[component.quant]);
        let (h, v) = ((component.h, most_h), (component.v, most_v));
        enlarge(&small, jpeg.width, jpeg.height, h, v)
    };
    let full: Vec<Plane> = jpeg.components.iter().zip(coefficients).map(of).collect();
    std::array::from_fn(|channel| {
        Plane::of(jpeg.width, jpeg.height, |x, y| {
            let at = |n: usize| full[n].at(x, y);
            match jpeg.colour {
                Colour::Grey => at(0),
                Colour::Rgb => at(channel),
                Colour::YCbCr => rgb(at(0), at(1), at(2))[channel],
                Colour::Cmyk => at(channel) * at(3) / 255.0,
                Colour::Ycck => (255.0 - rgb(at(0), at(1), at(2))[channel]) * at(3) / 255.0,
            }
        })
    })
}

fn rgb(y: f64, cb: f64, cr: f64) -> [f64; 3] {
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    let green = y - (0.114 * 1.772 * cb + 0.299 * 1.402 * cr) / 0.587;
    [y + 1.402 * cr, green, y + 1.772 * cb].map(|v| v.clamp(0.0, 255.0))
}

fn inverse(of: &Coefficients, quant: &[u16; 64]) -> Plane {
    let (waves, order) = (waves(), zigzag());
    let mut plane = Plane::of(of.width, of.height, |_, _| 0.0);
    for (n, block) in of.blocks.iter().enumerate() {
        let (left, top) = (n % of.across * 8, n / of.across * 8);
        for y in top..(top + 8).min(of.height) {
            for x in left..(left + 8).min(of.width) {
                let sum: f64 = (0..64)
                    .filter(|&k| block[k] != 0)
                    .map(|k| {
                        let (u, v) = order[k];
                        let value = f64::from(block[k] * i32::from(quant[k]));
                        value * waves[x - left][u] * waves[y - top][v]
                    })
                    .sum();
                plane.samples[y * of.width + x] = (sum + 128.0).clamp(0.0, 255.0);
            }
        }
    }
    plane
}

fn enlarge(
    small: &Plane,
    width: usize,
    height: usize,
    (h, most_h): (usize, usize),
    (v, most_v): (usize, usize),
) -> Plane {
    let (double_h, double_v) = (2 * h == most_h, 2 * v == most_v);
    // Two columns or fewer are repeated.
    let wide = small.width > 2;
    let linear_h = double_h && wide && (v == most_v || double_v);
    let linear_v = double_v && (h == most_h || (double_h && wide));
    let weigh = |position: usize, linear: bool, few: usize, many: usize| {
        let near = position * few / many;
        match (linear, position % 2) {
            (false, _) => [(near, 1.0), (near, 0.0)],
            (true, 0) => [(near, 0.75), (near.saturating_sub(1), 0.25)],
            (true, _) => [(near, 0.75), (near + 1, 0.25)],
        }
    };
    Plane::of(width, height, |x, y| {
        let mut sum = 0.0;
        for (row, part) in weigh(y, linear_v, v, most_v) {
            for (column, share) in weigh(x, linear_h, h, most_h) {
                sum += part * share * small.at(column, row);
            }
        }
        sum
    })
}
