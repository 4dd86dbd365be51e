//! What follows what: streams made by hand, each right behind the one before.

use firebrick_driver::Executor;
use firebrick_spec::command::{Block, Command, Load, Mode, Rows, Store, WAIT_NONE};
use firebrick_spec::{HwConfig, regs};

use super::bench::Bench;
use super::legal::{Item, taker, transfer};

fn plain(command: Command) -> Item {
    Item {
        command,
        payload: Vec::new(),
    }
}

/// Parameters that pass a sum on unchanged: multiplier 2, shift 1.
fn unit_params(config: &HwConfig) -> Item {
    let payload = (0..config.tile).flat_map(|_| [0, 0, 0, 0, 2, 0, 1, 0]);
    Item {
        command: Command::LoadParams(Load {
            wait: 0,
            base: 0,
            count: 1,
        }),
        payload: payload.collect(),
    }
}

/// Weights that are all 1, then 2 and so on, a block each, from the first input channel only.
fn counting_weights(config: &HwConfig, count: u32) -> Item {
    let tile = config.tile;
    let block = |value: u32| {
        let row = std::iter::repeat_n(value as u8, tile);
        row.chain(std::iter::repeat_n(0, tile * (tile - 1)))
    };
    Item {
        command: Command::LoadWeights(Load {
            wait: 0,
            base: 0,
            count,
        }),
        payload: (1..=count).flat_map(block).collect(),
    }
}

/// A picture of one colour whose windows fill 2 x `pixels` words from 0 on.
fn picture(base: u32, columns: u32, lines: u32, value: u8) -> Rows2 {
    let (width, count) = (columns + 2, lines + 2);
    let bytes = Rows::row_bytes(width as usize) * count as usize;
    Rows2 {
        rows: Rows {
            first: true,
            strip_end: true,
            base,
            plane: columns * lines,
            width,
            rows: count,
            kernel: 3,
            stride: 1,
            ..Rows::default()
        },
        payload: vec![value; bytes],
    }
}

/// A rows record with its payload, to be changed before it is used.
struct Rows2 {
    rows: Rows,
    payload: Vec<u8>,
}

impl Rows2 {
    fn item(&self) -> Item {
        Item {
            command: Command::Rows(self.rows),
            payload: self.payload.clone(),
        }
    }
}

/// What the software engine says of transfers that follow each other; strict says that their waits
/// must suffice.
fn expected(config: &HwConfig, transfers: &[Vec<u8>], strict: bool) -> Vec<Vec<u8>> {
    let mut engine = Executor::new(config);
    engine.set_strict(strict);
    transfers
        .iter()
        .map(|transfer| engine.run(transfer).unwrap())
        .collect()
}

const PRESETS: [&str; 6] = [
    "fb64",
    "fb64-packed-xc7",
    "fb256",
    "fb256-small-packed-xc7",
    "fb512",
    "fb1024-packed-xcup",
];

/// A tile of one or two vectors that must wait for a longer one in front of it, so that its first
/// weights have been in the array for long when it starts.
pub fn short_tiles(bench: &mut Bench) {
    let config = bench.config.clone();
    let preset = &config.name;
    let lanes = config.lanes as u32;
    for count in (1..=3 * lanes).chain([config.tile as u32 * lanes]) {
        for (groups, kernel3) in [(2, false), (3, false), (1, true)] {
            for outstanding in [0, 7] {
                let width = 8.max(lanes);
                let source = picture(0, width, 64, 1);
                let long = Block {
                    count: 40 * lanes,
                    acc_bank: 1,
                    height: 64,
                    width,
                    mode: Mode::Write,
                    out_base: 3_000,
                    ..taker(&config)
                };
                let short = Block {
                    take_strip: false,
                    kernel3,
                    groups,
                    count,
                    outstanding,
                    acc_bank: 0,
                    plane: 0,
                    out_base: 4_000,
                    sum_last: false,
                    ..long
                };
                let sent = Store { base: 4_000, count };
                let items = [
                    unit_params(&config),
                    counting_weights(&config, 9),
                    source.item(),
                    plain(Command::Block(long)),
                    plain(Command::Block(short)),
                    plain(Command::Store(sent)),
                ];
                let transfers = [transfer(&config, &items, 1)];
                let packets = expected(&config, &transfers, true);
                let what = format!(
                    "{preset}: {count} positions, {groups} groups, kernel3 {kernel3}, \
                     outstanding {outstanding}"
                );
                if let Err(error) = bench.compare(&transfers, &packets, 0.0) {
                    panic!("{what}: {error}");
                }
            }
        }
    }
}

#[test]
fn short_tiles_that_had_to_wait() {
    for preset in PRESETS {
        short_tiles(&mut Bench::new(preset, 1));
    }
}

/// The next stream's rows come onto words that a tile of the stream before still drains to.
pub fn drains(bench: &mut Bench) {
    let config = bench.config.clone();
    let preset = &config.name;
    let lanes = config.lanes as u32;
    let width = 8.max(lanes);
    let count = 16 * width;
    let first = [
        unit_params(&config),
        counting_weights(&config, 1),
        picture(0, width, 16, 3).item(),
        plain(Command::Block(Block {
            count,
            height: 16,
            width,
            mode: Mode::Write,
            out_base: 2_048,
            ..taker(&config)
        })),
    ];
    let lines = 4;
    for base in [2_048, 2_048 + count - 8] {
        let rows = picture(base, width, lines, 9);
        let second = [
            rows.item(),
            plain(Command::Store(Store { base: 2_048, count })),
            plain(Command::Block(taker(&config))),
        ];
        // The stores read a strip before it is taken, which only a stream in order may.
        let transfers = [transfer(&config, &first, 1), transfer(&config, &second, 2)];
        let packets = expected(&config, &transfers, false);
        for _ in 0..3 {
            if let Err(error) = bench.compare(&transfers, &packets, 0.0) {
                panic!("{preset}, base {base}: {error}");
            }
        }
    }
}

#[test]
fn rows_wait_for_the_drains_before_them() {
    for preset in PRESETS {
        drains(&mut Bench::new(preset, 2));
    }
}

/// A stream whose packet the host takes late; `look` is called before it does.
fn late(
    bench: &mut Bench,
    transfer: &[u8],
    packet: &[u8],
    what: &str,
    look: impl FnOnce(&mut Bench),
) {
    bench.bench.set_disturbance(0.0, 0.0, 0.0);
    bench.soft_reset();
    bench.bench.sink_mut(bench.sink).set_paused(true);
    bench.send(transfer);
    bench.bench.run(20_000).unwrap();
    look(bench);
    let sink = bench.sink;
    bench.bench.sink_mut(sink).set_paused(false);
    bench
        .bench
        .run_until("the packet", 200_000, |b| b.sink(sink).has_packet())
        .unwrap();
    let got = bench.bench.sink_mut(sink).take_packet().unwrap();
    let beats = got.len() - 16;
    assert!(got[..beats] == packet[..beats], "{what}");
}

/// A store that is held up by the host sends what there was, not the rows that come after it.
pub fn stores(bench: &mut Bench) {
    let config = bench.config.clone();
    let preset = &config.name;
    let width = 8.max(config.lanes as u32);
    for wait in [0, WAIT_NONE] {
        let mut again = picture(0, width, 16, 200);
        (again.rows.wait, again.rows.drains) = (wait, wait);
        let items = [
            unit_params(&config),
            counting_weights(&config, 1),
            picture(0, width, 16, 100).item(),
            plain(Command::Block(taker(&config))),
            plain(Command::Store(Store {
                base: 0,
                count: 128,
            })),
            again.item(),
            plain(Command::Block(taker(&config))),
        ];
        let transfers = vec![transfer(&config, &items, 1)];
        let packets = expected(&config, &transfers, true);
        late(
            bench,
            &transfers[0],
            &packets[0],
            &format!("{preset}, wait {wait}"),
            |_| {},
        );
    }
}

#[test]
fn rows_wait_for_the_stores_before_them() {
    for preset in PRESETS {
        stores(&mut Bench::new(preset, 3));
    }
}

/// A host that takes nothing fills every queue, up to the records that wait for the sequencer; all
/// of it comes out afterwards.
pub fn full_queues(bench: &mut Bench) {
    let config = bench.config.clone();
    let width = 8.max(config.lanes as u32);
    let tile = Block {
        take_strip: false,
        tap: true,
        count: width,
        width,
        outstanding: 7,
        mode: Mode::Write,
        out_base: 2_000,
        sum_last: false,
        ..taker(&config)
    };
    let mut items = vec![
        unit_params(&config),
        counting_weights(&config, 9),
        picture(0, width, 16, 1).item(),
        plain(Command::Block(taker(&config))),
    ];
    // Each in accumulators that no tile before it may still hold.
    items.extend((0..80).map(|number| {
        plain(Command::Block(Block {
            acc_base: (number % 16 + 1) * 8,
            ..tile
        }))
    }));
    let transfers = [transfer(&config, &items, 1)];
    let packets = expected(&config, &transfers, true);
    late(bench, &transfers[0], &packets[0], &config.name, |bench| {
        let status = bench.read(regs::STATUS);
        let queued = regs::status::QUEUED.get(status);
        assert_eq!(queued, config.block_queue as u32, "{}", config.name);
    });
}

#[test]
fn queues_fill_and_empty() {
    for preset in ["fb64", "fb256"] {
        full_queues(&mut Bench::new(preset, 4));
    }
}
