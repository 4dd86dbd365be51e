//! Any bytes as a picture file, scaled to the tensor that the engine takes.
#![no_main]

use firebrick_network::{Input, Picture, PixelOrder, ResizePolicy};
use libfuzzer_sys::fuzz_target;

/// Pixels of a picture that is not scaled any more.
const LARGE: u64 = 1 << 16;

fuzz_target!(|data: &[u8]| {
    let Some((way, file)) = data.split_first() else {
        return;
    };
    let Ok(picture) = Picture::decode(file, "fuzz") else {
        return;
    };
    // Scaling a large one takes seconds under the sanitizer, and goes no other way than a small one.
    let (width, height) = picture.size();
    if u64::from(width) * u64::from(height) > LARGE {
        return;
    }
    let input = Input {
        height: 24,
        width: 20,
        order: match way & 1 {
            0 => PixelOrder::Rgb,
            _ => PixelOrder::Bgr,
        },
        resize: match way & 2 {
            0 => ResizePolicy::Squash,
            _ => ResizePolicy::CropCenter { short: 32 },
        },
    };
    if let Ok(tensor) = picture.to_input(&input) {
        assert_eq!(tensor.dim(), (24, 20, 3));
    }
});
