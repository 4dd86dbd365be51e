//! Feature buffer: banks, rotation, masks, rings, arbitration of writes, and range errors.

use std::collections::VecDeque;

use firebrick_rtl::store::feature::{FEATURE_LATENCY, FeatureBuffer};
use firebrick_sim::{Model, Port};
use firebrick_spec::HwConfig;
use rand::{Rng, rngs::StdRng};

use crate::support::{join, open, percent, random, words};

/// A port for each of some lanes or entries.
fn ports(model: &Model, name: &str, number: usize) -> Vec<Port> {
    (0..number)
        .map(|i| model.port(&format!("{name}_{i}")).expect("a port"))
        .collect()
}

/// A write that is offered.
type Write = Option<(usize, u128)>;

fn run(config: &HwConfig) {
    let (lanes, depth) = (config.lanes, config.feature_words);
    let word_mask = if config.tile == 16 {
        u128::MAX
    } else {
        u128::from(u64::MAX)
    };
    let mut rng = random(33);
    let mut m = open(FeatureBuffer::new(config), "feature");
    let port = |name: &str| m.port(name).expect("a port");
    let (address, base, mask) = (port("read_address"), port("ring_base"), port("ring_mask"));
    let (error, window_error, reset) = (port("range_error"), port("window_error"), port("reset"));
    let read_valid = port("read_valid");
    let (read_mask, read_data) = (ports(&m, "read_mask", lanes), ports(&m, "read_data", lanes));
    let kinds = [
        ("drain", config.drain_pixels()),
        ("window", config.window_words()),
    ]
    .map(|(kind, number)| {
        ["valid", "address", "data"].map(|field| ports(&m, &format!("{kind}_{field}"), number))
    });
    let beyond_port = ports(&m, "window_beyond", config.window_words());
    let taken = ports(&m, "window_taken", config.window_words());

    let mut memory: Vec<Option<u128>> = vec![None; depth];
    let mut on_its_way: Vec<(usize, u128)> = Vec::new();
    let mut found = (false, false);
    let mut due: VecDeque<Vec<Option<u128>>> = VecDeque::new();
    let mut failed = None;
    let (mut compared, mut errors, mut refused) = (0, 0, 0);
    let any = |rng: &mut StdRng| match rng.random_range(0..30) {
        0 => [depth, (1 << 20) - 1, 1 << 19, depth + 128][rng.random_range(0..4)],
        1 => depth - 1,
        _ => rng.random_range(0..depth),
    };
    for cycle in 0..20_000 {
        // A read of consecutive words, perhaps in a ring.
        let first = any(&mut rng);
        let ring = if rng.random_ratio(1, 3) { 32 } else { 1 << 20 };
        let ring_base = if ring == 32 {
            rng.random_range(0..depth / 32) * 32
        } else {
            0
        };
        m.set(address, first as u64);
        m.set(mask, ring as u64 - 1);
        m.set(base, ring_base as u64);
        let masks: Vec<bool> = (0..lanes).map(|_| percent(&mut rng, 80)).collect();
        let reads = masks.contains(&true) || rng.random();
        m.set(read_valid, reads.into());
        // A reset forgets the errors of its own cycle and of the one before, and nothing else.
        let resets = percent(&mut rng, 5);
        m.set(reset, resets.into());
        let read: Vec<usize> = (0..lanes)
            .map(|l| ring_base + (first + l) % (1 << 20) % ring)
            .collect();
        for (&port, &mask) in read_mask.iter().zip(&masks) {
            m.set(port, mask.into());
        }
        // Writes: the drain's lie in different banks and never beyond the depth, the window unit's
        // anywhere.
        let start = rng.random_range(0..depth);
        let writes: [Vec<Write>; 2] = [0, 1].map(|kind| {
            (0..kinds[kind][0].len())
                .map(|i| {
                    let at = if kind == 0 { start + i } else { any(&mut rng) };
                    let offered = percent(&mut rng, 60) && (kind == 1 || at < depth);
                    offered.then(|| (at, join(rng.random())))
                })
                .collect()
        });
        for (writes, [valid, address, data]) in writes.iter().zip(&kinds) {
            for (i, write) in writes.iter().enumerate() {
                let (at, word) = write.unwrap_or((any(&mut rng), join(rng.random())));
                m.set(valid[i], write.is_some().into());
                m.set(address[i], at as u64);
                m.set_words(data[i], &words(word));
            }
        }
        for (&port, write) in beyond_port.iter().zip(&writes[1]) {
            let beyond = write.map_or_else(|| rng.random(), |(at, _)| at >= depth);
            m.set(port, beyond.into());
        }
        m.eval().expect("eval");

        if let Some((failed, input_failed)) = failed {
            assert_eq!(m.get(error) != 0, failed, "cycle {cycle}");
            assert_eq!(m.get(window_error) != 0, input_failed, "cycle {cycle}");
            errors += usize::from(failed) + usize::from(input_failed);
        }
        // `None` is a word that nothing is known about.
        due.push_back(
            (0..lanes)
                .map(|l| match masks[l] {
                    true => memory.get(read[l]).copied().flatten(),
                    false => Some(0),
                })
                .collect(),
        );
        if due.len() > FEATURE_LATENCY {
            for (l, want) in due.pop_front().expect("words").into_iter().enumerate() {
                let Some(want) = want else { continue };
                let mut got = [0; 4];
                m.read_words(read_data[l], &mut got);
                assert_eq!(join(got), want, "lane {l}, cycle {cycle}");
                compared += 1;
            }
        }
        let mut banks = vec![false; lanes];
        let mut done: Vec<(usize, u128)> = Vec::new();
        for write in writes[0].iter().flatten() {
            banks[write.0 % lanes] = true;
            done.push(*write);
        }
        let drained = done.len();
        for (i, write) in writes[1].iter().enumerate() {
            // A word that waits goes before those behind it too.
            let goes = write.is_some_and(|(at, _)| {
                let before = writes[1][..i]
                    .iter()
                    .flatten()
                    .any(|w| w.0 % lanes == at % lanes);
                !banks[at % lanes] && !before
            });
            assert_eq!(m.get(taken[i]) != 0, goes, "word {i}, cycle {cycle}");
            refused += usize::from(write.is_some() && !goes);
            done.extend(write.filter(|_| goes));
        }
        failed = Some((!resets && found.0, !resets && found.1));
        // They are told a cycle later than they are found.
        found = (
            !resets && (0..lanes).any(|l| masks[l] && read[l] >= depth),
            !resets && done[drained..].iter().any(|&(at, _)| at >= depth),
        );
        for (at, word) in std::mem::replace(&mut on_its_way, done) {
            if let Some(cell) = memory.get_mut(at) {
                *cell = Some(word & word_mask);
            }
        }
        m.tick().expect("tick");
    }
    assert!(
        compared > 10_000 && errors > 400 && refused > 500,
        "{compared} {errors} {refused}"
    );
}

#[test]
fn words_of_all_lanes_come_from_their_banks() {
    for lanes in [1, 2, 4, 8] {
        run(&HwConfig {
            lanes,
            feature_words: 96,
            ..HwConfig::preset("fb256").expect("a preset")
        });
    }
}

#[test]
fn a_word_of_a_tile_of_eight_has_half_the_bytes() {
    run(&HwConfig {
        feature_words: 100,
        ..HwConfig::preset("fb64").expect("a preset")
    });
}
