//! What lies in the feature buffer: maps, plane by plane, and the ring of window strips.

use super::tiles::{Grid, Tile};
use firebrick_spec::command::ring_words;
use std::ops::Range;

/// One group of channels of a map, in the order of its planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plane {
    pub conv: usize,
    pub group: usize,
}

/// A map in the feature buffer.
#[derive(Clone, Debug)]
pub(crate) struct MapPlace {
    pub base: usize,
    pub grid: Grid,
    /// 0, or each plane is a ring of [`ring_words`].
    pub ring: u32,
    pub planes: Vec<Plane>,
}

impl MapPlace {
    /// A map whose place is not known yet.
    pub fn new(grid: Grid) -> MapPlace {
        MapPlace {
            base: 0,
            grid,
            ring: 0,
            planes: Vec::new(),
        }
    }

    /// Words from one plane to the next.
    pub fn plane_words(&self) -> usize {
        match self.ring {
            0 => self.grid.height * self.grid.pitch,
            ring => ring_words(ring) as usize,
        }
    }

    /// The word of a position.
    pub fn word(&self, plane: usize, position: usize) -> usize {
        self.base + plane * self.plane_words() + position % self.plane_words()
    }

    /// The words of consecutive positions: a second piece if the ring wraps between them.
    pub fn words(&self, plane: usize, positions: Range<usize>) -> [Range<usize>; 2] {
        let start = self.word(plane, positions.start);
        let end = self.base + (plane + 1) * self.plane_words();
        let len = positions.len().min(self.plane_words());
        let first = len.min(end - start);
        let wrapped = end - self.plane_words();
        [start..start + first, wrapped..wrapped + (len - first)]
    }

    pub(super) fn total_words(&self) -> usize {
        self.planes.len() * self.plane_words()
    }
}

/// The ring of window strips.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strips {
    /// The strips of one sweep over the picture.
    pub tiles: Vec<Tile>,
    /// Positions from one row to the next.
    pub pitch: usize,
    pub base: usize,
    /// Words from one channel group to the next.
    pub plane: usize,
    /// Channel groups.
    pub groups: usize,
    /// Regions of the ring.
    pub regions: usize,
}

impl Strips {
    /// Strips whose place is not known yet.
    pub fn new(grid: Grid, tiles: Vec<Tile>, groups: usize, lanes: usize) -> Strips {
        let longest = tiles.iter().map(|tile| tile.count).max().unwrap_or(0);
        // Neighbouring groups in different banks: the window unit writes two at a time.
        let half = lanes / 2;
        let plane = (longest.saturating_sub(half)).next_multiple_of(lanes) + half;
        Strips {
            tiles,
            pitch: grid.pitch,
            plane,
            groups,
            ..Strips::default()
        }
    }

    /// Words of one region.
    pub fn region_words(&self) -> usize {
        self.plane * self.groups
    }

    /// First word of the region of a strip.
    pub fn region(&self, strip: usize) -> usize {
        self.base + strip % self.regions.max(1) * self.region_words()
    }

    /// All words.
    pub fn area(&self) -> Range<usize> {
        self.base..self.base + self.regions * self.region_words()
    }
}
