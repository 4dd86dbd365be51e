//! Streams pictures through a board back to back, and prints each result as it comes.
//!
//! ```text
//! cargo run --release -p firebrick --example batch -- xdma:/dev/xdma0 PICTURE...
//! ```

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use firebrick::{Cancel, Engine, Error, Options, best};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let board = args.next().ok_or("give a board, as in xdma:/dev/xdma0")?;
    let pictures: Vec<String> = args.collect();
    // Another thread may raise it, from a signal handler for instance.
    let cancel = Cancel::new();
    let options = Options::new()
        .wait(Duration::from_secs(10))
        .deadline(Duration::from_secs(60))
        .cancel(cancel);
    let mut engine = Engine::open_with(&board, options)?;
    let model = engine.model().clone();
    let begin = Instant::now();
    // A picture that cannot be read is left out, and does not end the batch.
    let mut names = Vec::new();
    let mut inputs = Vec::new();
    for picture in &pictures {
        match model.input(picture) {
            Ok(input) => {
                names.push(picture);
                inputs.push(Ok::<_, Error>(input));
            }
            Err(error) => eprintln!("{error}"),
        }
    }
    let done = engine.run_each(inputs, |index, scores| {
        let class = best(&scores, 1)[0];
        println!("{}: {}", names[index as usize], model.labels()[class]);
        ControlFlow::Continue(())
    })?;
    let seconds = begin.elapsed().as_secs_f64();
    eprintln!("{done} pictures in {seconds:.2} s");
    Ok(())
}
