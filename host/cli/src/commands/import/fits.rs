//! Whether any preset can run a network, before anything is measured: whether one can depends on
//! the shapes alone.

use firebrick_driver::{CompileError, CompileOptions, compile};
use firebrick_network::float::{FloatConv, FloatNetwork};
use firebrick_network::{Conv, Network, Scores};
use firebrick_spec::HwConfig;
use firebrick_spec::arith::Requant;
use ndarray::Array4;

use crate::args;
use crate::error::CliError;

/// Which presets run a network, and why the others do not.
pub struct Fits {
    /// Names of those that run it.
    pub presets: Vec<String>,
    /// The others by reason.
    refused: Vec<Refused>,
}

/// Presets that refuse for the same reason.
#[derive(Debug)]
struct Refused {
    /// Node, what is wrong there, and what would work.
    reason: String,
    /// Each, with what it has of what is too little.
    presets: Vec<String>,
}

impl Fits {
    /// Tries all presets.
    pub fn of(network: &FloatNetwork) -> Fits {
        let like = stand_in(network);
        let mut fits = Fits {
            presets: Vec::new(),
            refused: Vec::new(),
        };
        for config in HwConfig::presets() {
            let (height, width) = (like.input.height, like.input.width);
            match compile(&like, &config, height, width, &CompileOptions::default()) {
                Ok(_) => fits.presets.push(config.name),
                Err(error) => fits.refuse(&config.name, &error),
            }
        }
        fits
    }

    fn refuse(&mut self, preset: &str, error: &CompileError) {
        let (reason, preset) = match error {
            CompileError::Memory {
                node,
                memory,
                unit,
                need,
                available,
                hint,
                ..
            } => (
                format!("node {node:?} needs {need} {unit} of the {memory}; {hint}"),
                format!("{preset} has {available}"),
            ),
            other => (other.to_string(), preset.to_owned()),
        };
        match self.refused.iter_mut().find(|r| r.reason == reason) {
            Some(found) => found.presets.push(preset),
            None => self.refused.push(Refused {
                reason,
                presets: vec![preset],
            }),
        }
    }

    /// An error if no preset runs the network; a note if the usual one does not.
    pub fn judge(&self, network: &FloatNetwork) -> Result<Option<String>, CliError> {
        let reasons: Vec<String> = self
            .refused
            .iter()
            .map(|r| format!("{} ({})", r.reason, r.presets.join(", ")))
            .collect();
        if self.presets.is_empty() {
            return Err(CliError::NoPresetRuns {
                network: network.name.clone(),
                height: network.input.height,
                width: network.input.width,
                reasons: reasons.join("; "),
            });
        }
        let usual = args::Preset { given: None }.config().name;
        Ok((!self.presets.contains(&usual)).then(|| {
            format!(
                "{usual}, which is taken unless --preset is given, cannot run it; {} can. {}.",
                self.presets.join(", "),
                reasons.join("; ")
            )
        }))
    }
}

/// A network of the same shapes. No weight of it is 0, so that none can be left out.
fn stand_in(network: &FloatNetwork) -> Network {
    let shapes = network
        .shapes(network.input.height, network.input.width)
        .unwrap_or_default();
    let classes = shapes.last().map_or(0, |s| s.channels);
    let requant = Requant {
        bias: 0,
        mult: 1 << 14,
        shift: 24,
    };
    let conv = |conv: &FloatConv| Conv {
        kernel: conv.weights.dim().1,
        stride: conv.stride,
        pad: conv.pad,
        weights: Array4::ones(conv.weights.dim()),
        requant: vec![requant; conv.bias.len()],
        output_scale: 1.0,
    };
    Network {
        name: network.name.clone(),
        input: network.input,
        normalise: None,
        nodes: network.nodes.iter().map(|node| node.map(conv)).collect(),
        labels: vec![String::new(); classes],
        scores: Scores::Softmax,
    }
}
