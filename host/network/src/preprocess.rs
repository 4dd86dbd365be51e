//! What a network wants done to a picture before its first convolution: part of the model, since
//! the same weights fed with other pixels are of no use.

use crate::graph::{Border, Input, Normalise, PixelOrder, ResizePolicy};

/// How a picture becomes the numbers that a float network takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preprocess {
    /// Channel order.
    pub order: PixelOrder,
    /// Subtracted and divided by, in that order of channels.
    pub normalise: Normalise,
    /// From picture to input size.
    pub resize: ResizePolicy,
}

impl Preprocess {
    /// As for Caffe's published models: blue first, ImageNet's mean subtracted, both axes scaled to
    /// the input size.
    pub const CAFFE: Preprocess = Preprocess {
        order: PixelOrder::Bgr,
        normalise: Normalise {
            mean: [104.0, 117.0, 123.0],
            std: [1.0; 3],
        },
        resize: ResizePolicy::Squash,
    };

    /// As for torchvision's models: red first, mean (0.485, 0.456, 0.406) and deviation (0.229,
    /// 0.224, 0.225) of pixels from 0 to 1, shorter side scaled to 256, then cropped to the centre.
    pub const TORCHVISION: Preprocess = Preprocess {
        order: PixelOrder::Rgb,
        normalise: Normalise {
            mean: [123.675, 116.28, 103.53],
            std: [58.395, 57.12, 57.375],
        },
        resize: ResizePolicy::CropCenter { short: 256 },
    };

    /// The same for an input of another size: the crop stays the same share of the picture. Sides
    /// from 224 to 256 keep the published 256.
    #[must_use]
    pub fn at(self, [height, width]: [usize; 2]) -> Preprocess {
        let side = height.max(width);
        match self.resize {
            ResizePolicy::CropCenter { short } if !(224..=256).contains(&side) => Preprocess {
                resize: ResizePolicy::CropCenter {
                    short: (side * short).div_ceil(224),
                },
                ..self
            },
            _ => self,
        }
    }

    /// The network's input for `height` x `width` pixels.
    #[must_use]
    pub fn input(&self, height: usize, width: usize) -> Input {
        Input {
            height,
            width,
            order: self.order,
            resize: self.resize,
            border: Border::NONE,
        }
    }
}
