//! Which positions of a tile are pixels.

use firebrick_spec::command::Block;

/// The positions of a block's tile, in closed form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    x0: u64,
    width: u64,
    pitch: u64,
    /// Positions.
    pub count: u64,
    lanes: u64,
}

impl Tile {
    pub fn new(block: &Block, lanes: usize) -> Tile {
        Tile {
            x0: block.x0.into(),
            width: block.width.into(),
            pitch: block.pitch().into(),
            count: block.count.into(),
            lanes: lanes as u64,
        }
    }

    /// Vectors of a pass.
    pub fn vectors(&self) -> u64 {
        self.count.div_ceil(self.lanes)
    }

    /// Whether a position is a pixel.
    pub fn is_pixel(&self, position: u64) -> bool {
        position < self.count && (self.x0 + position) % self.pitch < self.width
    }

    /// Pixels among the first `positions`.
    fn pixels(&self, positions: u64) -> u64 {
        let end = self.x0 + positions.min(self.count);
        let rows = end / self.pitch;
        rows * self.width + (end % self.pitch).min(self.width) - self.x0.min(self.width)
    }

    /// Positions without a pixel in the first `vectors` vectors.
    pub fn ragged(&self, vectors: u64) -> u64 {
        vectors * self.lanes - self.pixels(vectors * self.lanes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ragged_positions_are_those_that_one_counts() {
        for (x0, width, gap, count, lanes) in [
            (0, 13, 3, 45, 8),
            (5, 9, 0, 31, 4),
            (7, 8, 1, 100, 8),
            (3, 55, 1, 64, 2),
            (0, 1, 7, 9, 8),
        ] {
            let tile = Tile::new(
                &Block {
                    x0,
                    width,
                    in_gap: gap,
                    count,
                    ..Block::default()
                },
                lanes,
            );
            let mut ragged = 0;
            for vector in 0..tile.vectors() {
                assert_eq!(tile.ragged(vector), ragged);
                for lane in 0..lanes as u64 {
                    let position = vector * lanes as u64 + lane;
                    let x = (u64::from(x0) + position) % u64::from(width + gap);
                    if position >= u64::from(count) || x >= u64::from(width) {
                        ragged += 1;
                    }
                }
            }
            assert_eq!(tile.ragged(tile.vectors()), ragged);
        }
    }
}
