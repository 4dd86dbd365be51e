//! Cutting a map into tiles that fit the accumulators.

/// Consecutive pixels of a map, in raster order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// First pixel.
    pub start: usize,
    /// Number of pixels.
    pub count: usize,
}

/// Cuts `height * width` pixels into tiles of at most `limit` that are as equal as they can be.
/// With `whole_rows` a tile is whole rows; `None` if a row exceeds the limit.
pub(crate) fn cut(
    height: usize,
    width: usize,
    limit: usize,
    whole_rows: bool,
) -> Option<Vec<Tile>> {
    let unit = if whole_rows { width } else { 1 };
    let (units, most) = (height * width / unit, limit / unit);
    if most == 0 {
        return None;
    }
    let number = units.div_ceil(most);
    let edge = |i: usize| (i * units).div_ceil(number) * unit;
    Some(
        (0..number)
            .map(|i| Tile {
                start: edge(i),
                count: edge(i + 1) - edge(i),
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_every_pixel_once() {
        for (height, width, limit, rows) in [
            (55, 55, 256, false),
            (55, 55, 256, true),
            (13, 13, 256, false),
            (1, 1, 16, true),
        ] {
            let tiles = cut(height, width, limit, rows).unwrap();
            let mut next = 0;
            for tile in tiles {
                assert_eq!(tile.start, next);
                assert!(tile.count >= 1 && tile.count <= limit);
                assert!(!rows || tile.count % width == 0);
                next += tile.count;
            }
            assert_eq!(next, height * width);
        }
        assert_eq!(cut(5, 300, 256, true), None);
    }
}
