//! Why nothing can be learnt.

use std::io;
use std::path::PathBuf;

use firebrick_model::ModelError;
use firebrick_network::InvalidNetwork;

use crate::data::LEAST_PICTURES;

/// Why a network cannot be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A file or folder cannot be read.
    #[error("{}: {source}; give a folder with a folder of pictures for each class, or labels.csv", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A list of labels is malformed.
    #[error(
        "{}: {reason}; each line is file,class[,name], with a file as seen from the list's folder",
        path.display()
    )]
    List {
        /// The list.
        path: PathBuf,
        /// Where and what.
        reason: String,
    },
    /// There is nothing to learn from.
    #[error("{}: {found}; make a folder for each class and put its pictures there", path.display())]
    NoClasses {
        /// The folder.
        path: PathBuf,
        /// What there is in place of folders.
        found: &'static str,
    },
    /// There is only one class.
    #[error(
        "{}: there is only the class {class:?}, and nothing to tell it from; add a class, for \
         example of pictures that show none of it", path.display()
    )]
    OneClass {
        /// Folder or list.
        path: PathBuf,
        /// The class.
        class: String,
    },
    /// A class has no picture.
    #[error(
        "the class {class:?} has no JPEG or PNG picture{where_}; add pictures, or remove the folder if \
         it is no class", where_ = folder.as_ref().map_or(String::new(), |f| format!(" in {}", f.display()))
    )]
    EmptyClass {
        /// The class.
        class: String,
        /// Its folder, if it has one.
        folder: Option<PathBuf>,
    },
    /// A class has too few pictures.
    #[error(
        "the class {class:?} has {pictures} pictures that can be read, and {} are the fewest of which \
         some can be kept for validation; add pictures",
        LEAST_PICTURES
    )]
    FewPictures {
        /// The class.
        class: String,
        /// How many.
        pictures: usize,
    },
    /// More than half of the pictures cannot be read.
    #[error(
        "only {read} of {all} pictures can be read; see the warnings above, and give JPEG and PNG files"
    )]
    Unreadable {
        /// How many can.
        read: usize,
        /// Of how many.
        all: usize,
    },
    /// All pictures of a class that were to be learnt from cannot be read.
    #[error(
        "of the class {class:?} no picture is left to learn from; see the warnings above, and add \
         pictures or give another --seed"
    )]
    NothingLeft {
        /// The class.
        class: String,
    },
    /// The base network has no last layer that could be replaced.
    #[error("the network {network:?} cannot be trained on: {reason}; give another with --model")]
    Base {
        /// Name of the network.
        network: String,
        /// Why not.
        reason: &'static str,
    },
    /// All features are the same on every picture.
    #[error(
        "the network's last maps are the same on every picture, so that nothing can be learnt from \
         them; give other pictures, or another network with --model"
    )]
    NoFeatures,
    /// The loss is no number.
    #[error("the loss is not finite any more in epoch {epoch}; give a smaller --rate")]
    Diverged {
        /// From 1.
        epoch: usize,
    },
    /// The base network is malformed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The trained network is not one that the engine can run.
    #[error("the trained network: {0}")]
    Invalid(#[from] InvalidNetwork),
    /// A class's scale cannot be expressed.
    #[error(
        "class {class}: its scale {scale:e} cannot be expressed; train with more --decay or fewer epochs"
    )]
    Scale {
        /// The class.
        class: usize,
        /// Step of the sum over step of the output.
        scale: f64,
    },
    /// The weights cannot be written.
    #[error("the float weights: {0}")]
    Container(String),
}

impl TrainError {
    /// Whether there was nothing to work on.
    #[must_use]
    pub fn is_no_input(&self) -> bool {
        matches!(self, TrainError::NoClasses { .. })
    }
}
