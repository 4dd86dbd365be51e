//! All feature maps of one picture.

use firebrick_model::Activations;
use ndarray::{Array3, ArrayView1, ArrayView3};

/// The feature map of every layer for one picture, and the scores: values of 8 bits, the same on
/// every backend.
#[derive(Clone)]
pub struct FeatureMaps {
    maps: Maps,
    scores: Vec<i32>,
}

#[derive(Clone)]
enum Maps {
    /// Of the integer model: they lie in its memory.
    Model(Activations),
    /// Of an engine, by name.
    Engine(Vec<(String, Array3<u8>)>),
}

impl FeatureMaps {
    pub(crate) fn of_model(mut activations: Activations) -> FeatureMaps {
        FeatureMaps {
            scores: std::mem::take(&mut activations.logits),
            maps: Maps::Model(activations),
        }
    }

    pub(crate) fn of_engine(maps: Vec<(String, Array3<u8>)>, scores: Vec<i32>) -> FeatureMaps {
        FeatureMaps {
            scores,
            maps: Maps::Engine(maps),
        }
    }

    /// How many maps there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is none; never the case after a run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The map of a layer (height, width, channels), 0 to 255. The view need not be contiguous:
    /// `to_owned()` makes an array of it.
    #[must_use]
    pub fn get(&self, layer: &str) -> Option<ArrayView3<'_, u8>> {
        self.iter()
            .find(|(name, _)| *name == layer)
            .map(|(_, map)| map)
    }

    /// All maps with the names of their layers, in order.
    pub fn iter(&self) -> Box<dyn Iterator<Item = (&str, ArrayView3<'_, u8>)> + '_> {
        match &self.maps {
            Maps::Model(maps) => Box::new(maps.iter().map(|(_, name, map)| (name, map))),
            Maps::Engine(maps) => Box::new(maps.iter().map(|(name, map)| (&**name, map.view()))),
        }
    }

    /// The sums of the classes, as [`Classification::scores`](crate::Classification::scores).
    #[must_use]
    pub fn scores(&self) -> ArrayView1<'_, i32> {
        ArrayView1::from(&self.scores)
    }
}

impl std::fmt::Debug for FeatureMaps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shapes = self.iter().map(|(name, map)| (name, map.dim()));
        f.debug_map().entries(shapes).finish()
    }
}
