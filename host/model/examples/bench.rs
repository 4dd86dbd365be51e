//! Times single pictures through a packed model (`--pack FILE`, else the committed v1.1), or
//! through random weights in the same layers (`--random`).
//!
//! `bench [--size N] [--images N] [--threads N] [--kernel NAME] [--maps]` prints the median
//! time of each kernel asked for. With `--serve` it answers requests from standard input, one
//! a line (`about`, `run`, `logits`), each with a line of JSON; `run` runs `--images`. `--export FILE` writes the
//! network for a comparison with other programs, `--image FILE` reads raw pixels.

use firebrick_model::{Kernel, Model};
use firebrick_network::{Network, NodeId, Op, SqueezeNet, random};
use ndarray::Array3;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The committed packed model.
const PACK: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../weights/squeezenet_v1.1.safetensors"
);

struct Options(Vec<String>);

impl Options {
    fn flag(&self, name: &str) -> bool {
        self.0.iter().any(|arg| arg == name)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .position(|arg| arg == name)
            .and_then(|i| self.0.get(i + 1))
            .map(|v| &**v)
    }

    fn number(&self, name: &str, default: usize) -> Result<usize> {
        self.value(name).map_or(Ok(default), |value| {
            value
                .parse()
                .map_err(|_| format!("{name} {value}: not a number").into())
        })
    }
}

fn main() -> ExitCode {
    match run(&Options(std::env::args().skip(1).collect())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let size = options.number("--size", 227)?;
    let threads = options.number("--threads", 2)?;
    let batch = options.number("--images", 50)?.max(1);
    let network = if options.flag("--random") {
        random::squeezenet(&SqueezeNet::v1_1(), 1)
    } else {
        Network::load(options.value("--pack").unwrap_or(PACK))?
    };
    let image = match options.value("--image") {
        Some(path) => Array3::from_shape_vec((size, size, 3), std::fs::read(path)?)?,
        None => random::picture(size, size, 1),
    };
    if let Some(path) = options.value("--export") {
        export(&network, path)?;
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    let kernels = match options.value("--kernel") {
        Some("all") => Kernel::available(),
        Some(name) => {
            let found = Kernel::ALL
                .into_iter()
                .find(|kernel| format!("{kernel:?}") == name);
            vec![found.ok_or_else(|| format!("no kernel {name}; there are {:?}", Kernel::ALL))?]
        }
        None => vec![Kernel::best()],
    };
    for kernel in kernels {
        let model = Model::with_kernel(&network, kernel)?;
        if options.flag("--serve") {
            return serve(&pool, &model, &network, &image, batch);
        }
        let mut times = Vec::new();
        for _ in 0..batch {
            let start = Instant::now();
            if options.flag("--maps") {
                pool.install(|| model.run(&image.view()))?;
            } else {
                pool.install(|| model.logits(&image.view()))?;
            }
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{kernel}: median {:.3} ms, best {:.3} ms",
            times[times.len() / 2],
            times[0]
        );
    }
    Ok(())
}

/// Answers requests until the input ends.
fn serve(
    pool: &rayon::ThreadPool,
    model: &Model,
    network: &Network,
    image: &Array3<u8>,
    batch: usize,
) -> Result<()> {
    let (height, width, _) = image.dim();
    let shapes = network.shapes(height, width)?;
    let last = shapes[shapes.len() - 2];
    for request in std::io::stdin().lines() {
        let answer = match request?.as_str() {
            "about" => format!(
                r#"{{"kernel": "{}", "last_pixels": {}}}"#,
                model.kernel(),
                last.height * last.width
            ),
            "logits" => format!(r#"{{"logits": {:?}}}"#, model.logits(&image.view())?),
            "run" => {
                let mut times = Vec::with_capacity(batch);
                for _ in 0..batch {
                    let start = Instant::now();
                    pool.install(|| model.logits(&image.view()))?;
                    times.push(start.elapsed().as_secs_f64() * 1e3);
                }
                format!(r#"{{"ms": {times:?}}}"#)
            }
            other => return Err(format!("unknown request {other:?}").into()),
        };
        println!("{answer}");
    }
    Ok(())
}

/// Writes a line of JSON and, for each convolution, weights (output channel, row, column,
/// input channel), biases (i32) and requantisation factors (f32), little endian.
fn export(network: &Network, path: &str) -> Result<()> {
    let name = |id: &NodeId| match *id {
        NodeId::INPUT => "input".to_owned(),
        NodeId(i) => network.nodes[i].name.clone(),
    };
    let mut nodes = Vec::new();
    for node in &network.nodes {
        let inputs: Vec<String> = node.inputs.iter().map(name).collect();
        let op = match &node.op {
            Op::Conv(c) => format!(
                r#""conv", "out": {}, "in": {}, "kernel": {}, "stride": {}, "pad": {}"#,
                c.out_channels(),
                c.in_channels(),
                c.kernel,
                c.stride,
                c.pad
            ),
            Op::MaxPool(pool) => {
                format!(r#""pool", "ceil": {}, "pairs": {}"#, pool.ceil, pool.pairs)
            }
            Op::Concat => r#""concat""#.into(),
            Op::Add => r#""add""#.into(),
            Op::Global => r#""sum""#.into(),
        };
        nodes.push(format!(
            r#"{{"name": {:?}, "inputs": {inputs:?}, "op": {op}}}"#,
            node.name
        ));
    }
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(
        file,
        r#"{{"name": {:?}, "nodes": [{}]}}"#,
        network.name,
        nodes.join(", ")
    )?;
    for node in &network.nodes {
        let Op::Conv(conv) = &node.op else { continue };
        let weights: Vec<u8> = conv.weights.iter().map(|&w| w as u8).collect();
        file.write_all(&weights)?;
        for requant in &conv.requant {
            file.write_all(&requant.bias.to_le_bytes())?;
        }
        for requant in &conv.requant {
            let scale = f64::from(requant.mult) * (-f64::from(requant.shift)).exp2();
            file.write_all(&(scale as f32).to_le_bytes())?;
        }
    }
    file.flush()?;
    Ok(())
}
