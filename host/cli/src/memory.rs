//! Pictures that may not fit into memory: a decoder that gets none ends the whole program, so what
//! it will take is asked for beforehand.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use firebrick_network::Picture;

use crate::error::CliError;

/// Beside the pixels: the decoder's own.
const MARGIN: u64 = 16 << 20;
/// No more is asked for: larger pictures are refused by the decoder.
const MOST: u64 = 4 << 30;

/// Reads a picture file, as [`Picture::open`]; without memory for it, or if the decoder breaks
/// down, there is an error and the next picture can be read.
pub fn open(path: &Path) -> Result<Picture, CliError> {
    let file_bytes = std::fs::metadata(path).map_or(0, |m| m.len());
    let needed = pixels(path).unwrap_or(0) + file_bytes + MARGIN;
    if needed <= MOST {
        let mut memory = Vec::<u8>::new();
        if memory.try_reserve_exact(needed as usize).is_err() {
            let reason = format!(
                "there is no memory for this picture: some {} MiB are needed",
                needed.div_ceil(1 << 20)
            );
            return Err(CliError::file(path, reason, "scale it down first"));
        }
    }
    match catch_unwind(AssertUnwindSafe(|| Picture::open(path))) {
        Ok(picture) => Ok(picture?),
        Err(_) => Err(CliError::file(
            path,
            "the decoder broke down on this picture",
            "convert it first",
        )),
    }
}

/// Bytes that the pixels take while they are decoded and become RGB, by the file's header.
fn pixels(path: &Path) -> Option<u64> {
    let file = File::open(path).ok().filter(|f| {
        // Opening another kind of file is for the decoder to refuse.
        f.metadata().is_ok_and(|m| m.is_file())
    })?;
    let mut file = BufReader::new(file);
    let mut start = [0; 2];
    file.read_exact(&mut start).ok()?;
    match start {
        [0x89, b'P'] => png(&mut file),
        [0xff, 0xd8] => jpeg(&mut file),
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
            pixels(&path).unwrap()
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
            assert_eq!(pixels(&path), None, "{name}");
        }
        assert_eq!(pixels(dir.path()), None);
    }
}
