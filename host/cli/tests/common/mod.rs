//! The real program, run by tests, and pictures and models for it.
#![allow(dead_code)]

pub mod schema;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use firebrick_network::import::to_onnx;
use firebrick_network::squeezenet::{Fire, SqueezeNet};
use firebrick_network::{
    Border, Conv, Input, Network, Node, NodeId, Op, PixelOrder, Pool, ResizePolicy, Scores, random,
};
use firebrick_spec::arith::Requant;
use ndarray::Array4;
use serde_json::Value;

/// Says that a test, or a part of it, did not run, and why. Not through `eprintln!`, which the test
/// harness keeps to itself: `scripts/test` lists these lines at its end.
pub fn skipped(why: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// The program with these arguments, not yet started.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firebrick"));
    command.args(args);
    command
}

/// The program's output and exit code. A panic fails the test.
pub fn firebrick(args: &[&str]) -> Run {
    Run::of(command(args).output().unwrap())
}

/// What the program did.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn of(output: Output) -> Run {
        let run = Run {
            code: output.status.code().expect("not killed by a signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!run.stderr.contains("panicked"), "{run:?}");
        assert_ne!(run.code, 101, "{run:?}");
        run
    }

    /// Everything went well.
    pub fn good(self) -> Run {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// One error that says `what`, and exit code 1.
    pub fn fails(self, what: &str) -> Run {
        assert_eq!(self.code, 1, "{self:?}");
        let errors = self.stderr.lines().filter(|l| l.starts_with("error: "));
        assert_eq!(errors.count(), 1, "{self:?}");
        assert!(self.stderr.contains(what), "{what:?} is not in {self:?}");
        self
    }

    /// A usage error that says `what`.
    pub fn misused(self, what: &str) -> Run {
        assert_eq!(self.code, 2, "{self:?}");
        assert!(self.stderr.contains(what), "{what:?} is not in {self:?}");
        self
    }

    /// One JSON object a line.
    pub fn objects(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The same, each looked at by the command's schema.
    pub fn objects_of(&self, command: &str) -> Vec<Value> {
        let (schema, objects) = (schema::of(command), self.objects());
        for object in &objects {
            schema::check(&schema, object).unwrap_or_else(|error| {
                let begin: String = object.to_string().chars().take(300).collect();
                panic!("{command}: {error}: {begin}")
            });
        }
        objects
    }
}

/// A picture of shades in a file; the format follows the name.
pub fn picture(dir: &Path, name: &str, width: u32, height: u32) -> PathBuf {
    let path = dir.join(name);
    image::RgbImage::from_fn(width, height, |x, y| {
        let shade = |n: u32| (n % 256) as u8;
        image::Rgb([shade(x * 7), shade(y * 5), shade(x * y)])
    })
    .save(&path)
    .unwrap();
    path
}

/// The path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The packed model that is part of the program.
pub fn builtin_pack() -> Vec<u8> {
    let path = "../../weights/squeezenet_v1.1.safetensors";
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Weights that look random and are always the same.
struct Noise(u32);

impl Noise {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % limit
    }
}

fn conv(noise: &mut Noise, channels: usize, out: usize, kernel: usize, stride: usize) -> Op {
    let taps = (kernel * kernel * channels) as f64;
    let spread = 73.0 * 100.0 * taps.sqrt();
    Op::Conv(Conv {
        kernel,
        stride,
        pad: 0,
        weights: Array4::from_shape_fn((out, kernel, kernel, channels), |_| {
            (noise.below(255) as i32 - 127) as i8
        }),
        requant: (0..out)
            .map(|_| Requant {
                bias: (noise.below(1001) as f64 / 500.0 * spread - spread) as i32,
                mult: 16_384,
                shift: (16_384.0 * spread / 128.0).log2().round() as u8,
            })
            .collect(),
        output_scale: 0.1,
    })
}

/// A network that the simulator runs in a moment: 21x23 pixels, 12 classes.
pub fn small_network() -> Network {
    let mut noise = Noise(1);
    let mut nodes = Vec::new();
    let mut add = |name: &str, op, input| {
        let (name, inputs) = (name.to_owned(), vec![input]);
        nodes.push(Node { name, op, inputs });
        NodeId(nodes.len() - 1)
    };
    let x = add("conv1", conv(&mut noise, 3, 16, 3, 2), NodeId::INPUT);
    let x = add("pool1", Op::MaxPool(Pool::three(true)), x);
    let x = add("conv2", conv(&mut noise, 16, 24, 1, 1), x);
    let x = add("conv3", conv(&mut noise, 24, 12, 1, 1), x);
    add("logits", Op::Global, x);
    Network {
        name: "small".into(),
        input: Input {
            height: 21,
            width: 23,
            order: PixelOrder::Rgb,
            resize: ResizePolicy::Squash,
            border: Border::NONE,
        },
        normalise: None,
        scores: Scores::Softmax,
        nodes,
        labels: (0..12).map(|class| format!("kind {class}")).collect(),
    }
}

/// A network with all that the engine can do, which the simulator runs in a moment: a window, pools,
/// a fire module, weights that are mostly zeros, and global sums; 33x35 pixels, 12 classes.
pub fn fire_network() -> Network {
    let mut noise = Noise(3);
    let mut nodes = Vec::new();
    let mut add = |name: &str, op, inputs: &[NodeId]| {
        let (name, inputs) = (name.to_owned(), inputs.to_vec());
        nodes.push(Node { name, op, inputs });
        NodeId(nodes.len() - 1)
    };
    let x = add("conv1", conv(&mut noise, 3, 16, 3, 2), &[NodeId::INPUT]);
    let x = add("pool1", Op::MaxPool(Pool::three(true)), &[x]);
    let x = add("squeeze", conv(&mut noise, 16, 16, 1, 1), &[x]);
    let one = add("expand1", conv(&mut noise, 16, 24, 1, 1), &[x]);
    let mut padded = conv(&mut noise, 16, 24, 3, 1);
    if let Op::Conv(conv) = &mut padded {
        conv.pad = 1;
    }
    let three = add("expand3", padded, &[x]);
    let x = add("concat", Op::Concat, &[one, three]);
    let mut sparse = conv(&mut noise, 48, 24, 1, 1);
    if let Op::Conv(conv) = &mut sparse {
        conv.weights.iter_mut().for_each(|weight| {
            if noise.below(10) < 8 {
                *weight = 0;
            }
        });
    }
    let x = add("conv9", sparse, &[x]);
    let x = add("conv10", conv(&mut noise, 24, 12, 1, 1), &[x]);
    add("logits", Op::Global, &[x]);
    Network {
        name: "fire".into(),
        input: Input {
            height: 33,
            width: 35,
            ..small_network().input
        },
        nodes,
        ..small_network()
    }
}

/// The small network as a file.
pub fn small_pack(dir: &Path) -> PathBuf {
    let path = dir.join("small.safetensors");
    small_network().save(&path).unwrap();
    path
}

/// A float model of two modules as ONNX, for pictures of 96x96 pixels.
pub fn float_model(dir: &Path) -> PathBuf {
    let table = SqueezeNet {
        name: "own".into(),
        outputs: 24,
        fires: vec![Fire::even(8, 16), Fire::even(12, 24)],
        pools: vec![1, 2],
        classes: 12,
        side: 96,
        ..SqueezeNet::v1_1()
    };
    let path = dir.join("own.onnx");
    std::fs::write(&path, to_onnx(&random::float(&table, 7))).unwrap();
    path
}
