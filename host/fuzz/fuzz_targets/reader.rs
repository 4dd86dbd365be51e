//! Any bytes as a float model of one kind, which FIREBRICK_READER names: what a kind is told by is not
//! looked at, so that no time is lost on files of another kind.
#![no_main]

use std::sync::LazyLock;

use firebrick_network::import::{self, Format, Options};
use libfuzzer_sys::fuzz_target;

static FORMAT: LazyLock<Format> = LazyLock::new(|| {
    let name = std::env::var("FIREBRICK_READER").unwrap_or_default();
    match name.as_str() {
        "onnx" => Format::Onnx,
        "safetensors" => Format::Safetensors,
        "npz" => Format::Npz,
        "pickle" => Format::Pickle,
        "torch" => Format::Torch,
        "hdf5" => Format::Hdf5,
        "keras" => Format::Keras,
        "tflite" => Format::Tflite,
        "coreml" => Format::CoreMl,
        "caffe" => Format::Caffe,
        "mxnet" => Format::Mxnet,
        "deep" => Format::Deep,
        _ => panic!("FIREBRICK_READER is {name:?}; run scripts/fuzz reader-onnx or the like"),
    }
});

fuzz_target!(|data: &[u8]| {
    let _ = import::read_as(*FORMAT, data.to_vec(), "fuzz", &Options::default());
});
