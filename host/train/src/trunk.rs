//! A packed network without its last layer.

use firebrick_model::Model;
use firebrick_network::{Network, NodeId, Op, Shape};
use ndarray::{ArrayView3, Axis};

use crate::error::TrainError;

/// Everything in front of the last layer, as the integer model runs it.
#[derive(Debug)]
pub struct Trunk {
    base: Network,
    model: Model,
    /// The node whose map the last layer reads.
    map: NodeId,
    shape: Shape,
}

impl Trunk {
    /// Takes the last layer from a network: the 1x1 convolution whose map is summed for the classes.
    /// A network that ends in another layer keeps it.
    ///
    /// # Errors
    ///
    /// If the network is malformed, or nothing lies before its last layer.
    pub fn of(network: &Network) -> Result<Trunk, TrainError> {
        let fail = |reason| TrainError::Base {
            network: network.name.clone(),
            reason,
        };
        let last = network.nodes.last().and_then(|node| node.inputs.first());
        let &NodeId(last) = last.ok_or_else(|| fail("it has no layers"))?;
        let node = network.nodes.get(last);
        let node = node.ok_or_else(|| fail("it has no layer before the sum"))?;
        let is_classifier = |conv: &firebrick_network::Conv| (conv.kernel, conv.stride) == (1, 1);
        let map = match (&node.op, node.inputs.first()) {
            (Op::Conv(conv), Some(&input)) if is_classifier(conv) => input,
            _ => NodeId(last),
        };
        if map == NodeId::INPUT {
            return Err(fail("it has no layer before the last one"));
        }
        let shapes = network.shapes(network.input.height, network.input.width);
        let shape = shapes.ok().and_then(|shapes| shapes.get(map.0).copied());
        let shape = shape.ok_or_else(|| fail("its layers do not fit each other"))?;
        let base = network.up_to(map)?;
        Ok(Trunk {
            model: Model::new(&base)?,
            base,
            map,
            shape,
        })
    }

    /// The network without its last layer: it ends in the sum over each channel of the map that the
    /// layer reads.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.base
    }

    /// The node whose map the last layer reads.
    #[must_use]
    pub fn map(&self) -> NodeId {
        self.map
    }

    /// Shape of the map that the last layer reads.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Mean of each channel of the last map over its pixels, 0 to 255 (steps of the map).
    ///
    /// # Errors
    ///
    /// If the picture does not fit the network.
    pub fn features(&self, picture: &ArrayView3<'_, u8>) -> Result<Vec<f32>, TrainError> {
        let pixels = (self.shape.height * self.shape.width) as f32;
        let sums = self.model.logits(picture)?;
        Ok(sums.into_iter().map(|sum| sum as f32 / pixels).collect())
    }

    /// The last map's pixels, each with all channels.
    ///
    /// # Errors
    ///
    /// If the picture does not fit the network.
    pub fn pixels(&self, picture: &ArrayView3<'_, u8>) -> Result<ndarray::Array2<f32>, TrainError> {
        let maps = self.model.run(picture)?;
        let map = maps
            .map(self.map)
            .unwrap_or_else(|| unreachable!("it was found by its shape"));
        let (height, width, channels) = map.dim();
        let mut pixels = ndarray::Array2::zeros((height * width, channels));
        for (mut to, from) in pixels.outer_iter_mut().zip(map.lanes(Axis(2))) {
            to.zip_mut_with(&from, |to, &from| *to = f32::from(from));
        }
        Ok(pixels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebrick_network::random::{self, Builder};

    #[test]
    fn the_last_layer_is_taken_off() {
        let (network, height, width) = random::tiny(5);
        let trunk = Trunk::of(&network).unwrap();
        let whole = Model::new(&network).unwrap();
        let picture = random::picture(height, width, 1);
        let maps = whole.run(&picture.view()).unwrap();
        let map = maps.map(trunk.map()).unwrap();
        let (rows, columns, channels) = map.dim();
        assert_eq!(
            trunk.shape(),
            Shape {
                height: rows,
                width: columns,
                channels
            }
        );
        let pixels = trunk.pixels(&picture.view()).unwrap();
        let features = trunk.features(&picture.view()).unwrap();
        for (channel, &mean) in features.iter().enumerate() {
            let all = map.index_axis(Axis(2), channel);
            let sum: f32 = all.iter().map(|&v| f32::from(v)).sum();
            assert!((sum / (rows * columns) as f32 - mean).abs() < 1e-3);
            assert_eq!(pixels.column(channel).sum(), sum);
        }
    }

    #[test]
    fn other_last_layers_stay() {
        let mut b = Builder::new(1);
        let x = b.conv("conv1", NodeId::INPUT, 8, (3, 2, 0));
        let x = b.conv("features", x, 9, (3, 1, 1));
        let network = b.finish(x, 21, 21);
        let trunk = Trunk::of(&network).unwrap();
        assert_eq!((trunk.map(), trunk.shape().channels), (NodeId(1), 9));
        assert_eq!(trunk.network().nodes.last().unwrap().name, "features2");
    }

    #[test]
    fn nothing_before_the_last_layer() {
        let mut b = Builder::new(1);
        let x = b.conv("conv1", NodeId::INPUT, 8, (1, 1, 0));
        let error = Trunk::of(&b.finish(x, 9, 9)).unwrap_err().to_string();
        assert!(error.contains("no layer before the last one"), "{error}");
    }
}
