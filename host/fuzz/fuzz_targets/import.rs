//! Any bytes as a float model: ONNX, safetensors, npz or pickle by their first bytes.
#![no_main]

use firebrick_network::import::{self, Options};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = import::read(data.to_vec(), "fuzz", &Options::default());
});
