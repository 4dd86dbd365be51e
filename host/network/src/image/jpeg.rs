//! JPEG files to RGB: every Huffman-coded kind of ITU-T T.81 with 8 bits a sample.
//!
//! Baseline, extended and progressive, interleaved or not, with any sampling factors and restart
//! markers, of one, three or four components. Transform, upsampling and colours follow libjpeg
//! bit by bit (`JDCT_ISLOW`, "fancy" upsampling), so that the pixels are those that a network was
//! trained and measured on, and the same on every machine. What is damaged, or of another kind,
//! is refused: nothing is filled in.

mod colour;
mod frame;
mod huffman;
mod scan;
mod transform;
mod upsample;

use std::array;

use image::RgbImage;
use image::metadata::Orientation;

use super::ImageErrorKind;
use colour::Colour;
use frame::Frame;
use huffman::Table;
use scan::Scan;

type Outcome<T> = Result<T, ImageErrorKind>;

/// Decodes a file; the pixels still lie as they are stored.
pub(super) fn decode(bytes: &[u8]) -> Outcome<(RgbImage, Orientation)> {
    let mut file = File {
        bytes,
        position: 2,
        ..File::default()
    };
    loop {
        let marker = file.marker()?;
        match marker {
            // End of the image.
            0xd9 => break,
            // Start of another, a restart marker that none asked for, and one without a meaning.
            0x01 | 0xd0..=0xd8 => {}
            _ => {
                let body = file.body(marker)?;
                file.segment(marker, body)?;
            }
        }
    }
    let mut frame = file
        .frame
        .ok_or_else(|| damaged("it ends before a frame"))?;
    frame.complete()?;
    let colour = Colour::of(&frame, file.jfif, file.adobe)?;
    let picture = upsample::picture(&mut frame, colour);
    Ok((
        picture,
        file.orientation.unwrap_or(Orientation::NoTransforms),
    ))
}

fn damaged(reason: impl Into<String>) -> ImageErrorKind {
    ImageErrorKind::Damaged {
        format: "JPEG",
        reason: reason.into(),
    }
}

fn unsupported(kind: impl Into<String>) -> ImageErrorKind {
    ImageErrorKind::Unsupported {
        format: "JPEG",
        kind: kind.into(),
    }
}

/// What the segments so far have said.
#[derive(Default)]
struct File<'a> {
    bytes: &'a [u8],
    position: usize,
    /// In natural order.
    quant: [Option<[u16; 64]>; 4],
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    /// MCUs between restart markers; 0 for none.
    restart: usize,
    frame: Option<Frame>,
    jfif: bool,
    /// The colour transform of an Adobe segment.
    adobe: Option<u8>,
    orientation: Option<Orientation>,
}

impl<'a> File<'a> {
    /// Goes behind the next marker; what else lies before it is passed over.
    fn marker(&mut self) -> Outcome<u8> {
        loop {
            match self.bytes.get(self.position..self.position + 2) {
                Some(&[0xff, marker @ 1..=0xfe]) => {
                    self.position += 2;
                    return Ok(marker);
                }
                Some(_) => self.position += 1,
                None => return Err(ImageErrorKind::Truncated("JPEG")),
            }
        }
    }

    /// Goes behind the segment of the marker before.
    fn body(&mut self, marker: u8) -> Outcome<&'a [u8]> {
        let truncated = ImageErrorKind::Truncated("JPEG");
        let rest = &self.bytes[self.position..];
        let Some(&[high, low]) = rest.get(..2) else {
            return Err(truncated);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < 2 {
            return Err(short(marker));
        }
        let body = rest.get(2..length).ok_or(truncated)?;
        self.position += length;
        Ok(body)
    }

    fn segment(&mut self, marker: u8, body: &[u8]) -> Outcome<()> {
        match marker {
            0xc4 => self.huffman_tables(body),
            0xdb => self.quantisation_tables(body),
            0xc0..=0xc2 => {
                if self.frame.is_some() {
                    return Err(damaged("it has two frames"));
                }
                self.frame = Some(Frame::new(marker, body, self.bytes.len())?);
                Ok(())
            }
            0xdd => {
                let &[high, low] = body else {
                    return Err(short(marker));
                };
                self.restart = usize::from(u16::from_be_bytes([high, low]));
                Ok(())
            }
            0xda => self.scan(body),
            0xe0 => {
                self.jfif |= body.starts_with(b"JFIF\0");
                Ok(())
            }
            0xe1 => {
                if let Some(exif) = body.strip_prefix(b"Exif\0\0")
                    && let Some(orientation) = Orientation::from_exif_chunk(exif)
                {
                    self.orientation = Some(orientation);
                }
                Ok(())
            }
            0xee => {
                if let [
                    b'A',
                    b'd',
                    b'o',
                    b'b',
                    b'e',
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    transform,
                    ..,
                ] = *body
                {
                    self.adobe = Some(transform);
                }
                Ok(())
            }
            0xc3 => Err(unsupported("lossless")),
            0xc5..=0xc7 | 0xde | 0xdf => Err(unsupported("hierarchical")),
            0xcd..=0xcf => Err(unsupported("hierarchical, with arithmetic coding")),
            0xcb => Err(unsupported("lossless, with arithmetic coding")),
            0xc8..=0xca | 0xcc => Err(unsupported("with arithmetic coding")),
            0xf7 | 0xf8 => Err(unsupported("JPEG-LS")),
            // Comments, other applications' segments, and the number of lines, which is known.
            _ => Ok(()),
        }
    }

    fn quantisation_tables(&mut self, mut body: &[u8]) -> Outcome<()> {
        while let Some((&head, rest)) = body.split_first() {
            let (deep, number) = (head >> 4, usize::from(head & 15));
            if deep > 1 || number > 3 {
                return Err(damaged("a quantisation table of an unknown kind"));
            }
            let width = usize::from(deep) + 1;
            let values = rest.get(..64 * width).ok_or_else(|| short(0xdb))?;
            let mut table = [0; 64];
            for (k, value) in values.chunks_exact(width).enumerate() {
                let value = value.iter().fold(0, |v, &byte| v << 8 | u16::from(byte));
                if value == 0 {
                    return Err(damaged("a quantisation table with a zero"));
                }
                table[usize::from(transform::ZIGZAG[k])] = value;
            }
            self.quant[number] = Some(table);
            body = &rest[64 * width..];
        }
        Ok(())
    }

    fn huffman_tables(&mut self, mut body: &[u8]) -> Outcome<()> {
        while let Some((&head, rest)) = body.split_first() {
            let (class, number) = (head >> 4, usize::from(head & 15));
            if class > 1 || number > 3 {
                return Err(damaged("a Huffman table of an unknown kind"));
            }
            let counts: [u8; 16] = match rest.first_chunk() {
                Some(counts) => *counts,
                None => return Err(short(0xc4)),
            };
            let total: usize = counts.iter().map(|&n| usize::from(n)).sum();
            let symbols = rest.get(16..16 + total).ok_or_else(|| short(0xc4))?;
            let table = Table::new(&counts, symbols)
                .ok_or_else(|| damaged("a Huffman table with more codes than there are"))?;
            let tables = if class == 0 {
                &mut self.dc
            } else {
                &mut self.ac
            };
            tables[number] = Some(table);
            body = &rest[16 + total..];
        }
        Ok(())
    }

    fn scan(&mut self, body: &[u8]) -> Outcome<()> {
        let frame = self
            .frame
            .as_mut()
            .ok_or_else(|| damaged("a scan before the frame"))?;
        let scan = Scan::new(body, frame)?;
        for &member in &scan.members {
            // A table that comes later is another one's.
            let component = &mut frame.components[member.component];
            if component.quant.is_none() {
                component.quant = self.quant[component.quant_number];
            }
        }
        let tables = scan::Tables {
            dc: array::from_fn(|n| self.dc[n].as_ref()),
            ac: array::from_fn(|n| self.ac[n].as_ref()),
        };
        self.position = scan.decode(frame, tables, self.restart, self.bytes, self.position)?;
        Ok(())
    }
}

fn short(marker: u8) -> ImageErrorKind {
    damaged(format!("segment {marker:#04x} has the wrong length"))
}
