//! The cycles that the engine will take, without running it.

use std::collections::BTreeMap;

use firebrick_driver::{Program, TransferOrder};
use firebrick_model::timing::{self, Timing};
use firebrick_spec::HwConfig;
use firebrick_spec::regs::CAUSES;
use ndarray::Array3;
use serde::Serialize;

use crate::Error;
use crate::accounting::{self, Account, LayerAccount, cause};
use crate::target::Target;

/// Images of the run that is predicted beside a single image.
pub const RUN: usize = 4;

/// What is predicted of one network on one configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Prediction {
    /// The configuration.
    pub preset: String,
    /// The network.
    pub network: String,
    /// Rows of its input.
    pub height: usize,
    /// Columns of its input.
    pub width: usize,
    /// The weights stay in the engine.
    pub resident: bool,
    /// One image alone, from its first beat in to its trailer out.
    pub cycles: u64,
    /// In which the array takes a vector.
    pub busy_cycles: u64,
    /// Useful multiply-accumulates.
    pub macs: u64,
    /// Multiply-accumulates that the array could do in a cycle.
    pub mac_peak_per_cycle: u64,
    /// `macs` over what the array could do in `cycles`, 0 to 1.
    pub utilization: f64,
    /// Bytes sent for an image.
    pub dma_bytes_in: usize,
    /// Bytes of its result.
    pub dma_bytes_out: usize,
    /// Bytes sent once, before the first image.
    pub dma_bytes_setup: usize,
    /// Cycles without a vector, by cause.
    pub stall_cycles: BTreeMap<String, u64>,
    /// Several images back to back, for each of them.
    pub run: RunPrediction,
    /// Where the MAC-cycles of one image go.
    pub account: Account,
    /// The same by layer.
    pub layers: Vec<LayerAccount>,
}

/// Images back to back.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunPrediction {
    /// How many.
    pub images: usize,
    /// From the first beat in to the last trailer out.
    pub cycles: u64,
    /// `cycles` for each of them.
    pub cycles_per_image: f64,
    /// `macs` over what the array could do in `cycles`, 0 to 1.
    pub utilization: f64,
}

/// The transfers of `images` black pictures back to back: pixels have no influence on the timing.
///
/// # Errors
/// None that a test has met: black pictures fit every program.
pub fn transfers(program: &Program, images: usize) -> Result<Vec<Vec<u8>>, Error> {
    let (height, width) = program.input();
    let picture = Array3::<u8>::zeros((height, width, 3));
    let mut transfers: Vec<Vec<u8>> = Vec::new();
    for index in 0..images {
        let order = match index {
            0 => TransferOrder::First,
            _ => TransferOrder::Following,
        };
        transfers.push(program.transfer_in_order(&picture.view(), order)?);
    }
    Ok(transfers)
}

/// The timing of `images` images back to back, on an engine that has what stays in it and is at
/// rest.
fn time(program: &Program, images: usize) -> Result<Timing, Error> {
    let transfers = transfers(program, images)?;
    let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
    Ok(timing::predict(program.config(), &transfers)?)
}

impl Prediction {
    /// Predicts a compiled network, by running the cycle-exact timing model: no engine is needed.
    ///
    /// # Errors
    /// If the timing model refuses the command stream.
    pub fn of(target: &Target, program: &Program) -> Result<Prediction, Error> {
        let config: &HwConfig = program.config();
        let (one, run) = (time(program, 1)?, time(program, RUN)?);
        let by_layer: Vec<Vec<u64>> = one.layers.iter().map(|l| l.to_vec()).collect();
        let (macs, peak) = (program.macs(), config.macs_per_cycle() as u64);
        let (cycles, total) = (one.counters[0], run.counters[0]);
        let use_of = |macs: u64, cycles: u64| macs as f64 / (cycles.max(1) * peak) as f64;
        Ok(Prediction {
            preset: config.name.clone(),
            network: target.network.name.clone(),
            height: target.size.height,
            width: target.size.width,
            resident: program.setup().is_some(),
            cycles,
            busy_cycles: one.counters[CAUSES.start],
            macs,
            mac_peak_per_cycle: peak,
            utilization: use_of(macs, cycles),
            dma_bytes_in: program.input_bytes(),
            dma_bytes_out: program.output_bytes(),
            dma_bytes_setup: program.setup().map_or(0, <[u8]>::len),
            stall_cycles: CAUSES
                .skip(1)
                .map(|i| (cause(i), one.counters[i]))
                .collect(),
            run: RunPrediction {
                images: RUN,
                cycles: total,
                cycles_per_image: total as f64 / RUN as f64,
                utilization: use_of(macs * RUN as u64, total),
            },
            account: Account::of(&one.counters, macs, config),
            layers: accounting::layers(program, &by_layer, 1),
        })
    }
}

/// A prediction at a clock.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Forecast {
    /// Clock of the engine in MHz: what was given, not what a build meets.
    pub clock_mhz: f64,
    /// One image alone, from its first beat in to its trailer out, in milliseconds.
    pub latency_ms: f64,
    /// Back to back, each image's input under the computing of the one before. The bus has to
    /// bring `dma_bytes_in` for each.
    pub images_per_second: f64,
    /// The cycles.
    #[serde(flatten)]
    pub prediction: Prediction,
}

impl Prediction {
    /// The same as time, at a clock in MHz.
    ///
    /// # Errors
    /// If the clock is not a positive number.
    pub fn at(self, clock_mhz: f64) -> Result<Forecast, Error> {
        match clock_mhz.is_normal() && clock_mhz > 0.0 {
            true => Ok(Forecast {
                clock_mhz,
                latency_ms: self.cycles as f64 / clock_mhz / 1e3,
                images_per_second: clock_mhz * 1e6 / self.run.cycles_per_image,
                prediction: self,
            }),
            false => Err(Error::Clock {
                megahertz: clock_mhz,
            }),
        }
    }
}
