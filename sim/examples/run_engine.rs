//! Runs a random v1.1-shaped network on the simulated engine and prints its counters.

#[path = "../../host/driver/tests/common/mod.rs"]
mod common;
use firebrick_driver::{CompileOptions, Session, compile};
use firebrick_model::Model;
use firebrick_sim::{Builder, SimDevice, SimOptions};
use firebrick_spec::regs;

fn main() {
    let size: usize = std::env::args().nth(1).map_or(224, |s| s.parse().unwrap());
    let config = common::preset();
    let network = common::squeezenet_v1_1(1);
    let model = Model::new(&network).unwrap();
    let idle = std::env::args().nth(2).map_or(0.0, |s| s.parse().unwrap());
    let options = SimOptions {
        seed: 1,
        idle,
        back_pressure: idle,
        ..SimOptions::default()
    };
    let device = SimDevice::open(&config, &Builder::new(), &options).unwrap();
    let mut session = Session::open(device, &config).unwrap();
    for check in [false, true] {
        let program = compile(&network, &config, size, size, &CompileOptions { check }).unwrap();
        let image = common::picture(1, size, size);
        let want = model.run(&image.view()).unwrap();
        let begin = std::time::Instant::now();
        let before: Vec<u64> = regs::COUNTERS
            .iter()
            .map(|r| session.device().counter(*r).unwrap())
            .collect();
        let got = session.run(&program, &image.view()).unwrap();
        let took = begin.elapsed();
        println!("logits equal: {}", got.logits == want.logits);
        for (node, map) in &got.maps {
            let expected = want.map(*node).unwrap();
            let bad = map
                .indexed_iter()
                .filter(|(i, v)| expected[*i] != **v)
                .count();
            println!(
                "{} {:?} mismatches {bad}",
                network.nodes[node.0].name,
                map.dim()
            );
        }
        let mut cycles = 0;
        for (r, b) in regs::COUNTERS.iter().zip(before) {
            let v = session.device().counter(*r).unwrap() - b;
            if r.name == "CYCLES_LO" {
                cycles = v;
            }
            println!(
                "{:20} {v:9} {:.2}%",
                r.name,
                100.0 * v as f64 / cycles as f64
            );
        }
        println!(
            "utilization {:.4} predicted {} in {:?}: {:.0} kcycle/s",
            program.macs() as f64 / (256.0 * cycles as f64),
            program.prediction().cycles,
            took,
            cycles as f64 / took.as_secs_f64() / 1e3
        );
    }
}
