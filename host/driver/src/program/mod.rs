//! A compiled network: the transfer that runs it on a picture, and the way back from the result
//! packet to logits and feature maps.

mod info;
mod result;
mod stream;

pub use info::{LayerInfo, Prediction, RecordInfo};
pub use result::{ImageResult, ResultError};
pub(crate) use result::{Segment, StoredPlane};
pub(crate) use stream::Stream;

use firebrick_network::{Network, Node, Op, Shape};
use firebrick_spec::HwConfig;
use firebrick_spec::result::Trailer;
use ndarray::ArrayView3;
use std::fmt::Write as _;

/// Room for one row of the picture in the transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hole {
    pub offset: usize,
    pub row: usize,
}

/// A node without its weights: what decoding a result needs.
#[derive(Clone, Debug)]
pub(crate) struct NodeInfo {
    pub kind: NodeKind,
    pub inputs: Vec<usize>,
    pub shape: Shape,
}

/// What a node is, when reading results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Conv,
    Pool,
    Concat,
    Sum,
}

impl NodeInfo {
    fn new(node: &Node, shape: Shape) -> NodeInfo {
        NodeInfo {
            kind: match node.op {
                Op::Conv(_) => NodeKind::Conv,
                Op::MaxPool(_) => NodeKind::Pool,
                Op::Concat => NodeKind::Concat,
                Op::GlobalSum => NodeKind::Sum,
            },
            inputs: node.inputs.iter().map(|id| id.0).collect(),
            shape,
        }
    }
}

/// A picture that does not fit the program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the program was compiled for pictures of {want:?} (height, width, channels), this one has \
     {got:?}"
)]
pub struct ImageError {
    /// Shape that the program takes.
    pub want: (usize, usize, usize),
    /// Shape of the picture.
    pub got: (usize, usize, usize),
}

/// A network compiled for a configuration and a picture size.
#[derive(Clone, Debug)]
pub struct Program {
    config: HwConfig,
    network: String,
    input: (usize, usize),
    classes: usize,
    check: bool,
    template: Vec<u8>,
    holes: Vec<Hole>,
    records: Vec<RecordInfo>,
    segments: Vec<Segment>,
    nodes: Vec<NodeInfo>,
    layers: Vec<LayerInfo>,
    prediction: Prediction,
    output_bytes: usize,
}

impl Program {
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn assemble(
        config: HwConfig,
        network: &Network,
        shapes: &[Shape],
        input: (usize, usize),
        check: bool,
        stream: Stream,
        layers: Vec<LayerInfo>,
        prediction: Prediction,
    ) -> Program {
        let words: usize = stream.segments.iter().map(Segment::beats).sum();
        let classes = shapes.last().map_or(0, |shape| shape.channels);
        Program {
            output_bytes: words * config.bus_bytes + Trailer::BYTES,
            config,
            network: network.name.clone(),
            input,
            classes,
            check,
            template: stream.bytes,
            holes: stream.holes,
            records: stream.records,
            segments: stream.segments,
            nodes: network
                .nodes
                .iter()
                .zip(shapes)
                .map(|(n, s)| NodeInfo::new(n, *s))
                .collect(),
            layers,
            prediction,
        }
    }

    /// Makes the whole transfer for a picture (height, width, 3 channels in the network's
    /// order), replacing what `transfer` holds. A buffer that is used again is not reallocated.
    pub fn fill(
        &self,
        image: &ArrayView3<'_, u8>,
        transfer: &mut Vec<u8>,
    ) -> Result<(), ImageError> {
        let want = (self.input.0, self.input.1, 3);
        if image.dim() != want {
            return Err(ImageError {
                want,
                got: image.dim(),
            });
        }
        transfer.clear();
        transfer.extend_from_slice(&self.template);
        for hole in &self.holes {
            let row = image.index_axis(ndarray::Axis(0), hole.row);
            let room = &mut transfer[hole.offset..hole.offset + 3 * self.input.1];
            match row.as_slice() {
                Some(bytes) => room.copy_from_slice(bytes),
                None => room
                    .iter_mut()
                    .zip(row.iter())
                    .for_each(|(to, from)| *to = *from),
            }
        }
        Ok(())
    }

    /// As [`fill`](Self::fill), into a new buffer.
    pub fn transfer(&self, image: &ArrayView3<'_, u8>) -> Result<Vec<u8>, ImageError> {
        let mut transfer = Vec::with_capacity(self.template.len());
        self.fill(image, &mut transfer)?;
        Ok(transfer)
    }

    /// Reads a result packet: exactly [`output_bytes`](Self::output_bytes) bytes.
    pub fn decode_result(&self, packet: &[u8]) -> Result<ImageResult, ResultError> {
        result::decode(self, packet)
    }

    /// The configuration that it was compiled for.
    #[must_use]
    pub fn config(&self) -> &HwConfig {
        &self.config
    }

    /// Name of the network.
    #[must_use]
    pub fn network(&self) -> &str {
        &self.network
    }

    /// Height and width of the pictures that it takes.
    #[must_use]
    pub fn input(&self) -> (usize, usize) {
        self.input
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Whether feature maps are sent as well.
    #[must_use]
    pub fn check(&self) -> bool {
        self.check
    }

    /// Bytes to the engine for each picture, commands, weights and pixels together.
    #[must_use]
    pub fn input_bytes(&self) -> usize {
        self.template.len()
    }

    /// Bytes of the result packet.
    #[must_use]
    pub fn output_bytes(&self) -> usize {
        self.output_bytes
    }

    /// Useful multiply-accumulates of one picture.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.prediction.macs
    }

    /// What the scheduler expects of the engine.
    #[must_use]
    pub fn prediction(&self) -> &Prediction {
        &self.prediction
    }

    /// The convolutions, in the order of the network's nodes.
    #[must_use]
    pub fn layers(&self) -> &[LayerInfo] {
        &self.layers
    }

    /// The records with their places in the transfer.
    #[must_use]
    pub fn records(&self) -> &[RecordInfo] {
        &self.records
    }

    /// One line a record: index, byte offset, command.
    #[must_use]
    pub fn disassemble(&self) -> String {
        let mut text = String::new();
        for (index, record) in self.records.iter().enumerate() {
            let _ = writeln!(text, "{index:5} {:8x} {}", record.offset, record.command);
        }
        text
    }
}
