//! A small network, pictures, and the backends that are there.
#![allow(dead_code)]

use std::io::Write as _;

use firebrick::Model;
use firebrick_network::random;
use ndarray::Array3;

/// Says that a test did not run, and why, past the test harness.
pub fn skipped(why: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// A network with a layer of each kind.
pub fn model() -> Model {
    Model::of(random::small())
}

/// Pixels of another size than the network's input.
pub fn pixels(seed: u64) -> Array3<u8> {
    random::picture(41, 53, seed)
}

/// Backends that need no board.
pub fn backends() -> Vec<&'static str> {
    let mut backends = vec!["model", "software:fb64"];
    if cfg!(feature = "sim") && firebrick_sim_is_there() {
        backends.push("sim:fb64");
    } else {
        skipped("the simulated engine: there is no Verilator");
    }
    backends
}

#[cfg(feature = "sim")]
fn firebrick_sim_is_there() -> bool {
    let environment = firebrick_sim::Environment::from_process();
    firebrick_sim::Toolchain::find(&environment).is_ok()
}

#[cfg(not(feature = "sim"))]
fn firebrick_sim_is_there() -> bool {
    false
}
