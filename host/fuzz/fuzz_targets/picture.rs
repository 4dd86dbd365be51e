//! Any bytes as a picture file, scaled to the tensor that the engine takes.
#![no_main]

use std::io::Cursor;

use firebrick_network::{Border, Input, Picture, PixelOrder, ResizePolicy};
use image::ImageReader;
use libfuzzer_sys::fuzz_target;

/// Pixels of a picture that take long to decode and scale under the sanitizer, and go no other way
/// than fewer. Still more are refused by their header.
const LARGE: std::ops::Range<u64> = 1 << 13..1 << 30;

fuzz_target!(|data: &[u8]| {
    let Some((way, file)) = data.split_first() else {
        return;
    };
    let claimed = ImageReader::new(Cursor::new(file)).with_guessed_format();
    if let Ok(Ok((width, height))) = claimed.map(ImageReader::into_dimensions)
        && LARGE.contains(&(u64::from(width) * u64::from(height)))
    {
        return;
    }
    let Ok(picture) = Picture::decode(file, "fuzz") else {
        return;
    };
    let input = Input {
        height: 24,
        width: 20,
        order: match way & 5 {
            0 => PixelOrder::Rgb,
            1 => PixelOrder::Bgr,
            _ => PixelOrder::Grey,
        },
        resize: match way & 2 {
            0 => ResizePolicy::Squash,
            _ => ResizePolicy::CropCenter { short: 32 },
        },
        border: match way & 8 {
            0 => Border::NONE,
            _ => Border {
                top: 1,
                left: 2,
                bottom: 3,
                right: 0,
                pixel: [104, 117, 123],
            },
        },
    };
    if let Ok(tensor) = picture.to_input(&input) {
        assert_eq!(tensor.dim(), (24, 20, 3));
    }
});
