//! CRC and output stage against the specification's result packet.

use std::collections::VecDeque;

use firebrick_rtl::decode::crc::Crc32x128;
use firebrick_rtl::drain::OUT_MARGIN;
use firebrick_rtl::io::output::{OUTPUT_QUEUE, Output};
use firebrick_spec::latency::OUTPUT_LATENCY;
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

dut!(Stage: reset, hard, end_accepted, end_begun, input_fault, read_fault, drain_fault,
    drain_valid, drain_data, drain_last, store_valid, store_data, cycles, room, results,
    trailer_sent, aborting, owing, m_valid, m_ready, m_data, m_last);

/// A hard reset, which forgets everything.
fn reset(d: &mut Stage) {
    d.put(d.reset, true);
    d.put(d.hard, true);
    for port in [
        d.end_accepted,
        d.end_begun,
        d.input_fault,
        d.read_fault,
        d.drain_fault,
        d.drain_valid,
        d.drain_last,
        d.store_valid,
        d.m_ready,
    ] {
        d.put(port, false);
    }
    d.tick();
    d.put(d.reset, false);
    d.put(d.hard, false);
}

/// Cycles from a beat to what `room` says of it: into the queue, then into a register.
const LATE: usize = OUTPUT_LATENCY + 1;
/// Beats that still have room when `room` falls.
const MARGIN: usize = OUT_MARGIN - LATE;

/// Feeds packets while there is room and compares what leaves. A producer sees `room` `late`
/// cycles later. Ends after `packets` trailers, or in the middle with `give_up`.
fn run(
    d: &mut Stage,
    rng: &mut StdRng,
    packets: u32,
    (produce, accept, late): (u32, u32, usize),
    give_up: Option<u64>,
) {
    assert!(late < MARGIN);
    let mut rooms = VecDeque::from(vec![true; late]);
    let mut want: VecDeque<(u128, bool)> = VecDeque::new();
    let mut payload: Vec<u8> = Vec::new();
    let mut left = rng.random_range(0..200);
    let (mut planned, mut sequence, mut sent, mut inside) = (0, 0, 0, 0usize);
    let mut held = None;
    // What has come and is not in the queue.
    let mut coming: VecDeque<Option<(u128, bool)>> = [None; OUTPUT_LATENCY].into();
    let mut now = 0;
    while sent < packets {
        let room = rooms.pop_front().unwrap_or(true);
        let produces = planned < packets && room && percent(rng, produce);
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
        if let Some((data, last)) = coming.pop_front().flatten() {
            let beat = if last {
                let tag = (data >> 64) as u32;
                let crc = packet_crc(&payload);
                payload.clear();
                let trailer = Trailer {
                    crc,
                    sequence,
                    tag,
                    cycles,
                };
                u128::from_le_bytes(trailer.to_bytes())
            } else {
                payload.extend(data.to_le_bytes());
                data
            };
            sequence += u32::from(last);
            want.push_back((beat, last));
            inside += 1;
        }
        coming.push_back(produces.then_some((if store { store_data } else { drain_data }, last)));
        if produces {
            if last {
                planned += 1;
                left = *[0, 1, rng.random_range(0..200)]
                    .get(rng.random_range(0..3))
                    .expect("3");
            } else {
                left -= 1;
            }
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
    for late in [0, 1, 4, MARGIN - 1] {
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
            beats.saturating_sub(LATE) + OUT_MARGIN <= OUTPUT_QUEUE,
            "{beats} beats"
        );
        d.put(d.drain_valid, true);
        d.tick();
    }
}

/// Where a fault is found.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Input,
    Read,
    Drain,
}

/// Three counts of streams run ahead of each other: ends accepted, ends begun, trailers framed. A
/// fault lets exactly those results out that belong to streams before the one at fault.
#[test]
fn a_fault_spares_the_results_before_it() {
    let mut rng = random(42);
    let mut d = Stage::new(open(Output::default(), "output_stage"));
    for case in 0..2_000 {
        reset(&mut d);
        let kind = [Fault::Input, Fault::Read, Fault::Drain][rng.random_range(0..3)];
        let (mut accepted, mut begun, mut framed) = (0, 0, 0);
        let mut owing = false;
        let fault_at = rng.random_range(0..60);
        let mut allowed = u32::MAX;
        let mut out = 0;
        for cycle in 0..200 {
            let accept = accepted < 40 && cycle <= fault_at && percent(&mut rng, 40);
            // Behind each other by a cycle at least, as in the engine.
            let begin = begun < accepted && percent(&mut rng, 40);
            let frame = cycle < 195 && framed < begun && percent(&mut rng, 30);
            let beat = !frame && framed < begun && percent(&mut rng, 30);
            let fault = cycle == fault_at;
            d.put(d.end_accepted, accept && !(fault && kind == Fault::Input));
            d.put(d.end_begun, begin);
            d.put(d.drain_valid, frame || beat);
            d.put(d.drain_last, frame);
            d.put(d.input_fault, fault && kind == Fault::Input);
            d.put(d.read_fault, fault && kind == Fault::Read);
            d.put(d.drain_fault, fault && kind == Fault::Drain);
            d.put(d.m_ready, true);
            d.eval();
            out += u32::from(d.bit(d.trailer_sent));
            assert_eq!(
                d.bit(d.owing),
                owing,
                "case {case}, {kind:?}, cycle {cycle}"
            );
            // A cycle late, as all that comes.
            owing = cycle > fault_at && framed < allowed;
            if fault {
                allowed = match kind {
                    Fault::Input => accepted,
                    Fault::Read => begun,
                    // What is framed in this cycle was complete before.
                    Fault::Drain => framed + u32::from(frame),
                };
            }
            accepted += u32::from(accept && !(fault && kind == Fault::Input));
            begun += u32::from(begin);
            framed += u32::from(frame);
            d.tick();
        }
        assert_eq!(out, framed.min(allowed), "case {case}, {kind:?}");
        assert_eq!(d.get(d.results), u64::from(out), "case {case}, {kind:?}");
    }
}

/// Soft resets in any cycle, several in a row too: no beat that was offered vanishes or changes,
/// and every packet that has begun is closed by a beat of ones.
#[test]
fn a_soft_reset_keeps_the_rules_of_the_stream() {
    let mut rng = random(43);
    let mut d = Stage::new(open(Output::default(), "output_stage"));
    let mut closed = 0;
    reset(&mut d);
    for case in 0..4_000 {
        let (produce, accept) = (chance(&mut rng), [0, 10, 50, 100][rng.random_range(0..4)]);
        // The stream as its receiver sees it: what is offered, and whether a packet is open.
        let mut offered: Option<(u128, bool)> = None;
        let mut open_packet = false;
        let cycles = rng.random_range(1..80);
        let resets: Vec<i32> = (0..rng.random_range(1..=3))
            .map(|i| cycles + i * rng.random_range(1..=3))
            .collect();
        let mut inside = 0;
        for cycle in 0..cycles + 12 {
            let resetting = resets.contains(&cycle);
            let beat = cycle < cycles && inside < OUTPUT_QUEUE && percent(&mut rng, produce);
            let last = percent(&mut rng, 20);
            d.put(d.drain_valid, beat);
            d.put(d.drain_last, last);
            d.set_wide(d.drain_data, join(rng.random()));
            d.put(d.reset, resetting);
            // A while after the last reset everything is taken.
            let ready = cycle >= cycles + 9 || percent(&mut rng, accept);
            d.put(d.m_ready, ready);
            d.eval();
            let now = d
                .bit(d.m_valid)
                .then(|| (d.get_wide(d.m_data), d.bit(d.m_last)));
            if let Some(offered) = offered {
                assert_eq!(
                    now,
                    Some(offered),
                    "case {case}, cycle {cycle}: a beat vanished"
                );
            }
            inside += usize::from(beat);
            offered = now;
            if let Some((data, last)) = now
                && ready
            {
                offered = None;
                inside = inside.saturating_sub(1);
                closed += u32::from(open_packet && last && data == u128::MAX);
                open_packet = !last;
            }
            d.tick();
        }
        d.put(d.drain_valid, false);
        d.eval();
        assert!(!open_packet, "case {case}: a packet was left open");
        assert!(
            !d.bit(d.m_valid) && !d.bit(d.aborting),
            "case {case}: something is left"
        );
        assert_eq!(d.get(d.results), 0, "case {case}");
        // The next packet is complete and counts.
        d.put(d.m_ready, true);
        d.put(d.drain_valid, true);
        d.put(d.drain_last, true);
        d.tick();
        d.put(d.drain_valid, false);
        d.set(d.cycles, 7);
        for _ in 0..OUTPUT_LATENCY {
            d.tick();
        }
        d.eval();
        assert!(d.bit(d.m_valid) && d.bit(d.m_last) && d.bit(d.trailer_sent));
        assert_eq!(
            d.get_wide(d.m_data) as u64,
            0,
            "case {case}: CRC of nothing, number 0"
        );
        d.tick();
    }
    assert!(closed > 100, "{closed} packets were closed");
}
