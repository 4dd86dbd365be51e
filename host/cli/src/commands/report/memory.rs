//! What lies where in the feature buffer, from the records and the cycles in which they run.

use std::collections::BTreeMap;
use std::ops::Range;

use firebrick_driver::Program;
use firebrick_model::timing::Trace;
use firebrick_report::data::{MemoryMap, Region};
use firebrick_spec::command::{Block, Command, Mode, ring_words};

/// Words of the first layer's input.
const STRIPS: &str = "window strips";

/// A block in its place and time.
struct Access {
    words: Range<u64>,
    cycles: Range<u64>,
}

/// Words that a block's tile goes to.
fn written(block: &Block) -> Option<Range<u64>> {
    let base = u64::from(block.out_base);
    if block.out_ring > 0 {
        let words = u64::from(ring_words(block.out_ring));
        let start = base - base % words;
        return Some(start..start + words);
    }
    let pitch = block.pitch().max(1);
    let rows = (block.x0 + block.count).div_ceil(pitch);
    let (rows, width) = match block.mode {
        Mode::Sum => return None,
        Mode::Write => (rows, block.width),
        Mode::Pool => (rows.div_ceil(2), block.width.div_ceil(2)),
    };
    let words = u64::from(rows) * u64::from(width + block.out_gap);
    let most = match block.mode {
        Mode::Write => words.min(u64::from(block.count)),
        _ => words,
    };
    Some(base..base + most)
}

/// Words of each channel group that a block reads.
fn read(block: &Block) -> impl Iterator<Item = Range<u64>> + use<> {
    let (plane, count, ring) = (block.plane, u64::from(block.count), block.in_ring);
    let base = block.in_base;
    (0..block.groups).map(move |group| {
        let from = u64::from(base.wrapping_add(group.wrapping_mul(plane)) & 0xf_ffff);
        if ring > 0 {
            let words = u64::from(ring_words(ring));
            let start = from - from % words;
            return start..start + words;
        }
        from..from + count
    })
}

fn joined(a: &Range<u64>, b: &Range<u64>) -> Range<u64> {
    a.start.min(b.start)..a.end.max(b.end)
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

/// The feature buffer during one picture.
pub fn of(program: &Program, trace: &Trace, cycles: u64) -> MemoryMap {
    let config = program.config();
    let records = program.records();
    let mut times: BTreeMap<usize, Range<u64>> = BTreeMap::new();
    for pass in &trace.passes {
        let cycles = pass.start..pass.end;
        times
            .entry(pass.record)
            .and_modify(|all| *all = joined(all, &cycles))
            .or_insert(cycles);
    }
    let names: BTreeMap<usize, &str> = (program.layers().iter())
        .map(|layer| (layer.layer, layer.name.as_str()))
        .collect();
    let first = program.layers().first().map(|layer| layer.layer as u32);
    let mut reads: Vec<Access> = Vec::new();
    let mut writes: BTreeMap<usize, Access> = BTreeMap::new();
    let mut strips: Option<Access> = None;
    let mut add = |layer: usize, words: Range<u64>, cycles: &Range<u64>| {
        let access = writes.entry(layer).or_insert(Access {
            words: words.clone(),
            cycles: cycles.clone(),
        });
        access.words = joined(&access.words, &words);
        access.cycles = joined(&access.cycles, cycles);
    };
    for (index, record) in records.iter().enumerate() {
        let (Command::Block(block), Some(cycles)) = (&record.command, times.get(&index)) else {
            continue;
        };
        for words in read(block) {
            if Some(block.layer) == first {
                let all = strips.get_or_insert(Access {
                    words: words.clone(),
                    cycles: cycles.clone(),
                });
                all.words = joined(&all.words, &words);
                all.cycles = joined(&all.cycles, cycles);
            } else {
                reads.push(Access {
                    words,
                    cycles: cycles.clone(),
                });
            }
        }
        if let Some(words) = written(block).filter(|_| block.last) {
            add(block.layer as usize, words, cycles);
        }
    }
    let mut regions: Vec<Region> = Vec::new();
    if let Some(all) = strips {
        regions.push(Region {
            name: STRIPS.into(),
            from: all.words.start,
            to: all.words.end,
            written: 0,
            read: all.cycles.end,
        });
    }
    for (layer, access) in &writes {
        // Until another layer that begins later writes there.
        let again = writes
            .values()
            .filter(|other| other.cycles.start > access.cycles.start)
            .filter(|other| overlap(&other.words, &access.words))
            .map(|other| other.cycles.start)
            .min()
            .unwrap_or(u64::MAX);
        let last = reads
            .iter()
            .filter(|read| overlap(&read.words, &access.words))
            .filter(|read| read.cycles.start >= access.cycles.start && read.cycles.start < again)
            .map(|read| read.cycles.end)
            .max();
        regions.push(Region {
            name: names.get(layer).copied().unwrap_or_default().to_owned(),
            from: access.words.start,
            to: access.words.end,
            written: access.cycles.start,
            read: last.unwrap_or(access.cycles.end).max(access.cycles.end),
        });
    }
    regions.sort_by_key(|region| region.written);
    MemoryMap {
        words: config.feature_words as u64,
        word_bytes: config.tile as u64,
        cycles,
        regions,
    }
}
