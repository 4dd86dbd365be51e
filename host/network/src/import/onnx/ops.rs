//! The operators that become part of the float network.

use ndarray::{Array4, Axis};

use super::attributes::{Attributes, place};
use super::lower::Lowering;
use super::proto::Node;
use super::tensor;
use super::values::Value;
use super::window::WindowAttributes;
use crate::float::{FloatConv, FloatOp};
use crate::graph::{NodeId, Pool, Shape};
use crate::import::ImportError;
use crate::validate::{MAX_CHANNELS, MAX_STRIDE};
use firebrick_spec::arith::{POOL_KERNEL, POOL_STRIDE, conv_len, pool_len};

/// A node's name, or its output's.
pub(super) fn name(node: &Node) -> String {
    let name = if node.name.is_empty() {
        node.outputs.first().map_or("", String::as_str)
    } else {
        &node.name
    };
    name.to_owned()
}

/// Whether a first convolution is torchvision's `features.0`, perhaps as a part of something.
fn bears_torchvision_s_names(node: &Node) -> bool {
    let weight = node.inputs.get(1).map_or("", String::as_str);
    weight.ends_with("features.0.weight") || node.name.contains("/features.0/")
}

/// Longest side of a kernel over the picture.
const WINDOW_MAX: usize = 7;

/// Which convolutions there are, for messages.
const KERNELS: &str = "square kernels of 1, 3 and 7";

impl<'a> Lowering<'a> {
    pub fn conv(
        &mut self,
        node: &'a Node,
        attributes: &mut Attributes,
    ) -> Result<Value<'a>, ImportError> {
        attributes.expect("group", 1, "convolutions over all channels")?;
        let window = WindowAttributes::take(attributes)?;
        let (id, shape) = match self.input(node, 0)? {
            Value::Picture => {
                self.torchvision |= bears_torchvision_s_names(node);
                let [height, width] = self.size;
                let [top, left, bottom, right] = self.pads;
                let picture = Shape {
                    height: height + top + bottom,
                    width: width + left + right,
                    channels: self.channels,
                };
                (NodeId::INPUT, picture)
            }
            _ => {
                let (id, shape) = self.rectified(node, 0)?;
                (NodeId(id), shape)
            }
        };
        let (sizes, values) = tensor::floats(self.constant(node, 1)?)?;
        let [outputs, inputs, rows, columns]: [usize; 4] =
            sizes.as_slice().try_into().map_err(|_| {
                attributes.refuse(
                    format!("has weights of shape {sizes:?}"),
                    "weights of output, input, row and column",
                )
            })?;
        let kernel = window.kernel.unwrap_or([rows, columns]);
        if kernel != [rows, columns] {
            return Err(attributes.refuse(
                format!("has kernel_shape {kernel:?} and weights of shape {sizes:?}"),
                "weights that fit the kernel",
            ));
        }
        let first = id == NodeId::INPUT;
        if outputs == 0 && !first && inputs == shape.channels {
            return Ok(Value::Nothing);
        }
        let reads_all = first && rows.max(columns) <= WINDOW_MAX;
        if !reads_all && (rows != columns || ![1, 3, 7].contains(&rows)) {
            return Err(attributes.refuse(format!("has a kernel of {rows}x{columns}"), KERNELS));
        }
        if inputs != shape.channels {
            return Err(attributes.refuse(
                format!(
                    "has weights for {inputs} channels, its input has {}",
                    shape.channels
                ),
                "as many as there are",
            ));
        }
        if !(1..=MAX_CHANNELS).contains(&outputs) {
            return Err(attributes.refuse(
                format!("has {outputs} output channels"),
                format!("1 to {MAX_CHANNELS}"),
            ));
        }
        let pads = window.pads(kernel, [shape.height, shape.width]);
        let (mut shape, mut pad) = (shape, pads[0]);
        if first {
            // The host pads the picture, as it is asked to.
            (shape.height, shape.width) = (
                shape.height + pads[0] + pads[2],
                shape.width + pads[1] + pads[3],
            );
            self.pads = std::array::from_fn(|side| self.pads[side] + pads[side]);
            if self.pads.iter().any(|&pad| pad > MAX_STRIDE) {
                return Err(attributes.refuse(
                    format!("pads the picture by {:?}", self.pads),
                    format!("at most {MAX_STRIDE} a side"),
                ));
            }
            pad = 0;
        } else if self.drafts.0[id.0].open && (rows != 1 || pads != [0; 4]) {
            return Err(attributes.refuse(
                format!(
                    "reads {:?}, a sum without Relu, with a {rows}x{columns} kernel and pads {pads:?}",
                    self.drafts.0[id.0].node.name
                ),
                "1x1 convolutions without padding of such a sum; put a Relu behind it",
            ));
        } else if pads.iter().any(|&p| p != pad) {
            return Err(attributes.refuse(
                format!("has pads {pads:?}"),
                "the same padding on all four sides; for SAME padding that means stride 1",
            ));
        }
        if window.stride > MAX_STRIDE || pad > MAX_STRIDE {
            return Err(attributes.refuse(
                format!("has strides {} and pads {pad}", window.stride),
                format!("at most {MAX_STRIDE}"),
            ));
        }
        let bias = match node.inputs.get(2) {
            Some(input) if !input.is_empty() => self.per_channel(node, 2, outputs)?,
            _ => vec![0.0; outputs],
        };
        let length = |n, side| {
            conv_len(n, side, window.stride, pad).ok_or_else(|| {
                attributes.refuse(
                    format!(
                        "has a {rows}x{columns} kernel over a map of {}x{}",
                        shape.height, shape.width
                    ),
                    "maps that the kernel fits into; give a larger --size",
                )
            })
        };
        let output = Shape {
            height: length(shape.height, rows)?,
            width: length(shape.width, columns)?,
            channels: outputs,
        };
        let weights = Array4::from_shape_vec((outputs, inputs, rows, columns), values)
            .map_err(|e| ImportError::new(place(node), e.to_string(), "export it again"))?;
        let weights = weights.permuted_axes([0, 2, 3, 1]);
        let conv = FloatConv {
            stride: window.stride,
            pad,
            weights: weights.as_standard_layout().into_owned(),
            bias,
            relu: true,
        };
        let id = self
            .drafts
            .push(name(node), FloatOp::Conv(conv), vec![id], output);
        Ok(self.drafts.value(id))
    }

    /// Folds `scale * (x - mean) / sqrt(variance + epsilon) + shift` into what comes before.
    pub fn batch_norm(
        &mut self,
        node: &'a Node,
        attributes: &mut Attributes,
    ) -> Result<Value<'a>, ImportError> {
        let epsilon = f64::from(attributes.float("epsilon", 1e-5));
        attributes.ignore("momentum");
        attributes.expect("training_mode", 0, "models exported for inference")?;
        attributes.expect("spatial", 1, "one mean and variance a channel")?;
        let input = self.input(node, 0)?;
        let channels = match input {
            Value::Picture => self.channels,
            _ => self.map(node, 0)?.1.channels,
        };
        let part = |index| self.per_channel(node, index, channels);
        let (scale, shift, mean, variance) = (part(1)?, part(2)?, part(3)?, part(4)?);
        let mut factors = Vec::with_capacity(channels);
        for c in 0..channels {
            let deviation = (f64::from(variance[c]) + epsilon).sqrt();
            let factor = f64::from(scale[c]) / deviation;
            if !factor.is_finite() {
                return Err(attributes.refuse(
                    format!("channel {c} has the variance {}", variance[c]),
                    "variances that are not negative",
                ));
            }
            factors.push((factor, f64::from(shift[c]) - f64::from(mean[c]) * factor));
        }
        self.scale(node, input, &factors)
    }

    /// Folds `x * factor + shift` for each channel into the picture's normalisation or the
    /// convolution before.
    fn scale(
        &mut self,
        node: &'a Node,
        input: Value<'a>,
        factors: &[(f64, f64)],
    ) -> Result<Value<'a>, ImportError> {
        match input {
            Value::Picture => {
                if !self.drafts.0.is_empty() {
                    return Err(ImportError::new(
                        place(node),
                        "changes the picture after a convolution has read it",
                        "let one branch read the picture",
                    ));
                }
                if self.pads != [0; 4] {
                    return Err(ImportError::new(
                        place(node),
                        "changes the picture after it was padded, so that the padding is not 0",
                        "normalise the picture first, then pad it",
                    ));
                }
                let (scale, shift) = self.affine.get_or_insert(([1.0; 3], [0.0; 3]));
                // A grey picture's one figure is that of all three equal channels.
                for (c, (factor, add)) in factors.iter().cycle().enumerate().take(3) {
                    scale[c] *= factor;
                    shift[c] = shift[c] * factor + add;
                }
                Ok(Value::Picture)
            }
            Value::Map { id, .. } => {
                let Some(conv) = self.drafts.fresh_conv(id) else {
                    return Err(ImportError::new(
                        place(node),
                        "does not come right behind a Conv",
                        "it is folded into the Conv before it: Conv, BatchNormalization, Relu",
                    ));
                };
                let channels = conv.weights.axis_iter_mut(Axis(0)).zip(&mut conv.bias);
                for ((mut weights, bias), (factor, add)) in channels.zip(factors) {
                    weights.mapv_inplace(|w| (f64::from(w) * factor) as f32);
                    *bias = (f64::from(*bias) * factor + add) as f32;
                }
                if !conv.weights.iter().chain(&conv.bias).all(|v| v.is_finite()) {
                    return Err(ImportError::new(
                        place(node),
                        "makes weights that are no finite numbers",
                        "look at its scale and variance",
                    ));
                }
                Ok(self.drafts.value(id))
            }
            _ => Err(self.map(node, 0).err().unwrap_or_else(|| {
                ImportError::new(place(node), "reads no feature map", "export it again")
            })),
        }
    }

    pub fn relu(&mut self, node: &'a Node) -> Result<Value<'a>, ImportError> {
        let turned = match self.input(node, 0)? {
            Value::Last { id, .. } => Some(id),
            _ => None,
        };
        let id = match turned {
            Some(id) => id,
            None => self.map(node, 0)?.0,
        };
        self.drafts.rectify(id).map_err(|part| {
            ImportError::new(
                place(node),
                format!("rectifies {part:?}, which is also read without its Relu"),
                "put the Relu right behind each Conv",
            )
        })?;
        Ok(match self.drafts.value(id) {
            Value::Map { id, stage } if turned.is_some() => Value::Last { id, stage },
            value => value,
        })
    }

    /// A Clip from 0 on without an upper bound is a Relu.
    pub fn clip(
        &mut self,
        node: &'a Node,
        attributes: &mut Attributes,
    ) -> Result<Value<'a>, ImportError> {
        // From opset 11 on the bounds are inputs.
        let bound = |index: usize| match node.inputs.get(index).is_some_and(|n| !n.is_empty()) {
            false => Ok(None),
            true => {
                let (_, values) = tensor::floats(self.constant(node, index)?)?;
                Ok(values.first().copied())
            }
        };
        let low = attributes.number("min").or(bound(1)?);
        let high = attributes.number("max").or(bound(2)?);
        if low == Some(0.0) && high.is_none_or(|h| h >= f32::MAX) {
            return self.relu(node);
        }
        let shown = |v: Option<f32>| v.map_or("no bound".to_owned(), |v| v.to_string());
        Err(ImportError::new(
            place(node),
            format!("clips from {} to {}", shown(low), shown(high)),
            "the engine's only activation function is Relu (from 0 to no bound); train it with \
             that",
        ))
    }

    pub fn max_pool(
        &mut self,
        node: &'a Node,
        attributes: &mut Attributes,
    ) -> Result<Value<'a>, ImportError> {
        let ceil = attributes.int("ceil_mode", 0) != 0;
        attributes.ignore("storage_order");
        let window = WindowAttributes::take(attributes)?;
        let (id, shape) = self.map(node, 0)?;
        let kernel = window.kernel.unwrap_or([0, 0]);
        let size = [shape.height, shape.width];
        let pads = window.pads(kernel, size);
        if kernel == [2; 2] && window.stride == POOL_STRIDE {
            // Without a row or column left over both modes give the same map.
            let whole = size.iter().all(|side| side % 2 == 0);
            let covers = pads == [0; 4] && (whole || !ceil);
            let Some((height, width)) = Pool::PAIRS.outputs(size[0], size[1]).filter(|_| covers)
            else {
                return Err(attributes.refuse(
                    format!(
                        "pools 2x2 with pads {pads:?} and ceil_mode {} over a map of {}x{}",
                        i32::from(ceil),
                        shape.height,
                        shape.width
                    ),
                    "pools of 2x2 without padding that drop a last odd row or column (floor mode); \
                     give a --size at which the map is even",
                ));
            };
            let output = Shape {
                height,
                width,
                ..shape
            };
            return Ok(self.add_pool(node, Pool::PAIRS, id, output));
        }
        if kernel != [POOL_KERNEL; 2] || window.stride != POOL_STRIDE {
            return Err(attributes.refuse(
                format!(
                    "pools {}x{} with strides {}",
                    kernel[0], kernel[1], window.stride
                ),
                format!(
                    "max-pools of {POOL_KERNEL}x{POOL_KERNEL} or 2x2 with strides {POOL_STRIDE}: \
                     the pool unit keeps one value for each second column and row"
                ),
            ));
        }
        // Padding behind the map is another way to say that the last, partial window counts.
        let asked = |axis: usize| {
            let span = (size[axis] + pads[axis + 2]).checked_sub(POOL_KERNEL)?;
            let steps = if ceil {
                span.div_ceil(POOL_STRIDE)
            } else {
                span / POOL_STRIDE
            };
            Some(steps + 1)
        };
        let is = |ceil: bool| {
            (0..2).all(|axis| asked(axis).is_some() && asked(axis) == pool_len(size[axis], ceil))
        };
        // At sizes where both modes give the same map, the padding still says which is meant.
        let likely = ceil || pads[2] > 0 || pads[3] > 0;
        let found = [likely, !likely].into_iter().find(|&c| is(c));
        let (Some(ceil), [0, 0, ..]) = (found, pads) else {
            return Err(attributes.refuse(
                format!(
                    "has pads {pads:?} and ceil_mode {} over a map of {}x{}",
                    i32::from(ceil),
                    shape.height,
                    shape.width
                ),
                "pools without padding, in floor or ceil mode (of which pads [0, 0, 1, 1] is \
                 another form), over maps of at least 3x3",
            ));
        };
        let length = |n| pool_len(n, ceil).unwrap_or(0);
        let output = Shape {
            height: length(shape.height),
            width: length(shape.width),
            ..shape
        };
        Ok(self.add_pool(node, Pool::three(ceil), id, output))
    }

    fn add_pool(&mut self, node: &Node, pool: Pool, input: usize, output: Shape) -> Value<'a> {
        let op = FloatOp::MaxPool(pool);
        let id = self
            .drafts
            .push(name(node), op, vec![NodeId(input)], output);
        self.drafts.value(id)
    }

    pub fn concat(
        &mut self,
        node: &'a Node,
        attributes: &mut Attributes,
    ) -> Result<Value<'a>, ImportError> {
        let axis = attributes.int("axis", 1);
        if matches!(self.input(node, 0)?, Value::Sizes | Value::Constant(_)) {
            return Ok(Value::Sizes);
        }
        let mut whole = Vec::new();
        for index in 0..node.inputs.len() {
            match self.input(node, index)? {
                Value::Nothing => {}
                value => whole.push((index, value)),
            }
        }
        // Of pruned modules one part may be all that is left.
        if let [(_, only @ Value::Map { .. })] = whole[..]
            && node.inputs.len() > 1
        {
            return Ok(only);
        }
        if axis != 1 && axis != -3 {
            return Err(
                attributes.refuse(format!("joins along axis {axis}"), "axis 1, the channels")
            );
        }
        let parts = (whole.iter())
            .map(|&(index, _)| self.map(node, index))
            .collect::<Result<Vec<_>, _>>()?;
        let first = parts.first().map_or(self.drafts.0[0].shape, |p| p.1);
        let channels = parts.iter().map(|p| p.1.channels).sum();
        if parts
            .iter()
            .any(|(_, s)| (s.height, s.width) != (first.height, first.width))
            || channels > MAX_CHANNELS
        {
            let shapes: Vec<_> = parts
                .iter()
                .map(|(_, s)| format!("{}x{}x{}", s.height, s.width, s.channels))
                .collect();
            return Err(attributes.refuse(
                format!("joins maps of {}", shapes.join(" and ")),
                format!("maps of one size, and at most {MAX_CHANNELS} channels"),
            ));
        }
        let output = Shape { channels, ..first };
        let inputs = parts.iter().map(|(id, _)| NodeId(*id)).collect();
        let id = self
            .drafts
            .push(name(node), FloatOp::Concat, inputs, output);
        Ok(self.drafts.value(id))
    }

    /// A sum of two maps, or constants that belong to the picture or to the convolution before.
    pub fn arithmetic(&mut self, node: &'a Node) -> Result<Value<'a>, ImportError> {
        let (left, right) = (self.input(node, 0)?, self.input(node, 1)?);
        let (data, index) = match (left, right) {
            (Value::Constant(_), Value::Constant(_)) | (Value::Sizes, _) | (_, Value::Sizes) => {
                return Ok(Value::Sizes);
            }
            (data, Value::Constant(_)) => (data, 1),
            (Value::Constant(_), data) if matches!(node.op.as_str(), "Add" | "Mul") => (data, 0),
            _ => return self.bypass(node),
        };
        let channels = match data {
            Value::Picture => self.channels,
            _ => self.map(node, 1 - index)?.1.channels,
        };
        let values = self.per_channel(node, index, channels)?;
        let factor = |v: f32| match node.op.as_str() {
            "Add" => (1.0, f64::from(v)),
            "Sub" => (1.0, -f64::from(v)),
            "Mul" => (f64::from(v), 0.0),
            _ => (1.0 / f64::from(v), 0.0),
        };
        let factors: Vec<_> = values.into_iter().map(factor).collect();
        self.scale(node, data, &factors)
    }

    fn bypass(&mut self, node: &'a Node) -> Result<Value<'a>, ImportError> {
        let ((a, shape), (b, other)) = (self.map(node, 0)?, self.map(node, 1)?);
        let rectified = |id: usize| self.drafts.0[id].rectified;
        if node.op == "Add" && shape == other && !(rectified(a) && rectified(b)) {
            return self.weighted_bypass(node, [a, b], shape);
        }
        if node.op != "Add" || shape != other {
            let text = |s: Shape| format!("{}x{}x{}", s.height, s.width, s.channels);
            return Err(ImportError::new(
                place(node),
                format!("joins maps of {} and {}", text(shape), text(other)),
                "two maps can be added, and must have one shape",
            ));
        }
        let inputs = vec![NodeId(a), NodeId(b)];
        let id = self.drafts.push(name(node), FloatOp::Add, inputs, shape);
        Ok(self.drafts.value(id))
    }

    /// The mean over all pixels; `rank` axes of its output, 0 for as many as before.
    pub fn global_pool(&mut self, node: &'a Node, rank: usize) -> Result<Value<'a>, ImportError> {
        let last = match self.input(node, 0)? {
            Value::Last { id, .. } => Some(id),
            _ => None,
        };
        let read = match last {
            Some(id) => id,
            None => self.map(node, 0)?.0,
        };
        let last = last.is_some();
        self.open(read);
        let (id, shape) = self.rectified(node, 0)?;
        let draft = &self.drafts.0[id];
        if draft.open && !matches!(draft.node.op, FloatOp::Conv(_)) {
            return Err(ImportError::new(
                place(node),
                format!("averages {:?}, a sum without Relu", draft.node.name),
                "put a Relu behind it, or a 1x1 Conv before the mean",
            ));
        }
        let output = Shape {
            height: 1,
            width: 1,
            channels: shape.channels,
        };
        self.drafts
            .push(name(node), FloatOp::Global, vec![NodeId(id)], output);
        let rank = if rank == 0 { 4 } else { rank };
        Ok(Value::Scores {
            rank: Some(rank),
            axis: if last && rank == 4 { 3 } else { 1 },
            done: false,
        })
    }

    pub fn average_pool(
        &mut self,
        node: &'a Node,
        attributes: &mut Attributes,
    ) -> Result<Value<'a>, ImportError> {
        attributes.ignore("ceil_mode");
        attributes.ignore("count_include_pad");
        let window = WindowAttributes::take(attributes)?;
        let (_, shape) = self.map(node, 0)?;
        let kernel = window.kernel.unwrap_or([0, 0]);
        let pads = window.pads(kernel, [shape.height, shape.width]);
        if kernel != [shape.height, shape.width] || pads != [0; 4] {
            return Err(attributes.refuse(
                format!(
                    "averages {}x{} of a map of {}x{} (pads {pads:?})",
                    kernel[0], kernel[1], shape.height, shape.width
                ),
                "averages over the whole map; export it with GlobalAveragePool, or give the --size \
                 that it was made for",
            ));
        }
        self.global_pool(node, 0)
    }

    pub fn reduce_mean(
        &mut self,
        node: &'a Node,
        attributes: &mut Attributes,
    ) -> Result<Value<'a>, ImportError> {
        let keep = attributes.int("keepdims", 1) != 0;
        attributes.ignore("noop_with_empty_axes");
        let mut axes = match attributes.ints("axes") {
            Some(axes) => axes.to_vec(),
            None => tensor::ints(self.constant(node, 1)?)?,
        };
        for axis in &mut axes {
            *axis += if *axis < 0 { 4 } else { 0 };
        }
        axes.sort_unstable();
        // Where channels were turned last, rows and columns come before them.
        let last = matches!(self.input(node, 0)?, Value::Last { .. });
        let wanted = if last { [1, 2] } else { [2, 3] };
        if axes != wanted {
            return Err(attributes.refuse(
                format!("averages over the axes {axes:?}"),
                format!(
                    "averages over axes {} and {}, rows and columns",
                    wanted[0], wanted[1]
                ),
            ));
        }
        self.global_pool(node, if keep { 4 } else { 2 })
    }
}
