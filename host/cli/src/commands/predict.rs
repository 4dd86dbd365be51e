//! `firebrick predict`: the cycles that the engine will take, without running it.

use std::path::Path;
use std::time::Instant;

pub use firebrick::predict::{Prediction, transfers};

use crate::accounting;
use crate::args;
use crate::error::CliError;
use crate::output::{Output, percent};
use crate::pages;
use crate::target;

pub fn run(args: &args::Predict, output: &mut Output) -> Result<(), CliError> {
    let inputs: Vec<&Path> = args.target.network.model.as_deref().into_iter().collect();
    let page = pages::check(&args.html, &inputs, &[], args.force.on, output)?;
    let target = target::load(&args.target)?;
    let program = target.compile(false)?;
    let begin = Instant::now();
    let prediction = Prediction::of(&target, &program)?;
    let seconds = begin.elapsed().as_secs_f64();
    output.object(&prediction, args.json.on)?;
    pages::write(page.as_ref(), output, |objects| {
        let network = [("network", target.network.name.clone())];
        pages::predict(objects, pages::run_of(Some(target.config()), &network))
    })?;
    if args.json.on {
        return Ok(());
    }
    output.line(accounting::text(&prediction.layers))?;
    output.line(format_args!(
        "\n{} on {}, {}x{} pixels, weights {}\n\
         one image: {} cycles, {} of them busy, utilization {}\n\
         {} images back to back: {:.1} cycles for each, utilization {}\n\
         traffic for an image: {} bytes in, {} bytes out{}\n\
         predicted in {:.0} ms",
        prediction.network,
        prediction.preset,
        prediction.height,
        prediction.width,
        if prediction.resident {
            "resident"
        } else {
            "streamed"
        },
        prediction.cycles,
        prediction.busy_cycles,
        percent(prediction.utilization),
        prediction.run.images,
        prediction.run.cycles_per_image,
        percent(prediction.run.utilization),
        prediction.dma_bytes_in,
        prediction.dma_bytes_out,
        match prediction.dma_bytes_setup {
            0 => String::new(),
            n => format!("; {n} bytes in once"),
        },
        1000.0 * seconds,
    ))
}
