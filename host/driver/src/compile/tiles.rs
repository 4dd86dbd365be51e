//! Cutting a map into tiles that fit the accumulators.

use std::ops::Range;

/// Consecutive positions of a map, in raster order, gaps between rows included. A tile begins
/// and ends with a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// First position.
    pub start: usize,
    /// Number of positions.
    pub count: usize,
}

/// The positions of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub height: usize,
    pub width: usize,
    /// Positions from one row to the next.
    pub pitch: usize,
}

impl Grid {
    /// Positions from the first pixel to the last.
    pub fn positions(&self) -> usize {
        self.height.saturating_sub(1) * self.pitch + self.width
    }

    /// Pixels before a position.
    pub fn pixels(&self, position: usize) -> usize {
        position / self.pitch * self.width + (position % self.pitch).min(self.width)
    }

    /// The tile between two positions, without gaps at its ends.
    fn tile(&self, from: usize, to: usize) -> Tile {
        let row = |position: usize| position / self.pitch * self.pitch;
        let start = if from - row(from) < self.width {
            from
        } else {
            row(from) + self.pitch
        };
        let to = to.min(self.positions());
        let last = if to > row(to) || to == 0 {
            row(to) + (to - row(to)).min(self.width)
        } else {
            row(to - 1) + (to - row(to - 1)).min(self.width)
        };
        Tile {
            start,
            count: last.saturating_sub(start),
        }
    }
}

impl Tile {
    /// Vectors of `lanes` positions.
    pub fn vectors(&self, lanes: usize) -> usize {
        self.count.div_ceil(lanes)
    }

    /// One past the last position.
    pub fn end(&self) -> usize {
        self.start + self.count
    }

    /// The positions that a kernel of this edge reads for it.
    pub fn with_halo(&self, grid: &Grid, kernel: usize) -> Range<usize> {
        let halo = kernel / 2 * (grid.pitch + 1);
        self.start.saturating_sub(halo)..(self.end() + halo).min(grid.positions())
    }

    /// Rows that it has pixels of.
    pub fn rows(&self, grid: &Grid) -> Range<usize> {
        self.start / grid.pitch..self.end().div_ceil(grid.pitch)
    }
}

/// How to cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// Positions of a vector.
    pub lanes: usize,
    /// Vectors that a tile may have.
    pub limit: usize,
    /// Whether a tile is whole rows.
    pub whole_rows: bool,
}

/// Cuts a map into tiles that are as equal as they can be and, where possible, of whole vectors.
/// `None` if a row has to fit a tile and does not.
pub(crate) fn cut(grid: &Grid, cut: &Cut) -> Option<Vec<Tile>> {
    let most = cut.limit * cut.lanes;
    let unit = if cut.whole_rows {
        // Rows that fill vectors, if so many fit.
        let step = cut.lanes / gcd(grid.pitch, cut.lanes);
        let gap = grid.pitch - grid.width;
        if step * grid.pitch <= most {
            step * grid.pitch
        } else if grid.pitch <= most + gap {
            grid.pitch
        } else {
            return None;
        }
    } else {
        cut.lanes
    };
    let units = grid.positions().div_ceil(unit);
    let number = units.div_ceil((most / unit).max(1));
    let edge = |i: usize| (i * units).div_ceil(number) * unit;
    Some(
        (0..number)
            .map(|i| grid.tile(edge(i), edge(i + 1)))
            .filter(|tile| tile.count > 0)
            .collect(),
    )
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_every_pixel_once() {
        for (height, width, gap) in [
            (55, 55, 0),
            (55, 55, 1),
            (13, 13, 3),
            (1, 1, 7),
            (9, 5, 11),
            (27, 27, 1),
        ] {
            let pitch = width + gap;
            let grid = Grid {
                height,
                width,
                pitch,
            };
            for lanes in [1, 2, 4, 8] {
                for (limit, whole_rows) in [(60, false), (60, true), (16, false), (7, false)] {
                    let how = Cut {
                        lanes,
                        limit,
                        whole_rows,
                    };
                    let Some(tiles) = cut(&grid, &how) else {
                        assert!(whole_rows && width > limit * lanes);
                        continue;
                    };
                    let mut next = 0;
                    for tile in &tiles {
                        assert_eq!(grid.pixels(tile.start), next);
                        assert!(tile.start % pitch < width);
                        assert!((tile.end() - 1) % pitch < width);
                        assert!(tile.count >= 1 && tile.vectors(lanes) <= limit);
                        assert!(
                            !whole_rows
                                || tile.start % pitch == 0 && tile.end() % pitch == width % pitch
                        );
                        next = grid.pixels(tile.end());
                    }
                    assert_eq!(next, height * width);
                }
            }
        }
    }

    #[test]
    fn rows_fill_vectors_where_they_can() {
        let grid = Grid {
            height: 27,
            width: 27,
            pitch: 28,
        };
        let how = Cut {
            lanes: 8,
            limit: 50,
            whole_rows: true,
        };
        let counts: Vec<usize> = cut(&grid, &how).unwrap().iter().map(|t| t.count).collect();
        assert_eq!(counts, [14 * 28 - 1, 13 * 28 - 1]);
        let how = Cut { limit: 3, ..how };
        assert_eq!(cut(&grid, &how), None);
    }
}
