//! The float model that a packed one is compared with.

use std::path::Path;

use firebrick_network::float::FloatNetwork;
use firebrick_network::import::{self, Options};
use firebrick_network::{Network, Normalise, Preprocess};

use crate::Error;
use crate::target::Size;

/// A float model, fed with the very pixels that a packed one gets.
#[derive(Clone, Debug)]
pub struct Reference {
    network: FloatNetwork,
    own: Option<Normalise>,
}

impl Reference {
    /// Reads the float model that a packed one was made from, for pictures of a size. A packed model
    /// that does not say what was subtracted from the pixels is taken for one of Caffe's.
    ///
    /// # Errors
    /// If it cannot be read, or does not have the packed model's classes.
    pub fn open(path: &Path, packed: &Network, size: Size) -> Result<Reference, Error> {
        let input = packed.input;
        let mut options = Options {
            order: Some(input.order),
            resize: Some(input.resize),
            size: Some([size.height, size.width]),
            ..Options::default()
        };
        let imported = match import::open(path, &options) {
            Ok(imported) => imported,
            // Its average may be made for its own size alone.
            Err(_) => {
                options.size = None;
                import::open(path, &options)?
            }
        };
        let mut network = imported.network;
        network.normalise = packed.normalise.unwrap_or(Preprocess::CAFFE.normalise);
        let shapes = network.shapes(size.height, size.width).ok();
        let classes = shapes.and_then(|shapes| shapes.last().map(|shape| shape.channels));
        match classes == Some(packed.classes()) {
            true => Ok(Reference {
                network,
                own: imported.own,
            }),
            false => Err(Error::Reference {
                path: path.to_owned(),
                classes: classes.unwrap_or(0),
                packed: packed.classes(),
            }),
        }
    }

    /// The network itself.
    #[must_use]
    pub fn network(&self) -> &FloatNetwork {
        &self.network
    }

    /// What its graph does to its input itself, as part of the normalisation; none in files of
    /// tensors.
    #[must_use]
    pub fn own(&self) -> Option<Normalise> {
        self.own
    }
}
