//! CRC and output stage against the specification's result packet.

use std::collections::VecDeque;

use firebrick_rtl::crc::Crc32x128;
use firebrick_rtl::drain::OUT_MARGIN;
use firebrick_rtl::output::{OUTPUT_QUEUE, Output};
use firebrick_spec::result::{Trailer, packet_crc};
use rand::{Rng, rngs::StdRng};

use crate::support::{chance, join, open, percent, random};

dut!(Crc: state, data, enable, result);

#[test]
fn the_crc_of_any_message_is_that_of_the_specification() {
    let mut rng = random(40);
    let mut d = Crc::new(open(Crc32x128::default(), "crc"));
    for beats in (0..40).chain([300]) {
        let mut state = u32::MAX;
        let mut message: Vec<u8> = Vec::new();
        for _ in 0..beats {
            // Single bits as well as noise.
            let data = if rng.random() {
                join(rng.random())
            } else {
                1 << rng.random_range(0..128)
            };
            message.extend(data.to_le_bytes());
            d.set(d.state, state.into());
            d.set_wide(d.data, data);
            d.put(d.enable, true);
            d.eval();
            state = d.get(d.result) as u32;
        }
        assert_eq!(!state, packet_crc(&message), "{beats} beats");
    }
    d.put(d.enable, false);
    d.eval();
    assert_eq!(d.get(d.result), 0);
}

dut!(Stage: reset, halt, drain_valid, drain_data, drain_last, store_valid, store_data, cycles,
    room, results, trailer_sent, m_valid, m_ready, m_data, m_last);

fn reset(d: &mut Stage) {
    d.put(d.reset, true);
    for port in [
        d.halt,
        d.drain_valid,
        d.drain_last,
        d.store_valid,
        d.m_ready,
    ] {
        d.put(port, false);
    }
    d.tick();
    d.put(d.reset, false);
}

/// Feeds packets while there is room and compares what leaves. A producer sees `room` `late`
/// cycles later. Ends after `packets` trailers, or in the middle with `give_up`.
fn run(
    d: &mut Stage,
    rng: &mut StdRng,
    packets: u32,
    (produce, accept, late): (u32, u32, usize),
    give_up: Option<u64>,
) {
    assert!(late < OUT_MARGIN);
    let mut rooms = VecDeque::from(vec![true; late]);
    let mut want: VecDeque<(u128, bool)> = VecDeque::new();
    let mut payload: Vec<u8> = Vec::new();
    let mut left = rng.random_range(0..200);
    let (mut sequence, mut sent, mut inside) = (0, 0, 0usize);
    let mut held = None;
    let mut now = 0;
    while sent < packets {
        let room = rooms.pop_front().unwrap_or(true);
        let produces = sequence < packets && room && percent(rng, produce);
        let last = produces && left == 0;
        let store = produces && !last && rng.random_ratio(1, 3);
        let (drain_data, store_data) = (join(rng.random()), join(rng.random()));
        let cycles: u32 = rng.random();
        d.put(d.drain_valid, produces && !store);
        d.put(
            d.drain_last,
            if produces && !store {
                last
            } else {
                rng.random()
            },
        );
        d.set_wide(d.drain_data, drain_data);
        d.put(d.store_valid, store);
        d.set_wide(d.store_data, store_data);
        d.set(d.cycles, cycles.into());
        let ready = percent(rng, accept);
        d.put(d.m_ready, ready);
        d.eval();
        // A beat is offered as soon as one is inside.
        assert_eq!(d.bit(d.m_valid), inside > 0, "cycle {now}");
        assert_eq!(d.get(d.results), u64::from(sent), "cycle {now}");
        let mut trailer = false;
        if inside > 0 {
            let beat = (d.get_wide(d.m_data), d.bit(d.m_last));
            assert_eq!(Some(&beat), want.front(), "cycle {now}");
            assert_eq!(held.unwrap_or(beat), beat, "an offered beat changed");
            held = Some(beat);
            if ready {
                held = None;
                want.pop_front();
                inside -= 1;
                trailer = beat.1;
            }
        }
        assert_eq!(d.bit(d.trailer_sent), trailer, "cycle {now}");
        sent += u32::from(trailer);
        if produces {
            let beat = if last {
                let tag = (drain_data >> 64) as u32;
                let crc = packet_crc(&payload);
                payload.clear();
                sequence += 1;
                left = *[0, 1, rng.random_range(0..200)]
                    .get(rng.random_range(0..3))
                    .expect("3");
                let trailer = Trailer {
                    crc,
                    sequence: sequence - 1,
                    tag,
                    cycles,
                };
                u128::from_le_bytes(trailer.to_bytes())
            } else {
                left -= 1;
                let beat = if store { store_data } else { drain_data };
                payload.extend(beat.to_le_bytes());
                beat
            };
            want.push_back((beat, last));
            inside += 1;
        }
        assert!(inside <= OUTPUT_QUEUE, "the queue overflows");
        rooms.push_back(d.bit(d.room));
        d.tick();
        now += 1;
        if give_up == Some(now) {
            return;
        }
        assert!(now < 1_000_000, "stuck after {sent} packets");
    }
}

#[test]
fn packets_leave_whole_and_with_their_trailer() {
    let mut rng = random(41);
    let mut d = Stage::new(open(Output::default(), "output_stage"));
    for late in [0, 1, 4, OUT_MARGIN - 1] {
        for _ in 0..4 {
            reset(&mut d);
            let weather = (chance(&mut rng), chance(&mut rng), late);
            run(&mut d, &mut rng, 12, weather, None);
        }
        // A reset in the middle restarts queue, CRC and sequence numbers.
        reset(&mut d);
        let give_up = rng.random_range(1..300);
        run(&mut d, &mut rng, 12, (80, 20, late), Some(give_up));
    }
}

#[test]
fn room_promises_its_margin() {
    let mut d = Stage::new(open(Output::default(), "output_stage"));
    reset(&mut d);
    for beats in 0..=OUTPUT_QUEUE {
        d.eval();
        assert_eq!(
            d.bit(d.room),
            beats + OUT_MARGIN <= OUTPUT_QUEUE,
            "{beats} beats"
        );
        d.put(d.drain_valid, true);
        d.tick();
    }
}

#[test]
fn nothing_enters_after_a_halt() {
    let mut rng = random(42);
    let mut d = Stage::new(open(Output::default(), "output_stage"));
    reset(&mut d);
    let beats: Vec<u128> = (0..5).map(|_| join(rng.random())).collect();
    for &beat in &beats {
        d.put(d.drain_valid, true);
        d.set_wide(d.drain_data, beat);
        d.tick();
    }
    d.put(d.halt, true);
    for i in 0..20 {
        d.put(d.drain_valid, i % 2 == 0);
        d.put(d.store_valid, i % 2 == 1);
        d.put(d.drain_last, i % 4 == 0);
        d.tick();
    }
    // What was inside still leaves, without a trailer.
    d.put(d.m_ready, true);
    for &beat in &beats {
        d.eval();
        assert!(d.bit(d.m_valid) && !d.bit(d.m_last));
        assert_eq!(d.get_wide(d.m_data), beat);
        d.tick();
    }
    d.eval();
    assert!(!d.bit(d.m_valid));
    assert_eq!(d.get(d.results), 0);
}
