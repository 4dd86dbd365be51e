//! `firebrick generate`: Verilog, and the configuration beside it.

use crate::args;
use crate::error::CliError;
use crate::output::Output;

#[cfg(not(feature = "sim"))]
pub fn run(_: &args::Generate, _: &mut Output) -> Result<(), CliError> {
    Err(CliError::NoSimulator { what: "generate" })
}

#[cfg(feature = "sim")]
pub fn run(args: &args::Generate, output: &mut Output) -> Result<(), CliError> {
    let config = &args.preset.config;
    // Before the Verilog, which takes a moment.
    let folder = files::Folder::open(&args.output, args.force)?;
    let verilog = firebrick_rtl::top::generate(config).map_err(|source| CliError::Generate {
        preset: config.name.clone(),
        source,
    })?;
    let files = [
        (files::VERILOG, verilog.as_str()),
        (files::CONFIG, &files::config_json(config, &verilog)),
    ];
    for (name, text) in files {
        let path = folder.write(name, text)?;
        output.line(format_args!("{} ({} bytes)", path.display(), text.len()))?;
    }
    Ok(())
}

#[cfg(feature = "sim")]
mod files {
    use std::fs::{self, File};
    use std::io::{self, Read, Write};
    use std::path::{Path, PathBuf};

    use firebrick_rtl::top;
    use firebrick_spec::{ABI_VERSION, HwConfig};
    use serde::Serialize;
    use sha2::{Digest, Sha256};

    use crate::commands::{Configuration, Memory, memories};
    use crate::error::CliError;
    use crate::output::hex;

    pub const VERILOG: &str = "firebrick_top.v";
    pub const CONFIG: &str = "config.json";
    /// The files, each with the beginning by which this program knows its own.
    const FILES: [(&str, &str); 2] = [
        (VERILOG, "// Firebrick, configuration "),
        (CONFIG, "{\n  \"generator\": \"firebrick "),
    ];

    #[derive(Serialize)]
    struct Config<'a> {
        generator: &'static str,
        preset: &'a str,
        hash: String,
        abi: String,
        macs_per_cycle: usize,
        memory_bytes: usize,
        top: &'static str,
        verilog: &'static str,
        verilog_sha256: String,
        configuration: Configuration,
        memories: Vec<Memory>,
    }

    pub fn config_json(config: &HwConfig, verilog: &str) -> String {
        let config = Config {
            generator: concat!("firebrick ", env!("CARGO_PKG_VERSION")),
            preset: &config.name,
            hash: format!("{:016x}", config.hash()),
            abi: format!("{}.{}", ABI_VERSION >> 16, ABI_VERSION & 0xffff),
            macs_per_cycle: config.macs_per_cycle(),
            memory_bytes: config.memory_bytes(),
            top: top::TOP,
            verilog: VERILOG,
            verilog_sha256: hex(&Sha256::digest(verilog)),
            configuration: Configuration::of(config),
            memories: memories(config),
        };
        let text = serde_json::to_string_pretty(&config);
        text.expect("names and numbers can always be written") + "\n"
    }

    /// Where files go.
    pub struct Folder(PathBuf);

    impl Folder {
        /// Makes the folder, and looks whether files of others are in the way.
        pub fn open(dir: &Path, force: bool) -> Result<Folder, CliError> {
            let fail = |source| CliError::OutputDir {
                dir: dir.to_owned(),
                source,
            };
            fs::create_dir_all(dir).map_err(fail)?;
            for (name, beginning) in FILES {
                let file = dir.join(name);
                let own = starts_with(&file, beginning).map_err(|source| {
                    let file = file.clone();
                    CliError::OutputFile { file, source }
                })?;
                if !own && !force {
                    return Err(CliError::ForeignFile { file });
                }
            }
            Ok(Folder(dir.to_owned()))
        }

        /// Writes a file as a whole: a reader sees the old one or the new one.
        pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, CliError> {
            let path = self.0.join(name);
            let part = self.0.join(format!(".{name}.{}.part", std::process::id()));
            let written = File::create(&part)
                .and_then(|mut file| {
                    file.write_all(text.as_bytes())
                        .and_then(|()| file.sync_all())
                })
                .and_then(|()| fs::rename(&part, &path));
            match written {
                Ok(()) => Ok(path),
                Err(source) => {
                    let _ = fs::remove_file(&part);
                    Err(CliError::OutputFile { file: path, source })
                }
            }
        }
    }

    /// Whether a file begins so, or is not there.
    fn starts_with(path: &Path, beginning: &str) -> io::Result<bool> {
        match fs::metadata(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(e) => return Err(e),
            Ok(found) if !found.is_file() => return Ok(false),
            Ok(_) => {}
        }
        let mut start = Vec::new();
        File::open(path)?
            .take(beginning.len() as u64)
            .read_to_end(&mut start)?;
        Ok(start == beginning.as_bytes())
    }
}
