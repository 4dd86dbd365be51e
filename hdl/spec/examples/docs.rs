//! Writes `docs/registers.md`, `docs/commands.md` and `docs/presets.md`.

use firebrick_spec::docs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("registers.md"), docs::registers_page())?;
    std::fs::write(folder.join("presets.md"), docs::presets_page())?;
    std::fs::write(folder.join("commands.md"), docs::commands_page())
}
