//! What the components mean, and their conversion to RGB.

use super::frame::Frame;
use super::{Outcome, unsupported};

/// Meaning of the components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Grey,
    YCbCr,
    Rgb,
    /// Inverted, as Adobe's programs write it and everybody reads it.
    Cmyk,
    /// Cyan, magenta and yellow as YCbCr.
    Ycck,
}

impl Colour {
    /// Told from number and names of components, a JFIF segment, and an Adobe segment's
    /// transform, with libjpeg's precedence.
    pub fn of(frame: &Frame, jfif: bool, adobe: Option<u8>) -> Outcome<Colour> {
        let ids: Vec<u8> = frame.components.iter().map(|c| c.id).collect();
        Ok(match (ids.as_slice(), adobe) {
            ([_], _) => Colour::Grey,
            ([_, _, _], _) if jfif => Colour::YCbCr,
            ([_, _, _], Some(0)) => Colour::Rgb,
            (b"RGB", None) => Colour::Rgb,
            ([_, _, _], _) => Colour::YCbCr,
            ([_, _, _, _], None | Some(0)) => Colour::Cmyk,
            ([_, _, _, _], _) => Colour::Ycck,
            (other, _) => return Err(unsupported(format!("with {} components", other.len()))),
        })
    }

    /// Makes one row of pixels of a row of each component.
    pub fn convert(self, lines: &[Vec<u8>], out: &mut [u8]) {
        let pixels = out.as_chunks_mut::<3>().0.iter_mut();
        match (self, lines) {
            (Colour::YCbCr, [y, cb, cr, ..]) => {
                for (((out, &y), &cb), &cr) in pixels.zip(y).zip(cb).zip(cr) {
                    *out = rgb(y, cb, cr);
                }
            }
            (Colour::Rgb, [r, g, b, ..]) => {
                for (((out, &r), &g), &b) in pixels.zip(r).zip(g).zip(b) {
                    *out = [r, g, b];
                }
            }
            (Colour::Cmyk, [c, m, y, k]) => {
                for ((((out, &c), &m), &y), &k) in pixels.zip(c).zip(m).zip(y).zip(k) {
                    *out = [c, m, y].map(|light| print(255 - light, k));
                }
            }
            (Colour::Ycck, [y, cb, cr, k]) => {
                for ((((out, &y), &cb), &cr), &k) in pixels.zip(y).zip(cb).zip(cr).zip(k) {
                    *out = rgb(y, cb, cr).map(|ink| print(ink, k));
                }
            }
            (_, lines) => {
                for (out, &grey) in pixels.zip(lines.iter().flatten()) {
                    *out = [grey; 3];
                }
            }
        }
    }
}

/// Factors of BT.601 with 16 bits of fraction.
#[inline]
fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let half = 1 << 15;
    let red = y + ((91_881 * cr + half) >> 16);
    let green = y + ((-22_554 * cb - 46_802 * cr + half) >> 16);
    let blue = y + ((116_130 * cb + half) >> 16);
    [red, green, blue].map(|v| v.clamp(0, 255) as u8)
}

/// The light that so much ink and black leave, as Pillow has it; `white` is 255 less the black.
#[inline]
fn print(ink: u8, white: u8) -> u8 {
    let product = i32::from(ink) * i32::from(white) + 128;
    (i32::from(white) - ((product + (product >> 8)) >> 8)).clamp(0, 255) as u8
}
