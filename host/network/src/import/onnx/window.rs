//! Kernel, stride and padding of convolutions and pools.

use super::attributes::Attributes;
use crate::import::ImportError;

/// Longest side of a kernel that is looked at.
const MAX_SIDE: i64 = 4096;

/// A window's figures as the file has them.
pub struct WindowAttributes {
    /// Rows and columns; none if the node does not say.
    pub kernel: Option<[usize; 2]>,
    /// The same along both axes.
    pub stride: usize,
    /// Top, left, bottom, right, as far as the file gives them itself.
    pub pads: [usize; 4],
    /// Padding that depends on the size of the map.
    pub auto: Option<Auto>,
}

/// Where the odd pixel of automatic padding goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Auto {
    Upper,
    Lower,
}

impl WindowAttributes {
    /// Takes the attributes that convolutions and pools share.
    pub fn take(attributes: &mut Attributes) -> Result<WindowAttributes, ImportError> {
        attributes.expect("dilations", 1, "kernels without holes")?;
        let side = |values: &[i64]| match values {
            [a, b] if (1..=MAX_SIDE).contains(a) && (1..=MAX_SIDE).contains(b) => {
                Some([*a as usize, *b as usize])
            }
            _ => None,
        };
        let kernel = match attributes.ints("kernel_shape") {
            None => None,
            Some(values) => Some(side(values).ok_or_else(|| {
                attributes.refuse(
                    format!("has kernel_shape {values:?}"),
                    "kernels of rows and columns",
                )
            })?),
        };
        let stride = attributes.same("strides", 2, 1)?;
        if !(1..=MAX_SIDE).contains(&stride) {
            return Err(attributes.refuse(format!("has strides {stride}"), "strides from 1"));
        }
        let given = attributes.ints("pads").unwrap_or(&[0; 4]);
        let pad = |&p: &i64| usize::try_from(p).ok().filter(|&p| p as i64 <= MAX_SIDE);
        let pads: Option<Vec<usize>> = given.iter().map(pad).collect();
        let pads = pads.and_then(|p| <[usize; 4]>::try_from(p).ok());
        let pads = pads.ok_or_else(|| {
            attributes.refuse(
                format!("has pads {given:?}"),
                "four pads (top, left, bottom, right) from 0",
            )
        })?;
        let auto = match attributes.string("auto_pad").unwrap_or("NOTSET") {
            "" | "NOTSET" | "VALID" => None,
            "SAME_UPPER" => Some(Auto::Upper),
            "SAME_LOWER" => Some(Auto::Lower),
            other => {
                return Err(attributes.refuse(
                    format!("has auto_pad {other:?}"),
                    "NOTSET, VALID, SAME_UPPER and SAME_LOWER",
                ));
            }
        };
        Ok(WindowAttributes {
            kernel,
            stride: stride as usize,
            pads,
            auto,
        })
    }

    /// Padding (top, left, bottom, right) of a kernel over a map of some size.
    pub fn pads(&self, kernel: [usize; 2], size: [usize; 2]) -> [usize; 4] {
        let Some(auto) = self.auto else {
            return self.pads;
        };
        let both = |axis: usize| {
            let outputs = size[axis].div_ceil(self.stride);
            let covered = outputs.saturating_sub(1) * self.stride + kernel[axis];
            let total = covered.saturating_sub(size[axis]);
            let (small, large) = (total / 2, total.div_ceil(2));
            match auto {
                Auto::Upper => (small, large),
                Auto::Lower => (large, small),
            }
        };
        let ((top, bottom), (left, right)) = (both(0), both(1));
        [top, left, bottom, right]
    }
}
