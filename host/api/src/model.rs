//! A network, whatever runs it.

use std::path::Path;
use std::sync::Arc;

use firebrick_driver::Weights;
use firebrick_network::{Network, builtin};
use firebrick_spec::HwConfig;
use ndarray::Array3;

use crate::predict::{Forecast, Prediction};
use crate::target::{SIDE_MAX, Size, Target};
use crate::{Error, Image, preset};

/// A quantised network at a picture size. Clones share the weights.
#[derive(Clone, Debug)]
pub struct Model {
    network: Arc<Network>,
    size: Size,
}

/// A layer's feature map, as [`Model::layers`] lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its name, as in the packed model.
    pub name: String,
    /// Height, width and channels.
    pub shape: [usize; 3],
}

impl Model {
    /// SqueezeNet v1.1, which is part of the library: 224x224 pixels, 1000 classes of ImageNet.
    #[must_use]
    pub fn builtin() -> Model {
        Model::of(builtin())
    }

    /// Reads a packed model, as `firebrick import` writes it.
    ///
    /// # Errors
    /// If the file cannot be read, is no packed model, or is damaged.
    pub fn load(path: impl AsRef<Path>) -> Result<Model, Error> {
        Ok(Model::of(Network::load(path.as_ref())?))
    }

    /// A network of one's own.
    #[must_use]
    pub fn of(network: Network) -> Model {
        Model {
            size: Size::of(&network),
            network: Arc::new(network),
        }
    }

    /// The same for pictures of another size, sides of 1 to [`SIDE_MAX`] pixels.
    ///
    /// # Errors
    /// If a side is none of these, or a layer does not fit that size.
    pub fn at(&self, height: usize, width: usize) -> Result<Model, Error> {
        if [height, width]
            .iter()
            .any(|side| !(1..=SIDE_MAX).contains(side))
        {
            return Err(Error::Size { height, width });
        }
        let model = Model {
            network: Arc::clone(&self.network),
            size: Size { height, width },
        };
        model.layers().map(|_| model)
    }

    /// Its name, for example `squeezenet-v1.1`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.network.name
    }

    /// Shape of the input: height, width, 3 channels, in [`input`](Self::input)'s order.
    #[must_use]
    pub fn input_shape(&self) -> [usize; 3] {
        [self.size.height, self.size.width, 3]
    }

    /// A label for each class.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.network.labels
    }

    /// All layers that have a feature map, in order.
    ///
    /// # Errors
    /// If a layer does not fit the picture size.
    pub fn layers(&self) -> Result<Vec<Layer>, Error> {
        let Size { height, width } = self.size;
        let shapes = self.network.shapes(height, width);
        let shapes = shapes.map_err(|source| firebrick_model::ModelError::Shape {
            height,
            width,
            source,
        })?;
        // The last node is the sum over all pixels, whose values are the scores.
        let maps = self.network.nodes.len().saturating_sub(1);
        let layers = self.network.nodes.iter().zip(shapes).take(maps);
        Ok(layers
            .map(|(node, shape)| Layer {
                name: node.name.clone(),
                shape: [shape.height, shape.width, shape.channels],
            })
            .collect())
    }

    /// A picture as the network takes it: scaled and cut as the model says, its channels in the
    /// model's order, 0 to 255 (shape: [`input_shape`](Self::input_shape)).
    ///
    /// # Errors
    /// If it cannot be read, decoded or scaled.
    pub fn input<'a>(&self, image: impl Into<Image<'a>>) -> Result<Array3<u8>, Error> {
        image.into().to_input(&self.network.input, self.size)
    }

    /// The model on a configuration, for programs that compile command streams themselves.
    #[must_use]
    pub fn on(&self, config: &HwConfig) -> Target {
        let network = Arc::clone(&self.network);
        Target::new(network, self.size, config.clone(), Weights::Auto)
    }

    /// What a preset, or the configuration of a file ([`preset`](crate::preset)), takes for it: cycles by cause and by layer, exact without running anything,
    /// and the time at a clock in MHz. That a build meets the clock is not checked.
    ///
    /// # Errors
    /// If there is no such preset, the model does not fit it, or the clock is not positive.
    pub fn predict(&self, engine: &str, clock_mhz: f64) -> Result<Forecast, Error> {
        let config = preset::find(engine).map_err(|source| Error::Preset {
            place: "prediction".into(),
            source,
        })?;
        let target = self.on(&config);
        let program = target.compile(false)?;
        Prediction::of(&target, &program)?.at(clock_mhz)
    }

    /// The network itself.
    #[must_use]
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Whether it is the same network, not only an equal one, at the same size.
    pub(crate) fn is_same(&self, other: &Model) -> bool {
        Arc::ptr_eq(&self.network, &other.network) && self.size == other.size
    }

    /// Checks a tensor's shape.
    pub(crate) fn check(&self, input: &ndarray::ArrayView3<'_, u8>) -> Result<(), Error> {
        let (want, (height, width, channels)) = (self.input_shape(), input.dim());
        match [height, width, channels] {
            got if got == want => Ok(()),
            got => Err(Error::Shape { want, got }),
        }
    }

    /// Real value of one step of a score, for [`softmax`](crate::softmax).
    #[must_use]
    pub fn scale(&self) -> f64 {
        crate::target::logit_scale(&self.network, self.size)
    }
}
