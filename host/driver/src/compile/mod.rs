//! The scheduler: compiles a network for a configuration and a picture size.

mod banks;
mod blocks;
mod emit;
mod emitter;
mod error;
mod fused;
mod in_place;
mod inputs;
mod layout;
mod loads;
mod margins;
mod memory;
mod options;
mod order;
mod pack;
mod pitch;
mod place;
mod plan;
mod planner;
mod ring;
mod structure;
mod sums;
mod tiles;
mod timeline;
mod users;

pub use error::CompileError;
pub use options::{CompileOptions, Limits, Weights};
pub use sums::sum_bits;

use crate::program::Program;
use firebrick_network::Network;
use firebrick_spec::HwConfig;
use firebrick_spec::resources::MemoryKind;

/// Compiles a network into the command stream that runs it on pictures of `height` x `width`
/// pixels.
pub fn compile(
    network: &Network,
    config: &HwConfig,
    height: usize,
    width: usize,
    options: &CompileOptions,
) -> Result<Program, CompileError> {
    check_config(config)?;
    sums::check(network, config)?;
    let shapes = network
        .shapes(height, width)
        .map_err(|source| CompileError::Shape {
            height,
            width,
            source,
        })?;
    let structure = structure::Structure::of(network, &shapes, config.window_kernel)?;
    let planner = plan::Planner {
        network,
        shapes: &shapes,
        config,
        structure: &structure,
        options,
        pitches: pitch::Pitches::of(&structure, config),
    };
    if width > config.window_width {
        return Err(planner.too_small(
            structure.stages[0][0],
            (MemoryKind::WindowRows, "pixels a row"),
            width,
            config.window_width,
            "use a narrower picture",
        ));
    }
    let plan = planner.plan()?;
    let resident = match options.weights {
        Weights::Streamed => false,
        Weights::Resident => true,
        Weights::Auto => plan.is_resident(config),
    };
    emitter::Emitter::new(&planner, &plan).run(height, width, resident)
}

/// What this scheduler can drive.
fn check_config(config: &HwConfig) -> Result<(), CompileError> {
    let fail = |what: String| {
        Err(CompileError::Config {
            config: config.name.clone(),
            what,
        })
    };
    if ![1, 2, 4, 8].contains(&config.lanes) {
        return fail(format!(
            "{} lanes; this scheduler drives 1, 2, 4 or 8",
            config.lanes
        ));
    }
    if ![8, 16].contains(&config.tile) {
        return fail(format!(
            "a tile of {}; this scheduler drives tiles of 8 or 16",
            config.tile
        ));
    }
    if config.requantisers == 0 || config.acc_depth == 0 || config.block_queue == 0 {
        return fail("requantisers, acc_depth and block_queue must not be 0".into());
    }
    Ok(())
}
