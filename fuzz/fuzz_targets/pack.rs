//! Any bytes as a packed model.
#![no_main]

use firebrick_network::Network;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Network::from_bytes(data);
});
