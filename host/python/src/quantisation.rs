//! What quantising did to each layer.

use firebrick::LayerQuantisation as Found;
use pyo3::prelude::*;

/// What quantising did to one convolution: the figures of `firebrick report`.
#[pyclass(frozen, get_all, module = "firebrick", from_py_object)]
#[derive(Clone)]
pub struct LayerQuantisation {
    /// Its name.
    name: String,
    /// Share of weights that are 0, from 0 to 1.
    zero_weights: f64,
    /// Largest weight without its sign, at most 127.
    largest_weight: u8,
    /// Real value of one step of the output.
    output_scale: f64,
    /// Largest real value that is kept: of 255 steps.
    clip: f64,
    /// Largest real value of the float model; None without one.
    largest: Option<f64>,
    /// Signal over what quantising the network up to here added, in dB; None without a float model.
    sqnr_db: Option<f64>,
    /// How many weights have each value, in 32 steps from -128 to 127.
    weights: Vec<u64>,
    /// The same for the activations, from 0 to 255; empty without a picture.
    activations: Vec<u64>,
    /// Share of activations that are 0, from 0 to 1; None without a picture.
    zeros: Option<f64>,
    /// Share of activations that are 255, clipped, from 0 to 1; None without a picture.
    clipped: Option<f64>,
}

impl From<Found> for LayerQuantisation {
    fn from(found: Found) -> LayerQuantisation {
        LayerQuantisation {
            name: found.name,
            zero_weights: found.zero_weights,
            largest_weight: found.largest_weight,
            output_scale: found.output_scale,
            clip: found.clip,
            largest: found.largest,
            sqnr_db: found.sqnr_db,
            weights: found.weights,
            activations: found.activations,
            zeros: found.zeros,
            clipped: found.clipped,
        }
    }
}

#[pymethods]
impl LayerQuantisation {
    fn __repr__(&self) -> String {
        let mut text = format!("LayerQuantisation({:?}, clip {:.3}", self.name, self.clip);
        if let Some(clipped) = self.clipped {
            text += &format!(", {:.3} % clipped", 100.0 * clipped);
        }
        if let Some(sqnr) = self.sqnr_db {
            text += &format!(", SQNR {sqnr:.1} dB");
        }
        text + ")"
    }
}
