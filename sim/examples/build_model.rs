//! Builds a model from a Verilog file and measures cycles per second with idle inputs:
//! `cargo run --release -p firebrick-sim --example build_model -- FILE TOP CLOCK [OPTIMISE]`.

use std::time::Instant;

use firebrick_sim::{Builder, Design, Model};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(top), Some(clock)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: build_model FILE TOP CLOCK [OPTIMISE]".into());
    };
    let optimise = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let design = Design::new(top, std::fs::read_to_string(file)?)
        .clock(clock)
        .optimise(optimise);
    let start = Instant::now();
    let built = Builder::new().build(&design)?;
    println!(
        "built in {:.2} s, cached: {}",
        start.elapsed().as_secs_f32(),
        built.from_cache()
    );
    let mut model = Model::load(&built, 0)?;
    let cycles = 200_000;
    let start = Instant::now();
    model.step_many(cycles)?;
    let rate = cycles as f64 / start.elapsed().as_secs_f64();
    println!("{:.0} kcycle/s", rate / 1e3);
    Ok(())
}
