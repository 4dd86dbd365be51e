//! Which units of the engine are in question: of those that all layers use which are wrong on their
//! own, those that the fewest layers use which are right for what they were given.

use std::collections::BTreeMap;

use firebrick_driver::Program;
use firebrick_network::{Network, NodeId, Op};
use firebrick_spec::command::{Block, Command, Mode};

use super::conclude::Fault;

/// A unit, by the name that its page in docs/blocks has for it.
pub type Unit = &'static str;

const WINDOW: Unit = "window unit";
const FEATURES: Unit = "feature buffer, as layers read it";
const MASKS: Unit = "masks of the sequencer";
const SPARSE: Unit = "decoder of sparse weights";
const ARRAY: Unit = "array";
const ACCUMULATORS: Unit = "accumulators";
const REQUANTISERS: Unit = "requantisers";
const ADDRESSES: Unit = "write addresses of the drain";
const STORES: Unit = "stores of the sequencer";
const TAPS: Unit = "taps of the drain";
const POOL: Unit = "pool";
const SUM: Unit = "global sum";
const SEND: Unit = "sums on their way to the output";

/// Of each block record its layer, and whether any of its weights came sparse.
fn sparse_loads(program: &Program) -> Vec<(usize, bool)> {
    let size = program.config().weight_blocks;
    let mut sparse = vec![false; size];
    let mut layers = Vec::new();
    for record in program.records() {
        match record.command {
            Command::LoadWeights(load) => {
                let (base, count) = (load.base as usize, load.count as usize);
                (base..base + count).for_each(|block| sparse[block % size] = false);
            }
            Command::LoadSparse(load) => {
                let (base, count) = (load.base as usize, load.count as usize);
                (base..base + count).for_each(|block| sparse[block % size] = true);
            }
            Command::Block(block) => {
                let base = block.weight_base as usize;
                let mut passes = base..base + block.passes() as usize;
                layers.push((block.layer as usize, passes.any(|at| sparse[at % size])));
            }
            _ => {}
        }
    }
    layers
}

/// The units that a node's map goes through, from its inputs on.
fn used(network: &Network, program: &Program, sparse: &[(usize, bool)], id: NodeId) -> Vec<Unit> {
    let node = &network.nodes[id.0];
    let computed = |id: NodeId| program.layers().iter().find(|layer| layer.node == id);
    // The records of the tiles of a layer; all are alike.
    let drained = |id: NodeId| -> Option<Block> {
        let layer = computed(id)?.layer as u32;
        let records = program.records().iter();
        let mut blocks = records.filter_map(|record| match record.command {
            Command::Block(block) => Some(block),
            _ => None,
        });
        blocks.find(|block| block.layer == layer && block.last)
    };
    match (&node.op, computed(id), node.inputs.first()) {
        (Op::Conv(_) | Op::Add, Some(layer), _) => {
            let Some(block) = drained(id) else {
                return Vec::new();
            };
            let mut units = vec![ARRAY, ACCUMULATORS, REQUANTISERS];
            units.push(match node.inputs.contains(&NodeId::INPUT) {
                true => WINDOW,
                false => FEATURES,
            });
            if block.kernel3 {
                units.push(MASKS);
            }
            if sparse.contains(&(layer.layer, true)) {
                units.push(SPARSE);
            }
            match block.mode {
                Mode::Write => units.extend([ADDRESSES, STORES]),
                _ => units.push(TAPS),
            }
            units
        }
        (Op::MaxPool(_), _, Some(&input)) => match drained(input) {
            Some(block) if block.mode == Mode::Pool => vec![POOL, ADDRESSES, STORES],
            _ => Vec::new(),
        },
        (Op::Global, ..) => vec![SUM, SEND],
        _ => Vec::new(),
    }
}

/// The units in question; `step` says that no difference is larger than 1, as of a sum that is
/// right and was rounded wrongly.
pub fn suspects(
    network: &Network,
    program: &Program,
    faults: &[Option<Fault>],
    step: bool,
) -> Vec<Unit> {
    let sparse = sparse_loads(program);
    let of = |index| used(network, program, &sparse, NodeId(index));
    let (mut common, mut right) = (None::<Vec<Unit>>, BTreeMap::new());
    for (index, fault) in faults.iter().enumerate() {
        let units = of(index);
        match fault {
            // A concatenation is wrong where its parts are.
            _ if units.is_empty() => {}
            Some(Fault::Own) => {
                let all = common.take().unwrap_or_else(|| units.clone());
                let both = all.into_iter().filter(|unit| units.contains(unit));
                common = Some(both.collect());
            }
            _ => units
                .iter()
                .for_each(|unit| *right.entry(*unit).or_insert(0) += 1),
        }
    }
    let mut units = common.unwrap_or_default();
    let count = |unit: &Unit| right.get(unit).copied().unwrap_or(0);
    // None, unless the fault shows with some data only.
    let fewest = units.iter().map(count).min();
    units.retain(|unit| Some(count(unit)) == fewest);
    if step && units.contains(&REQUANTISERS) {
        units = vec![REQUANTISERS];
    }
    units
}
