//! Any bytes as a float model, of whichever kind they are by their contents.
#![no_main]

use firebrick_network::import::{self, Options};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = import::read(data.to_vec(), "fuzz", &Options::default());
});
