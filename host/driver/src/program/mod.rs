//! A compiled network: the transfer that runs it on a picture, and the way back from the result
//! packet to logits and feature maps.

mod info;
mod origin;
mod result;
mod stream;

pub use info::{LayerInfo, Prediction, RecordInfo, TileInfo};
pub use origin::ArrayPlace;
pub use result::{ImageResult, PartialMap, PartialResult, ResultError};
pub(crate) use result::{Segment, StoredPlane, check_order};
pub(crate) use stream::Stream;

use firebrick_network::{Network, Node, Op, Shape};
use firebrick_spec::BEAT_BYTES;
use firebrick_spec::HwConfig;
use firebrick_spec::command::{Command, End, Hello, RECORD_BYTES, RECORD_WORDS, seal};
use firebrick_spec::fields::FieldOverflow;
use firebrick_spec::result::Trailer;
use ndarray::ArrayView3;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

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
    /// Pixels around what the engine computes, and the value of each channel there.
    pub border: usize,
    pub constants: Vec<u8>,
}

/// What a node is, when reading results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    /// A convolution or an addition: what the array computes.
    Computed,
    Pool,
    Concat,
    Sum,
}

impl NodeInfo {
    fn new(node: &Node, shape: Shape) -> NodeInfo {
        let (border, constants) = match &node.op {
            // The pixels around a padded 1x1 convolution see zeros only.
            Op::Conv(conv) if conv.kernel == 1 && conv.pad > 0 => {
                (conv.pad, conv.requant.iter().map(|r| r.apply(0)).collect())
            }
            _ => (0, Vec::new()),
        };
        NodeInfo {
            border,
            constants,
            kind: match node.op {
                Op::Conv(_) | Op::Add => NodeKind::Computed,
                Op::MaxPool(_) => NodeKind::Pool,
                Op::Concat => NodeKind::Concat,
                Op::Global => NodeKind::Sum,
            },
            inputs: node.inputs.iter().map(|id| id.0).collect(),
            shape,
        }
    }
}

fn bytes(record: [u32; RECORD_WORDS]) -> [u8; RECORD_BYTES] {
    let mut bytes = [0; RECORD_BYTES];
    for (chunk, word) in bytes.chunks_exact_mut(4).zip(record) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// Replaces the end record of a transfer, its last, by one with another tag.
fn put_tag(transfer: &mut [u8], tag: u32) {
    if let Some(start) = transfer.len().checked_sub(RECORD_BYTES)
        && let Ok(end) = Command::End(End { tag }).encode()
    {
        transfer[start..].copy_from_slice(&bytes(end));
    }
}

/// The shortest transfer: its result packet is a trailer with `tag` alone.
#[must_use]
pub fn probe(config: &HwConfig, tag: u32) -> Vec<u8> {
    let hello = Command::Hello(Hello::for_config(config));
    let records = [hello, Command::End(End { tag })].map(|record| record.encode());
    records.into_iter().flatten().flat_map(bytes).collect()
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

/// What a transfer comes after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TransferOrder {
    /// Anything: it waits for all that may be under way.
    #[default]
    First,
    /// A transfer of the same program, however soon: it waits for exactly what that one still
    /// needs, so that the two overlap.
    Following,
}

/// What the scheduler has made of a network.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub config: HwConfig,
    pub input: (usize, usize),
    pub check: bool,
    pub map: bool,
    /// Loads weights and parameters once, if the stream does not.
    pub setup: Option<Stream>,
    pub stream: Stream,
    /// Records that differ in a stream that follows, by index.
    pub following: Vec<(usize, Command)>,
    pub layers: Vec<LayerInfo>,
    pub prediction: Prediction,
}

/// A network compiled for a configuration and a picture size.
#[derive(Clone, Debug)]
pub struct Program {
    config: HwConfig,
    network: String,
    input: (usize, usize),
    classes: usize,
    check: bool,
    map: bool,
    setup: Option<Arc<Vec<u8>>>,
    template: Vec<u8>,
    following: Vec<(usize, [u8; RECORD_BYTES])>,
    holes: Vec<Hole>,
    /// Bytes of the records that bring the picture's rows, payloads included.
    rows: Vec<Range<usize>>,
    records: Vec<RecordInfo>,
    segments: Vec<Segment>,
    tiles: Vec<TileInfo>,
    nodes: Vec<NodeInfo>,
    layers: Vec<LayerInfo>,
    prediction: Prediction,
    output_bytes: usize,
}

impl Program {
    pub(crate) fn assemble(
        network: &Network,
        shapes: &[Shape],
        compiled: Compiled,
    ) -> Result<Program, FieldOverflow> {
        let stream = compiled.stream;
        let config = compiled.config;
        let words: usize = stream.segments.iter().map(Segment::beats).sum();
        let classes = shapes.last().map_or(0, |shape| shape.channels);
        let mut following = Vec::with_capacity(compiled.following.len());
        for (index, command) in compiled.following {
            let record = &stream.records[index];
            if command != record.command {
                let payload = record.offset + RECORD_BYTES;
                let payload = &stream.bytes[payload..payload + command.payload_bytes(&config)];
                following.push((record.offset, bytes(command.encode_with(payload)?)));
            }
        }
        let rows = stream
            .records
            .iter()
            .filter(|record| matches!(record.command, Command::Rows(_)))
            .map(|record| {
                let payload = record.command.payload_bytes(&config);
                record.offset..record.offset + RECORD_BYTES + payload
            })
            .collect();
        Ok(Program {
            rows,
            output_bytes: words * BEAT_BYTES + Trailer::BYTES,
            config,
            network: network.name.clone(),
            input: compiled.input,
            classes,
            check: compiled.check,
            map: compiled.map,
            setup: compiled.setup.map(|setup| Arc::new(setup.bytes)),
            template: stream.bytes,
            following,
            holes: stream.holes,
            records: stream.records,
            segments: stream.segments,
            tiles: stream.tiles,
            nodes: network
                .nodes
                .iter()
                .zip(shapes)
                .map(|(n, s)| NodeInfo::new(n, *s))
                .collect(),
            layers: compiled.layers,
            prediction: compiled.prediction,
        })
    }

    /// Makes the whole transfer for a picture (height, width, 3 channels in the network's
    /// order), replacing what `transfer` holds. A buffer that is used again is not reallocated.
    /// It is safe after anything; if there is a [`setup`](Self::setup), that has to have been
    /// sent before.
    pub fn fill(
        &self,
        image: &ArrayView3<'_, u8>,
        transfer: &mut Vec<u8>,
    ) -> Result<(), ImageError> {
        self.fill_in_order(image, TransferOrder::First, transfer)
    }

    /// As [`fill`](Self::fill), for a transfer that comes after what `order` says.
    pub fn fill_in_order(
        &self,
        image: &ArrayView3<'_, u8>,
        order: TransferOrder,
        transfer: &mut Vec<u8>,
    ) -> Result<(), ImageError> {
        transfer.resize(self.template.len(), 0);
        self.write(image, order, 0, transfer)
    }

    /// As [`fill_in_order`](Self::fill_in_order), to the start of a buffer of at least
    /// [`input_bytes`](Self::input_bytes), and with a tag that comes back in the result's trailer.
    pub fn write(
        &self,
        image: &ArrayView3<'_, u8>,
        order: TransferOrder,
        tag: u32,
        room: &mut [u8],
    ) -> Result<(), ImageError> {
        let want = (self.input.0, self.input.1, 3);
        if image.dim() != want {
            return Err(ImageError {
                want,
                got: image.dim(),
            });
        }
        let transfer = &mut room[..self.template.len()];
        transfer.copy_from_slice(&self.template);
        if order == TransferOrder::Following {
            for (offset, record) in &self.following {
                transfer[*offset..offset + RECORD_BYTES].copy_from_slice(record);
            }
        }
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
        for rows in &self.rows {
            let (record, rest) = transfer[rows.start..rows.end].split_at_mut(RECORD_BYTES);
            if let Ok(record) = record.try_into() {
                seal(record, rest);
            }
        }
        put_tag(transfer, tag);
        Ok(())
    }

    /// As [`fill`](Self::fill), into a new buffer.
    pub fn transfer(&self, image: &ArrayView3<'_, u8>) -> Result<Vec<u8>, ImageError> {
        self.transfer_in_order(image, TransferOrder::First)
    }

    /// As [`fill_in_order`](Self::fill_in_order), into a new buffer.
    pub fn transfer_in_order(
        &self,
        image: &ArrayView3<'_, u8>,
        order: TransferOrder,
    ) -> Result<Vec<u8>, ImageError> {
        let mut transfer = Vec::with_capacity(self.template.len());
        self.fill_in_order(image, order, &mut transfer)?;
        Ok(transfer)
    }

    /// The transfer that has to precede all others, if the weights stay in the engine. Its
    /// result packet is a trailer, [`SETUP_OUTPUT_BYTES`](Self::SETUP_OUTPUT_BYTES).
    #[must_use]
    pub fn setup(&self) -> Option<&[u8]> {
        self.setup.as_ref().map(|setup| setup.as_slice())
    }

    /// As [`setup`](Self::setup), a copy with a tag.
    #[must_use]
    pub fn setup_with_tag(&self, tag: u32) -> Option<Vec<u8>> {
        let mut setup = self.setup()?.to_vec();
        put_tag(&mut setup, tag);
        Some(setup)
    }

    /// Whether the engine is set up for this program if it is for the other.
    #[must_use]
    pub fn same_setup(&self, other: &Program) -> bool {
        match (&self.setup, &other.setup) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Bytes of the result packet of [`setup`](Self::setup).
    pub const SETUP_OUTPUT_BYTES: usize = Trailer::BYTES;

    /// Reads a result packet: exactly [`output_bytes`](Self::output_bytes) bytes.
    pub fn decode_result(&self, packet: &[u8]) -> Result<ImageResult, ResultError> {
        result::decode(self, packet)
    }

    /// Reads what came of a result packet that broke off; more than a packet is cut.
    #[must_use]
    pub fn decode_partial(&self, packet: &[u8]) -> PartialResult {
        result::decode_partial(self, packet)
    }

    /// Reads the result packet of [`setup`](Self::setup).
    pub fn decode_setup(&self, packet: &[u8]) -> Result<Trailer, ResultError> {
        result::trailer(packet, Self::SETUP_OUTPUT_BYTES).map(|(_, trailer)| trailer)
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

    /// Bytes to the engine for each picture: commands, pixels, and weights unless they stay
    /// there.
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

    /// The convolutions and additions, in the order of the network's nodes.
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
