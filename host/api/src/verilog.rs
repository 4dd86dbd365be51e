//! The engine's Verilog, for build scripts.

use std::path::Path;

use firebrick_spec::HwConfig;

use crate::{Error, preset};

/// Name of the top module.
pub const TOP: &str = firebrick_rtl::top::TOP;

/// The engine of a configuration as one Verilog text, with the top module [`TOP`].
///
/// # Errors
/// If a figure of the configuration is out of its range; presets are not.
pub fn text(config: &HwConfig) -> Result<String, Error> {
    let verilog = firebrick_rtl::top::generate(config);
    Ok(verilog.map_err(|error| Box::new(firebrick_sim::SimError::Generate(error)))?)
}

/// Writes the engine of a preset, or of the configuration in a file, to a file.
///
/// # Errors
/// If there is no such preset, or the file cannot be written.
pub fn write(engine: &str, path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    let config = preset::find(engine).map_err(|source| Error::Preset {
        place: path.display().to_string(),
        source,
    })?;
    std::fs::write(path, text(&config)?).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}
