//! Features of many pictures at once.

use std::path::PathBuf;

use firebrick_network::{ImageError, Picture};
use ndarray::Array2;
use rayon::prelude::*;

use crate::data::Item;
use crate::error::TrainError;
use crate::trunk::Trunk;
use crate::views::View;

/// Features, and what they show.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Sample, then channel: means of the last map's channels over its pixels, 0 to 255.
    pub features: Array2<f32>,
    /// Class of each sample.
    pub classes: Vec<usize>,
}

impl Samples {
    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }
}

/// What came of many pictures.
#[derive(Debug)]
pub struct Extracted {
    /// The features, picture after picture, all views of one after each other.
    pub samples: Samples,
    /// Those that could be read.
    pub items: Vec<Item>,
    /// Those that could not, and why.
    pub failed: Vec<(PathBuf, ImageError)>,
}

/// Features of pictures on all threads; `views` says which views of the picture with an index are
/// taken, and `tick` is called after each picture.
///
/// # Errors
///
/// If the network does not run. A picture that cannot be read is none.
pub fn extract(
    trunk: &Trunk,
    items: &[Item],
    views: &(dyn Fn(usize) -> Vec<View> + Sync),
    tick: &(dyn Fn() + Sync),
) -> Result<Extracted, TrainError> {
    let one = |(index, item): (usize, &Item)| {
        let found = of_one(trunk, item, &views(index));
        tick();
        found
    };
    let found: Vec<Result<Vec<Vec<f32>>, Failed>> = items.par_iter().enumerate().map(one).collect();
    let channels = trunk.shape().channels;
    let (mut values, mut classes) = (Vec::new(), Vec::new());
    let (mut kept, mut failed) = (Vec::new(), Vec::new());
    for (item, found) in items.iter().zip(found) {
        match found {
            Ok(views) => {
                classes.resize(classes.len() + views.len(), item.class);
                values.extend(views.into_iter().flatten());
                kept.push(item.clone());
            }
            Err(Failed::Picture(error)) => failed.push((item.path.clone(), *error)),
            Err(Failed::Network(error)) => return Err(error),
        }
    }
    let features = Array2::from_shape_vec((classes.len(), channels), values)
        .unwrap_or_else(|_| unreachable!("each view gives a value for each channel"));
    Ok(Extracted {
        samples: Samples { features, classes },
        items: kept,
        failed,
    })
}

enum Failed {
    Picture(Box<ImageError>),
    Network(TrainError),
}

impl From<ImageError> for Failed {
    fn from(error: ImageError) -> Failed {
        Failed::Picture(Box::new(error))
    }
}

/// Features of the views of one picture, which is decoded once.
fn of_one(trunk: &Trunk, item: &Item, views: &[View]) -> Result<Vec<Vec<f32>>, Failed> {
    let picture = Picture::open(&item.path)?;
    let mut found = Vec::with_capacity(views.len());
    for view in views {
        let input = view.of(&picture).to_input(&trunk.network().input)?;
        found.push(trunk.features(&input.view()).map_err(Failed::Network)?);
    }
    Ok(found)
}
