//! The inverse cosine transform, as libjpeg's `jidctint` computes it (Loeffler, Ligtenberg and
//! Moschytz): the same roundings, so that the samples are the same.

use std::num::Wrapping;

/// Natural position of each coefficient in zigzag order.
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Fraction bits of the constants.
const FRACTION: usize = 13;
/// Fraction bits that are kept between columns and rows.
const BETWEEN: usize = 2;

// Damaged files overflow, legal ones do not.
type Int = Wrapping<i32>;

/// A constant with its fraction, rounded.
const fn fixed(value: f64) -> Int {
    Wrapping((value * (1 << FRACTION) as f64 + 0.5) as i32)
}

/// Eight coefficients to eight samples, scaled up by `1 << FRACTION`.
#[inline(always)]
fn line(c: [Int; 8]) -> [Int; 8] {
    let z = (c[2] + c[6]) * fixed(0.541196100);
    let (e2, e3) = (z - c[6] * fixed(1.847759065), z + c[2] * fixed(0.765366865));
    let (e0, e1) = ((c[0] + c[4]) << FRACTION, (c[0] - c[4]) << FRACTION);
    let even = [e0 + e3, e1 + e2, e1 - e2, e0 - e3];

    let [a, b, c, d] = [c[7], c[5], c[3], c[1]];
    let z5 = (a + c + b + d) * fixed(1.175875602);
    let z1 = (a + d) * -fixed(0.899976223);
    let z2 = (b + c) * -fixed(2.562915447);
    let z3 = (a + c) * -fixed(1.961570560) + z5;
    let z4 = (b + d) * -fixed(0.390180644) + z5;
    let odd = [
        d * fixed(1.501321110) + z1 + z4,
        c * fixed(3.072711026) + z2 + z3,
        b * fixed(2.053119869) + z2 + z4,
        a * fixed(0.298631336) + z1 + z3,
    ];
    [
        even[0] + odd[0],
        even[1] + odd[1],
        even[2] + odd[2],
        even[3] + odd[3],
        even[3] - odd[3],
        even[2] - odd[2],
        even[1] - odd[1],
        even[0] - odd[0],
    ]
}

#[inline(always)]
fn rounded(value: Int, bits: usize) -> Int {
    (value + Wrapping(1 << (bits - 1))) >> bits
}

#[inline(always)]
fn sample(value: Int) -> u8 {
    (value + Wrapping(128)).0.clamp(0, 255) as u8
}

/// Makes the 8x8 samples of a block, coefficients and steps in natural order, `stride` samples a
/// row.
pub(super) fn inverse(block: &[i16; 64], quant: &[u16; 64], samples: &mut [u8], stride: usize) {
    let at = |n: usize| Wrapping(i32::from(block[n])) * Wrapping(i32::from(quant[n]));
    if block[1..].iter().all(|&c| c == 0) {
        let value = sample(rounded(at(0), 3));
        for row in samples.chunks_mut(stride).take(8) {
            row[..8].fill(value);
        }
        return;
    }
    let mut rows = [[Wrapping(0); 8]; 8];
    for x in 0..8 {
        let column = line(std::array::from_fn(|y| at(y * 8 + x)));
        for (row, value) in rows.iter_mut().zip(column) {
            row[x] = rounded(value, FRACTION - BETWEEN);
        }
    }
    for (row, &between) in samples.chunks_mut(stride).zip(&rows) {
        let values = line(between).map(|v| sample(rounded(v, FRACTION + BETWEEN + 3)));
        row[..8].copy_from_slice(&values);
    }
}
