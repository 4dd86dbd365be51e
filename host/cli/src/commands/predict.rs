//! `firebrick predict`: the cycles that the engine will take, without running it.

use std::collections::BTreeMap;
use std::time::Instant;

use firebrick_driver::{Order, Program};
use firebrick_model::timing::{self, Timing};
use firebrick_spec::HwConfig;
use firebrick_spec::regs::CAUSES;
use ndarray::Array3;
use serde::Serialize;

use crate::accounting::{self, Account, LayerAccount, cause};
use crate::args;
use crate::error::CliError;
use crate::output::{Output, percent};
use crate::target::Target;

/// Images of the run that is predicted beside a single image.
pub const RUN: usize = 4;

/// What is predicted of one network on one configuration.
#[derive(Serialize)]
pub struct Prediction {
    pub preset: String,
    pub network: String,
    pub height: usize,
    pub width: usize,
    pub resident: bool,
    /// One image alone, from its first beat in to its trailer out.
    pub cycles: u64,
    pub busy_cycles: u64,
    pub macs: u64,
    pub mac_peak_per_cycle: u64,
    pub utilization: f64,
    pub dma_bytes_in: usize,
    pub dma_bytes_out: usize,
    /// Bytes sent once, before the first image.
    pub dma_bytes_setup: usize,
    /// Cycles without a vector, by cause.
    pub stall_cycles: BTreeMap<String, u64>,
    /// Several images back to back, for each of them.
    pub run: RunPrediction,
    pub account: Account,
    pub layers: Vec<LayerAccount>,
}

/// Images back to back.
#[derive(Serialize)]
pub struct RunPrediction {
    pub images: usize,
    pub cycles: u64,
    pub cycles_per_image: f64,
    pub utilization: f64,
}

/// The transfers of `images` black pictures back to back: pixels have no influence on the timing.
pub fn transfers(program: &Program, images: usize) -> Result<Vec<Vec<u8>>, CliError> {
    let (height, width) = program.input();
    let picture = Array3::<u8>::zeros((height, width, 3));
    let mut transfers: Vec<Vec<u8>> = Vec::new();
    for index in 0..images {
        let order = match index {
            0 => Order::First,
            _ => Order::Following,
        };
        transfers.push(program.transfer_in_order(&picture.view(), order)?);
    }
    Ok(transfers)
}

/// The timing of `images` images back to back, on an engine that has what stays in it and is at
/// rest.
fn time(program: &Program, images: usize) -> Result<Timing, CliError> {
    let transfers = transfers(program, images)?;
    let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
    Ok(timing::predict(program.config(), &transfers)?)
}

impl Prediction {
    pub fn of(target: &Target, program: &Program) -> Result<Prediction, CliError> {
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

pub fn run(args: &args::Predict, output: &mut Output) -> Result<(), CliError> {
    let target = Target::load(&args.target)?;
    let program = target.compile(false)?;
    let begin = Instant::now();
    let prediction = Prediction::of(&target, &program)?;
    let seconds = begin.elapsed().as_secs_f64();
    if args.json.on {
        return output.json(&prediction);
    }
    output.line(accounting::text(&prediction.layers))?;
    output.line(format_args!(
        "\n{} on {}, {}x{} pixels, weights {}\n\
         one image: {} cycles, {} of them busy, utilization {}\n\
         {} images back to back: {:.1} cycles for each, utilization {}\n\
         traffic for an image: {} bytes in, {} bytes out{}\n\
         predicted in {:.0} ms",
        prediction.network,
        prediction.preset,
        prediction.height,
        prediction.width,
        if prediction.resident {
            "resident"
        } else {
            "streamed"
        },
        prediction.cycles,
        prediction.busy_cycles,
        percent(prediction.utilization),
        prediction.run.images,
        prediction.run.cycles_per_image,
        percent(prediction.run.utilization),
        prediction.dma_bytes_in,
        prediction.dma_bytes_out,
        match prediction.dma_bytes_setup {
            0 => String::new(),
            n => format!("; {n} bytes in once"),
        },
        1000.0 * seconds,
    ))
}
