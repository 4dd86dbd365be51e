//! Window unit against the plain list of windows, and against its timing, cycle by cycle.

use firebrick_rtl::emit::{emit, emit_block};
use firebrick_rtl::window::Window;
use firebrick_rtl::window::taps::WindowTaps;
use firebrick_sim::{Design, Model, Port, VerilatedModel};
use firebrick_spec::command::{Command, Rows};
use firebrick_spec::{BEAT_BYTES, HwConfig};
use rand::{Rng, rngs::StdRng};
use rust_hdl::prelude::*;

use crate::drain_leaves::{settle, to_bits, to_words};
use crate::support::{build, chance, join, percent, random};

mod timing;
use timing::Timing;

dut!(Unit: reset, start, record, busy, strip_done, in_valid, in_ready, in_data);

fn config(lanes: usize, tile: usize, kernel: usize) -> HwConfig {
    HwConfig {
        lanes,
        tile,
        window_kernel: kernel,
        ..HwConfig::preset("fb256").expect("a preset")
    }
}

type Pixel = [u8; 3];

/// A picture of random pixels.
fn pixels(rng: &mut StdRng, width: usize, height: usize) -> Vec<Vec<Pixel>> {
    (0..height)
        .map(|_| (0..width).map(|_| rng.random()).collect())
        .collect()
}

/// Beats of some rows; the rest of a row's last beat is anything.
fn beats(rng: &mut StdRng, rows: &[Vec<Pixel>]) -> Vec<u128> {
    let mut beats = Vec::new();
    for row in rows {
        let mut bytes = row.concat();
        bytes.resize(Rows::row_bytes(row.len()), 0);
        rng.fill(&mut bytes[3 * row.len()..]);
        beats.extend(
            bytes
                .chunks_exact(BEAT_BYTES)
                .map(|b| u128::from_le_bytes(b.try_into().expect("16"))),
        );
    }
    beats
}

/// Words of each window, with their addresses.
type Windows = Vec<Vec<(u64, u128)>>;

/// All windows whose last row is among `rows` of a picture.
fn windows(
    picture: &[Vec<Pixel>],
    rows: std::ops::Range<usize>,
    record: &Rows,
    tile: usize,
) -> Windows {
    let (stride, kernel) = (record.stride as usize, record.kernel as usize);
    let width = picture[0].len();
    let mut windows = Vec::new();
    let mut address = record.base;
    for top in (0..picture.len())
        .step_by(stride)
        .filter(|top| rows.contains(&(top + kernel - 1)))
    {
        for left in (0..=width - kernel).step_by(stride) {
            let mut bytes: Vec<u8> = Vec::new();
            for row in &picture[top..top + kernel] {
                bytes.extend(row[left..left + kernel].concat());
            }
            let words = (0..)
                .zip(bytes.chunks(tile))
                .map(|(g, bytes)| {
                    let at = address.wrapping_add(record.plane.wrapping_mul(g)) & 0xf_ffff;
                    let word = bytes.iter().rev().fold(0, |w, &b| w << 8 | u128::from(b));
                    (u64::from(at), word)
                })
                .collect();
            windows.push(words);
            address += 1;
        }
        address += record.gap;
    }
    windows
}

struct Entry {
    valid: Port,
    taken: Port,
    address: Port,
    beyond: Port,
    data: Port,
}

struct Bench {
    unit: Unit,
    entries: Vec<Entry>,
    timing: Timing,
    config: HwConfig,
}

impl Bench {
    fn new(built: &VerilatedModel, config: &HwConfig) -> Self {
        let unit = Unit::new(Model::load(built, 5).expect("loads"));
        let entries = (0..config.window_words())
            .map(|i| {
                let port = |name| unit.model.port(&format!("{name}_{i}")).expect("a port");
                Entry {
                    valid: port("out_valid"),
                    taken: port("out_taken"),
                    address: port("out_address"),
                    beyond: port("out_beyond"),
                    data: port("out_data"),
                }
            })
            .collect();
        let mut bench = Self {
            unit,
            entries,
            timing: Timing::new(config),
            config: config.clone(),
        };
        bench.reset();
        bench
    }

    fn reset(&mut self) {
        let unit = &mut self.unit;
        unit.put(unit.reset, true);
        unit.put(unit.start, true);
        unit.put(unit.in_valid, false);
        unit.tick();
        unit.put(unit.reset, false);
        unit.put(unit.start, false);
        self.timing.reset();
    }

    /// Runs one record and checks the words; gives the cycles it took. Leaves off after `give_up`.
    fn run(
        &mut self,
        rng: &mut StdRng,
        record: &Rows,
        payload: &[u128],
        want: &Windows,
        (supply, room): (u32, u32),
        give_up: Option<u64>,
    ) -> u64 {
        let unit = &mut self.unit;
        let words = Command::Rows(*record).encode().expect("fields fit");
        unit.model.set_words(unit.record, &words[..7]);
        unit.put(unit.start, true);
        unit.put(unit.in_valid, false);
        unit.eval();
        assert!(!unit.bit(unit.busy) && !unit.bit(unit.in_ready));
        unit.tick();
        self.timing.start(record);
        unit.put(unit.start, false);
        unit.model.set_words(unit.record, &rng.random::<[u32; 7]>());
        let (mut sent, mut cycles) = (0, 0);
        let mut missing: Vec<Vec<bool>> = want.iter().map(|w| vec![true; w.len()]).collect();
        let mut offered = false;
        loop {
            // A beat on offer stays.
            offered = offered || (sent < payload.len() && percent(rng, supply));
            unit.put(unit.in_valid, offered);
            let beat = if offered {
                payload[sent]
            } else {
                join(rng.random())
            };
            unit.set_wide(unit.in_data, beat);
            let taken: Vec<bool> = self.entries.iter().map(|_| percent(rng, room)).collect();
            for (entry, &taken) in self.entries.iter().zip(&taken) {
                unit.put(entry.taken, taken);
            }
            unit.eval();
            let at = format!("cycle {cycles} of {record:?}");
            let busy = unit.bit(unit.busy);
            assert_eq!(busy, self.timing.busy(), "busy, {at}");
            assert_eq!(unit.bit(unit.strip_done), !busy && record.strip_end, "{at}");
            let ready = unit.bit(unit.in_ready);
            assert_eq!(ready, self.timing.in_ready(), "in_ready, {at}");
            for (i, (entry, place)) in self.entries.iter().zip(self.timing.offers()).enumerate() {
                assert_eq!(unit.bit(entry.valid), place.is_some(), "entry {i}, {at}");
                if let Some((window, word)) = place {
                    let seen = (unit.get(entry.address), unit.get_wide(entry.data));
                    assert_eq!(seen, want[window][word], "{window}, {word}, {at}");
                    let beyond = seen.0 >= self.config.feature_words as u64;
                    assert_eq!(unit.bit(entry.beyond), beyond, "{window}, {word}, {at}");
                    if taken[i] {
                        assert!(missing[window][word], "twice {window}, {word}, {at}");
                        missing[window][word] = false;
                    }
                }
            }
            if !busy {
                break;
            }
            if offered && ready {
                assert!(sent < payload.len(), "more than the payload, {at}");
                sent += 1;
            }
            self.timing.tick(offered, &taken);
            offered &= !ready;
            unit.tick();
            cycles += 1;
            if give_up == Some(cycles) {
                return cycles;
            }
            assert!(cycles < 1_000_000, "stuck after {sent} beats, {at}");
        }
        assert_eq!(sent, payload.len(), "{record:?}");
        assert!(!missing.concat().contains(&true), "{record:?}");
        unit.put(unit.in_valid, false);
        // Nothing more comes, or the next record at once.
        for _ in 0..rng.random_range(0..3) {
            self.timing.tick(false, &taken_all(&self.config));
            unit.tick();
            unit.eval();
            assert!(!unit.bit(unit.strip_done) && !unit.bit(unit.busy));
            assert!(self.entries.iter().all(|entry| !unit.bit(entry.valid)));
        }
        cycles
    }

    /// One picture in records of random height. Without `whole` it may break off in one of them.
    fn picture(&mut self, rng: &mut StdRng, size: Size, weather: (u32, u32), whole: bool) {
        let picture = pixels(rng, size.width, size.height);
        let mut y = 0;
        while y < size.height {
            let rest = size.height - y;
            let rows = match rng.random_range(0..4) {
                0 => 1,
                1 => rest.min(2),
                2 => rest,
                _ => rng.random_range(1..=rest),
            };
            let record = Rows {
                first: y == 0,
                strip_end: rng.random(),
                wait: rng.random(),
                base: rng.random_range(0..1 << 20),
                plane: rng.random_range(0..1 << 20),
                width: size.width as u32,
                rows: rows as u32,
                kernel: size.kernel,
                stride: size.stride,
                gap: rng.random_range(0..16),
                drains: 0,
            };
            let payload = beats(rng, &picture[y..y + rows]);
            let want = windows(&picture, y..y + rows, &record, self.config.tile);
            let stop = !whole && rng.random_ratio(1, 3);
            let give_up = stop.then(|| rng.random_range(1..300));
            self.run(rng, &record, &payload, &want, weather, give_up);
            if stop {
                return;
            }
            y += rows;
        }
    }

    /// Cycles of the first `height` rows of a picture if nothing waits.
    fn cycles(&mut self, rng: &mut StdRng, size: Size) -> u64 {
        let picture = pixels(rng, size.width, size.height);
        let record = Rows {
            first: true,
            strip_end: true,
            plane: 4000,
            width: size.width as u32,
            rows: size.height as u32,
            kernel: size.kernel,
            stride: size.stride,
            ..Rows::default()
        };
        let payload = beats(rng, &picture);
        let want = windows(&picture, 0..size.height, &record, self.config.tile);
        self.run(rng, &record, &payload, &want, (100, 100), None)
    }

    /// Cycles of two rows of a picture 224 pixels wide, in tenths.
    fn row_pair(&mut self, rng: &mut StdRng, kernel: u32) -> u64 {
        let mut size = Size {
            width: 224,
            height: 11,
            kernel,
            stride: 2,
        };
        let few = self.cycles(rng, size);
        size.height += 20;
        self.cycles(rng, size) - few
    }
}

fn taken_all(config: &HwConfig) -> Vec<bool> {
    vec![true; config.window_words()]
}

#[derive(Clone, Copy)]
struct Size {
    width: usize,
    height: usize,
    kernel: u32,
    stride: u32,
}

fn size(rng: &mut StdRng, config: &HwConfig) -> Size {
    let kernel = if config.window_kernel == 7 && rng.random() {
        7
    } else {
        3
    };
    let width = match rng.random_range(0..6) {
        0 => [3, 4, 5, 6, 7, 8, 16, 32, 255, 256][rng.random_range(0..10)],
        1 => rng.random_range(3..=256),
        _ => rng.random_range(3..40),
    };
    Size {
        width: width.max(kernel as usize),
        height: rng.random_range(1..16),
        kernel,
        stride: rng.random_range(1..=2),
    }
}

/// All cases of one configuration: a model takes longer to build than to run.
fn cases(config: &HwConfig, seed: u64) -> (Bench, StdRng) {
    let mut rng = random(seed);
    let built = build(Window::new(config), "window");
    let mut bench = Bench::new(&built, config);
    for _ in 0..100 {
        let size = size(&mut rng, config);
        let weather = (chance(&mut rng), chance(&mut rng));
        bench.picture(&mut rng, size, weather, true);
    }
    // All small widths, undisturbed.
    for kernel in [3, 7] {
        for width in kernel..36 {
            for stride in 1..=2 {
                let size = Size {
                    width,
                    height: kernel + 2,
                    kernel: kernel as u32,
                    stride,
                };
                if kernel <= config.window_kernel {
                    bench.picture(&mut rng, size, (100, 100), true);
                }
            }
        }
    }
    // A reset in the middle leaves nothing behind.
    for _ in 0..60 {
        let weather = (chance(&mut rng), chance(&mut rng));
        let broken = size(&mut rng, config);
        bench.picture(&mut rng, broken, weather, false);
        bench.reset();
        let next = size(&mut rng, config);
        bench.picture(&mut rng, next, weather, true);
    }
    (bench, rng)
}

/// Windows that end in a row of 224 pixels leave in so many rounds of so many groups; the other
/// row of a pair takes only its steps.
fn pair_of_kernel_7(config: &HwConfig) -> u64 {
    let windows = 109;
    let words = 147_usize.div_ceil(config.tile);
    let (rounds, groups) = match config.window_words() {
        // A single one ends in the first step.
        4 => (1 + (windows - 1) / 2, words.div_ceil(2)),
        2 => (windows, words.div_ceil(2)),
        _ => (windows, words),
    };
    (rounds * groups + 224 / config.window_pixels()) as u64
}

macro_rules! windows_of {
    ($name:ident, $lanes:literal, $tile:literal, $seed:literal, $pair:literal) => {
        #[test]
        fn $name() {
            let config = config($lanes, $tile, 7);
            let (mut bench, mut rng) = cases(&config, $seed);
            let cycles = bench.row_pair(&mut rng, 3);
            println!("two rows, 3x3: {cycles} tenths of a cycle");
            assert!(cycles <= 10 * $pair, "{cycles} tenths of a cycle");
            let (cycles, best) = (bench.row_pair(&mut rng, 7), pair_of_kernel_7(&config));
            println!("two rows, 7x7: {cycles} tenths of a cycle, {best} cycles for the words");
            assert!(cycles <= 10 * (best + 4), "{cycles} tenths, not {best}");
        }
    };
}

windows_of!(windows_with_one_lane, 1, 16, 60, 450);
windows_of!(windows_with_two_lanes, 2, 16, 61, 350);
windows_of!(windows_with_four_lanes, 4, 16, 62, 180);
windows_of!(windows_with_eight_lanes, 8, 16, 63, 116);
windows_of!(windows_with_one_lane_of_8, 1, 8, 64, 670);
windows_of!(windows_with_eight_lanes_of_8, 8, 8, 65, 180);

#[test]
fn windows_of_a_unit_for_3x3_only() {
    let (mut bench, mut rng) = cases(&config(4, 16, 3), 66);
    let cycles = bench.row_pair(&mut rng, 3);
    assert!(cycles <= 1800, "{cycles} tenths of a cycle");
}

/// The emitter's checks (undriven signals, loops) pass.
#[test]
fn the_window_unit_passes_all_checks() {
    for lanes in [1, 2, 4, 8] {
        let mut uut = Window::new(&config(lanes, 16, 7));
        uut.clock.connect();
        uut.reset.connect();
        uut.start.connect();
        uut.record.connect();
        uut.in_valid.connect();
        uut.in_data.connect();
        uut.out_taken.iter_mut().for_each(|taken| taken.connect());
        uut.connect_all();
        emit(&uut, "window").expect("the unit can be emitted");
    }
}

/// Runs the columns and their Verilog side by side with random inputs.
fn taps_agree(config: &HwConfig, rng: &mut StdRng) {
    let mut uut = WindowTaps::new(config);
    let top = "window_taps";
    let verilog = emit_block(WindowTaps::new(config), top).expect("the block can be emitted");
    let design = Design::new(top, verilog).clock("clock").optimise(1);
    let mut model = Model::open(&design).expect("the block builds");
    uut.connect_all();
    let fill = |rng: &mut StdRng, model: &mut Model, name: &str| {
        let port = model.input(name).expect("input");
        let mut words: Vec<u32> = (0..port.words()).map(|_| rng.random()).collect();
        if let Some(last) = words
            .last_mut()
            .filter(|_| !port.width().is_multiple_of(32))
        {
            *last &= (1 << (port.width() % 32)) - 1;
        }
        model.set_words(port, &words);
        words
    };
    // Groups of words that are still to be shown.
    let mut left = 0;
    for cycle in 0..900 {
        // The first cycles write every register: the columns, then the windows.
        let load = cycle == 12 || (cycle > 12 && rng.random_ratio(1, 12));
        let kernel7 = rng.random();
        let onward = left > 0 && rng.random_ratio(3, 4);
        let bits = [(cycle < 12) || rng.random(), load, onward, kernel7];
        if load {
            let kernel = if kernel7 { config.window_kernel } else { 3 };
            let group = config.window_words().min(2) * config.tile;
            left = (3 * kernel * kernel).div_ceil(group) - 1;
        } else if onward {
            left -= 1;
        }
        for (name, bit) in ["shift", "load", "onward", "kernel7"].into_iter().zip(bits) {
            let port = model.input(name).expect("input");
            model.set(port, bit.into());
        }
        (uut.shift.next, uut.load.next) = (bits[0], bits[1]);
        (uut.onward.next, uut.kernel7.next) = (bits[2], bits[3]);
        let pick = |rng: &mut StdRng, all: Vec<usize>| match all.len() {
            0 => 0,
            n => all[rng.random_range(0..n)] as u64,
        };
        let (first, second) = (pick(rng, uut.firsts()), pick(rng, uut.seconds()));
        let port = model.input("first").expect("input");
        model.set(port, first);
        let port = model.input("second").expect("input");
        model.set(port, second);
        (uut.first.next, uut.second.next) = (first.into(), second.into());
        for i in 0..config.window_pixels() {
            uut.above[i].next = to_bits(&fill(rng, &mut model, &format!("above_{i}")));
            uut.pixel[i].next = to_bits(&fill(rng, &mut model, &format!("pixel_{i}")));
        }
        settle(&mut uut);
        uut.clock.next = !uut.clock.val();
        settle(&mut uut);
        model.tick().expect("tick");
        uut.clock.next = !uut.clock.val();
        settle(&mut uut);
        model.eval().expect("eval");
        for i in 0..config.window_pixels() {
            let port = model.output(&format!("below_{i}")).expect("output");
            assert_eq!(
                to_words(uut.below[i].val()),
                model.get_words(port),
                "{cycle}"
            );
        }
        if cycle >= 12 {
            for i in 0..config.window_words() {
                let port = model.output(&format!("word_{i}")).expect("output");
                let rust = to_words(uut.word[i].val());
                assert_eq!(rust, model.get_words(port), "word {i}, cycle {cycle}");
            }
        }
    }
}

#[test]
fn the_columns_do_as_their_verilog() {
    let mut rng = random(67);
    for (lanes, tile, kernel) in [(1, 8, 7), (2, 16, 7), (4, 16, 7), (8, 16, 7), (4, 16, 3)] {
        taps_agree(&config(lanes, tile, kernel), &mut rng);
    }
}
