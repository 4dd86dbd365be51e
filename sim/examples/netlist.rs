//! Runs a small network on a netlist under Icarus Verilog and compares every map with the integer
//! model: `netlist PRESET FILE...`, where the files hold `firebrick_top` and the cells that it is
//! made of.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use firebrick_driver::{CompileOptions, compile};
use firebrick_model::Model;
use firebrick_network::NodeId;
use firebrick_network::random::{Builder, picture};
use firebrick_sim::Environment;
use firebrick_sim::icarus::{Stimulus, run_icarus};
use firebrick_spec::HwConfig;
use firebrick_spec::docs::ports::TOP;

type Failure = Box<dyn std::error::Error>;

fn run(preset: &str, files: &[String]) -> Result<(), Failure> {
    let config = HwConfig::preset(preset).ok_or("there is no such preset")?;
    let mut verilog = String::new();
    for file in files {
        verilog.push_str(&std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?);
    }
    // Every operation once: window unit, pool, 1x1, 3x3, concatenation, sums.
    let (height, width) = (9, 11);
    let mut b = Builder::new(11);
    let x = b.conv("conv1", NodeId::INPUT, 16, (3, 2, 0));
    let x = b.pool("pool1", x, true);
    let x = b.fire("fire2", x, 16, 16, 16);
    let x = b.conv("conv10", x, 5, (1, 1, 0));
    let network = b.finish(x, height, width);
    let options = CompileOptions {
        check: true,
        ..CompileOptions::default()
    };
    let program = compile(&network, &config, height, width, &options)?;
    let image = picture(height, width, 2);
    let want = Model::new(&network)?.run(&image.view())?;
    let mut stimulus = Stimulus {
        idle: 40,
        back_pressure: 60,
        expected_beats: program.output_bytes() / config.bus_bytes,
        cycle_limit: 50_000,
        limit: Duration::from_secs(3600),
        ..Stimulus::default()
    };
    stimulus.push_packet(&program.transfer(&image.view())?);
    let started = Instant::now();
    let outcome = run_icarus(&verilog, TOP, &stimulus, &Environment::from_process())?;
    let result = program.decode_result(&outcome.bytes())?;
    if result.logits != want.logits {
        return Err(format!(
            "logits {:?}, but {:?} are right",
            result.logits, want.logits
        )
        .into());
    }
    let mut values = result.logits.len();
    for (node, map) in &result.maps {
        let name = &network.nodes[node.0].name;
        let right = want.map(*node).ok_or("the model has no such map")?;
        let wrong = map.iter().zip(right.iter()).filter(|(a, b)| a != b).count();
        if wrong > 0 {
            return Err(format!("{wrong} of {} values of {name} differ", map.len()).into());
        }
        values += map.len();
    }
    println!(
        "{preset}: bit-exact, {} maps and the logits, {values} values, {} cycles in {:.0} s",
        result.maps.len(),
        outcome.cycles,
        started.elapsed().as_secs_f64()
    );
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
