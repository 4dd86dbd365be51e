//! Any bytes as a picture, scaled to a network's input.
#![no_main]

use firebrick_network::{Picture, Preprocess};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(picture) = Picture::decode(data, "fuzz") {
        let _ = picture.to_input(&Preprocess::TORCHVISION.input(64, 64));
    }
});
