//! Shapes of feature maps: the same for a float and for an integer network.

use firebrick_spec::arith;

use crate::graph::{NodeId, Pool, Shape};

/// Why a graph has no valid shapes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node {node:?}: {reason}")]
pub struct ShapeError {
    /// Name of the node.
    pub node: String,
    /// What does not fit.
    pub reason: String,
}

/// What a node does to the shape of its inputs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Geometry {
    Conv {
        kernel: usize,
        stride: usize,
        pad: usize,
        inputs: usize,
        outputs: usize,
    },
    Pool(Pool),
    Concat,
    Add,
    Global,
}

impl Geometry {
    fn check_inputs(self, count: usize) -> Result<(), String> {
        let (wanted, word) = match self {
            Geometry::Concat if count == 0 => return Err("has no input".into()),
            Geometry::Concat => return Ok(()),
            Geometry::Add => (2, "two inputs"),
            Geometry::Conv { .. } | Geometry::Pool(_) | Geometry::Global => (1, "one input"),
        };
        match count {
            0 => Err("has no input".into()),
            n if n == wanted => Ok(()),
            n => Err(format!("takes {word}, has {n}")),
        }
    }

    /// Shape of the output.
    fn apply(self, sources: &[Shape]) -> Result<Shape, String> {
        self.check_inputs(sources.len())?;
        let first = sources[0];
        let misfit = |what: &str| {
            format!(
                "{what} does not fit into {}x{} pixels",
                first.height, first.width
            )
        };
        match self {
            Geometry::Conv {
                kernel,
                stride,
                pad,
                inputs,
                outputs,
            } => {
                if inputs != first.channels {
                    return Err(format!(
                        "weights take {inputs} channels, the input has {}",
                        first.channels
                    ));
                }
                let length = |n| {
                    arith::conv_len(n, kernel, stride, pad)
                        .ok_or_else(|| misfit(&format!("a {kernel}x{kernel} kernel")))
                };
                Ok(Shape {
                    height: length(first.height)?,
                    width: length(first.width)?,
                    channels: outputs,
                })
            }
            Geometry::Pool(pool) => {
                let length = |n| arith::pool_len(n, pool.ceil).ok_or_else(|| misfit("a 3x3 pool"));
                Ok(Shape {
                    height: length(first.height)?,
                    width: length(first.width)?,
                    channels: first.channels,
                })
            }
            Geometry::Concat => {
                let size = (first.height, first.width);
                if sources.iter().any(|s| (s.height, s.width) != size) {
                    return Err("inputs differ in height or width".into());
                }
                let channels = sources
                    .iter()
                    .try_fold(0usize, |sum, s| sum.checked_add(s.channels))
                    .ok_or("has too many channels")?;
                Ok(Shape { channels, ..first })
            }
            Geometry::Add if sources.iter().any(|s| *s != first) => {
                Err("inputs differ in shape".into())
            }
            Geometry::Add => Ok(first),
            Geometry::Global => Ok(Shape {
                height: 1,
                width: 1,
                channels: first.channels,
            }),
        }
    }
}

/// Shape of every node's output for a picture of `height` x `width` pixels, from name, geometry
/// and inputs of each.
pub(crate) fn shapes<'a>(
    nodes: impl Iterator<Item = (&'a str, Geometry, &'a [NodeId])>,
    height: usize,
    width: usize,
) -> Result<Vec<Shape>, ShapeError> {
    let picture = Shape {
        height,
        width,
        channels: 3,
    };
    let mut shapes: Vec<Shape> = Vec::new();
    for (name, geometry, inputs) in nodes {
        let fail = |reason: String| ShapeError {
            node: name.to_owned(),
            reason,
        };
        let source = |id: &NodeId| match *id {
            NodeId::INPUT => Ok(picture),
            NodeId(i) => shapes
                .get(i)
                .copied()
                .ok_or_else(|| fail(format!("input {i} is not an earlier node"))),
        };
        let sources = inputs.iter().map(source).collect::<Result<Vec<_>, _>>()?;
        let shape = geometry.apply(&sources).map_err(fail)?;
        shapes.push(shape);
    }
    Ok(shapes)
}
