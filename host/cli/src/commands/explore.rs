//! `firebrick explore`: which configurations fit a board, and how fast they are.

mod proposal;
mod sizes;

use std::collections::HashMap;
use std::path::Path;

use firebrick_driver::{Weights, sum_bits};
use firebrick_spec::BEAT_BYTES;
use firebrick_spec::HwConfig;
use firebrick_spec::board::{Board, Limits, Link};
use firebrick_spec::config::{Family, SUM_BITS};
use firebrick_spec::resources::Share;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::predict::Prediction;
use crate::args;
use crate::error::CliError;
use crate::output::{Output, Wide, percent};
use crate::pages;
use crate::presets;
use crate::progress::note;
use crate::target::Target;

/// One configuration on a board.
#[derive(JsonSchema, Serialize)]
pub struct Candidate {
    rank: usize,
    board: &'static str,
    part: &'static str,
    link: &'static str,
    clock_mhz: f64,
    preset: String,
    macs: u64,
    feature_buffer_bytes: usize,
    weight_buffer_bytes: usize,
    images_per_second: f64,
    /// For each image of a long run.
    cycles_per_image: f64,
    /// Of one image alone, in milliseconds.
    latency_ms: f64,
    utilization: f64,
    lut: usize,
    lut_available: usize,
    ff: usize,
    ff_available: usize,
    dsp: usize,
    dsp_available: usize,
    bram: usize,
    bram_available: usize,
    uram: usize,
    uram_available: usize,
    /// The resource that is closest to its limit.
    tightest: &'static str,
    #[serde(skip)]
    shares: [Share; 5],
    #[serde(skip)]
    config: HwConfig,
    /// Bytes to and from the core in a second.
    bus_bytes_per_second: f64,
    /// Share of the input stream's cycles in use.
    bus_share: f64,
}

/// A configuration with other sizes of its memories is listed if it is faster than all presets of its array by this
/// factor.
const FASTER: f64 = 1.001;

/// All presets with all combinations of their options but families, and what the board takes by itself, with `wide` sums
/// if the network needs them.
fn configurations(board: &Board, bits: usize) -> Vec<HwConfig> {
    let all = HwConfig::with_options();
    let own = HwConfig::preset(board.preset);
    all.filter(|config| Some(config.hash()) != own.as_ref().map(HwConfig::hash))
        .chain(own.clone())
        .filter(|config| config.family == Family::Generic)
        .filter(|config| (config.sum_bits > SUM_BITS) == (bits > SUM_BITS))
        .collect()
}

/// What the presets of one array have in common: all but the sizes of their memories.
fn array_of(config: &HwConfig) -> (usize, usize, bool, bool, usize) {
    (
        config.tile,
        config.lanes,
        config.packed,
        config.is_resident(),
        config.sum_bits,
    )
}

fn candidate(
    board: &'static Board,
    limits: &Limits,
    clock_mhz: f64,
    config: &HwConfig,
    prediction: &Prediction,
) -> Candidate {
    let need = config.resources(board);
    let cycles = prediction.run.cycles_per_image;
    let images_per_second = clock_mhz * 1e6 / cycles;
    let bytes = prediction.dma_bytes_in + prediction.dma_bytes_out;
    Candidate {
        rank: 0,
        board: board.name,
        part: board.part,
        link: match board.link {
            Link::Pcie => "pcie",
            Link::Zynq => "zynq",
        },
        clock_mhz,
        preset: config.name.clone(),
        macs: prediction.mac_peak_per_cycle,
        feature_buffer_bytes: config.feature_words * config.tile,
        weight_buffer_bytes: config.weight_blocks * config.tile * config.tile,
        images_per_second,
        cycles_per_image: cycles,
        latency_ms: prediction.cycles as f64 / (clock_mhz * 1e3),
        utilization: prediction.run.utilization,
        lut: need.lut,
        lut_available: board.lut,
        ff: need.ff,
        ff_available: board.ff,
        dsp: need.dsp,
        dsp_available: board.dsp,
        bram: need.bram,
        bram_available: board.bram,
        uram: need.uram,
        uram_available: board.uram,
        tightest: need.tightest(board, limits).name,
        shares: need.on(board, limits),
        config: config.clone(),
        bus_bytes_per_second: bytes as f64 * images_per_second,
        bus_share: prediction.dma_bytes_in as f64 / (BEAT_BYTES as f64 * cycles),
    }
}

/// How many percent of a resource are taken.
fn cell(share: &Share) -> String {
    match share.there {
        0 => "none".to_owned(),
        _ => format!("{:.0} %", share.percent()),
    }
}

pub fn run(args: &args::Explore, output: &mut Output) -> Result<(), CliError> {
    let inputs: Vec<&Path> = args.network.model.as_deref().into_iter().collect();
    let written = args.write.as_deref();
    let page = pages::check(
        &args.html,
        &inputs,
        &[("--write", written)],
        args.force.on,
        output,
    )?;
    let place = written.map(|path| presets::check(path, &inputs, args.force.on));
    let place = place.transpose()?;
    let board = args.boards.find(&args.board)?.board();
    let limits = &args.limits.given;
    let clock = args.clock.unwrap_or(board.core_mhz as f64);
    let (model, config) = (args.network.model.as_deref(), HwConfig::default());
    let target = Target::of(model, args.network.size, config, Weights::Auto)?;
    let presets = configurations(board, sum_bits(&target.network));
    let predict = |config: &HwConfig| {
        target
            .compile_for(config, false)
            .and_then(|program| Prediction::of(&target, &program))
    };
    let (fitting, others): (Vec<_>, Vec<_>) = presets
        .iter()
        .filter_map(|config| board.build_of(config))
        .partition(|c| c.over(board, limits).is_empty());
    let results: Vec<_> = fitting
        .into_par_iter()
        .map(|config| (predict(&config), config))
        .collect();
    let mut candidates = Vec::new();
    let mut fastest = HashMap::new();
    for (result, config) in &results {
        match result {
            Ok(prediction) => {
                let candidate = candidate(board, limits, clock, config, prediction);
                let best = fastest.entry(array_of(config)).or_insert(0.0);
                *best = candidate.images_per_second.max(*best);
                candidates.push(candidate);
            }
            Err(error) => note(format_args!("{}: left out: {error}", config.name)),
        }
    }
    // One preset of each array stands for it.
    let mut arrays: Vec<&HwConfig> = presets.iter().collect();
    arrays.sort_by_key(|config| array_of(config));
    arrays.dedup_by_key(|config| array_of(config));
    let sized: Vec<_> = arrays
        .into_par_iter()
        .filter_map(|config| {
            let cycles = |prediction: &Prediction| prediction.run.cycles_per_image;
            let (sized, prediction) = sizes::best(
                config,
                |sized| Some(board.build_of(sized)?).filter(|c| c.over(board, limits).is_empty()),
                |sized| predict(sized).ok(),
                cycles,
            )?;
            let best = candidate(board, limits, clock, &sized, &prediction);
            Some((array_of(config), best))
        })
        .collect();
    for (array, best) in sized {
        let known = fastest.get(&array).copied().unwrap_or(0.0);
        if best.images_per_second > known * FASTER {
            candidates.push(best);
        }
    }
    candidates.sort_by(|a, b| {
        (b.images_per_second.total_cmp(&a.images_per_second))
            .then(a.dsp.cmp(&b.dsp))
            .then(a.bram.cmp(&b.bram))
    });
    for (index, candidate) in candidates.iter_mut().enumerate() {
        candidate.rank = index + 1;
    }
    note(format_args!(
        "{} of {} presets do not fit {} ({})",
        others.len(),
        others.len() + results.len(),
        board.name,
        board.part
    ));
    for candidate in &candidates {
        output.object(candidate, args.json.on)?;
    }
    pages::write(page.as_ref(), output, |objects| {
        let more = [
            ("network", target.network.name.clone()),
            ("board", board.name.to_owned()),
            ("limits", limits.to_string()),
        ];
        pages::explore(objects, pages::run_of(None, &more))
    })?;
    if let (Some(place), Some(path)) = (&place, written) {
        let best = candidates.first().ok_or(CliError::NothingFits { board })?;
        let notes = proposal::notes(best, &target.network.name, board, limits);
        presets::write(place, path, &best.config, &notes)?;
    }
    if args.json.on {
        return Ok(());
    }
    let mut table = Wide::new(&[
        "#",
        "preset",
        "images/s#",
        "latency ms#",
        "array in use#",
        "LUT#",
        "DSP#",
        "block RAM#",
        "UltraRAM#",
        "limit",
        "bus MB/s#",
        "bus in use#",
    ]);
    for c in &candidates {
        let [lut, _, dsp, bram, uram] = &c.shares;
        table.add_row(vec![
            c.rank.to_string(),
            c.preset.clone(),
            format!("{:.1}", c.images_per_second),
            format!("{:.2}", c.latency_ms),
            percent(c.utilization),
            cell(lut),
            cell(dsp),
            cell(bram),
            cell(uram),
            c.tightest.to_owned(),
            format!("{:.0}", c.bus_bytes_per_second / 1e6),
            percent(c.bus_share),
        ]);
    }
    output.line(format_args!(
        "{} at {clock} MHz{}\n\
         That this clock is met is an assumption: no vendor tool has placed and routed\n\
         the engine. Images per second and milliseconds scale with it.\n",
        board.name,
        match args.clock {
            Some(_) => "",
            None => ", the clock that is asked for",
        }
    ))?;
    output.line(table.text())
}
