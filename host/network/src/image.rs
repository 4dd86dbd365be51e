//! From a picture file to the raw pixels that the network takes.
//!
//! JPEG and PNG are told apart by their contents. The EXIF orientation is followed; greyscale
//! becomes three equal channels, 16 bits become 8, and an alpha channel is dropped (the colour
//! that lies under it stays, as Pillow's `convert("RGB")` has it). Scaling is bilinear with the
//! filter widened by the factor when it shrinks, in fixed point, so that every machine gets the
//! same pixels.

mod jpeg;
#[cfg(test)]
mod tests;

use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError as Failure, Limits, RgbImage, imageops};
use ndarray::{Array3, ArrayView3, s};

use crate::file::{self, FileError};
use crate::graph::{Input, PixelOrder, ResizePolicy};

/// Longest side of a picture, in pixels.
pub const MAX_SIDE: u32 = 30_000;
/// Most pixels of a picture: more than the cameras of phones take.
pub const MAX_PIXELS: u64 = 128 << 20;
/// Most bytes of memory that decoding one picture may take before it becomes RGB.
pub const MAX_DECODED_BYTES: u64 = 512 << 20;
/// Deflate never makes a byte stand for more.
const PNG_BYTES_A_BYTE: u64 = 1032;
/// A progressive JPEG's first scan has at least a bit for each block of 64 pixels; twice that,
/// since no component need have all blocks.
const JPEG_PIXELS_A_BYTE: u64 = 1024;
/// Largest picture file, in bytes.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// Which picture was not read, and why.
#[derive(Debug, thiserror::Error)]
#[error("picture {place}: {kind}")]
pub struct ImageError {
    /// The file, or where else the bytes came from.
    pub place: String,
    /// What went wrong.
    #[source]
    pub kind: ImageErrorKind,
}

/// Why a picture was not read.
#[derive(Debug, thiserror::Error)]
pub enum ImageErrorKind {
    /// The file is not there or cannot be read.
    #[error("{0}; give the path of a JPEG or PNG file")]
    Io(#[from] io::Error),
    /// The path is a folder, a device or the like.
    #[error("not a regular file; give the path of a JPEG or PNG file")]
    NotAFile,
    /// Larger than [`MAX_FILE_BYTES`].
    #[error("the file is larger than {} MiB; scale the picture down first", MAX_FILE_BYTES >> 20)]
    TooLarge,
    /// No bytes.
    #[error("the file is empty; fetch it again")]
    Empty,
    /// Something else, whatever its name ends in.
    #[error("neither JPEG nor PNG by its contents; convert it first")]
    UnknownFormat,
    /// The end is missing.
    #[error("the {0} data end too early: the file is truncated; fetch it again")]
    Truncated(&'static str),
    /// The format cannot compress so many pixels into so few bytes.
    #[error(
        "{bytes} bytes cannot hold the {width}x{height} pixels that the file claims: it is \
         damaged or truncated; fetch it again"
    )]
    TooShort {
        /// Length of the file.
        bytes: usize,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// More pixels than are decoded.
    #[error(
        "{width}x{height} pixels are too many: at most {MAX_SIDE} a side, {} million in all and {} \
         MiB decoded; scale it down first", MAX_PIXELS / 1_000_000, MAX_DECODED_BYTES >> 20
    )]
    TooManyPixels {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// An array that is no picture.
    #[error(
        "an array of the shape ({height}, {width}, {channels}) is no picture; give height, width \
         and 3 channels: red, green, blue"
    )]
    Pixels {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Values of a pixel.
        channels: usize,
    },
    /// A kind that is not decoded.
    #[error("{format} {kind}: this kind is not read; save it again as a common JPEG or PNG file")]
    Unsupported {
        /// JPEG or PNG.
        format: &'static str,
        /// What is not read.
        kind: String,
    },
    /// The decoder gave up.
    #[error("damaged {format} data: {reason}; fetch it again or convert it")]
    Damaged {
        /// JPEG or PNG.
        format: &'static str,
        /// The decoder's words.
        reason: String,
    },
    /// The target size cannot be made.
    #[error("cannot be scaled to {width}x{height} pixels: {reason}; choose another input size")]
    Resize {
        /// Columns wanted.
        width: usize,
        /// Rows wanted.
        height: usize,
        /// Why not.
        reason: String,
    },
}

/// A decoded picture: 8-bit RGB, upright.
#[derive(Clone, Debug)]
pub struct Picture {
    place: String,
    pixels: RgbImage,
}

impl Picture {
    /// Reads a JPEG or PNG file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is damaged or too large, or is of a kind that is not decoded
    /// ([`ImageErrorKind`]).
    pub fn open(path: impl AsRef<Path>) -> Result<Picture, ImageError> {
        let path = path.as_ref();
        let place = path.display().to_string();
        match read(path).and_then(|bytes| decode(&bytes)) {
            Ok(pixels) => Ok(Picture { place, pixels }),
            Err(kind) => Err(ImageError { place, kind }),
        }
    }

    /// Decodes a JPEG or PNG file in memory; `place` names it in errors.
    ///
    /// # Errors
    ///
    /// If the data are damaged, claim too many pixels, or are of a kind that is not decoded.
    pub fn decode(bytes: &[u8], place: &str) -> Result<Picture, ImageError> {
        match decode(bytes) {
            Ok(pixels) => Ok(Picture {
                place: place.into(),
                pixels,
            }),
            Err(kind) => Err(ImageError {
                place: place.into(),
                kind,
            }),
        }
    }

    /// A picture of pixels that are there already (height, width, 3 channels: red, green, blue);
    /// `place` names it in errors.
    ///
    /// # Errors
    ///
    /// If there are no pixels, too many, or not 3 channels.
    pub fn from_pixels(pixels: &ArrayView3<'_, u8>, place: &str) -> Result<Picture, ImageError> {
        let (height, width, channels) = pixels.dim();
        let fail = |kind| ImageError {
            place: place.into(),
            kind,
        };
        if height == 0 || width == 0 || channels != 3 {
            return Err(fail(ImageErrorKind::Pixels {
                height,
                width,
                channels,
            }));
        }
        let side = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (columns, rows) = (side(width), side(height));
        check_size(columns, rows, 0).map_err(fail)?;
        let bytes = pixels.iter().copied().collect();
        match RgbImage::from_raw(columns, rows, bytes) {
            Some(pixels) => Ok(Picture {
                place: place.into(),
                pixels,
            }),
            None => unreachable!("{height}x{width} pixels of 3 channels were collected"),
        }
    }

    /// The part of a picture that begins at (`left`, `top`) and has `width` x `height` pixels, or as
    /// many of them as there are, at least one.
    #[must_use]
    pub fn cut(&self, [left, top]: [u32; 2], [width, height]: [u32; 2]) -> Picture {
        let (columns, rows) = self.size();
        let (left, top) = (left.min(columns - 1), top.min(rows - 1));
        let (width, height) = (width.clamp(1, columns - left), height.clamp(1, rows - top));
        Picture {
            place: self.place.clone(),
            pixels: imageops::crop_imm(&self.pixels, left, top, width, height).to_image(),
        }
    }

    /// Left and right exchanged.
    #[must_use]
    pub fn mirrored(&self) -> Picture {
        Picture {
            place: self.place.clone(),
            pixels: imageops::flip_horizontal(&self.pixels),
        }
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        self.pixels.dimensions()
    }

    /// The network's input tensor of its default size: row, column, channel in the network's order.
    ///
    /// # Errors
    ///
    /// If the picture cannot be scaled to that size.
    pub fn to_input(&self, input: &Input) -> Result<Array3<u8>, ImageError> {
        self.to_input_of(input, input.height, input.width)
    }

    /// The network's input tensor of `height` x `width` pixels.
    ///
    /// # Errors
    ///
    /// If the picture cannot be scaled to that size.
    pub fn to_input_of(
        &self,
        input: &Input,
        height: usize,
        width: usize,
    ) -> Result<Array3<u8>, ImageError> {
        resize(&self.pixels, input, height, width).map_err(|reason| ImageError {
            place: self.place.clone(),
            kind: ImageErrorKind::Resize {
                width,
                height,
                reason,
            },
        })
    }
}

/// Extensions of picture files in a folder.
const EXTENSIONS: [&str; 3] = ["jpg", "jpeg", "png"];

/// The picture files of a folder, by name, with those of the folders below it if `recursive`. Links
/// to folders are not followed, so that no circle is walked.
///
/// # Errors
///
/// If a folder cannot be read.
pub fn listed(folder: &Path, recursive: bool) -> io::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            match recursive && entry.file_type()?.is_dir() {
                true => folders.push(entry.path()),
                false => files.push(entry.path()),
            }
        }
    }
    files.retain(|file| {
        let extension = file.extension().map(|e| e.to_ascii_lowercase());
        extension.is_some_and(|e| EXTENSIONS.iter().any(|known| e == *known))
    });
    files.sort();
    Ok(files)
}

/// Reads a picture file as the network's input tensor of its default size.
///
/// # Errors
///
/// Those of [`Picture::open`] and [`Picture::to_input`].
pub fn load(path: impl AsRef<Path>, input: &Input) -> Result<Array3<u8>, ImageError> {
    Picture::open(path)?.to_input(input)
}

fn read(path: &Path) -> Result<Vec<u8>, ImageErrorKind> {
    file::read(path, MAX_FILE_BYTES).map_err(|error| match error {
        FileError::Io(e) => e.into(),
        FileError::NotAFile => ImageErrorKind::NotAFile,
        FileError::TooLarge => ImageErrorKind::TooLarge,
    })
}

fn decode(bytes: &[u8]) -> Result<RgbImage, ImageErrorKind> {
    let (picture, orientation) = match bytes {
        [] => return Err(ImageErrorKind::Empty),
        [0xff, 0xd8, 0xff, ..] => {
            let (picture, orientation) = jpeg::decode(bytes)?;
            (DynamicImage::ImageRgb8(picture), orientation)
        }
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => png(bytes)?,
        _ => return Err(ImageErrorKind::UnknownFormat),
    };
    let mut picture = picture;
    picture.apply_orientation(orientation);
    Ok(picture.into_rgb8())
}

fn png(bytes: &[u8]) -> Result<(DynamicImage, Orientation), ImageErrorKind> {
    let failed = |error: Failure| match error {
        Failure::IoError(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            ImageErrorKind::Truncated("PNG")
        }
        e => ImageErrorKind::Damaged {
            format: "PNG",
            reason: e.to_string(),
        },
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut decoder = PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, decoder.total_bytes())?;
    let bits = u64::from(decoder.original_color_type().bits_per_pixel());
    let pixels = u64::from(width) * u64::from(height);
    if (bytes.len() as u64) < pixels * bits / 8 / PNG_BYTES_A_BYTE {
        return Err(ImageErrorKind::TooShort {
            bytes: bytes.len(),
            width,
            height,
        });
    }
    let orientation = decoder.orientation().map_err(failed)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    Ok((picture, orientation))
}

/// Refuses pictures that would take too much time or memory; `decoded` is in bytes.
fn check_size(width: u32, height: u32, decoded: u64) -> Result<(), ImageErrorKind> {
    match width.max(height) <= MAX_SIDE
        && u64::from(width) * u64::from(height) <= MAX_PIXELS
        && decoded <= MAX_DECODED_BYTES
    {
        true => Ok(()),
        false => Err(ImageErrorKind::TooManyPixels { width, height }),
    }
}

/// The input tensor: the picture, scaled to what the border leaves of the input, and the border.
fn resize(
    pixels: &RgbImage,
    input: &Input,
    height: usize,
    width: usize,
) -> Result<Array3<u8>, String> {
    let border = &input.border;
    if border.is_none() {
        return scaled(pixels, input, height, width);
    }
    let [inner_height, inner_width] = input.inner([height, width]);
    if inner_height == 0 || inner_width == 0 {
        return Err(format!(
            "{} of its rows and {} of its columns are the border that the first convolution wants",
            border.top + border.bottom,
            border.left + border.right
        ));
    }
    if height.max(width) > MAX_SIDE as usize {
        return Err(format!("a side must have 1 to {MAX_SIDE} pixels"));
    }
    let picture = scaled(pixels, input, inner_height, inner_width)?;
    let mut tensor = Array3::from_shape_fn((height, width, 3), |(_, _, c)| border.pixel[c]);
    let (rows, columns) = (border.top.., border.left..);
    tensor
        .slice_mut(s![rows, columns, ..])
        .slice_mut(s![..inner_height, ..inner_width, ..])
        .assign(&picture);
    Ok(tensor)
}

/// The picture alone, in the input's order of channels.
fn scaled(
    pixels: &RgbImage,
    input: &Input,
    height: usize,
    width: usize,
) -> Result<Array3<u8>, String> {
    let (columns, rows) = pixels.dimensions();
    let side = |n: usize| match u32::try_from(n) {
        Ok(n @ 1..=MAX_SIDE) => Ok(n),
        _ => Err(format!("a side must have 1 to {MAX_SIDE} pixels")),
    };
    let source = ImageRef::new(columns, rows, pixels.as_raw(), PixelType::U8x3)
        .map_err(|e| e.to_string())?;
    let mut target = Image::new(side(width)?, side(height)?, PixelType::U8x3);
    let mut options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    if let ResizePolicy::CropCenter { short } = input.resize {
        // Cut first and scale the cut: the same picture without the scaled whole in memory.
        let scale = f64::from(columns.min(rows)) / short.max(1) as f64;
        let cut = |whole: u32, wanted: usize| (wanted as f64 * scale).min(f64::from(whole));
        let (wide, high) = (cut(columns, width), cut(rows, height));
        let (left, top) = (
            (f64::from(columns) - wide) / 2.0,
            (f64::from(rows) - high) / 2.0,
        );
        options = options.crop(left, top, wide, high);
    }
    Resizer::new()
        .resize(&source, &mut target, &options)
        .map_err(|e| e.to_string())?;
    let mut tensor =
        Array3::from_shape_vec((height, width, 3), target.into_vec()).map_err(|e| e.to_string())?;
    let pixels = tensor.as_slice_mut().unwrap_or_default();
    let pixels = pixels.as_chunks_mut::<3>().0.iter_mut();
    match input.order {
        PixelOrder::Rgb => {}
        PixelOrder::Bgr => pixels.for_each(|pixel| pixel.swap(0, 2)),
        PixelOrder::Grey => pixels.for_each(|pixel| *pixel = [brightness(*pixel); 3]),
    }
    Ok(tensor)
}

/// Of red, green and blue, with Pillow's weights and rounding.
fn brightness([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue);
    ((sum + 0x8000) >> 16) as u8
}
