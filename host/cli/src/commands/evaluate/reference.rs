//! The float model that a packed one is compared with.

use std::path::Path;

use firebrick_network::Input;
#[cfg(feature = "tract")]
use firebrick_network::Normalise;
use firebrick_network::float::FloatNetwork;
use ndarray::Array3;
use rayon::prelude::*;

use crate::error::CliError;
use crate::preparations::{self, Preparation};
use crate::progress::note;
use crate::target::{Target, shown};

/// A float model, fed with the very pixels that the packed one gets.
pub struct Reference {
    reference: firebrick::reference::Reference,
    input: Input,
    name: String,
    #[cfg(feature = "tract")]
    tract: Option<super::tract::Runner>,
}

impl Reference {
    pub fn open(path: &Path, target: &Target) -> Result<Reference, CliError> {
        if target.network.normalise.is_none() {
            note(
                "note: the packed model does not say what was subtracted from the pixels; the \
                 reference gets Caffe's mean 104, 117, 123",
            );
        }
        let reference = firebrick::reference::Reference::open(path, &target.network, target.size)?;
        #[cfg(feature = "tract")]
        let tract = match path.extension().is_some_and(|e| e == "onnx") {
            true => {
                // tract runs the graph's own part of the normalisation too.
                let own = reference.own().unwrap_or(Normalise::NONE);
                let before = reference.network().normalise.before(&own);
                Some(super::tract::Runner::open(path, target.size, before)?)
            }
            false => None,
        };
        #[cfg(feature = "tract")]
        let engine = if tract.is_some() {
            "tract"
        } else {
            "Firebrick's own float network"
        };
        #[cfg(not(feature = "tract"))]
        let engine = "Firebrick's own float network";
        Ok(Reference {
            name: format!("{} ({engine})", shown(path)),
            reference,
            input: Input {
                height: target.size.height,
                width: target.size.width,
                ..target.network.input
            },
            #[cfg(feature = "tract")]
            tract,
        })
    }

    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// How it gets its pictures.
    pub fn preparation(&self) -> Preparation {
        Preparation::of(self.network(), self.input)
    }

    /// The other usual ways.
    pub fn other_preparations(&self) -> Vec<Preparation> {
        preparations::others(&self.preparation(), self.reference.own())
    }

    /// The network itself.
    pub fn network(&self) -> &FloatNetwork {
        self.reference.network()
    }

    /// Scores of all classes for each picture.
    pub fn scores(&self, pictures: &[Array3<u8>]) -> Result<Vec<Vec<f64>>, CliError> {
        #[cfg(feature = "tract")]
        if let Some(tract) = &self.tract {
            return pictures.par_iter().map(|p| tract.scores(p)).collect();
        }
        pictures
            .par_iter()
            .map(|picture| {
                let maps = self.network().forward(picture.view())?;
                let scores = maps
                    .last()
                    .map_or(Vec::new(), |m| m.iter().copied().collect());
                Ok(scores.into_iter().map(f64::from).collect())
            })
            .collect()
    }
}
