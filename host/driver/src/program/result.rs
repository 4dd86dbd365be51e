//! The result packet: what lies where in it.

use super::{NodeInfo, NodeKind, Program};
use firebrick_network::NodeId;
use firebrick_spec::BEAT_BYTES;
use firebrick_spec::command::LOGIT_BYTES;
use firebrick_spec::result::{Trailer, packet_crc};
use ndarray::{Array3, Axis, concatenate, s};
use std::ops::Range;

/// A piece of the packet before the trailer, in whole beats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Requantised words of a tile, before its pool or sum.
    Tap {
        node: usize,
        group: usize,
        start: usize,
        count: usize,
    },
    /// Sums of the classes from `first` on, four a beat.
    Sums { first: usize, beats: usize },
    /// Rows of a map of `size` pixels, plane by plane.
    Store {
        planes: Vec<StoredPlane>,
        rows: Range<usize>,
        size: (usize, usize),
    },
}

/// One channel group of a stored map of `size` pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoredPlane {
    pub node: usize,
    pub group: usize,
    /// Whether a pool lies between the convolution and the map.
    pub pooled: bool,
}

impl Segment {
    /// Beats of the segment; a feature word is a beat.
    pub fn beats(&self) -> usize {
        match self {
            Segment::Tap { count, .. } => *count,
            Segment::Sums { beats, .. } => *beats,
            Segment::Store { planes, rows, size } => planes.len() * rows.len() * size.1,
        }
    }
}

/// What came back for one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageResult {
    /// The sum over all pixels for each class.
    pub logits: Vec<i32>,
    /// The packet's trailer.
    pub trailer: Trailer,
    /// In check mode: every node's feature map (height, width, channels) in the order of the
    /// nodes, the global sum left out. Otherwise the map that is summed, if it was asked for.
    pub maps: Vec<(NodeId, Array3<u8>)>,
}

/// A feature map of which a part came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialMap {
    /// The node.
    pub node: NodeId,
    /// Its values (height, width, channels); 0 where none came.
    pub values: Array3<u8>,
    /// Not 0 where a value came.
    pub came: Array3<u8>,
}

/// What came for one picture before the result broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialResult {
    /// In check mode: every node's feature map in the order of the nodes, the global sum left out.
    pub maps: Vec<PartialMap>,
    /// The sum over all pixels for each class, where it came.
    pub logits: Vec<Option<i32>>,
}

/// A result packet that is not what the engine should have sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResultError {
    /// Length.
    #[error("the result packet has {got} bytes, {want} were expected")]
    Length {
        /// Bytes expected.
        want: usize,
        /// Bytes received.
        got: usize,
    },
    /// Checksum.
    #[error(
        "the result packet is damaged: its trailer says CRC {want:#010x}, its contents have \
         {got:#010x}; run the picture again"
    )]
    Crc {
        /// CRC in the trailer.
        want: u32,
        /// CRC of the contents.
        got: u32,
    },
    /// Not the result of the transfer that was next.
    #[error(
        "result number {got} since the reset came where number {want} was expected, tag \
         {got_tag:#010x} instead of {want_tag:#010x}: {}; run the picture again",
        stray(*want, *got)
    )]
    Order {
        /// Sequence number expected.
        want: u32,
        /// Sequence number received.
        got: u32,
        /// Tag expected.
        want_tag: u32,
        /// Tag received.
        got_tag: u32,
    },
}

/// What may have become of the result that was expected.
fn stray(want: u32, got: u32) -> &'static str {
    match got.wrapping_sub(want) as i32 {
        0 => "it belongs to another transfer",
        1.. => "a result was lost, or two were swapped",
        _ => "a result came twice, or late",
    }
}

/// Compares a trailer with what the next one has to say.
pub(crate) fn check_order(trailer: &Trailer, want: u32, want_tag: u32) -> Result<(), ResultError> {
    if (trailer.sequence, trailer.tag) == (want, want_tag) {
        return Ok(());
    }
    Err(ResultError::Order {
        want,
        got: trailer.sequence,
        want_tag,
        got_tag: trailer.tag,
    })
}

/// Feature maps under assembly, by node.
struct Maps<'a> {
    program: &'a Program,
    /// Output of a convolution or an addition before its pool.
    before: Vec<Option<Array3<u8>>>,
    /// The same after its pool.
    after: Vec<Option<Array3<u8>>>,
    /// Stands in place of the constants around padded maps.
    border: Option<u8>,
}

impl Maps<'_> {
    /// Puts words of one channel group into a convolution's map.
    fn put(
        &mut self,
        node: usize,
        size: (usize, usize),
        pooled: bool,
        group: usize,
        start: usize,
        words: &[u8],
    ) {
        let tile = self.program.config.tile;
        let channels = self.program.nodes[node].shape.channels;
        let maps = if pooled {
            &mut self.after
        } else {
            &mut self.before
        };
        let map = maps[node].get_or_insert_with(|| Array3::zeros((size.0, size.1, channels)));
        for (i, word) in words.chunks_exact(BEAT_BYTES).enumerate() {
            let pixel = start + i;
            for (c, &value) in (group * tile..channels).zip(&word[..tile]) {
                map[(pixel / size.1, pixel % size.1, c)] = value;
            }
        }
    }

    /// Output of a padded 1x1 convolution: what the engine computed, and constants around it.
    fn bordered(&self, node: usize) -> Option<Array3<u8>> {
        let info = &self.program.nodes[node];
        let size = (info.shape.height, info.shape.width, info.shape.channels);
        let mut map =
            Array3::from_shape_fn(size, |(_, _, c)| self.border.unwrap_or(info.constants[c]));
        let (rows, columns) = info.interior();
        let border = info.border;
        map.slice_mut(s![border..border + rows, border..border + columns, ..])
            .assign(self.before[node].as_ref()?);
        Some(map)
    }

    /// Value of a node from those of the convolutions in it.
    fn value(&self, node: usize, pooled: bool) -> Option<Array3<u8>> {
        let info = &self.program.nodes[node];
        match info.kind {
            NodeKind::Computed if pooled => self.after[node].clone(),
            NodeKind::Computed if info.border > 0 => self.bordered(node),
            NodeKind::Computed => self.before[node].clone(),
            NodeKind::Pool => self.value(*info.inputs.first()?, true),
            NodeKind::Concat => {
                let parts: Option<Vec<_>> = info
                    .inputs
                    .iter()
                    .map(|&input| self.value(input, pooled))
                    .collect();
                let parts = parts?;
                let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
                concatenate(Axis(2), &views).ok()
            }
            NodeKind::Sum => None,
        }
    }
}

impl NodeInfo {
    /// Height and width of what the engine computes.
    pub(super) fn interior(&self) -> (usize, usize) {
        (
            self.shape.height - 2 * self.border,
            self.shape.width - 2 * self.border,
        )
    }
}

impl Program {
    /// Adds the pixels around the last convolution's map, which the engine does not compute.
    fn add_borders(&self, logits: &mut [i32]) {
        let summed = self.nodes.last().and_then(|sum| sum.inputs.first());
        let Some(info) = summed.and_then(|&node| self.nodes.get(node)) else {
            return;
        };
        let (rows, columns) = info.interior();
        let pixels = info.shape.height * info.shape.width - rows * columns;
        for (logit, &constant) in logits.iter_mut().zip(&info.constants) {
            // No sum of an engine comes near the end of its range; what a board sends may be anything.
            *logit = logit.saturating_add(i32::from(constant) * pixels as i32);
        }
    }
}

/// Splits a packet of `want` bytes and checks its CRC.
pub(super) fn trailer(packet: &[u8], want: usize) -> Result<(&[u8], Trailer), ResultError> {
    let split = packet.split_last_chunk::<{ Trailer::BYTES }>();
    let (Some((body, tail)), true) = (split, packet.len() == want) else {
        return Err(ResultError::Length {
            want,
            got: packet.len(),
        });
    };
    let trailer = Trailer::from_bytes(tail);
    let got = packet_crc(body);
    if got != trailer.crc {
        return Err(ResultError::Crc {
            want: trailer.crc,
            got,
        });
    }
    Ok((body, trailer))
}

/// Reads a packet.
pub(super) fn decode(program: &Program, packet: &[u8]) -> Result<ImageResult, ResultError> {
    let (body, trailer) = trailer(packet, program.output_bytes)?;
    let (mut logits, maps) = read(program, body, None);
    program.add_borders(&mut logits);
    Ok(ImageResult {
        logits,
        trailer,
        maps,
    })
}

/// Reads what came of a packet: once the values, and once, with ones in their place, where they
/// are.
pub(super) fn decode_partial(program: &Program, packet: &[u8]) -> PartialResult {
    let length = program.output_bytes - Trailer::BYTES;
    let whole = packet.len().min(length) / BEAT_BYTES * BEAT_BYTES;
    let mut body = packet[..whole].to_vec();
    body.resize(length, 0);
    let mut came = vec![0xff; whole];
    came.resize(length, 0);
    let (mut logits, maps) = read(program, &body, None);
    program.add_borders(&mut logits);
    let (summed, covered) = read(program, &came, Some(0xff));
    PartialResult {
        maps: maps
            .into_iter()
            .zip(covered)
            .map(|((node, values), (_, came))| PartialMap { node, values, came })
            .collect(),
        logits: logits
            .into_iter()
            .zip(summed)
            .map(|(logit, came)| (came != 0).then_some(logit))
            .collect(),
    }
}

/// Sums without those of borders, and maps, of a packet's body.
fn read(
    program: &Program,
    body: &[u8],
    border: Option<u8>,
) -> (Vec<i32>, Vec<(NodeId, Array3<u8>)>) {
    let nodes = program.nodes.len();
    let mut maps = Maps {
        program,
        before: vec![None; nodes],
        after: vec![None; nodes],
        border,
    };
    let mut logits = vec![0; program.classes];
    let mut rest = body;
    for segment in &program.segments {
        let (words, later) = rest.split_at(segment.beats() * BEAT_BYTES);
        rest = later;
        match segment {
            Segment::Tap {
                node, group, start, ..
            } => {
                maps.put(
                    *node,
                    program.nodes[*node].interior(),
                    false,
                    *group,
                    *start,
                    words,
                );
            }
            Segment::Sums { first, .. } => {
                for (logit, chunk) in logits[*first..]
                    .iter_mut()
                    .zip(words.chunks_exact(LOGIT_BYTES))
                {
                    *logit = i32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
                }
            }
            Segment::Store { planes, rows, size } => {
                let start = rows.start * size.1;
                for (plane, words) in planes
                    .iter()
                    .zip(words.chunks_exact(rows.len() * size.1 * BEAT_BYTES))
                {
                    maps.put(plane.node, *size, plane.pooled, plane.group, start, words);
                }
            }
        }
    }
    let summed = program.nodes.last().and_then(|sum| sum.inputs.first());
    let maps = (0..nodes)
        .filter_map(|node| {
            (program.check || program.map && summed == Some(&node))
                .then(|| maps.value(node, false))
                .flatten()
                .map(|m| (NodeId(node), m))
        })
        .collect();
    (logits, maps)
}
