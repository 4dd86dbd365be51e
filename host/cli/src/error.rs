//! Everything that ends a command: what happened, where, and what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use firebrick::near::{near, question};
use firebrick_board::BoardError;
use firebrick_driver::{CompileError, DeviceError, RecordError, SessionError, UriError};
use firebrick_network::{ImageError, PackError};
use firebrick_spec::HwConfig;
use firebrick_spec::board::Board;
use firebrick_spec::config::Family;
use firebrick_spec::resources::Share;

use crate::skipped::READABLE_PERCENT;

/// Resources of which too much is taken, in words.
pub struct Over<'a>(pub &'a [Share]);

impl fmt::Display for Over<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, share) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            let Share {
                name,
                need,
                there,
                limit,
            } = share;
            write!(f, "{comma}{need} of {there} {name} ({limit} % can be used)")?;
        }
        Ok(())
    }
}

/// Files of a folder that are looked at for one that was meant.
const LOOKED_AT: usize = 10_000;

/// If there is no such file: the one beside it whose name is most like it, as a question.
fn meant(place: &str) -> String {
    let path = Path::new(place);
    let name = path.file_name().and_then(|name| name.to_str());
    let (Some(name), false) = (name, path.exists()) else {
        return String::new();
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let looked_at = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let entries = std::fs::read_dir(looked_at).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let names: Vec<String> = names.take(LOOKED_AT).collect();
    let near = near(name, names.iter().map(String::as_str));
    question(near.map(|name| folder.join(name).display().to_string()))
}

/// If a network's name was given in place of a packed model: that it needs none.
fn built_in(place: &str) -> &'static str {
    let name = place.to_lowercase();
    let names = [
        "squeezenet",
        "squeezenet-v1.1",
        "squeezenet1_1",
        "v1.1",
        "1.1",
    ];
    match names.contains(&&*name) && !Path::new(place).exists() {
        true => "; SqueezeNet v1.1 is built in: leave --model out for it",
        false => "",
    }
}

/// Why a command, or one picture of it, has no result. The messages of the crates below hold
/// their causes already.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error("{error}{near}", error = .0, near = meant(&.0.place))]
    Picture(#[from] ImageError),
    #[error("{error}{near}{own}", error = .0, near = meant(&.0.place), own = built_in(&.0.place))]
    Pack(#[from] PackError),
    #[error(transparent)]
    Model(#[from] firebrick_model::ModelError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(
        "the weights stay in the engine, so that a transfer of their own comes first: name a file \
         for it with --setup, or give --weights streamed"
    )]
    NeedsSetup,
    #[error("the command stream was refused: {0}; please report this")]
    Executor(#[from] firebrick_driver::ExecError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Timing(#[from] firebrick_model::timing::TimingError),
    #[error(transparent)]
    Image(#[from] firebrick_driver::ImageError),
    #[error(transparent)]
    Import(#[from] firebrick_network::import::ImportError),
    #[error(transparent)]
    Calibration(#[from] firebrick_network::calibration::CalibrationError),
    #[error(transparent)]
    Quantise(#[from] firebrick_network::quantise::QuantiseError),
    #[error(transparent)]
    Float(#[from] firebrick_network::float::FloatError),
    #[error(transparent)]
    Biases(#[from] firebrick_model::biases::BiasError),
    #[error("layer {layer:?}: {reason}")]
    Layer { layer: String, reason: String },
    #[error(
        "the features of {pictures} pictures are more than {largest} GiB; give fewer pictures, or leave \
         --map out"
    )]
    ManyFeatures { pictures: usize, largest: usize },
    #[error(transparent)]
    Train(#[from] firebrick_train::TrainError),
    #[error("{path}: {reason}; {hint}")]
    File {
        path: PathBuf,
        reason: String,
        hint: &'static str,
    },
    #[error(
        "{}: only {read} of {all} pictures can be read, fewer than {share} %; give a folder of JPEG \
         and PNG photographs", folder.display()
    )]
    FewPictures {
        folder: PathBuf,
        read: usize,
        all: usize,
        share: usize,
    },
    #[error("no preset of the engine runs {network:?} at {height}x{width}: {reasons}")]
    NoPresetRuns {
        network: String,
        height: usize,
        width: usize,
        reasons: String,
    },
    #[error("{error}\n  {came}\n  {next}")]
    Hang {
        error: Box<SessionError>,
        /// Of the feature maps, what came.
        came: String,
        /// How to see more.
        next: String,
    },
    /// A picture, on several engines.
    #[error("{0}")]
    Lost(String),
    #[error("the engine gave no result for a picture; run it again, and report it if it stays so")]
    Missing,
    #[cfg(feature = "sim")]
    #[error(transparent)]
    Sim(#[from] Box<firebrick_sim::SimError>),
    #[cfg(feature = "sim")]
    #[error(transparent)]
    Emulator(#[from] Box<firebrick_sim::emulator::EmulatorError>),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Uri(#[from] UriError),
    #[error(transparent)]
    Board(#[from] BoardError),
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Of the library, without a place of its own here.
    #[error(transparent)]
    Library(Box<firebrick::Error>),
    #[error("{}: {source}; name a folder or file that can be read", path.display())]
    Source { path: PathBuf, source: io::Error },
    #[error("{}: there is no JPEG or PNG file in this folder", path.display())]
    NoPictures { path: PathBuf },
    #[error(
        "there is no picture to work on: the list or folder is empty; name pictures, or give \
         --allow-empty if that is right"
    )]
    NoInput,
    #[error(
        "{}: {skipped} of {files} files cannot be read, so that fewer than {READABLE_PERCENT} % can; see the \
         warnings above, or name the files that are meant", path.display()
    )]
    TooFewReadable {
        path: PathBuf,
        skipped: usize,
        files: usize,
    },
    #[error("cannot write {}: {reason}; name another file with {option}", path.display())]
    Output {
        path: PathBuf,
        option: &'static str,
        reason: String,
    },
    #[error("{}: lists no picture; each line is file,class[,...]", path.display())]
    NoListed { path: PathBuf },
    #[error(
        "no configuration fits {} with this network; raise a limit with --limits, or see `firebrick \
         predict` for what the network needs",
        board.name
    )]
    NothingFits { board: &'static Board },
    #[error("the recording {}: {source}; name another file", path.display())]
    RecordFile { path: PathBuf, source: io::Error },
    #[error("interrupted {at}; {left}")]
    Interrupted { at: String, left: String },
    #[error(
        "the engine's sums of picture {picture} are not those of the integer model; run `firebrick doctor`"
    )]
    Differs { picture: u64 },
    #[error(
        "{what} works on one engine, and {count} are named; name one, such as --device {first}"
    )]
    SeveralEngines {
        what: &'static str,
        count: usize,
        first: String,
    },
    /// No page is shown meanwhile.
    #[cfg(feature = "serve")]
    #[error(
        "cannot show the report at {address}: {source}; name another address or port, as in \
         --serve-report=127.0.0.1:0, which takes a free one"
    )]
    Live {
        address: std::net::SocketAddr,
        source: io::Error,
    },
    #[error(
        "this build of the program shows no report while it works (--serve-report); build it with \
         the feature `serve`, or write the page at the end with --html"
    )]
    #[cfg_attr(feature = "serve", allow(dead_code))]
    NoLive,
    #[cfg(feature = "serve")]
    #[error(transparent)]
    Serve(#[from] firebrick_serve::StartError),
    #[cfg(feature = "serve")]
    #[error("{0}")]
    Served(String),
    #[cfg(feature = "serve")]
    #[error("the time to drain was over before everything was answered; give more with --drain")]
    NotDrained,
    #[cfg(not(feature = "serve"))]
    #[error(
        "serve is not possible: this firebrick was built without the service; build it with the \
         feature \"serve\", which is on unless --no-default-features is given"
    )]
    NoService,
    #[error("cannot listen to signals: {source}")]
    Signals { source: io::Error },
    #[cfg(feature = "sim")]
    #[error("{preset}: no Verilog: {source}")]
    Generate {
        preset: String,
        source: firebrick_rtl::top::GenerateError,
    },
    #[cfg(feature = "sim")]
    #[error(
        "{preset} does not fit {}: it takes {}; leave --preset out for {}, see `firebrick explore \
         --board {}`, or raise the limit with --limits if your tools can place that much",
        board.name, Over(over), board.preset, board.name
    )]
    DoesNotFit {
        preset: String,
        board: &'static Board,
        over: Vec<Share>,
    },
    #[error(
        "{preset} has DSP slices of family {of}, and {wanted} is asked for; leave -{of} out of the \
         preset's name, or write family = \"generic\" in its file"
    )]
    OtherFamily {
        preset: String,
        of: &'static str,
        wanted: &'static str,
    },
    #[cfg(feature = "sim")]
    #[error(
        "the output folder {dir}: {source}; name a folder that can be made and written with -o"
    )]
    OutputDir { dir: PathBuf, source: io::Error },
    #[cfg(feature = "sim")]
    #[error("cannot write {file}: {source}; name a folder that can be written with -o")]
    OutputFile { file: PathBuf, source: io::Error },
    #[cfg(feature = "sim")]
    #[error(
        "{file} is there already and was not written by firebrick; name another folder with -o, \
         or overwrite it with --force"
    )]
    ForeignFile { file: PathBuf },
    #[error("cannot write results to standard output: {0}")]
    Stdout(#[source] io::Error),
}

impl From<firebrick::Error> for CliError {
    fn from(error: firebrick::Error) -> CliError {
        use firebrick::Error;
        match error {
            Error::Picture(error) => error.into(),
            Error::Pack(error) => error.into(),
            Error::Model(error) => error.into(),
            Error::Import(error) => error.into(),
            Error::Float(error) => error.into(),
            Error::Compile(error) => error.into(),
            Error::Timing(error) => error.into(),
            Error::Image(error) => error.into(),
            Error::Uri(error) => error.into(),
            Error::Device(error) => error.into(),
            Error::Session(error) => error.into(),
            #[cfg(feature = "sim")]
            Error::Sim(error) => error.into(),
            Error::Missing => CliError::Missing,
            other => CliError::Library(Box::new(other)),
        }
    }
}

impl CliError {
    /// A file that cannot be used.
    pub fn file(path: &Path, reason: impl ToString, hint: &'static str) -> CliError {
        CliError::File {
            path: path.to_owned(),
            reason: reason.to_string(),
            hint,
        }
    }

    /// A preset of one family where another is asked for.
    pub fn other_family(config: &HwConfig, wanted: Family) -> CliError {
        CliError::OtherFamily {
            preset: config.name.clone(),
            of: config.family.name(),
            wanted: wanted.name(),
        }
    }

    /// A file that cannot be written.
    pub fn output(path: &Path, option: &'static str, reason: String) -> CliError {
        CliError::Output {
            path: path.to_owned(),
            option,
            reason,
        }
    }

    /// Whether there was nothing to work on, and that was the end of it.
    pub fn is_no_input(&self) -> bool {
        match self {
            CliError::NoInput | CliError::NoListed { .. } | CliError::NoPictures { .. } => true,
            CliError::Train(error) => error.is_no_input(),
            _ => false,
        }
    }

    /// Whether there was a folder without pictures.
    pub fn is_empty(&self) -> bool {
        matches!(self, CliError::NoPictures { .. })
    }

    /// A word for programs, which stays when the message changes.
    pub fn kind(&self) -> &'static str {
        match self {
            CliError::Picture(_) => "picture",
            CliError::Session(error) => error.kind(),
            CliError::Device(error) => error.kind(),
            CliError::Source { .. } | CliError::NoPictures { .. } | CliError::NoListed { .. } => {
                "source"
            }
            CliError::Missing => "missing",
            _ => "other",
        }
    }

    /// Whether no other picture would fare better.
    pub fn is_fatal(&self) -> bool {
        match self {
            CliError::Stdout(_) | CliError::Interrupted { .. } => true,
            #[cfg(feature = "sim")]
            CliError::Sim(_) => true,
            _ => false,
        }
    }

    /// Whether the reader of standard output went away, which is its good right.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, CliError::Stdout(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// How a command that ran to its end went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Good,
    /// Something differed, or a picture has no result; it was reported.
    Bad,
}
