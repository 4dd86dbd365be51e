//! Runs small networks on a netlist under Verilator and compares every map with the integer model:
//! `netlist PRESET FILE...`, where the files hold `firebrick_top` and the cells that it is made of.

use std::process::ExitCode;
use std::time::Duration;

use firebrick_driver::{CompileOptions, Session, compile};
use firebrick_model::Model;
use firebrick_network::random::{figures, picture, squeezenet};
use firebrick_sim::bus::seed_or;
use firebrick_sim::{Builder, Design, SimDevice, SimOptions};
use firebrick_spec::HwConfig;
use firebrick_spec::docs::ports::TOP;

type Failure = Box<dyn std::error::Error>;

/// Probability of an idle cycle, and of one without room.
const DISTURBANCE: f64 = 0.1;
const NETWORKS: u64 = 2;

fn run(preset: &str, files: &[String]) -> Result<(), Failure> {
    let config = HwConfig::preset(preset).ok_or("there is no such preset")?;
    let mut verilog = String::new();
    for file in files {
        verilog.push_str(&std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?);
    }
    let seed = seed_or(1);
    let options = SimOptions {
        seed,
        idle: DISTURBANCE,
        back_pressure: DISTURBANCE,
        ..SimOptions::default()
    };
    // A netlist is one flat module: to optimise it takes longer than to run it.
    let design = Design::new(TOP, verilog).optimise(0);
    let device = SimDevice::open_design(&config, &design, &Builder::new(), &options)?;
    let mut session = Session::open(device, &config)?;
    session.deadline = Duration::from_secs(1800);
    for seed in seed..seed + NETWORKS {
        let table = figures(seed);
        let network = squeezenet(&table, seed);
        let options = CompileOptions {
            check: true,
            ..CompileOptions::default()
        };
        let program = compile(&network, &config, table.side, table.side, &options)?;
        let image = picture(table.side, table.side, seed);
        let want = Model::new(&network)?.run(&image.view())?;
        let result = session.run(&program, &image.view())?;
        let mut values = result.logits.len();
        for (node, map) in &result.maps {
            let name = &network.nodes[node.0].name;
            let right = want.map(*node).ok_or("the model has no such map")?;
            let mut wrong = map
                .indexed_iter()
                .filter(|(at, value)| right[*at] != **value);
            if let Some((at, value)) = wrong.next() {
                return Err(format!(
                    "{name} differs first at {at:?}: {value} and not {}, and at {} more of its {} values",
                    right[at],
                    wrong.count(),
                    map.len()
                )
                .into());
            }
            values += map.len();
        }
        if result.logits != want.logits {
            return Err(format!("sums {:?} and not {:?}", result.logits, want.logits).into());
        }
        println!(
            "{preset}, network {seed}: bit-exact, {} maps and the sums, {values} values",
            result.maps.len()
        );
    }
    Ok(())
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (preset, files) = (args.next(), args.collect::<Vec<_>>());
    let Some(preset) = preset.filter(|_| !files.is_empty()) else {
        eprintln!("usage: netlist PRESET FILE...");
        return ExitCode::from(2);
    };
    match run(&preset, &files) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}
