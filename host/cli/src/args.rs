//! The command line: all parsing, no acting.

mod check;
pub mod compile;
pub mod device;
pub mod emulate;
mod manual;
#[cfg(test)]
mod pages;
pub mod report;
pub mod serve;

pub use check::parse;
pub use manual::command;

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use firebrick::near;
use firebrick::preset::PresetError;
pub use firebrick::target::Size;
use firebrick_board::{BoardError, BoardFolder};
use firebrick_spec::HwConfig;
use firebrick_spec::board::Limits;
use firebrick_spec::config::{DEFAULT_PRESET, Family};

mod evaluate;
mod features;
mod import;
mod train;

pub use evaluate::{Evaluate, Maps};
pub use features::Features;
pub use import::{Import, Rounding};
pub use train::{Rule, Train};

/// Largest probability of a disturbance: at 1 nothing would ever move.
const CHANCE_MAX: f64 = 0.95;

/// SqueezeNet on an FPGA: classify pictures, verify the engine, generate its Verilog.
#[derive(Debug, Parser)]
#[command(name = "firebrick", version, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
    /// Do not show progress
    #[arg(short, long, global = true, display_order = 100)]
    pub quiet: bool,
    /// Log what is done with devices on standard error; -vv logs more, -vvv everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, display_order = 101)]
    pub verbose: u8,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Classify pictures
    Classify(Classify),
    /// Compare every feature map of the engine with the integer model
    Verify(Verify),
    /// Write the engine's Verilog and the files that a board needs
    Generate(Generate),
    /// List the engine's presets
    Presets(Presets),
    /// Show a configuration, the network's layers on it, and the predicted traffic and cycles
    Info(Info),
    /// Predict the engine's cycles, layer by layer, without running it
    Predict(Predict),
    /// Report on a network and a configuration in one HTML page: timeline, cycles, memory and
    /// figures
    Report(report::Report),
    /// Rank the configurations that fit a board by speed
    Explore(Explore),
    /// Print the command stream that runs the network
    Disasm(Disasm),
    /// Write the transfer for a picture, and the result it must give, for other programs and test
    /// benches
    Compile(compile::Compile),
    /// Quantise a float SqueezeNet and write it as a packed model
    Import(Import),
    /// Train the last layer for classes of your own: a folder of pictures for each
    Train(Train),
    /// Measure accuracy on labelled pictures
    Evaluate(Evaluate),
    /// Write a layer's feature vectors or maps of many pictures as one NumPy array
    Features(Features),
    /// Write every feature map of a picture, as the integer model computes it
    Maps(Maps),
    /// Emulate a board: create device nodes with the simulated engine behind them
    Emulate(emulate::Emulate),
    /// Serve models to other programs: the Open Inference Protocol over REST and gRPC
    Serve(serve::Serve),
    /// List the boards that are connected
    Devices(device::Devices),
    /// Check the path to a board step by step, and say how to fix what fails
    Doctor(device::Doctor),
    /// Measure packing, transfer, compute and latency separately
    Bench(device::Bench),
    /// Run a recording again and name the first word that differs
    Replay(device::Replay),
    /// Print the JSON schema of what a command prints with --json
    Schema(SchemaOf),
    /// Print a shell's completion script
    Completions(Completions),
    /// Write the man pages of the program and its commands
    Man(ManPages),
}

#[derive(Debug, clap::Args)]
pub struct Classify {
    #[command(flatten)]
    pub pictures: Pictures,
    /// What runs the network
    #[arg(long, value_enum, default_value = "model")]
    pub backend: Backend,
    #[command(flatten)]
    pub on: device::On,
    /// Record everything that crosses to and from the engine in a file, for `firebrick replay`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    #[command(flatten)]
    pub force: Force,
    #[command(flatten)]
    pub target: Target,
    /// How many classes to print for each picture
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u16).range(1..))]
    pub top: u16,
    /// How many pictures the simulator or the software engine runs back to back, so that the input
    /// of one overlaps the one before [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub batch: Option<u16>,
    /// Print where every MAC-cycle of each batch went, layer by layer (simulator only)
    #[arg(long)]
    pub layers: bool,
    #[command(flatten)]
    pub retries: device::Retries,
    #[command(flatten)]
    pub simulation: Simulation,
    #[command(flatten)]
    pub html: Html,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, clap::Args)]
pub struct Verify {
    #[command(flatten)]
    pub pictures: Pictures,
    /// What is compared with the model
    #[arg(long, value_enum, default_value = "sim")]
    pub backend: EngineBackend,
    #[command(flatten)]
    pub on: device::On,
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub simulation: Simulation,
    /// Switch off random idle cycles and back-pressure
    #[arg(long, conflicts_with_all = ["idle", "back_pressure"])]
    pub no_disturb: bool,
    /// Start the simulated engine with random memories and registers (this builds a separate
    /// simulation)
    #[arg(long)]
    pub random_state: bool,
    /// Write a waveform (FST) of the cycles given by --cycles
    #[arg(long, value_name = "FILE")]
    pub waveform: Option<PathBuf>,
    /// If a value is wrong or the engine stands still, run the same again and record the cycles in which it first
    /// does so, as DIR/first.fst, with views for GTKWave and Surfer [default DIR: divergence]
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true,
          default_missing_value = "divergence", conflicts_with = "waveform")]
    pub wave_at_divergence: Option<PathBuf>,
    #[command(flatten)]
    pub force: Force,
    /// Cycles that the waveform covers, counted from the start of the first picture's transfer
    #[arg(long, value_name = "FROM..TO", default_value = "0..20000", requires = "waveform", value_parser = cycles)]
    pub cycles: Range<u64>,
    /// Write the engine's feature maps, and their differences from the model's, to a folder for
    /// each picture
    #[arg(long, value_name = "DIR")]
    pub save_maps: Option<PathBuf>,
    /// Print a row for every layer, not only for those that differ
    #[arg(long)]
    pub table: bool,
    #[command(flatten)]
    pub html: Html,
    #[command(flatten)]
    pub live: Live,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, clap::Args)]
pub struct Generate {
    /// The engine's preset, with options appended (see `firebrick presets`), or a file that
    /// describes one (docs/presets.md) [default: the board's preset, or fb256]
    #[arg(long = "preset", value_name = "NAME|FILE", value_parser = preset)]
    pub config: Option<HwConfig>,
    /// Also write what this board needs: constraints, Vivado scripts, a FuseSoC core file and a C
    /// header; a packed array is built from the DSP slices of the board's part
    #[arg(long, value_name = "NAME", long_help = boards("Also write what this board needs: constraints, Vivado scripts, a FuseSoC core file and a C header"))]
    pub board: Option<String>,
    #[command(flatten)]
    pub boards: Boards,
    /// How many engines to put side by side on the board, each with its own streams, registers and
    /// interrupt
    #[arg(long, value_name = "N", default_value = "1", requires = "board",
          value_parser = clap::value_parser!(u8).range(1..=4))]
    pub engines: u8,
    /// DSP slices that a packed array is built from: xc7 (7 series), xcup (UltraScale and
    /// UltraScale+), or generic, from which any tool infers what the part has
    #[arg(long, value_name = "NAME", value_parser = family)]
    pub family: Option<Family>,
    #[command(flatten)]
    pub limits: BoardLimits,
    /// Folder for the files; it is created if it does not exist
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Write a single Verilog file instead of one per module
    #[arg(long)]
    pub single_file: bool,
    /// Also write a self-checking test bench in plain Verilog, with vectors of a small network
    #[arg(long)]
    pub testbench: bool,
    /// Name of the top module, for designs with several accelerators (not with --board)
    #[arg(long, value_name = "NAME", default_value = "firebrick_top", value_parser = module,
          conflicts_with = "board")]
    pub top: String,
    /// Overwrite files that this program did not write
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, clap::Args)]
pub struct BoardLimits {
    /// How much of each of the board's resources may be used, in percent; those not named keep
    /// their defaults
    #[arg(
        id = "limits",
        long = "limits",
        value_name = "RESOURCE=PERCENT,...",
        default_value_t = Limits::default()
    )]
    pub given: Limits,
}

#[derive(Debug, clap::Args)]
pub struct Presets {
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, clap::Args)]
pub struct Info {
    #[command(flatten)]
    pub target: Target,
    /// Show what the engine takes of this board; without --preset, the board's own preset is used
    #[arg(long, value_name = "NAME", long_help = boards("Show what the engine takes of this board; without --preset, the board's own preset is used"))]
    pub board: Option<String>,
    #[command(flatten)]
    pub boards: Boards,
    #[command(flatten)]
    pub limits: BoardLimits,
    /// Also write the configuration to a file that --preset takes
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    #[command(flatten)]
    pub force: Force,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, clap::Args)]
pub struct Predict {
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub html: Html,
    #[command(flatten)]
    pub force: Force,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, clap::Args)]
pub struct Explore {
    /// Board that the configurations have to fit
    #[arg(long, value_name = "NAME", long_help = boards("Board that the configurations have to fit"))]
    pub board: String,
    #[command(flatten)]
    pub boards: Boards,
    #[command(flatten)]
    pub limits: BoardLimits,
    /// Clock of the engine in MHz [default: the one that the board asks for]
    #[arg(long, value_name = "MHZ", value_parser = megahertz)]
    pub clock: Option<f64>,
    #[command(flatten)]
    pub network: Network,
    /// Also write the fastest configuration to a file that --preset takes, with what limits it
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    #[command(flatten)]
    pub html: Html,
    #[command(flatten)]
    pub force: Force,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, clap::Args)]
pub struct Disasm {
    #[command(flatten)]
    pub target: Target,
    /// Print the stream that also sends every feature map
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, clap::Args)]
pub struct SchemaOf {
    /// The command
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(crate::commands::NAMES))]
    pub command: String,
}

#[derive(Debug, clap::Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub struct ManPages {
    /// Folder for the pages; it is created if it does not exist
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    #[command(flatten)]
    pub force: Force,
}

#[derive(Debug, clap::Args)]
pub struct Pictures {
    /// JPEG or PNG files of any size, folders of them, or - to read a list of paths from standard
    /// input
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<PathBuf>,
    /// Accept a list or a folder that holds no pictures
    #[arg(long)]
    pub allow_empty: bool,
    /// Paths on standard input end with a zero byte, as `find -print0` writes them, instead of a
    /// newline
    #[arg(short = '0', long = "null")]
    pub null: bool,
    /// Also take the pictures in subfolders
    #[arg(short, long)]
    pub recursive: bool,
}

#[derive(Debug, clap::Args)]
pub struct Force {
    /// Overwrite existing files of other kinds
    #[arg(id = "force", long = "force")]
    pub on: bool,
}

/// Which network, and for which size of picture.
#[derive(Debug, clap::Args)]
pub struct Network {
    /// Packed model to run [default: the built-in SqueezeNet v1.1]
    #[arg(long, value_name = "PACK")]
    pub model: Option<PathBuf>,
    /// Size of the network's input: 224, 227 or HEIGHTxWIDTH [default: the model's own]
    #[arg(long, value_name = "SIZE")]
    pub size: Option<Size>,
}

/// Which network on which engine.
#[derive(Debug, clap::Args)]
pub struct Target {
    #[command(flatten)]
    pub preset: Preset,
    #[command(flatten)]
    pub network: Network,
    /// Where the weights are kept between pictures
    #[arg(long, value_enum, default_value = "auto")]
    pub weights: Weights,
    /// Send the weights with their zeros, even where leaving them out takes fewer bytes
    #[arg(long)]
    pub plain_weights: bool,
}

/// Where the weights are kept between pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Weights {
    /// In the engine if all of them fit, otherwise streamed
    Auto,
    /// Sent with each picture
    Streamed,
    /// In the engine; an error if they do not fit
    Resident,
}

#[derive(Debug, clap::Args)]
pub struct Preset {
    /// The engine's preset, with options appended, as in fb256-packed (see `firebrick presets`), or
    /// a file that describes one (docs/presets.md) [default: fb256, or the device's own with --device]
    #[arg(long = "preset", value_name = "NAME|FILE", value_parser = preset)]
    pub given: Option<HwConfig>,
}

impl Preset {
    /// What was given, or the default.
    #[allow(clippy::expect_used)] // A constant, looked up in a test below.
    pub fn config(&self) -> HwConfig {
        let default = || HwConfig::preset(DEFAULT_PRESET).expect("the default preset is one");
        self.given.clone().unwrap_or_else(default)
    }
}

/// How the simulator behaves, whether by --backend sim or by --device sim:PRESET.
#[derive(Debug, Default, clap::Args)]
pub struct Simulation {
    /// Seed of the simulator's random behaviour
    #[arg(long, value_name = "N")]
    pub seed: Option<u32>,
    /// Probability of an idle cycle before each beat sent to the engine
    #[arg(long, value_name = "P", value_parser = chance)]
    pub idle: Option<f64>,
    /// Probability that a beat from the engine has to wait a cycle
    #[arg(long, value_name = "P", value_parser = chance)]
    pub back_pressure: Option<f64>,
    /// Give up a picture after this many seconds [default: 60 on a board, otherwise derived from
    /// the predicted cycles; 600 for a replay]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub deadline: Option<Duration>,
}

/// Where boards are described.
#[derive(Debug, clap::Args)]
pub struct Boards {
    /// Folder that holds board folders (docs/add-a-board.md) [default: the built-in boards]
    #[arg(id = "boards", long = "boards", value_name = "DIR", requires = "board")]
    dir: Option<PathBuf>,
}

impl Boards {
    /// A board by its name.
    pub fn find(&self, name: &str) -> Result<&'static BoardFolder, BoardError> {
        firebrick_board::find(name, self.dir.as_deref())
    }

    /// The same, if one was named.
    pub fn given(&self, name: Option<&String>) -> Result<Option<&'static BoardFolder>, BoardError> {
        name.map(|name| self.find(name)).transpose()
    }
}

#[derive(Debug, clap::Args)]
pub struct Json {
    /// Print one JSON object per line
    #[arg(long = "json")]
    pub on: bool,
}

#[derive(Debug, clap::Args)]
pub struct Html {
    /// Also write the results, with charts, to one HTML page
    #[arg(id = "html", long = "html", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct Live {
    /// Show the page of the results as they come to browsers at this address, until the work is over [default
    /// ADDRESS: 127.0.0.1:8017]
    #[arg(id = "serve_report", long = "serve-report", value_name = "ADDRESS", num_args = 0..=1,
          require_equals = true, default_missing_value = "127.0.0.1:8017")]
    pub at: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// The bit-exact integer model
    Model,
    /// The engine's Verilog under Verilator
    Sim,
    /// The engine's command stream, executed in software
    Software,
}

/// A backend that takes command streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineBackend {
    /// The engine's Verilog under Verilator
    Sim,
    /// The engine's command stream, executed in software
    Software,
}

impl Backend {
    /// The same, if it takes command streams.
    pub fn engine(self) -> Option<EngineBackend> {
        match self {
            Backend::Model => None,
            Backend::Sim => Some(EngineBackend::Sim),
            Backend::Software => Some(EngineBackend::Software),
        }
    }
}

impl EngineBackend {
    pub fn name(self) -> &'static str {
        match self {
            EngineBackend::Sim => "sim",
            EngineBackend::Software => "software",
        }
    }
}

fn family(name: &str) -> Result<Family, String> {
    Family::named(name).ok_or_else(|| {
        let names = Family::ALL.map(Family::name);
        let meant = near::question(near::near(name, names));
        format!(
            "there is no such family; give one of {}{meant}",
            names.join(", ")
        )
    })
}

fn preset(text: &str) -> Result<HwConfig, PresetError> {
    firebrick::preset::find(text)
}

fn module(name: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.len() > 64 || !name.chars().all(plain) || name.starts_with(|c: char| !c.is_alphabetic())
    {
        return Err("give a letter, then letters, digits and underscores, at most 64".into());
    }
    Ok(name.to_owned())
}

/// Help that lists the boards.
fn boards(what: &str) -> String {
    format!(
        "{what}\n\nBuilt in: {}",
        firebrick_board::names().join(", ")
    )
}

fn megahertz(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(mhz) if (1.0..=1000.0).contains(&mhz) => Ok(mhz),
        _ => Err("give a frequency of 1 to 1000 MHz".into()),
    }
}

fn chance(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(p) if (0.0..=CHANCE_MAX).contains(&p) => Ok(p),
        _ => Err(format!("give a probability from 0 to {CHANCE_MAX}")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(s) if s > 0.0 && s <= 1e6 => Ok(Duration::from_secs_f64(s)),
        _ => Err("give a positive number of seconds, at most 1000000".into()),
    }
}

fn cycles(text: &str) -> Result<Range<u64>, String> {
    text.split_once("..")
        .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?))
        .filter(|range| !range.is_empty() && range.end <= 1 << 40)
        .ok_or_else(|| "give FROM..TO with FROM below TO, as in 0..20000".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_default_preset_is_one() {
        assert_eq!(Preset { given: None }.config().name, DEFAULT_PRESET);
    }

    #[test]
    fn windows_and_chances() {
        assert_eq!(cycles("3..9"), Ok(3..9));
        for bad in ["", "..", "9..3", "3..3", "a..b", "3"] {
            assert!(cycles(bad).is_err(), "{bad}");
        }
        assert_eq!(chance("0.25"), Ok(0.25));
        for bad in ["1", "-0.1", "nan", "x"] {
            assert!(chance(bad).is_err(), "{bad}");
        }
    }
}
