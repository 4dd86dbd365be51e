//! Every preset's emitted Verilog against the integer model, value by value, on disturbed
//! streams: random networks, weights streamed and resident, pictures that overlap.

use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use firebrick_driver::{CompileOptions, ImageResult, Program, Session, Weights, compile};
use firebrick_model::Model;
use firebrick_network::random::{self, figures, picture, squeezenet, with_bypass};
use firebrick_network::{Network, NodeId, Op, SqueezeNet};
use firebrick_sim::bus::seed_or;
use firebrick_sim::{Builder, SimDevice, SimOptions};
use firebrick_spec::HwConfig;
use firebrick_spec::arith::Requant;
use ndarray::Array3;

/// Pictures that follow each other.
const PICTURES: usize = 3;

/// One build at a time: the first fills the cache, the others find it.
fn build_lock() -> MutexGuard<'static, ()> {
    static LOCK: OnceLock<Mutex<()>> = OnceLock::new();
    LOCK.get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(|e| e.into_inner())
}

fn session(config: &HwConfig, seed: u64, disturbance: f64) -> Session<SimDevice> {
    let options = SimOptions {
        seed,
        idle: disturbance,
        back_pressure: disturbance,
        // Other tests need a fast model of one lane anyway.
        quick_build: config.lanes > 1 || config.packed,
        ..SimOptions::default()
    };
    let device = {
        let _one = build_lock();
        SimDevice::open(config, &Builder::new(), &options).unwrap()
    };
    let mut session = Session::open(device, config).unwrap();
    session.deadline = Duration::from_secs(300);
    session
}

/// Compares the sums, and every map that was sent.
fn agrees(what: &str, network: &Network, model: &Model, picture: &Array3<u8>, got: &ImageResult) {
    let want = model.run(&picture.view()).unwrap();
    for (node, map) in &got.maps {
        let name = &network.nodes[node.0].name;
        let expected = want.map(*node).unwrap();
        assert_eq!(map.dim(), expected.dim(), "{what}: {name}");
        for (at, value) in map.indexed_iter() {
            assert_eq!(*value, expected[at], "{what}: {name} at {at:?}");
        }
    }
    assert_eq!(got.logits, want.logits, "{what}");
}

fn run(what: &str, session: &mut Session<SimDevice>, network: &Network, program: &Program) {
    let (height, width) = program.input();
    let pictures: Vec<_> = (0..PICTURES as u64)
        .map(|i| picture(height, width, i))
        .collect();
    let views: Vec<_> = pictures.iter().map(|picture| picture.view()).collect();
    let model = Model::new(network).unwrap();
    let results = session.run_many(program, &views).unwrap();
    assert_eq!(results.len(), PICTURES);
    for (picture, result) in pictures.iter().zip(&results) {
        agrees(what, network, &model, picture, result);
    }
}

/// Every weight 127 or -127, every activation 0 or 255: chains of the array at both ends of their
/// range, in every shape of kernel.
fn extremes(preset: &str, session: &mut Session<SimDevice>, config: &HwConfig) {
    const SIDE: usize = 21;
    for (kernel, stride) in [(3, 1), (3, 2), (7, 1), (7, 2)] {
        let mut builder = random::Builder::new(1);
        let x = builder.conv("first", NodeId::INPUT, 32, (kernel, stride, 0));
        let x = builder.conv("one", x, 64, (1, 1, 0));
        let x = builder.conv("three", x, 64, (3, 1, 1));
        let x = builder.conv("last", x, 20, (1, 1, 0));
        let mut network = builder.finish(x, SIDE, SIDE);
        for node in &mut network.nodes {
            let Op::Conv(conv) = &mut node.op else {
                continue;
            };
            for ((out, y, x, channel), weight) in conv.weights.indexed_iter_mut() {
                let negative = [false, true, channel % 2 == 1, (y + x) % 2 == 1][out % 4];
                *weight = if negative { -127 } else { 127 };
            }
            for requant in &mut conv.requant {
                // Whatever is above 0 becomes 255.
                *requant = Requant {
                    bias: 0,
                    mult: 32_767,
                    shift: 8,
                };
            }
        }
        let options = CompileOptions {
            check: true,
            ..CompileOptions::default()
        };
        let program = compile(&network, config, SIDE, SIDE, &options).unwrap();
        let model = Model::new(&network).unwrap();
        let random = picture(SIDE, SIDE, 1).mapv(|byte| if byte > 127 { 255 } else { 0 });
        let pictures = [
            Array3::from_elem((SIDE, SIDE, 3), 0),
            Array3::from_elem((SIDE, SIDE, 3), 255),
            random,
        ];
        let views: Vec<_> = pictures.iter().map(|picture| picture.view()).collect();
        let results = session.run_many(&program, &views).unwrap();
        let mut seen = [false; 2];
        for (picture, result) in pictures.iter().zip(&results) {
            let what = format!("{preset}: extremes with {kernel}x{kernel}, stride {stride}, first");
            agrees(&what, &network, &model, picture, result);
            for (_, map) in &result.maps {
                assert!(map.iter().all(|value| [0, 255].contains(value)), "{what}");
                seen[0] |= map.iter().any(|value| *value == 0);
                seen[1] |= map.iter().any(|value| *value == 255);
            }
        }
        assert_eq!(seen, [true; 2]);
    }
}

/// Random networks on one engine, one after the other without reset; the last is small and has
/// bypasses.
fn networks(preset: &str, count: u64) {
    let seed = seed_or(500);
    let config = HwConfig::preset(preset).unwrap();
    let mut session = session(&config, seed, 0.2);
    let mut tables: Vec<_> = (seed..seed + count).map(|s| (s, figures(s))).collect();
    let bypassed = (seed + count..).map(|s| (s, with_bypass(figures(s))));
    tables.extend(bypassed.filter(|(_, table)| table.side <= 30).take(1));
    let mut resident = 0;
    for (seed, table) in tables {
        let network = squeezenet(&table, seed);
        for (weights, check) in [(Weights::Streamed, true), (Weights::Auto, false)] {
            let options = CompileOptions {
                check,
                weights,
                ..CompileOptions::default()
            };
            let program = compile(&network, &config, table.side, table.side, &options).unwrap();
            resident += u64::from(program.setup().is_some());
            let what = format!("{preset}: network {seed}, {weights:?}");
            run(&what, &mut session, &network, &program);
        }
    }
    assert!(resident > 0, "no network kept its weights");
    extremes(preset, &mut session, &config);
}

/// All of v1.0's layers, its last convolution padded, with weights by chance.
#[test]
fn squeezenet_v1_0_of_random_weights() {
    let config = HwConfig::preset("fb1024-packed-xcup").unwrap();
    let table = SqueezeNet {
        last_pad: 1,
        ..SqueezeNet::v1_0()
    };
    let network = squeezenet(&table, 3);
    let options = CompileOptions {
        check: true,
        ..CompileOptions::default()
    };
    let program = compile(&network, &config, table.side, table.side, &options).unwrap();
    let mut session = session(&config, seed_or(600), 0.1);
    let picture = picture(table.side, table.side, 1);
    let result = session.run(&program, &picture.view()).unwrap();
    let model = Model::new(&network).unwrap();
    agrees("v1.0", &network, &model, &picture, &result);
}

macro_rules! presets {
    ($($test:ident = $preset:literal, $networks:literal;)*) => {
        $(#[test]
        fn $test() {
            networks($preset, $networks);
        })*
    };
}

presets! {
    fb64 = "fb64", 5;
    fb64_packed = "fb64-packed", 5;
    fb64_packed_xc7 = "fb64-packed-xc7", 5;
    fb256_small_packed_xc7 = "fb256-small-packed-xc7", 4;
    fb256 = "fb256", 4;
    fb512 = "fb512", 4;
    fb1024_packed_xcup = "fb1024-packed-xcup", 3;
    fb2048 = "fb2048", 3;
}
