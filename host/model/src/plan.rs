//! Where each feature map lies in memory, for one size of picture.
//!
//! A map has a border of zeros as wide as the padding that its readers want, so that no
//! convolution treats edges apart. A map that only a concatenation reads is written straight
//! into the concatenation's buffer; concatenations of such maps cost nothing.

use firebrick_network::{Network, NodeId, Op, Shape};
use ndarray::{ArrayView3, ShapeBuilder};

/// Bytes behind a buffer's last pixel: a convolution's last step may read three of them.
const SLACK: usize = 64;

/// A buffer of whole pixels with a border.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Extent without the border.
    pub shape: Shape,
    /// Width of the zero border on all four sides.
    pub border: usize,
}

impl Layout {
    /// Bytes from one row to the next.
    pub(crate) fn row_stride(&self) -> usize {
        (self.shape.width + 2 * self.border) * self.shape.channels
    }

    /// Offset of pixel (`-outside`, `-outside`), a point in the border or the first pixel.
    pub(crate) fn origin(&self, outside: usize) -> usize {
        let inside = self.border - outside;
        inside * self.row_stride() + inside * self.shape.channels
    }

    /// Bytes to allocate.
    pub(crate) fn len(&self) -> usize {
        (self.shape.height + 2 * self.border) * self.row_stride() + SLACK
    }
}

/// Where a feature map lies in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BufferPlace {
    /// Which buffer.
    pub buffer: usize,
    /// Offset of the first element.
    pub offset: usize,
    /// Bytes from one row to the next.
    pub row_stride: usize,
    /// Bytes from one pixel to the next.
    pub pixel_stride: usize,
    /// Extent of the map.
    pub shape: Shape,
}

impl BufferPlace {
    /// The map as an array (height, width, channels).
    pub(crate) fn view<'a>(&self, buffers: &'a [Vec<u8>]) -> ArrayView3<'a, u8> {
        let Shape {
            height,
            width,
            channels,
        } = self.shape;
        let strides = (height, width, channels).strides((self.row_stride, self.pixel_stride, 1));
        ArrayView3::from_shape(strides, &buffers[self.buffer][self.offset..])
            .expect("every place lies within its buffer")
    }
}

/// Buffers and places for pictures of one size.
#[derive(Clone, Debug, Default)]
pub(crate) struct BufferPlan {
    /// Buffer 0 takes the picture.
    pub buffers: Vec<Layout>,
    /// Where each node's map lies; none for the global sum.
    pub places: Vec<Option<BufferPlace>>,
}

impl BufferPlan {
    /// Lays out the maps of a network that passed the checks.
    pub(crate) fn new(
        network: &Network,
        height: usize,
        width: usize,
        shapes: &[Shape],
    ) -> BufferPlan {
        let picture = Shape {
            height,
            width,
            channels: 3,
        };
        let mut plan = BufferPlan {
            buffers: vec![Layout {
                shape: picture,
                border: border(network, NodeId::INPUT),
            }],
            places: vec![None; network.nodes.len()],
        };
        // Backwards, so that a concatenation knows its own place before its parts ask for it.
        for (i, node) in network.nodes.iter().enumerate().rev() {
            if matches!(node.op, Op::Global) {
                continue;
            }
            let place = *plan.places[i].get_or_insert_with(|| {
                let layout = Layout {
                    shape: shapes[i],
                    border: border(network, NodeId(i)),
                };
                plan.buffers.push(layout);
                BufferPlace {
                    buffer: plan.buffers.len() - 1,
                    offset: layout.origin(0),
                    row_stride: layout.row_stride(),
                    pixel_stride: layout.shape.channels,
                    shape: layout.shape,
                }
            });
            if matches!(node.op, Op::Concat) {
                let mut offset = place.offset;
                for &part in &node.inputs {
                    let shape = match part {
                        NodeId::INPUT => picture,
                        NodeId(part) => shapes[part],
                    };
                    if part != NodeId::INPUT && readers(network, part).count() == 1 {
                        plan.places[part.0] = Some(BufferPlace {
                            offset,
                            shape,
                            ..place
                        });
                    }
                    offset += shape.channels;
                }
            }
        }
        plan
    }

    /// The buffer of a map that is not part of another: the picture or a node's.
    pub(crate) fn source(&self, id: NodeId) -> (usize, Layout) {
        let buffer = match id {
            NodeId::INPUT => 0,
            NodeId(i) => self.places[i].map_or(0, |place| place.buffer),
        };
        (buffer, self.buffers[buffer])
    }
}

/// The nodes that read a map, once for each time that they do.
fn readers(network: &Network, id: NodeId) -> impl Iterator<Item = &Op> {
    network.nodes.iter().flat_map(move |node| {
        node.inputs
            .iter()
            .filter(move |&&i| i == id)
            .map(|_| &node.op)
    })
}

/// The widest padding that a map's readers want.
fn border(network: &Network, id: NodeId) -> usize {
    let pads = readers(network, id).map(|op| if let Op::Conv(c) = op { c.pad } else { 0 });
    pads.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_points_into_the_border() {
        let layout = Layout {
            shape: Shape {
                height: 2,
                width: 3,
                channels: 5,
            },
            border: 2,
        };
        assert_eq!(layout.row_stride(), 35);
        assert_eq!(layout.origin(2), 0);
        assert_eq!(layout.origin(0), 80);
        assert_eq!(layout.len(), 6 * 35 + SLACK);
    }
}
