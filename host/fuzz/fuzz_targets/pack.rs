//! Any bytes as a packed model: read, and all that is derived from one that is accepted.
#![no_main]

use firebrick_model::Model;
use firebrick_network::Network;
use libfuzzer_sys::fuzz_target;

/// Of the picture that an accepted model is asked about; more would take long, not further.
const SIDE: usize = 32;

fuzz_target!(|data: &[u8]| {
    let Ok(network) = Network::from_bytes(data) else {
        return;
    };
    let (height, width) = (
        network.input.height.min(SIDE),
        network.input.width.min(SIDE),
    );
    let _ = network.shapes(height, width);
    let _ = network.macs(height, width);
    let _ = Model::new(&network);
    // An accepted model is written and read back as it is.
    let bytes = network.to_bytes().expect("what was read can be written");
    assert_eq!(
        Network::from_bytes(&bytes).expect("and read again"),
        network
    );
});
