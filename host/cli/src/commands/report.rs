//! `firebrick report`: a network on a configuration as one HTML file.

mod memory;
mod numbers;
mod timeline;

pub use numbers::map;

use firebrick_spec::BEAT_BYTES;
use std::path::Path;

use firebrick::{best, probabilities};
use firebrick_driver::Program;
use firebrick_model::{Activations, Model};
use firebrick_network::{NodeId, Op};
use firebrick_report::data::{Class, Layer, Node, Report, Resource, Summary};
use firebrick_spec::board::{Board, Limits};
use firebrick_spec::{HwConfig, command};

use super::predict::Prediction;
use crate::args;
use crate::error::CliError;
use crate::output::{Numbered, Output};
use crate::outputs::{Kind, Place};
use crate::pages;
use crate::target::{self, Target, shown};

/// Classes that are shown.
const TOP: usize = 10;

pub fn run(args: &args::report::Report, output: &mut Output) -> Result<(), CliError> {
    let model = args.target.network.model.as_deref();
    let inputs = [args.image.as_deref(), model, args.reference.as_deref()];
    let inputs: Vec<&Path> = inputs.into_iter().flatten().collect();
    let place = args.output.as_deref();
    let place = place
        .map(|path| Place::check(path, Kind::PAGE, &inputs, args.force.on))
        .transpose()?;
    let board = args.boards.given(args.board.as_ref())?;
    let board = board.map(|board| board.board());
    let config = match (&args.target.preset.given, board) {
        (None, Some(board)) => board.config(),
        _ => args.target.preset.config(),
    };
    let target = target::load_for(&args.target, config)?;
    let report = report(args, &target, board)?;
    if let (Some(place), Some(path)) = (place, &args.output) {
        let data = serde_json::to_string(&Numbered::of(&report));
        let data = data.map_err(|e| place.error(e.into()))?;
        let page = firebrick_report::html(&report, &data);
        place.write(page.as_bytes())?;
        if !args.json.on {
            output.line(format_args!("{}: {} bytes", shown(path), page.len()))?;
        }
    }
    match args.json.on {
        true => output.json(&report),
        false => Ok(()),
    }
}

fn report(
    args: &args::report::Report,
    target: &Target,
    board: Option<&Board>,
) -> Result<Report, CliError> {
    let program = target.compile(false)?;
    let (config, network) = (target.config(), &target.network);
    let prediction = Prediction::of(target, &program)?;
    let (mut activations, mut compared) = (None, numbers::Compared::none(network));
    if let Some(path) = &args.image {
        let picture = target.picture(path)?;
        let found = Model::new(network)?.run(&picture.view())?;
        compared = numbers::Compared::of(args.reference.as_deref(), target, &picture, &found)?;
        activations = Some(found);
    }
    let (alone, trace) = timeline::of(&program, 1)?;
    let mut more = vec![("network", network.name.clone())];
    more.extend(args.image.iter().map(|image| ("photograph", shown(image))));
    let (overlapping, _) = timeline::of(&program, usize::from(args.images))?;
    Ok(Report {
        run: pages::run_of(Some(config), &more),
        nodes: nodes(target),
        layers: layers(&program, &prediction, target),
        memory: memory::of(&program, &trace, prediction.cycles),
        timelines: vec![alone, overlapping],
        quantisation: compared.quantisation,
        scores: compared.scores,
        maps: activations
            .as_ref()
            .map_or_else(Vec::new, |found| numbers::maps(network, found)),
        classes: activations
            .as_ref()
            .map_or_else(Vec::new, |found| classes(target, found)),
        resources: board.map_or_else(Vec::new, |board| resources(config, board)),
        summary: summary(&prediction),
    })
}

fn summary(prediction: &Prediction) -> Summary {
    let all = prediction.account.mac_cycles.max(1) as f64;
    let mut account = vec![("useful".to_owned(), prediction.account.useful as f64 / all)];
    let mut idle: Vec<(&String, &u64)> = prediction.account.idle.iter().collect();
    idle.sort_by_key(|(_, cycles)| std::cmp::Reverse(**cycles));
    account.extend(
        idle.into_iter()
            .map(|(cause, cycles)| (cause.clone(), *cycles as f64 / all)),
    );
    Summary {
        network: prediction.network.clone(),
        preset: prediction.preset.clone(),
        height: prediction.height,
        width: prediction.width,
        macs: prediction.macs,
        mac_peak_per_cycle: prediction.mac_peak_per_cycle,
        bus_bytes: BEAT_BYTES as u64,
        cycles: prediction.cycles,
        utilization: prediction.utilization,
        cycles_per_image: prediction.run.cycles_per_image,
        dma_bytes_in: prediction.dma_bytes_in,
        dma_bytes_out: prediction.dma_bytes_out,
        resident: prediction.resident,
        account,
    }
}

fn nodes(target: &Target) -> Vec<Node> {
    // The network was compiled at this size, so that it has shapes.
    let shapes = target.network.shapes(target.size.height, target.size.width);
    let nodes = target.network.nodes.iter();
    let nodes = nodes.zip(shapes.unwrap_or_default());
    nodes
        .map(|(node, shape)| Node {
            name: node.name.clone(),
            kind: match &node.op {
                Op::Conv(conv) => format!("conv {k}x{k}/{}", conv.stride, k = conv.kernel),
                Op::MaxPool(pool) => format!("max-pool {pool}"),
                Op::Concat => "concat".into(),
                Op::Add => "add".into(),
                Op::Global => "global sum".into(),
            },
            shape: [shape.height, shape.width, shape.channels],
            inputs: node
                .inputs
                .iter()
                .map(|id| (*id != NodeId::INPUT).then_some(id.0))
                .collect(),
        })
        .collect()
}

fn layers(program: &Program, prediction: &Prediction, target: &Target) -> Vec<Layer> {
    let tile = program.config().tile;
    let picture = (3 * target.size.height * target.size.width) as u64;
    let layers = program.layers().iter().zip(&prediction.layers);
    layers
        .map(|(info, account)| {
            let reads = &target.network.nodes[info.node.0].inputs;
            let params = info.output_groups * tile * command::PARAM_BYTES;
            let mut mac_cycles = account.account.idle.clone();
            mac_cycles.insert("useful".into(), account.account.useful);
            Layer {
                name: account.name.clone(),
                macs: account.macs,
                cycles: account.cycles,
                busy_cycles: account.busy_cycles,
                utilization: account.utilization,
                bus_bytes: (info.weight_bytes + params) as u64
                    + if reads.contains(&NodeId::INPUT) {
                        picture
                    } else {
                        0
                    },
                account: mac_cycles,
            }
        })
        .collect()
}

fn classes(target: &Target, activations: &Activations) -> Vec<Class> {
    let logits = &activations.logits;
    let scores = probabilities(&target.network, logits, target.logit_scale());
    let best = best(logits, TOP).into_iter();
    best.map(|index| Class {
        label: target.network.labels[index].clone(),
        index,
        probability: scores[index],
        sum: logits[index],
    })
    .collect()
}

fn resources(config: &HwConfig, board: &Board) -> Vec<Resource> {
    let shares = config.resources(board).on(board, &Limits::default());
    let there = shares.into_iter().filter(|share| share.there > 0);
    there
        .map(|share| Resource {
            name: share.name.to_owned(),
            used: share.need as u64,
            available: share.there as u64,
            limit: share.limit as f64 / 100.0,
        })
        .collect()
}
