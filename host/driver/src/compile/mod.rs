//! The scheduler: compiles a network for a configuration and a picture size.

mod emit;
mod error;
mod memory;
mod pack;
mod plan;
mod ring;
mod structure;
mod tiles;
mod timeline;

pub use error::CompileError;

use crate::program::Program;
use firebrick_network::Network;
use firebrick_spec::HwConfig;

/// What to compile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CompileOptions {
    /// Also send every node's feature map to the host, for comparison with the model.
    pub check: bool,
}

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
    };
    if width > config.window_width {
        return Err(planner.too_small(
            structure.stages[0][0],
            ("window unit", "pixels in a row"),
            width,
            config.window_width,
            "use a narrower picture",
        ));
    }
    let plan = planner.plan()?;
    emit::Emitter::new(&planner, &plan).run(height, width)
}

/// What this scheduler can drive.
fn check_config(config: &HwConfig) -> Result<(), CompileError> {
    let fail = |what: String| {
        Err(CompileError::Config {
            config: config.name.clone(),
            what,
        })
    };
    if config.lanes != 1 {
        return fail(format!("{} lanes; this scheduler drives 1", config.lanes));
    }
    if config.tile == 0 || config.tile != config.bus_bytes {
        return fail(format!(
            "a tile of {} with a bus of {} bytes; this scheduler needs them equal",
            config.tile, config.bus_bytes
        ));
    }
    if config.requantisers == 0 || config.acc_depth == 0 || config.window_kernel == 0 {
        return fail("requantisers, acc_depth and window_kernel must not be 0".into());
    }
    Ok(())
}
