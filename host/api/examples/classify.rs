//! Says what a picture shows, on the simulated engine or on what else is named.
//!
//! ```text
//! cargo run --release -p firebrick --example classify -- weights/samples/cat.png
//! cargo run --release -p firebrick --example classify -- PICTURE model
//! ```

use firebrick::Engine;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let picture = args.next().ok_or("give a JPEG or PNG file")?;
    let engine = args.next().unwrap_or("sim:fb256".into());
    let mut engine = Engine::open(&engine)?;
    for class in engine.classify(&picture)?.top(5) {
        println!(
            "{:6.2} %  {} (class {})",
            100.0 * class.probability,
            class.label,
            class.class
        );
    }
    if let Some(forecast) = engine.predict(200.0)? {
        println!(
            "{} cycles, {:.2} % of the array in use; at 200 MHz {:.2} ms",
            forecast.prediction.cycles,
            100.0 * forecast.prediction.utilization,
            forecast.latency_ms
        );
    }
    Ok(())
}
