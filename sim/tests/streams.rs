//! Stream models: every beat arrives in order whatever the disturbance, and broken designs are
//! found.

mod common;

use common::open;
use firebrick_sim::Design;
use firebrick_sim::bus::{BusError, Random, SinkId, SourceId, StreamNames, Testbench, Violation};

const STREAMS: &str = include_str!("verilog/stream.v");

fn fifo(bug: u32, seed: u64) -> (Testbench, SourceId, SinkId) {
    let model = open(&Design::new("fifo", STREAMS).define("BUG", bug.to_string()));
    let mut bench = Testbench::new(model, seed).expect("bench");
    let source = bench.add_source("s_axis").expect("source");
    let sink = bench.add_sink("m_axis").expect("sink");
    bench.reset(3).expect("reset");
    (bench, source, sink)
}

/// Pushes packets of random lengths; gives all words and the ends.
fn fill(bench: &mut Testbench, source: SourceId, beats: usize) -> (Vec<u32>, Vec<bool>) {
    let mut random = Random::new(bench.seed(), 99);
    let words = bench.source(source).words_per_beat();
    let data: Vec<u32> = (0..beats * words).map(|_| random.next_u32()).collect();
    let lasts: Vec<bool> = (0..beats).map(|_| random.below(5) == 0).collect();
    for (beat, &last) in data.chunks(words).zip(&lasts) {
        bench.source_mut(source).push(beat, last);
    }
    (data, lasts)
}

#[test]
fn every_beat_arrives_in_order() {
    for (seed, idle, pressure) in [
        (1, 0.0, 0.0),
        (2, 0.5, 0.0),
        (3, 0.0, 0.5),
        (4, 0.3, 0.3),
        (5, 0.9, 0.1),
        (6, 0.1, 0.9),
    ] {
        println!("seed {seed}, idle {idle}, back-pressure {pressure}");
        let (mut bench, source, sink) = fifo(0, seed);
        bench.set_disturbance(idle, pressure, 0.0);
        let (data, lasts) = fill(&mut bench, source, 1000);
        let cycles = bench
            .run_until_beats(sink, 1000, 40_000)
            .expect("all beats");
        assert_eq!(bench.sink(sink).words(), data);
        assert_eq!(
            bench.sink(sink).beats().map(|b| b.last).collect::<Vec<_>>(),
            lasts
        );
        let ends = lasts.iter().filter(|&&last| last).count() as u64;
        assert_eq!(
            (bench.sink(sink).packets(), bench.source(source).sent()),
            (ends, 1000)
        );
        if idle + pressure == 0.0 {
            assert_eq!(cycles, 1001, "one beat a cycle, and one cycle of latency");
        } else {
            let least = 1000.0 / (1.0 - f64::max(idle, pressure));
            assert!(cycles as f64 > least * 0.85, "{cycles} cycles are too few");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_cycles() {
    let cycles = |seed| {
        let (mut bench, source, sink) = fifo(0, seed);
        bench.set_disturbance(0.4, 0.4, 0.0);
        fill(&mut bench, source, 200);
        bench.run_until_beats(sink, 200, 10_000).expect("all beats");
        bench
            .sink(sink)
            .beats()
            .map(|b| b.cycle)
            .collect::<Vec<_>>()
    };
    assert_eq!(cycles(10), cycles(10));
    assert_ne!(cycles(10), cycles(11));
}

#[test]
fn ready_and_valid_without_registers() {
    let model = open(&Design::new("wires", STREAMS));
    let mut bench = Testbench::new(model, 7).expect("bench");
    let source = bench
        .add_source_on(StreamNames::axi("s_axis").without_last())
        .expect("source");
    let sink = bench
        .add_sink_on(StreamNames::axi("m_axis").without_last())
        .expect("sink");
    bench.set_disturbance(0.3, 0.3, 0.0);
    for i in 0..100u32 {
        bench.source_mut(source).push(&[i, 0x1_00 + i], false);
    }
    bench.run_until_beats(sink, 100, 2000).expect("all beats");
    let seen: Vec<_> = bench
        .sink(sink)
        .beats()
        .map(|b| (b.words[0], b.words[1]))
        .collect();
    // 40 bits: the second word is cut to its low byte.
    assert_eq!(seen, (0..100u32).map(|i| (i + 1, i)).collect::<Vec<_>>());
    assert_eq!(bench.source(source).sent(), 100);
    assert_eq!(
        bench.source(source).last_beat(),
        bench.sink(sink).last_beat()
    );
}

#[test]
fn bytes_and_packets() {
    let (mut bench, source, sink) = fifo(0, 8);
    let bytes: Vec<u8> = (0..100).collect();
    bench.source_mut(source).push_packet(&bytes[..37]);
    bench.source_mut(source).push_bytes(&bytes[37..], false);
    bench.source_mut(source).push_packet(&[]);
    bench
        .run_until("7 beats", 100, |b| b.sink(sink).len() == 7)
        .expect("seven beats");
    let lasts: Vec<bool> = bench.sink(sink).beats().map(|b| b.last).collect();
    assert_eq!(lasts, [false, false, true, false, false, false, false]);
    let out = bench.sink_mut(sink).take_bytes();
    assert_eq!(out[..37], bytes[..37]);
    assert!(
        out[37..48].iter().all(|&b| b == 0),
        "the last beat is filled with zeros"
    );
    assert_eq!(out[48..48 + 63], bytes[37..]);
    assert!(bench.sink(sink).is_empty() && bench.sink(sink).beat(0).is_none());
}

fn violation(bug: u32) -> (Violation, u64, u64) {
    let (mut bench, source, sink) = fifo(bug, 21);
    bench.set_disturbance(0.0, 0.9, 0.0);
    fill(&mut bench, source, 400);
    match bench
        .run_until_beats(sink, 400, 20_000)
        .expect_err("the mistake is found")
    {
        BusError::Protocol {
            cycle,
            violation,
            seed,
        } => {
            println!("seed {seed}: cycle {cycle}: {violation}");
            (violation, cycle, seed)
        }
        other => panic!("another error: {other}"),
    }
}

#[test]
fn broken_handshakes_are_found() {
    let (found, cycle, seed) = violation(2);
    let Violation::ValidDropped { signal, since } = found else {
        panic!("{found}")
    };
    assert_eq!(
        (signal.as_str(), since < cycle, seed),
        ("m_axis_tvalid", true, 21)
    );

    let Violation::Changed {
        signal, was, now, ..
    } = violation(3).0
    else {
        panic!("data")
    };
    assert_eq!(signal, "m_axis_tdata");
    assert!(was.starts_with("0x") && now.starts_with("0x") && was != now);

    let Violation::Changed {
        signal, was, now, ..
    } = violation(4).0
    else {
        panic!("last")
    };
    assert_eq!((signal.as_str(), was != now), ("m_axis_tlast", true));
}

#[test]
fn a_stuck_stream_ends_with_a_report() {
    let (mut bench, source, sink) = fifo(5, 1);
    fill(&mut bench, source, 4);
    let text = bench
        .run_until_beats(sink, 4, 300)
        .expect_err("never ready")
        .to_string();
    println!("{text}");
    for part in [
        "4 beats on m_axis",
        "300 cycles",
        "seed 1",
        "s_axis: 0 beats passed, 4 to send",
        "s_axis_tvalid is high since cycle 3",
        "m_axis_tvalid is low",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }

    let (mut bench, source, sink) = fifo(6, 1);
    fill(&mut bench, source, 40);
    let text = bench
        .run_until_beats(sink, 4, 300)
        .expect_err("never valid")
        .to_string();
    assert!(
        text.contains("s_axis: 8 beats passed, 32 to send, last in cycle 10"),
        "{text}"
    );

    let (mut bench, source, sink) = fifo(0, 1);
    bench.sink_mut(sink).set_paused(true);
    fill(&mut bench, source, 40);
    let text = bench
        .run_until_beats(sink, 4, 300)
        .expect_err("paused")
        .to_string();
    assert!(text.contains("held back by the sink"), "{text}");
    bench.sink_mut(sink).set_paused(false);
    bench.run_until_beats(sink, 40, 300).expect("goes on");
}

#[test]
fn a_reset_in_the_middle_offers_the_beat_again() {
    let (mut bench, source, sink) = fifo(0, 3);
    fill(&mut bench, source, 30);
    bench.run(11).expect("some beats");
    let sent = bench.source(source).sent();
    bench.reset(2).expect("reset");
    let before = bench.sink(sink).len();
    let rest = 30 - sent as usize;
    bench
        .run_until_beats(sink, before + rest, 200)
        .expect("the rest");
    assert_eq!(bench.source(source).sent(), 30);
}

#[test]
fn wrong_ports_are_refused() {
    let model = open(&Design::new("fifo", STREAMS).define("BUG", "0"));
    let mut bench = Testbench::new(model, 0).expect("bench");
    assert!(
        bench
            .add_source("x_axis")
            .expect_err("none")
            .to_string()
            .contains("x_axis_tdata")
    );
    assert!(
        bench
            .add_source("m_axis")
            .expect_err("an output")
            .to_string()
            .contains("output")
    );
    let odd = StreamNames {
        valid: "s_axis_tdata".to_owned(),
        ..StreamNames::axi("s_axis")
    };
    assert!(
        bench
            .add_source_on(odd)
            .expect_err("wide")
            .to_string()
            .contains("128 bits")
    );
}
