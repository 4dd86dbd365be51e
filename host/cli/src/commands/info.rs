//! `firebrick info`: a configuration, and the network on it.

use std::path::Path;

use firebrick_driver::{LayerInfo, Program};
use firebrick_spec::HwConfig;
use firebrick_spec::board::{Board, Limits};
use schemars::JsonSchema;
use serde::Serialize;

use super::predict::Prediction;
use super::{Configuration, EngineMemory, memories};
use crate::args;
use crate::error::CliError;
use crate::output::{Output, Wide, percent, table};
use crate::presets;
use crate::target::{self, Target};

#[derive(JsonSchema, Serialize)]
pub struct Info<'a> {
    preset: &'a str,
    hash: String,
    mac_peak_per_cycle: usize,
    configuration: Configuration,
    memories: Vec<EngineMemory>,
    memory_bytes: usize,
    resources: Parts,
    network: &'a str,
    classes: usize,
    height: usize,
    width: usize,
    macs: u64,
    layers: Vec<Layer<'a>>,
    predicted: Predicted,
}

/// Parts of an FPGA, and how many the board has.
#[derive(JsonSchema, Serialize)]
pub struct Parts {
    board: Option<&'static str>,
    lut: usize,
    lut_available: Option<usize>,
    ff: usize,
    ff_available: Option<usize>,
    dsp: usize,
    dsp_available: Option<usize>,
    /// Block RAMs of 36 Kibit.
    bram: usize,
    bram_available: Option<usize>,
    uram: usize,
    uram_available: Option<usize>,
    /// UltraRAMs where bytes of several rows share one, as Yosys has it.
    uram_shared: usize,
    /// Which resource is closest to its limit, or passes it, in words.
    tightest: Option<String>,
}

impl Parts {
    /// Without a board, all memories lie in block RAM.
    fn of(config: &HwConfig, board: Option<&'static Board>, limits: &Limits) -> Parts {
        let need = match board {
            Some(board) => config.resources(board),
            None => config.resources_with(&[]),
        };
        Parts {
            board: board.map(|b| b.name),
            lut: need.lut,
            lut_available: board.map(|b| b.lut),
            ff: need.ff,
            ff_available: board.map(|b| b.ff),
            dsp: need.dsp,
            dsp_available: board.map(|b| b.dsp),
            bram: need.bram,
            bram_available: board.map(|b| b.bram),
            uram: need.uram,
            uram_available: board.map(|b| b.uram),
            uram_shared: need.uram_shared,
            tightest: board.map(|board| {
                let share = need.tightest(board, limits);
                format!(
                    "{} are the limit: {:.0} % are taken, and {} % can be",
                    share.name,
                    share.percent(),
                    share.limit
                )
            }),
        }
    }
}

#[derive(JsonSchema, Serialize)]
pub struct Layer<'a> {
    name: &'a str,
    kernel: usize,
    height: usize,
    width: usize,
    channels: usize,
    macs: u64,
    tiles: usize,
    records: usize,
    busy_cycles: u64,
    utilization: f64,
    weight_bytes: usize,
}

/// What one picture takes, by the timing model.
#[derive(JsonSchema, Serialize)]
pub struct Predicted {
    cycles: u64,
    busy_cycles: u64,
    utilization: f64,
    dma_bytes_in: usize,
    dma_bytes_out: usize,
    feature_words: usize,
    records: usize,
}

impl<'a> Info<'a> {
    fn of(
        target: &'a Target,
        config: &'a HwConfig,
        program: &'a Program,
        timing: &Prediction,
        board: Option<&'static Board>,
        limits: &Limits,
    ) -> Info<'a> {
        let prediction = program.prediction();
        let layer = |layer: &'a LayerInfo| Layer {
            name: &layer.name,
            kernel: layer.kernel,
            height: layer.shape.height,
            width: layer.shape.width,
            channels: layer.shape.channels,
            macs: layer.macs,
            tiles: layer.tiles,
            records: layer.records,
            busy_cycles: layer.busy_cycles,
            utilization: layer.macs as f64 / (layer.busy_cycles.max(1) * prediction.peak) as f64,
            weight_bytes: layer.weight_bytes,
        };
        Info {
            preset: &config.name,
            hash: format!("{:016x}", config.hash()),
            mac_peak_per_cycle: config.macs_per_cycle(),
            configuration: Configuration::of(config),
            memories: memories(config),
            memory_bytes: config.memory_bytes(),
            resources: Parts::of(config, board, limits),
            network: &target.network.name,
            classes: target.network.classes(),
            height: target.size.height,
            width: target.size.width,
            macs: program.macs(),
            layers: program.layers().iter().map(layer).collect(),
            predicted: Predicted {
                cycles: timing.cycles,
                busy_cycles: timing.busy_cycles,
                utilization: timing.utilization,
                dma_bytes_in: program.input_bytes(),
                dma_bytes_out: program.output_bytes(),
                feature_words: prediction.feature_words,
                records: program.records().len(),
            },
        }
    }
}

pub fn run(args: &args::Info, output: &mut Output) -> Result<(), CliError> {
    let board = args.boards.given(args.board.as_ref())?;
    let board = board.map(|board| board.board());
    let config = match (&args.target.preset.given, board) {
        (None, Some(board)) => board.config(),
        (Some(config), Some(board)) => super::for_board(config, board)?,
        (_, None) => args.target.preset.config(),
    };
    let target = target::load_for(&args.target, config)?;
    let config = target.config();
    if let Some(path) = &args.write {
        let inputs: Vec<&Path> = args.target.network.model.as_deref().into_iter().collect();
        let place = presets::check(path, &inputs, args.force.on)?;
        presets::write(&place, path, config, &[])?;
    }
    let program = target.compile(false)?;
    let timing = Prediction::of(&target, &program)?;
    let limits = &args.limits.given;
    let info = Info::of(&target, config, &program, &timing, board, limits);
    if args.json.on {
        return output.json(&info);
    }
    configuration(&info, output)?;
    layers(&info, output)?;
    predicted(&info, output)
}

fn configuration(info: &Info<'_>, output: &mut Output) -> Result<(), CliError> {
    output.line(format_args!("preset {}, hash {}", info.preset, info.hash))?;
    let figures: Vec<String> = info
        .configuration
        .0
        .iter()
        .filter(|(key, _)| key != "abi")
        .map(|(key, value)| format!("{key} {value}"))
        .collect();
    output.line(format_args!("  {}", figures.join(", ")))?;
    output.line(format_args!(
        "  {} MACs per cycle\n",
        info.mac_peak_per_cycle
    ))?;
    let mut memories = table(&["memory", "words#", "bytes a word#", "bytes#"]);
    for memory in &info.memories {
        memories.add_row([
            memory.name.to_owned(),
            memory.words.to_string(),
            memory.word_bytes.to_string(),
            memory.bytes.to_string(),
        ]);
    }
    memories.add_row([
        "all".to_owned(),
        String::new(),
        String::new(),
        info.memory_bytes.to_string(),
    ]);
    output.line(memories)?;
    parts(&info.resources, output)
}

fn parts(parts: &Parts, output: &mut Output) -> Result<(), CliError> {
    let of = |need: usize, there: Option<usize>| match there {
        Some(there) => format!("{need} of {there}"),
        None => need.to_string(),
    };
    output.line(format_args!(
        "{}: about {} LUTs and {} flip-flops; {} DSP slices, {} block RAMs, {} UltraRAMs{}",
        parts.board.unwrap_or("takes of an FPGA"),
        of(parts.lut, parts.lut_available),
        of(parts.ff, parts.ff_available),
        of(parts.dsp, parts.dsp_available),
        of(parts.bram, parts.bram_available),
        of(parts.uram, parts.uram_available),
        if parts.uram_shared < parts.uram {
            format!(" (Yosys: {}, see docs/resources.md)", parts.uram_shared)
        } else {
            String::new()
        },
    ))?;
    if let Some(tightest) = &parts.tightest {
        output.line(tightest)?;
    }
    Ok(())
}

fn layers(info: &Info<'_>, output: &mut Output) -> Result<(), CliError> {
    output.line(format_args!(
        "\n{}, {} classes, {}x{} pixels: {} MACs\n",
        info.network, info.classes, info.height, info.width, info.macs
    ))?;
    let mut layers = Wide::new(&[
        "layer",
        "kernel#",
        "output",
        "MACs#",
        "tiles#",
        "records#",
        "busy cycles#",
        "array in use#",
        "weight bytes#",
    ]);
    for layer in &info.layers {
        layers.add_row(vec![
            layer.name.to_owned(),
            format!("{0}x{0}", layer.kernel),
            format!("{}x{}x{}", layer.height, layer.width, layer.channels),
            layer.macs.to_string(),
            layer.tiles.to_string(),
            layer.records.to_string(),
            layer.busy_cycles.to_string(),
            percent(layer.utilization),
            layer.weight_bytes.to_string(),
        ]);
    }
    output.line(layers.text())
}

fn predicted(info: &Info<'_>, output: &mut Output) -> Result<(), CliError> {
    let predicted = &info.predicted;
    output.line(format_args!(
        "\npredicted for a picture: {} cycles, {} of them busy, utilization {}\n\
         traffic: {} bytes in ({} records, weights and pixels), {} bytes out\n\
         feature buffer: {} words in use",
        predicted.cycles,
        predicted.busy_cycles,
        percent(predicted.utilization),
        predicted.dma_bytes_in,
        predicted.records,
        predicted.dma_bytes_out,
        predicted.feature_words,
    ))
}
