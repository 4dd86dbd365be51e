//! Random small networks: inputs from 7x7 to 40x40, of any shape, that end in maps of few pixels.

use std::time::Duration;

use firebrick_driver::{CompileError, CompileOptions, Session, Weights, compile};
use firebrick_model::Model;
use firebrick_network::random::{picture, tiny};
use firebrick_sim::{Builder, SimDevice};
use firebrick_spec::HwConfig;

use super::bench::{build_lock, options};

/// What there was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub compiled: u64,
    pub refused: u64,
    pub values: u64,
}

/// Runs networks on a preset: every map of one picture, then two pictures back to back, from
/// weights that stay where they fit.
pub fn run(preset: &str, first: u64, count: u64) -> Tally {
    let config = HwConfig::preset(preset).unwrap();
    let device = {
        let _one = build_lock();
        SimDevice::open(&config, &Builder::new(), &options(&config, first)).unwrap()
    };
    let mut session = Session::open(device, &config).unwrap();
    session.deadline = Duration::from_secs(300);
    let mut tally = Tally::default();
    for seed in first..first + count {
        let disturbance = super::DISTURBANCES[seed as usize % 3];
        session
            .device()
            .bench_mut()
            .set_disturbance(disturbance, disturbance, disturbance);
        network(&mut session, &config, seed, &mut tally);
    }
    assert!(
        tally.compiled >= 3 * tally.refused,
        "too few networks fit: {tally:?}"
    );
    tally
}

fn network(session: &mut Session<SimDevice>, config: &HwConfig, seed: u64, tally: &mut Tally) {
    let (network, height, width) = tiny(seed);
    let model = Model::new(&network).unwrap();
    let pictures: Vec<_> = (0..2).map(|i| picture(height, width, seed + i)).collect();
    let want: Vec<_> = pictures
        .iter()
        .map(|picture| model.run(&picture.view()).unwrap())
        .collect();
    let what = format!("{}: network {seed}, {height}x{width}", config.name);
    for (weights, check) in [(Weights::Streamed, true), (Weights::Auto, false)] {
        let options = CompileOptions {
            check,
            weights,
            ..CompileOptions::default()
        };
        let program = match compile(&network, config, height, width, &options) {
            Ok(program) => program,
            Err(CompileError::Memory { .. }) => {
                tally.refused += 1;
                return;
            }
            Err(error) => panic!("{what}: {error}"),
        };
        let count = if check { 1 } else { 2 };
        let views: Vec<_> = pictures[..count].iter().map(|p| p.view()).collect();
        let results = session
            .run_many(&program, &views)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        for (got, want) in results.iter().zip(&want) {
            for (node, map) in &got.maps {
                let name = &network.nodes[node.0].name;
                let expected = want.map(*node).unwrap();
                assert_eq!(map.dim(), expected.dim(), "{what}: {name}");
                for (at, value) in map.indexed_iter() {
                    assert_eq!(*value, expected[at], "{what}: {name} at {at:?}");
                }
                tally.values += map.len() as u64;
            }
            assert_eq!(got.logits, want.logits, "{what}, check {check}");
            tally.values += got.logits.len() as u64;
        }
    }
    tally.compiled += 1;
}
