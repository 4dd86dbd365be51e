//! Views of a picture: as it is, mirrored, and random parts of it.

use firebrick_network::Picture;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Share of a picture's area that a random part has.
const AREA: std::ops::Range<f64> = 0.4..1.0;
/// Most that a part is wider or higher than its picture.
const ASPECT: f64 = 4.0 / 3.0;

/// A view of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Left, top, width and height, each as a share of the picture's.
    part: [f64; 4],
    mirrored: bool,
}

impl View {
    /// The picture itself.
    pub const PLAIN: View = View {
        part: [0.0, 0.0, 1.0, 1.0],
        mirrored: false,
    };

    /// What is seen of a picture.
    #[must_use]
    pub fn of(&self, picture: &Picture) -> Picture {
        let (width, height) = picture.size();
        let at = |share: f64, whole: u32| (share * f64::from(whole)).round() as u32;
        let [left, top, wide, high] = self.part;
        let part = match *self
            == (View {
                mirrored: self.mirrored,
                ..View::PLAIN
            }) {
            true => picture.clone(),
            false => picture.cut(
                [at(left, width), at(top, height)],
                [at(wide, width), at(high, height)],
            ),
        };
        match self.mirrored {
            true => part.mirrored(),
            false => part,
        }
    }
}

/// `count` views of the picture with this index: itself, its mirror image, and random parts of it.
/// They do not depend on the other pictures.
#[must_use]
pub fn views(count: usize, seed: u64, index: usize) -> Vec<View> {
    let mut rng =
        SmallRng::seed_from_u64(seed ^ (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let view = |n| match n {
        0 => View::PLAIN,
        1 => View {
            mirrored: true,
            ..View::PLAIN
        },
        _ => {
            let side = rng.random_range(AREA).sqrt();
            let aspect = ASPECT.powf(rng.random_range(-0.5..0.5));
            let (wide, high) = ((side * aspect).min(1.0), (side / aspect).min(1.0));
            let left = rng.random_range(0.0..=1.0 - wide);
            let top = rng.random_range(0.0..=1.0 - high);
            View {
                part: [left, top, wide, high],
                mirrored: rng.random(),
            }
        }
    };
    (0..count).map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    fn picture() -> Picture {
        let pixels = Array3::from_shape_fn((30, 40, 3), |(y, x, c)| (y * 5 + x + c) as u8);
        Picture::from_pixels(&pixels.view(), "test").unwrap()
    }

    #[test]
    fn views_are_seeded_and_lie_within() {
        let all = views(64, 3, 5);
        assert_eq!(all, views(64, 3, 5));
        assert_ne!(all[2..], views(64, 3, 6)[2..]);
        assert_ne!(all[2..], views(64, 4, 5)[2..]);
        assert_eq!(all[0], View::PLAIN);
        let picture = picture();
        for view in &all {
            let [left, top, wide, high] = view.part;
            assert!(
                left >= 0.0 && top >= 0.0 && left + wide <= 1.0 + 1e-9 && top + high <= 1.0 + 1e-9
            );
            let (width, height) = view.of(&picture).size();
            let share = f64::from(width * height) / 1200.0;
            assert!((0.35..=1.0).contains(&share), "{view:?}: {width}x{height}");
        }
        assert!(all.iter().filter(|view| view.mirrored).count() > 16);
    }
}
