//! What a preset takes for a network.

use std::collections::BTreeMap;

use firebrick::Forecast as Found;
use pyo3::prelude::*;

/// The cycles of one layer.
#[pyclass(frozen, get_all, module = "firebrick", from_py_object)]
#[derive(Clone)]
pub struct LayerForecast {
    /// Its name.
    name: String,
    /// Useful multiply-accumulates.
    macs: u64,
    /// Cycles of its records.
    cycles: u64,
    /// In which the array takes a vector.
    busy_cycles: u64,
    /// `macs` over what the array could do in `cycles`, 0 to 1.
    utilization: f64,
}

#[pymethods]
impl LayerForecast {
    fn __repr__(&self) -> String {
        let share = 100.0 * self.utilization;
        format!(
            "LayerForecast({:?}, {} cycles, {share:.2} %)",
            self.name, self.cycles
        )
    }
}

/// What a preset takes for a network, at a clock: exact cycles. That a build meets the clock is not
/// checked.
#[pyclass(frozen, get_all, module = "firebrick")]
pub struct Forecast {
    /// The configuration.
    preset: String,
    /// The network.
    network: String,
    /// In MHz.
    clock_mhz: f64,
    /// One image alone, from its first beat in to its trailer out.
    latency_ms: f64,
    /// Back to back.
    images_per_second: f64,
    /// One image alone.
    cycles: u64,
    /// In which the array takes a vector.
    busy_cycles: u64,
    /// Useful multiply-accumulates.
    macs: u64,
    /// `macs` over what the array could do in `cycles`, 0 to 1.
    utilization: f64,
    /// Cycles without a vector, by cause.
    stall_cycles: BTreeMap<String, u64>,
    /// Bytes sent for an image.
    bytes_in: usize,
    /// Bytes of its result.
    bytes_out: usize,
    /// The same by layer.
    layers: Vec<LayerForecast>,
}

impl From<Found> for Forecast {
    fn from(found: Found) -> Forecast {
        let prediction = found.prediction;
        let layers = prediction.layers.into_iter();
        Forecast {
            preset: prediction.preset,
            network: prediction.network,
            clock_mhz: found.clock_mhz,
            latency_ms: found.latency_ms,
            images_per_second: found.images_per_second,
            cycles: prediction.cycles,
            busy_cycles: prediction.busy_cycles,
            macs: prediction.macs,
            utilization: prediction.utilization,
            stall_cycles: prediction.stall_cycles,
            bytes_in: prediction.dma_bytes_in,
            bytes_out: prediction.dma_bytes_out,
            layers: layers
                .map(|layer| LayerForecast {
                    name: layer.name,
                    macs: layer.macs,
                    cycles: layer.cycles,
                    busy_cycles: layer.busy_cycles,
                    utilization: layer.utilization,
                })
                .collect(),
        }
    }
}

#[pymethods]
impl Forecast {
    fn __repr__(&self) -> String {
        format!(
            "Forecast({:?} at {} MHz: {:.2} ms, {:.1} images/s, {:.2} %)",
            self.preset,
            self.clock_mhz,
            self.latency_ms,
            self.images_per_second,
            100.0 * self.utilization
        )
    }
}
