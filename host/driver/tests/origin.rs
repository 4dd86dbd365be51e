//! From a value of a result back to the beat that brought it and the records that computed it.

mod common;

use common::{Builder, picture};
use firebrick_driver::{CompileOptions, Executor, Program, compile};
use firebrick_network::random::{figures, squeezenet, with_bypass};
use firebrick_network::{Network, NodeId};
use firebrick_spec::command::{Block, Command, RECORD_BYTES};
use firebrick_spec::{BEAT_BYTES, HwConfig};

/// Maps that are written, pooled, concatenated, padded and summed.
fn networks() -> Vec<(Network, usize, usize)> {
    let mut b = Builder::new(5);
    let x = b.conv("conv1", NodeId::INPUT, 24, (3, 2, 0));
    let x = b.pool("pool1", x, true);
    let x = b.fire("fire2", x, 16, 20, 32);
    let x = b.pool("pool2", x, false);
    let x = b.conv("conv10", x, 37, (1, 1, 1));
    let padded = b.finish(x, 40, 35);
    let bypass = squeezenet(&with_bypass(figures(3)), 3);
    vec![(padded, 40, 35), (bypass, 75, 60)]
}

fn programs() -> Vec<(Network, Program)> {
    let options = CompileOptions {
        check: true,
        ..CompileOptions::default()
    };
    let mut programs = Vec::new();
    for (network, height, width) in networks() {
        for preset in ["fb64", "fb1024-resident"] {
            let config = HwConfig::preset(preset).unwrap();
            let program = compile(&network, &config, height, width, &options).unwrap();
            programs.push((network.clone(), program));
        }
    }
    programs
}

#[test]
fn every_value_is_in_the_beat_that_is_named() {
    for (network, program) in programs() {
        let beat_bytes = BEAT_BYTES;
        let beats = program.output_bytes() / beat_bytes;
        // All bytes of a beat say its number: here the lower half, and there the upper one.
        let numbered = |shift: usize| -> Vec<u8> {
            let bytes = (0..beats).map(|beat| vec![(beat >> shift) as u8; beat_bytes]);
            bytes.flatten().collect()
        };
        let [low, high] = [0, 8].map(|shift| program.decode_partial(&numbered(shift)));
        for (low, high) in low.maps.iter().zip(&high.maps) {
            let mut named = 0;
            for (at, value) in low.values.indexed_iter() {
                let Some(beat) = program.beat(low.node, at) else {
                    let name = &network.nodes[low.node.0].name;
                    assert!(program.writer(low.node, at).is_none(), "{name} {at:?}");
                    continue;
                };
                named += 1;
                let number = usize::from(*value) | usize::from(high.values[at]) << 8;
                assert_eq!(number, beat & 0xffff, "{at:?}");
                let tile = program.writer(low.node, at).unwrap();
                // It leaves the engine after the records that compute it have begun.
                assert!(program.beats_before(tile.records.start) <= beat);
            }
            assert!(named > 0);
        }
        let last = NodeId(network.nodes.len() - 1);
        for class in 0..program.classes() {
            let beat = program.beat(last, (0, 0, class)).unwrap();
            let tile = program.writer(last, (0, 0, class)).unwrap();
            let (begin, end) = (tile.records.start, tile.records.end);
            assert!((program.beats_before(begin)..program.beats_before(end)).contains(&beat));
        }
        assert_eq!(program.beats_before(usize::MAX), beats - 1);
        assert_eq!(
            program.writer(last, (0, 0, program.classes())),
            None,
            "behind the last class"
        );
    }
}

#[test]
fn tiles_are_as_their_records_say() {
    for (_, program) in programs() {
        let mut next = 0;
        for tile in program.tiles() {
            assert!(tile.records.start >= next);
            next = tile.records.end;
            let layer = &program.layers()[tile.layer];
            let blocks: Vec<Block> = program.records()[tile.records.clone()]
                .iter()
                .map(|record| match record.command {
                    Command::Block(block) => block,
                    other => panic!("{other}"),
                })
                .collect();
            let (first, last) = (blocks[0], blocks[blocks.len() - 1]);
            assert!(first.first && last.last && last.layer as usize == layer.layer);
            let start = last.y0 as usize * layer.shape.width + last.x0 as usize;
            assert_eq!(tile.pixels.start, start);
            assert!(!tile.pixels.is_empty() && tile.pixels.len() <= last.count as usize);
        }
    }
}

/// The position of a value in its tile, counted in another way: over the positions of its last
/// record, gaps included.
#[test]
fn lanes_take_the_positions_of_a_tile_in_turn() {
    let mut looked = 0;
    for (network, program) in programs() {
        let (lanes, tile_channels) = (program.config().lanes, program.config().tile);
        let nodes: Vec<NodeId> = program.layers().iter().map(|layer| layer.node).collect();
        for tile in program.tiles() {
            let layer = &program.layers()[tile.layer];
            let Command::Block(last) = program.records()[tile.records.end - 1].command else {
                panic!("no block drains {tile:?}");
            };
            let (mut y, mut x) = (last.y0 as usize, last.x0 as usize);
            let channel = tile.group * tile_channels;
            let mut seen = 0;
            for position in 0..last.count as usize {
                if x < layer.shape.width && y < layer.shape.height {
                    let at = (y, x, channel);
                    // A border of constants shifts the map; a pool has no map before it.
                    let shown = program.writer(nodes[tile.layer], at) == Some(tile);
                    if let Some(place) = program.place(nodes[tile.layer], at).filter(|_| shown) {
                        let name = &network.nodes[nodes[tile.layer].0].name;
                        if layer.shape.width == last.width as usize && !name.starts_with("conv10") {
                            assert_eq!(place.lane, position % lanes, "{name} {at:?}");
                            seen += 1;
                        }
                        assert_eq!(place.column, 0);
                        assert!(place.passes >= last.passes() as usize);
                    }
                }
                x += 1;
                if x == last.pitch() as usize {
                    (y, x) = (y + 1, 0);
                }
            }
            looked += seen;
        }
        let last = NodeId(network.nodes.len() - 1);
        assert_eq!(program.place(last, (0, 0, 0)), None);
    }
    assert!(looked > 1000, "{looked}");
}

#[test]
fn a_changed_record_is_found_again() {
    let mut found = 0;
    for (network, program) in programs() {
        let config = program.config();
        let (height, width) = program.input();
        let good = program.transfer(&picture(7, height, width).view()).unwrap();
        let run = |transfer: &[u8]| {
            let mut executor = Executor::new(config);
            executor.set_strict(false);
            if let Some(setup) = program.setup() {
                executor.run(setup).unwrap();
            }
            program.decode_result(&executor.run(transfer).unwrap())
        };
        let want = run(&good).unwrap();
        for tile in program.tiles().iter().step_by(5) {
            let record = &program.records()[tile.records.end - 1];
            let Command::Block(block) = record.command else {
                panic!("{}", record.command);
            };
            // The requantisation of other channels.
            let param = if block.param == 0 { 1 } else { block.param - 1 };
            let words = Command::Block(Block { param, ..block }).encode().unwrap();
            let mut bad = good.clone();
            bad[record.offset..record.offset + RECORD_BYTES]
                .copy_from_slice(&words.map(u32::to_le_bytes).concat());
            let got = run(&bad).unwrap();
            // Whatever differs first, by the records, is of the tile.
            let differ = got.maps.iter().zip(&want.maps);
            let values = differ.flat_map(|((node, got), (_, want))| {
                let pairs = got.indexed_iter().zip(want);
                let bad = pairs.filter(|((_, got), want)| got != want);
                bad.map(|((at, _), _)| (*node, at))
            });
            let written = values.filter_map(|(node, at)| program.writer(node, at));
            let first = written.min_by_key(|tile| tile.records.start);
            // Sums of classes are in no map.
            let Some(first) = first else { continue };
            let name = &network.name;
            assert_eq!(first, tile, "{name} on {}", config.name);
            found += 1;
        }
    }
    assert!(found > 20, "{found}");
}
