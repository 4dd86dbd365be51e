//! `firebrick generate`: Verilog, the configuration beside it, and what a board needs.

#[cfg(feature = "sim")]
use firebrick_board::share;
#[cfg(feature = "sim")]
use firebrick_spec::HwConfig;
#[cfg(feature = "sim")]
use firebrick_spec::config::DEFAULT_PRESET;

use crate::args;
use crate::error::CliError;
use crate::output::Output;

#[cfg(not(feature = "sim"))]
pub fn run(_: &args::Generate, _: &mut Output) -> Result<(), CliError> {
    Err(crate::device::needs_simulator("generate"))
}

#[cfg(feature = "sim")]
pub fn run(args: &args::Generate, output: &mut Output) -> Result<(), CliError> {
    let board = args.boards.given(args.board.as_ref())?;
    let config = match (&args.config, board) {
        (Some(config), _) => config.clone(),
        (None, Some(board)) => board.config(),
        (None, None) => HwConfig::preset(DEFAULT_PRESET).expect("the default preset exists"),
    };
    let config = match args.family {
        Some(family) => super::of_family(&config, family)?,
        None => config,
    };
    let config = match board {
        Some(board) => super::for_board(&config, board.board())?,
        None => config,
    };
    let engines = usize::from(args.engines);
    if let Some(board) = board {
        let over = config.over(&share(board, engines), &args.limits.given);
        if !over.is_empty() {
            return Err(CliError::DoesNotFit {
                preset: match engines {
                    1 => config.name.clone(),
                    engines => format!("one of {engines} engines, {},", config.name),
                },
                board: board.board(),
                over,
            });
        }
    }
    let folder = files::Folder::open(&args.output)?;
    let ultra = board.map(|board| config.ultra_memories(&share(board, engines)));
    let core = firebrick_rtl::top::generate_with(&config, &ultra.unwrap_or_default(), &args.top)
        .map_err(|source| CliError::Generate {
            preset: config.name.clone(),
            source,
        })?;
    let verilog = files::verilog(&core, args.single_file, &args.top);
    let sources: Vec<String> = verilog.iter().map(|file| file.path.clone()).collect();
    let mut all = vec![
        files::list(&config, &sources),
        files::config(&config, &args.top, &verilog),
    ];
    all.extend(verilog);
    if let Some(board) = board {
        all.extend(firebrick_board::files(board, &config, engines, &sources));
    }
    if args.testbench {
        all.extend(bench::files(&config, &args.top)?);
    }
    folder.claim(&all, args.force)?;
    folder.drop_others(&sources)?;
    for file in &all {
        let path = folder.write(&file.path, &file.text)?;
        output.line(format_args!(
            "{} ({} bytes)",
            path.display(),
            file.text.len()
        ))?;
    }
    Ok(())
}

#[cfg(feature = "sim")]
mod bench {
    use firebrick_board::{FILE_LIST, File};
    use firebrick_driver::{CompileOptions, Weights, compile};
    use firebrick_network::{Network, NodeId, random};
    use firebrick_sim::testbench::{Vectors, testbench};
    use firebrick_spec::HwConfig;

    use crate::commands::compile::{cycles, result};
    use crate::error::CliError;

    /// Height and width of the picture.
    const SIDE: usize = 28;

    /// A SqueezeNet in miniature: every kind of layer, in some 10,000 cycles.
    fn network() -> Network {
        let mut builder = random::Builder::new(1);
        let x = builder.conv("conv1", NodeId::INPUT, 32, (3, 2, 0));
        let x = builder.pool("pool1", x, true);
        let fire2 = builder.fire("fire2", x, 16, 32, 32);
        let fire3 = builder.fire("fire3", fire2, 24, 32, 32);
        let x = builder.add("fire3/bypass", fire2, fire3);
        let x = builder.pool("pool3", x, true);
        let x = builder.conv("conv10", x, 10, (1, 1, 0));
        builder.finish(x, SIDE, SIDE)
    }

    /// The test bench with its vectors.
    pub fn files(config: &HwConfig, top: &str) -> Result<Vec<File>, CliError> {
        let options = CompileOptions {
            check: true,
            weights: Weights::Streamed,
            ..CompileOptions::default()
        };
        let program = compile(&network(), config, SIDE, SIDE, &options)?;
        let transfer = program.transfer(&random::picture(SIDE, SIDE, 1).view())?;
        let vectors = Vectors {
            expect: &result(&program, &transfer)?,
            cycles: cycles(&program, &transfer)?,
            transfer: &transfer,
        };
        let files = testbench(config, top, FILE_LIST, &vectors).into_iter();
        Ok(files.map(|(path, text)| File { path, text }).collect())
    }
}

#[cfg(feature = "sim")]
mod files {
    use std::fs;
    use std::io::{self, Read};
    use std::path::{Path, PathBuf};

    use firebrick_board::{FILE_LIST, File};
    use firebrick_rtl::top::Generated;
    use firebrick_spec::{ABI_VERSION, HwConfig};
    use serde::Serialize;
    use sha2::{Digest, Sha256};

    use crate::commands::{Configuration, EngineMemory, memories};
    use crate::error::CliError;
    use crate::output::hex;
    use crate::outputs::{Kind, Place};

    const CONFIG: &str = "config.json";
    /// Folder of the Verilog files below that of the output.
    const RTL: &str = "rtl";
    /// How Verilog files and their list begin, by which this program knows its own.
    const VERILOG: &str = "// Firebrick, configuration ";

    /// How the page that the cocotb bench reads begins.
    const PAGE: &str = "<!-- Generated by";

    /// How a file begins, by which this program knows its own.
    fn beginning(file: &File) -> &'static str {
        match file.path.rsplit_once('.') {
            Some((_, "v" | "f" | "hex")) => VERILOG,
            Some((_, "md")) if file.path != "README.md" => PAGE,
            _ => file.beginning(),
        }
    }

    /// The Verilog files.
    pub fn verilog(core: &Generated, single: bool, top: &str) -> Vec<File> {
        if single {
            return vec![File {
                path: format!("{top}.v"),
                text: core.single_file(),
            }];
        }
        let files = core.files().into_iter();
        files
            .map(|(name, text)| File {
                path: format!("{RTL}/{name}"),
                text,
            })
            .collect()
    }

    /// The list of Verilog files.
    pub fn list(config: &HwConfig, sources: &[String]) -> File {
        let title = format!(
            "{VERILOG}{}, hash {:016x}: Verilog files",
            config.name,
            config.hash()
        );
        File {
            path: FILE_LIST.to_owned(),
            text: format!("{title}\n{}\n", sources.join("\n")),
        }
    }

    #[derive(Serialize)]
    struct Config<'a> {
        generator: &'static str,
        preset: &'a str,
        hash: String,
        abi: String,
        macs_per_cycle: usize,
        memory_bytes: usize,
        top: &'a str,
        sources: Vec<&'a str>,
        /// Of the files in this order, one behind the other.
        sources_sha256: String,
        configuration: Configuration,
        memories: Vec<EngineMemory>,
    }

    /// The configuration.
    pub fn config(config: &HwConfig, top: &str, verilog: &[File]) -> File {
        let mut hash = Sha256::new();
        verilog.iter().for_each(|file| hash.update(&file.text));
        let config = Config {
            generator: concat!("firebrick ", env!("CARGO_PKG_VERSION")),
            preset: &config.name,
            hash: format!("{:016x}", config.hash()),
            abi: firebrick_spec::version(ABI_VERSION),
            macs_per_cycle: config.macs_per_cycle(),
            memory_bytes: config.memory_bytes(),
            top,
            sources: verilog.iter().map(|file| file.path.as_str()).collect(),
            sources_sha256: hex(&hash.finalize()),
            configuration: Configuration::of(config),
            memories: memories(config),
        };
        let text = serde_json::to_string_pretty(&config);
        File {
            path: CONFIG.to_owned(),
            text: text.expect("names and numbers can always be written") + "\n",
        }
    }

    /// Where files go.
    pub struct Folder(PathBuf);

    impl Folder {
        /// Makes the folder.
        pub fn open(dir: &Path) -> Result<Folder, CliError> {
            fs::create_dir_all(dir).map_err(|source| CliError::OutputDir {
                dir: dir.to_owned(),
                source,
            })?;
            Ok(Folder(dir.to_owned()))
        }

        /// Makes the folders that the files need, and looks whether files of others are in the way.
        pub fn claim(&self, files: &[File], force: bool) -> Result<(), CliError> {
            for each in files {
                let file = self.0.join(&each.path);
                if let Some(parent) = file.parent() {
                    fs::create_dir_all(parent).map_err(|source| CliError::OutputDir {
                        dir: parent.to_owned(),
                        source,
                    })?;
                }
                let own = starts_with(&file, beginning(each)).map_err(|source| {
                    let file = file.clone();
                    CliError::OutputFile { file, source }
                })?;
                if !own && !force {
                    return Err(CliError::ForeignFile { file });
                }
                Place::check(&file, Kind::GENERATED, &[], true)?.must_be_file()?;
            }
            Ok(())
        }

        /// Removes Verilog files that this program wrote before and that are not among `sources`:
        /// tools that read whole folders would take them in.
        pub fn drop_others(&self, sources: &[String]) -> Result<(), CliError> {
            for dir in [self.0.clone(), self.0.join(RTL)] {
                let Ok(entries) = fs::read_dir(&dir) else {
                    continue;
                };
                for file in entries.flatten().map(|entry| entry.path()) {
                    let kept = sources.iter().any(|source| self.0.join(source) == file);
                    if kept || file.extension().is_none_or(|e| e != "v") {
                        continue;
                    }
                    if starts_with(&file, VERILOG).unwrap_or(false) {
                        fs::remove_file(&file)
                            .map_err(|source| CliError::OutputFile { file, source })?;
                    }
                }
            }
            Ok(())
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
        fs::File::open(path)?
            .take(beginning.len() as u64)
            .read_to_end(&mut start)?;
        Ok(start == beginning.as_bytes())
    }
}
