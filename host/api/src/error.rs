//! Everything that can go wrong: what happened, where, and what to do.

use std::path::PathBuf;

use firebrick_driver::{CompileError, DeviceError, SessionError, UriError};
use firebrick_network::{ImageError, PackError};

use crate::preset::PresetError;
use crate::target::SIDE_MAX;

/// Why there is no engine, no model or no result. The message says what happened, where, and what
/// to do; the messages of the errors inside are part of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A picture file cannot be read, is damaged, or cannot be scaled.
    #[error(transparent)]
    Picture(#[from] ImageError),
    /// There is no memory for a picture.
    #[error(
        "{place}: there is no memory for this picture: some {mebibytes} MiB are needed; scale it down \
         first"
    )]
    Memory {
        /// The file, or where else the picture came from.
        place: String,
        /// What is needed, in MiB.
        mebibytes: u64,
    },
    /// The decoder panicked.
    #[error("{place}: the decoder broke down on this picture; convert it first")]
    Decoder {
        /// The file, or where else the picture came from.
        place: String,
    },
    /// A tensor has another shape than the network's input.
    #[error(
        "the tensor has the shape {got:?}, the network takes {want:?} (height, width, channels); \
         scale the picture first, or choose another size of the model"
    )]
    Shape {
        /// Height, width and channels expected.
        want: [usize; 3],
        /// Those of the tensor.
        got: [usize; 3],
    },
    /// A size of the network's input that is none.
    #[error(
        "{height}x{width} pixels are no size of an input; give sides of 1 to {SIDE_MAX} pixels"
    )]
    Size {
        /// Rows that were asked for.
        height: usize,
        /// Columns that were asked for.
        width: usize,
    },
    /// A packed model cannot be read.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The integer model does not take the network or the picture.
    #[error(transparent)]
    Model(#[from] firebrick_model::ModelError),
    /// A float model cannot be read.
    #[error(transparent)]
    Import(#[from] firebrick_network::import::ImportError),
    /// A picture does not pass through the float model.
    #[error(transparent)]
    Float(#[from] firebrick_network::float::FloatError),
    /// A float model is not the one that a packed model was made from.
    #[error(
        "{}: gives {classes} classes, the packed model {packed}; give the model that it was made from",
        path.display()
    )]
    Reference {
        /// The float model's file.
        path: PathBuf,
        /// How many classes it has.
        classes: usize,
        /// How many the packed model has.
        packed: usize,
    },
    /// The network does not fit the engine.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The cycles cannot be predicted.
    #[error(transparent)]
    Timing(#[from] firebrick_model::timing::TimingError),
    /// A tensor does not fit the compiled network.
    #[error(transparent)]
    Image(#[from] firebrick_driver::ImageError),
    /// A text names no device.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// A device cannot be opened or failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// There is no engine behind a device, or a picture has no result.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A picture has no result: it failed on as many engines of a pool as it was tried on.
    #[error("{message}")]
    Pool {
        /// See [`Error::kind`].
        kind: &'static str,
        /// The last engine's error.
        message: String,
    },
    /// No Verilog, no simulator, or a simulated engine that does not run.
    #[cfg(feature = "sim")]
    #[error(transparent)]
    Sim(#[from] Box<firebrick_sim::SimError>),
    /// No preset has the hash that a device tells.
    #[error(
        "{device}: no preset has the device's configuration hash {hash:016x}; name the one, \
         or the file, that its bitstream was generated from (--preset), or use the program that generated it"
    )]
    UnknownHash {
        /// Which device.
        device: String,
        /// The hash of its configuration.
        hash: u64,
    },
    /// There is no preset of a name, or a file describes no configuration.
    #[error("{place}: {source}")]
    Preset {
        /// Which device, or what else takes a preset.
        place: String,
        /// What is wrong.
        source: PresetError,
    },
    /// A clock frequency that is none.
    #[error("a clock of {megahertz} MHz is none; give a positive number")]
    Clock {
        /// What was given, in MHz.
        megahertz: f64,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}; name another file", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The simulator is not part of this build.
    #[error(
        "{what} is not possible: this firebrick was built without the simulator; build it with \
         the feature \"sim\", which is on unless --no-default-features is given"
    )]
    NoSimulator {
        /// What was asked for.
        what: &'static str,
    },
    /// The engine gave no result, and no error either.
    #[error("the engine gave no result for a picture; run it again, and report it if it stays so")]
    Missing,
}

impl Error {
    /// A word for programs, which stays when the message changes. Errors of devices and sessions
    /// have those of [`SessionError::kind`]; the others are `picture`, `shape`, `model`, `fit`,
    /// `uri`, `simulator`, `preset`, `clock`, `write` and `missing`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Error::Picture(_) | Error::Memory { .. } | Error::Decoder { .. } => "picture",
            Error::Shape { .. } | Error::Image(_) => "shape",
            Error::Size { .. } | Error::Pack(_) | Error::Model(_) => "model",
            Error::Import(_) | Error::Float(_) | Error::Reference { .. } => "model",
            Error::Compile(_) | Error::Timing(_) => "fit",
            Error::Uri(_) => "uri",
            Error::Device(error) => error.kind(),
            Error::Session(error) => error.kind(),
            Error::Pool { kind, .. } => kind,
            #[cfg(feature = "sim")]
            Error::Sim(_) => "simulator",
            Error::NoSimulator { .. } => "simulator",
            Error::UnknownHash { .. } | Error::Preset { .. } => "preset",
            Error::Clock { .. } => "clock",
            Error::Write { .. } => "write",
            Error::Missing => "missing",
        }
    }
}
