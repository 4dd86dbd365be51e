//! `--write FILE`: a configuration as a file that `--preset` takes.

use std::path::Path;

use firebrick::preset;
use firebrick_spec::HwConfig;

use crate::error::CliError;
use crate::outputs::{Kind, Place};
use crate::progress::note;

/// Where a file goes, looked at before the work begins.
pub fn check(path: &Path, inputs: &[&Path], force: bool) -> Result<Place, CliError> {
    Place::check(path, Kind::PRESET, inputs, force)
}

/// Writes the file, with notes above the parameters, and says them.
pub fn write(
    place: &Place,
    path: &Path,
    config: &HwConfig,
    notes: &[String],
) -> Result<(), CliError> {
    place.write(preset::text(config, notes).as_bytes())?;
    note(format_args!("{}: {}", path.display(), config.name));
    notes.iter().for_each(note);
    Ok(())
}
