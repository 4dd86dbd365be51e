//! The table's rows, one after the other from the picture to the last map.

use super::{Fire, SqueezeNet};

/// A layer of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A convolution with ReLU.
    Conv {
        /// Name of the layer.
        name: String,
        /// Square kernel.
        kernel: usize,
        /// Stride.
        stride: usize,
        /// Zero padding on every side.
        pad: usize,
        /// Output channels.
        outputs: usize,
    },
    /// Max-pool 3x3/2.
    Pool {
        /// Name of the layer.
        name: String,
        /// Whether the last, partial window counts.
        ceil: bool,
    },
    /// A Fire module.
    Fire {
        /// Name of the module.
        name: String,
        /// Its figures.
        fire: Fire,
        /// Whether its input is added to its output.
        bypass: bool,
    },
}

impl SqueezeNet {
    /// The layers from the picture to the last feature map; the mean over all pixels follows.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = vec![Row::Conv {
            name: "conv1".into(),
            kernel: self.kernel,
            stride: self.stride,
            pad: 0,
            outputs: self.outputs,
        }];
        let pool = |rows: &mut Vec<Row>, number: usize| {
            if self.pools.contains(&number) {
                rows.push(Row::Pool {
                    name: format!("pool{number}"),
                    ceil: self.ceil,
                });
            }
        };
        pool(&mut rows, 1);
        for (number, fire) in (2..).zip(&self.fires) {
            rows.push(Row::Fire {
                name: format!("fire{number}"),
                fire: *fire,
                bypass: self.bypass.contains(&number),
            });
            pool(&mut rows, number);
        }
        rows.push(Row::Conv {
            name: "conv10".into(),
            kernel: 1,
            stride: 1,
            pad: self.last_pad,
            outputs: self.classes,
        });
        rows
    }
}
