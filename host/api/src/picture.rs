//! Pictures: where they come from, and how they become a network's input.
//!
//! A decoder that gets no memory ends the whole program, so what it will take is asked for
//! beforehand.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use firebrick_network::{ImageError, Input, Picture};
use ndarray::{Array3, ArrayView3};

use crate::Error;
use crate::target::Size;

/// Beside the pixels: the decoder's own.
const MARGIN: u64 = 16 << 20;
/// No more is asked for: larger pictures are refused by the decoder.
const MOST: u64 = 4 << 30;
/// What errors call pictures that have no file.
const UNNAMED: &str = "in memory";

/// A picture of any size, in any of the forms that programs have: converted from a path, from the
/// bytes of a JPEG or PNG file, from a decoded [`Picture`], or from pixels.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Image<'a> {
    /// A JPEG or PNG file.
    File(&'a Path),
    /// The bytes of one.
    Encoded(&'a [u8]),
    /// Decoded.
    Picture(&'a Picture),
    /// Pixels (height, width, 3 channels: red, green, blue).
    Pixels(ArrayView3<'a, u8>),
}

impl<'a> From<&'a Path> for Image<'a> {
    fn from(path: &'a Path) -> Image<'a> {
        Image::File(path)
    }
}

impl<'a> From<&'a PathBuf> for Image<'a> {
    fn from(path: &'a PathBuf) -> Image<'a> {
        Image::File(path)
    }
}

impl<'a> From<&'a str> for Image<'a> {
    fn from(path: &'a str) -> Image<'a> {
        Image::File(Path::new(path))
    }
}

impl<'a> From<&'a String> for Image<'a> {
    fn from(path: &'a String) -> Image<'a> {
        Image::File(Path::new(path))
    }
}

impl<'a> From<&'a [u8]> for Image<'a> {
    fn from(bytes: &'a [u8]) -> Image<'a> {
        Image::Encoded(bytes)
    }
}

impl<'a> From<&'a Picture> for Image<'a> {
    fn from(picture: &'a Picture) -> Image<'a> {
        Image::Picture(picture)
    }
}

impl<'a> From<ArrayView3<'a, u8>> for Image<'a> {
    fn from(pixels: ArrayView3<'a, u8>) -> Image<'a> {
        Image::Pixels(pixels)
    }
}

impl<'a> From<&'a Array3<u8>> for Image<'a> {
    fn from(pixels: &'a Array3<u8>) -> Image<'a> {
        Image::Pixels(pixels.view())
    }
}

impl Image<'_> {
    /// The picture as a network takes it: scaled and cut as the input says, channels in its order
    /// (height, width, 3 channels).
    ///
    /// # Errors
    /// If it cannot be read, decoded or scaled.
    pub fn to_input(&self, input: &Input, size: Size) -> Result<Array3<u8>, Error> {
        let scale = |picture: &Picture| -> Result<Array3<u8>, Error> {
            Ok(picture.to_input_of(input, size.height, size.width)?)
        };
        match self {
            Image::File(path) => scale(&open(path)?),
            Image::Encoded(bytes) => scale(&decode(bytes, UNNAMED)?),
            Image::Picture(picture) => scale(picture),
            Image::Pixels(pixels) => scale(&Picture::from_pixels(pixels, UNNAMED)?),
        }
    }
}

/// Reads a picture file, as [`Picture::open`]; without memory for it, or if the decoder breaks
/// down, there is an error and the next picture can be read.
///
/// # Errors
/// If it cannot be read or decoded.
pub fn open(path: &Path) -> Result<Picture, Error> {
    let file_bytes = std::fs::metadata(path).map_or(0, |m| m.len());
    let place = path.display().to_string();
    decoded(&place, file_pixels(path).unwrap_or(0) + file_bytes, || {
        Picture::open(path)
    })
}

/// The same of the bytes of a JPEG or PNG file; `place` names them in errors.
///
/// # Errors
/// If they cannot be decoded.
pub fn decode(bytes: &[u8], place: &str) -> Result<Picture, Error> {
    let needed = pixels(&mut Cursor::new(bytes)).unwrap_or(0);
    decoded(place, needed, || Picture::decode(bytes, place))
}

/// Bytes of memory that decoding a JPEG or PNG file takes, by its header alone; none if the header
/// says nothing. Programs that take files from strangers ask before they decode.
#[must_use]
pub fn decoded_bytes(bytes: &[u8]) -> Option<u64> {
    pixels(&mut Cursor::new(bytes))
}

fn decoded(
    place: &str,
    bytes: u64,
    decode: impl FnOnce() -> Result<Picture, ImageError>,
) -> Result<Picture, Error> {
    let place = || place.to_owned();
    let needed = bytes.saturating_add(MARGIN);
    if needed <= MOST {
        let mut memory = Vec::<u8>::new();
        if memory.try_reserve_exact(needed as usize).is_err() {
            return Err(Error::Memory {
                place: place(),
                mebibytes: needed.div_ceil(1 << 20),
            });
        }
    }
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(picture) => Ok(picture?),
        Err(_) => Err(Error::Decoder { place: place() }),
    }
}

/// As [`pixels`], of a file.
fn file_pixels(path: &Path) -> Option<u64> {
    let file = File::open(path).ok().filter(|f| {
        // Opening another kind of file is for the decoder to refuse.
        f.metadata().is_ok_and(|m| m.is_file())
    })?;
    pixels(&mut BufReader::new(file))
}

/// Bytes that the pixels take while they are decoded and become RGB, by the file's header.
fn pixels(file: &mut (impl Read + Seek)) -> Option<u64> {
    let mut start = [0; 2];
    file.read_exact(&mut start).ok()?;
    match start {
        [0x89, b'P'] => png(file),
        [0xff, 0xd8] => jpeg(file),
        _ => None,
    }
}

/// A PNG file behind its first two bytes.
fn png(file: &mut impl Read) -> Option<u64> {
    let mut header = [0; 24];
    file.read_exact(&mut header).ok()?;
    let side = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|i| header[at + i]));
    let (width, height, depth, colour) = (side(14), side(18), header[22], header[23]);
    let channels = match colour {
        0 => 1,
        4 => 2,
        6 => 4,
        // A palette becomes colours, perhaps with transparency.
        3 => 4,
        _ => 3,
    };
    let bytes = if depth == 16 { 2 } else { 1 };
    let count = u64::from(width).checked_mul(height.into())?;
    let rgb = if (channels, bytes) == (3, 1) { 0 } else { 3 };
    count.checked_mul(channels * bytes + rgb)
}

/// A JPEG file behind its first two bytes.
fn jpeg(file: &mut (impl Read + Seek)) -> Option<u64> {
    loop {
        let mut marker = [0; 2];
        file.read_exact(&mut marker).ok()?;
        let [0xff, mut kind] = marker else {
            return None;
        };
        while kind == 0xff {
            let mut fill = [0];
            file.read_exact(&mut fill).ok()?;
            kind = fill[0];
        }
        let mut length = [0; 2];
        file.read_exact(&mut length).ok()?;
        let length = u16::from_be_bytes(length);
        match kind {
            // Frames; among their numbers are tables of Huffman codes and the like.
            0xc0..=0xcf if !matches!(kind, 0xc4 | 0xc8 | 0xcc) => {
                let mut frame = [0; 6];
                file.read_exact(&mut frame).ok()?;
                let side = |at: usize| u64::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
                // Progressive ones keep all coefficients, of 16 bits; four components are made
                // three.
                let kept = if kind == 0xc2 { 2 } else { 0 } * u64::from(frame[5]);
                let rgb = if frame[5] == 3 { 0 } else { 3 };
                let each = u64::from(frame[5]) + rgb + kept;
                return (side(1) * side(3)).checked_mul(each);
            }
            // The data begin, and there was no frame.
            0xda | 0xd9 => return None,
            _ => file.seek_relative(i64::from(length.checked_sub(2)?)).ok()?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let size = |name: &str, picture: image::DynamicImage| {
            let path = dir.path().join(name);
            picture.save(&path).unwrap();
            file_pixels(&path).unwrap()
        };
        let rgb = image::DynamicImage::new_rgb8(30, 20);
        assert_eq!(size("a.png", rgb.clone()), 600 * 3);
        assert_eq!(size("a.jpg", rgb.clone()), 600 * 3);
        assert_eq!(size("b.png", rgb.to_rgba16().into()), 600 * 11);
        assert_eq!(size("b.jpg", rgb.to_luma8().into()), 600 * 4);
        for (name, bytes) in [
            ("empty.jpg", &b""[..]),
            ("short.png", b"\x89PNG\r\n"),
            ("cut.jpg", b"\xff\xd8\xff\xe0\0"),
            ("zero.jpg", b"\xff\xd8\xff\xe0\0\0\xff\xc0"),
            ("text.jpg", b"<html>"),
        ] {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(file_pixels(&path), None, "{name}");
        }
        assert_eq!(file_pixels(dir.path()), None);
    }
}
