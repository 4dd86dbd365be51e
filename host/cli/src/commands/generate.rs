//! `firebrick generate`: Verilog, the configuration beside it, and what a board needs.

#[cfg(feature = "sim")]
use firebrick_spec::HwConfig;
#[cfg(feature = "sim")]
use firebrick_spec::config::DEFAULT_PRESET;

use crate::args;
use crate::error::CliError;
use crate::output::Output;

#[cfg(not(feature = "sim"))]
pub fn run(_: &args::Generate, _: &mut Output) -> Result<(), CliError> {
    Err(CliError::NoSimulator { what: "generate" })
}

#[cfg(feature = "sim")]
pub fn run(args: &args::Generate, output: &mut Output) -> Result<(), CliError> {
    let config = match (&args.config, args.board) {
        (Some(config), _) => config.clone(),
        (None, Some(board)) => board.config(),
        (None, None) => HwConfig::preset(DEFAULT_PRESET).expect("the default preset exists"),
    };
    let (mut beside, mut ultra) = (Vec::new(), Vec::new());
    if let Some(board) = args.board {
        if !config.fits(board) {
            return Err(CliError::DoesNotFit {
                preset: config.name.clone(),
                board,
                need: config.resources(board),
            });
        }
        beside = firebrick_board::files(board, &config);
        ultra = config.ultra_memories(board);
    }
    // Before the Verilog, which takes a moment.
    let folder = files::Folder::open(&args.output, args.force, &beside)?;
    let verilog = firebrick_rtl::top::generate_with(&config, &ultra).map_err(|source| {
        CliError::Generate {
            preset: config.name.clone(),
            source,
        }
    })?;
    let json = files::config_json(&config, &verilog);
    let own = [(files::VERILOG, &verilog), (files::CONFIG, &json)];
    let beside = beside.iter().map(|file| (file.path.as_str(), &file.text));
    for (name, text) in own.into_iter().chain(beside) {
        let path = folder.write(name, text)?;
        output.line(format_args!("{} ({} bytes)", path.display(), text.len()))?;
    }
    Ok(())
}

#[cfg(feature = "sim")]
mod files {
    use std::fs::{self, File};
    use std::io::{self, Read};
    use std::path::{Path, PathBuf};

    use firebrick_rtl::top;
    use firebrick_spec::{ABI_VERSION, HwConfig};
    use serde::Serialize;
    use sha2::{Digest, Sha256};

    use crate::commands::{Configuration, Memory, memories};
    use crate::error::CliError;
    use crate::output::hex;
    use crate::outputs::{Kind, Place};

    pub use firebrick_board::VERILOG;
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
            abi: firebrick_spec::version(ABI_VERSION),
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
        /// Makes the folder and those below it that `beside` needs, and looks whether files of others
        /// are in the way.
        pub fn open(
            dir: &Path,
            force: bool,
            beside: &[firebrick_board::File],
        ) -> Result<Folder, CliError> {
            let fail = |source| CliError::OutputDir {
                dir: dir.to_owned(),
                source,
            };
            fs::create_dir_all(dir).map_err(fail)?;
            let beside = beside.iter().map(|f| (f.path.as_str(), f.beginning()));
            for (name, beginning) in FILES.into_iter().chain(beside) {
                let file = dir.join(name);
                if let Some(parent) = file.parent() {
                    fs::create_dir_all(parent).map_err(fail)?;
                }
                let own = starts_with(&file, beginning).map_err(|source| {
                    let file = file.clone();
                    CliError::OutputFile { file, source }
                })?;
                if !own && !force {
                    return Err(CliError::ForeignFile { file });
                }
                Place::check(&file, Kind::GENERATED, &[], true)?.must_be_file()?;
            }
            Ok(Folder(dir.to_owned()))
        }

        /// Writes a file as a whole: a reader sees the old one or the new one.
        pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, CliError> {
            let path = self.0.join(name);
            // Its kind was looked at when the folder was opened.
            Place::check(&path, Kind::GENERATED, &[], true)?.write(text.as_bytes())?;
            Ok(path)
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
