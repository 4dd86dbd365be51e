//! Window unit against the plain list of windows.

use firebrick_rtl::window::Window;
use firebrick_sim::{Model, VerilatedModel};
use firebrick_spec::HwConfig;
use firebrick_spec::command::{Command, Rows};
use rand::{Rng, rngs::StdRng};

use crate::support::{build, chance, join, percent, random};

dut!(Unit: reset, start, record, busy, strip_done, in_valid, in_ready, in_data, out_valid,
    out_ready, out_address, out_data);

fn built() -> VerilatedModel {
    build(
        Window::new(&HwConfig::preset("fb256").expect("a preset")),
        "window",
    )
}

fn unit(built: &VerilatedModel) -> Unit {
    let mut unit = Unit::new(Model::load(built, 5).expect("loads"));
    reset(&mut unit);
    unit
}

fn reset(unit: &mut Unit) {
    unit.put(unit.reset, true);
    unit.put(unit.start, true);
    unit.put(unit.in_valid, false);
    unit.put(unit.out_ready, false);
    unit.tick();
    unit.put(unit.reset, false);
    unit.put(unit.start, false);
}

type Pixel = [u8; 3];
/// A feature address and its word.
type Word = (u32, [u8; 16]);

/// Beats of some rows; the rest of a row's last beat is anything.
fn beats(rng: &mut StdRng, rows: &[Vec<Pixel>]) -> Vec<u128> {
    let mut beats = Vec::new();
    for row in rows {
        let mut bytes = row.concat();
        bytes.resize(Rows::row_bytes(row.len(), 16), 0);
        rng.fill(&mut bytes[3 * row.len()..]);
        beats.extend(
            bytes
                .chunks_exact(16)
                .map(|b| u128::from_le_bytes(b.try_into().expect("16"))),
        );
    }
    beats
}

/// All words of the windows whose last row is among `rows` of a picture.
fn windows(picture: &[Vec<Pixel>], rows: std::ops::Range<usize>, record: &Rows) -> Vec<Word> {
    let (stride, width) = (record.stride as usize, picture[0].len());
    let mut words = Vec::new();
    let mut address = record.base;
    for top in (0..picture.len())
        .step_by(stride)
        .filter(|top| rows.contains(&(top + 2)))
    {
        for left in (0..width - 2).step_by(stride) {
            let mut bytes: Vec<u8> = Vec::new();
            for row in &picture[top..top + 3] {
                bytes.extend(row[left..left + 3].concat());
            }
            bytes.resize(32, 0);
            for (plane, word) in (0..).zip(bytes.chunks_exact(16)) {
                let at = (address + plane * record.plane) & 0xf_ffff;
                words.push((at, word.try_into().expect("16 bytes")));
            }
            address = (address + 1) & 0xf_ffff;
        }
    }
    words
}

/// Runs one record and checks the words; gives the cycles it took. Leaves off after `give_up`.
fn run(
    unit: &mut Unit,
    rng: &mut StdRng,
    record: &Rows,
    payload: &[u128],
    want: &[Word],
    (supply, room): (u32, u32),
    give_up: Option<u64>,
) -> u64 {
    unit.model.set_words(
        unit.record,
        &Command::Rows(*record).encode().expect("fields fit")[..7],
    );
    unit.put(unit.start, true);
    unit.put(unit.in_valid, false);
    unit.eval();
    assert!(!unit.bit(unit.busy) && !unit.bit(unit.in_ready) && !unit.bit(unit.out_valid));
    unit.tick();
    unit.put(unit.start, false);
    unit.model.set_words(unit.record, &rng.random::<[u32; 7]>());
    let (mut sent, mut got, mut cycles) = (0, 0, 0);
    let mut offered = false;
    let mut held: Option<(u64, u128)> = None;
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
        let ready = percent(rng, room);
        unit.put(unit.out_ready, ready);
        unit.eval();
        let busy = unit.bit(unit.busy);
        if !busy {
            assert_eq!(unit.bit(unit.strip_done), record.strip_end);
            assert!(!unit.bit(unit.out_valid) && !unit.bit(unit.in_ready));
            break;
        }
        assert!(!unit.bit(unit.strip_done), "strip done while busy");
        if unit.bit(unit.in_ready) {
            assert!(
                sent < payload.len(),
                "asks for more than the payload: {record:?}"
            );
            if offered {
                sent += 1;
                offered = false;
            }
        }
        if unit.bit(unit.out_valid) {
            let now = (unit.get(unit.out_address), unit.get_wide(unit.out_data));
            if let Some(before) = held.replace(now) {
                assert_eq!(before, now, "an offered word changed");
            }
            if ready {
                let seen = (now.0 as u32, now.1.to_le_bytes());
                assert_eq!(Some(&seen), want.get(got), "word {got} of {record:?}");
                got += 1;
                held = None;
            }
        } else {
            assert_eq!(held, None, "an offered word vanished");
        }
        unit.tick();
        cycles += 1;
        if give_up == Some(cycles) {
            return cycles;
        }
        assert!(
            cycles < 1_000_000,
            "stuck after {sent} beats, {got} words: {record:?}"
        );
    }
    assert_eq!((sent, got), (payload.len(), want.len()), "{record:?}");
    unit.put(unit.in_valid, false);
    // Nothing more comes.
    for _ in 0..rng.random_range(1..4) {
        unit.tick();
        unit.put(unit.out_ready, rng.random());
        unit.eval();
        assert!(!unit.bit(unit.strip_done) && !unit.bit(unit.busy) && !unit.bit(unit.out_valid));
    }
    cycles
}

/// One picture in records of random height. With `give_up` it breaks off in the last of them.
fn picture(
    unit: &mut Unit,
    rng: &mut StdRng,
    (width, height, stride): (usize, usize, u32),
    weather: (u32, u32),
    whole: bool,
) {
    let picture: Vec<Vec<Pixel>> = (0..height)
        .map(|_| (0..width).map(|_| rng.random()).collect())
        .collect();
    let mut y = 0;
    while y < height {
        let rows = *[1, 2, height - y, rng.random_range(1..=height - y)]
            .get(rng.random_range(0..4))
            .expect("four");
        let rows = rows.min(height - y);
        let record = Rows {
            first: y == 0,
            strip_end: rng.random(),
            wait: rng.random(),
            base: rng.random_range(0..1 << 20),
            plane: rng.random_range(0..1 << 20),
            width: width as u32,
            rows: rows as u32,
            kernel: 3,
            stride,
        };
        let payload = beats(rng, &picture[y..y + rows]);
        let want = windows(&picture, y..y + rows, &record);
        let stop = !whole && rng.random_ratio(1, 3);
        let give_up = stop.then(|| rng.random_range(1..200));
        run(unit, rng, &record, &payload, &want, weather, give_up);
        if stop {
            return;
        }
        y += rows;
    }
}

fn sizes(rng: &mut StdRng) -> (usize, usize, u32) {
    let width = match rng.random_range(0..5) {
        0 => [3, 4, 5, 6, 16, 32, 255, 256][rng.random_range(0..8)],
        1 => rng.random_range(3..=256),
        _ => rng.random_range(3..40),
    };
    (width, rng.random_range(1..12), rng.random_range(1..=2))
}

#[test]
fn windows_of_random_pictures() {
    let mut rng = random(6);
    let built = built();
    let mut unit = unit(&built);
    for _ in 0..120 {
        let size = sizes(&mut rng);
        let weather = (chance(&mut rng), chance(&mut rng));
        picture(&mut unit, &mut rng, size, weather, true);
    }
}

#[test]
fn windows_of_all_small_widths() {
    let mut rng = random(7);
    let built = built();
    let mut unit = unit(&built);
    for width in 3..38 {
        for stride in 1..=2 {
            picture(&mut unit, &mut rng, (width, 5, stride), (100, 100), true);
        }
    }
}

#[test]
fn a_pixel_enters_in_all_but_one_of_six_cycles() {
    let mut rng = random(8);
    let built = built();
    let mut unit = unit(&built);
    for (width, height) in [(227, 9), (224, 9), (32, 40)] {
        let picture: Vec<Vec<Pixel>> = (0..height)
            .map(|_| (0..width).map(|_| rng.random()).collect())
            .collect();
        let record = Rows {
            first: true,
            strip_end: true,
            wait: 0,
            base: 0,
            plane: 4000,
            width: width as u32,
            rows: height as u32,
            kernel: 3,
            stride: 2,
        };
        let payload = beats(&mut rng, &picture);
        let want = windows(&picture, 0..height, &record);
        let cycles = run(
            &mut unit,
            &mut rng,
            &record,
            &payload,
            &want,
            (100, 100),
            None,
        );
        // Each beat costs a cycle, each row two more, and the last words leave.
        let most = (width * height + payload.len() + 2 * height + 8) as u64;
        assert!(
            cycles <= most,
            "{cycles} cycles for {width} x {height}, not {most}"
        );
    }
}

#[test]
fn a_reset_in_the_middle_leaves_nothing_behind() {
    let mut rng = random(9);
    let built = built();
    let mut unit = unit(&built);
    for _ in 0..60 {
        let weather = (chance(&mut rng), chance(&mut rng));
        let size = sizes(&mut rng);
        picture(&mut unit, &mut rng, size, weather, false);
        reset(&mut unit);
        let size = sizes(&mut rng);
        picture(&mut unit, &mut rng, size, weather, true);
    }
}
