//! Times single pictures through a network of SqueezeNet v1.1's layers.
//!
//! `bench [--size N] [--images N] [--threads N] [--kernel NAME]` prints one time in
//! milliseconds a line and the median.

#[path = "../tests/support/mod.rs"]
mod support;

use firebrick_model::{Kernel, Model};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        args.iter()
            .position(|a| a == name)
            .and_then(|i| args.get(i + 1))
    };
    let number = |name: &str, default: usize| option(name).map_or(Ok(default), |v| v.parse());
    let (size, images, threads) = (
        number("--size", 227)?,
        number("--images", 50)?,
        number("--threads", 2)?,
    );
    let network = support::squeezenet_v1_1(1);
    let kernels = match option("--kernel") {
        Some(name) => vec![
            *Kernel::ALL
                .iter()
                .find(|k| format!("{k:?}") == *name)
                .ok_or("unknown kernel")?,
        ],
        None => vec![Kernel::best()],
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    let image = support::picture(size, size, 1);
    for kernel in kernels {
        let model = Model::with_kernel(&network, kernel)?;
        let mut times: Vec<f64> = Vec::new();
        for _ in 0..images {
            let start = Instant::now();
            pool.install(|| model.logits(&image.view()))?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{kernel}: median {:.3} ms, best {:.3} ms",
            times[images / 2],
            times[0]
        );
    }
    Ok(())
}
