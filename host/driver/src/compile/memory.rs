//! Placement of regions in the feature buffer. All lifetimes are known, so the largest regions
//! are placed first, each at the lowest address where nothing overlaps it in space and time.

/// A region of the feature buffer and the stages during which it holds something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub words: usize,
    /// Its first word is a multiple of this.
    pub align: usize,
    /// First and last stage, for each of its lives.
    pub lives: Vec<(usize, usize)>,
}

impl Region {
    /// A region with one life.
    pub fn new(words: usize, first: usize, last: usize) -> Region {
        Region {
            words,
            align: 1,
            lives: vec![(first, last)],
        }
    }

    /// Whether it holds something in a stage.
    pub fn lives_in(&self, stage: usize) -> bool {
        self.lives
            .iter()
            .any(|&(first, last)| (first..=last).contains(&stage))
    }

    fn meets(&self, other: &Region) -> bool {
        self.lives
            .iter()
            .any(|a| other.lives.iter().any(|b| a.0 <= b.1 && b.0 <= a.1))
    }
}

/// First word of each region, and one past the highest word used.
pub(crate) fn place(regions: &[Region]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..regions.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(regions[i].words), i));
    let mut bases = vec![0; regions.len()];
    let mut placed: Vec<usize> = Vec::new();
    let mut peak = 0;
    for index in order {
        let region = &regions[index];
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|&&other| regions[other].meets(region))
            .map(|&other| (bases[other], bases[other] + regions[other].words))
            .collect();
        taken.sort_unstable();
        let mut base = 0;
        for (begin, end) in taken {
            if begin >= base + region.words {
                break;
            }
            base = base.max(end.next_multiple_of(region.align));
        }
        bases[index] = base;
        peak = peak.max(base + region.words);
        placed.push(index);
    }
    (bases, peak)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_that_live_together_do_not_overlap() {
        let region = Region::new;
        let regions = [
            region(12_544, 0, 1),
            region(904, 0, 0),
            region(3_136, 1, 2),
            region(25_088, 2, 3),
            region(3_136, 3, 4),
            region(6_272, 4, 5),
        ];
        let (bases, peak) = place(&regions);
        assert_eq!(peak, 28_224);
        for (i, a) in regions.iter().enumerate() {
            for (j, b) in regions.iter().enumerate().skip(i + 1) {
                let apart = bases[i] + a.words <= bases[j] || bases[j] + b.words <= bases[i];
                assert!(!a.meets(b) || apart);
            }
        }
    }

    #[test]
    fn a_region_may_live_twice_and_be_aligned() {
        let mut twice = Region::new(100, 0, 0);
        twice.lives.push((5, 5));
        twice.align = 64;
        let regions = [Region::new(150, 5, 5), twice, Region::new(100, 2, 4)];
        let (bases, peak) = place(&regions);
        assert_eq!((bases, peak), (vec![0, 192, 0], 292));
    }
}
