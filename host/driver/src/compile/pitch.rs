//! Pitches: how far apart the rows of each map lie. A row may be followed by a gap, where the
//! lanes or the pool of a reader ask for it.

use super::structure::{Sink, Source, Structure};
use firebrick_network::Pool;
use firebrick_spec::HwConfig;

/// Positions from one row to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pitches {
    /// Of each map of [`Structure::maps`].
    pub maps: Vec<usize>,
    /// Of the strips of the window unit.
    pub strip: usize,
}

/// Least pitch at which a map of `width` can be computed.
fn least(config: &HwConfig, width: usize, pool: Option<Pool>) -> usize {
    let Some(pool) = pool.filter(|_| config.lanes > 1) else {
        return width.max(config.lanes);
    };
    let step = config.drain_pixels();
    // The column that completes the last window of an even row.
    let extra = usize::from(pool.counts_cut() && width.is_multiple_of(2));
    (width + extra)
        .max(config.lanes)
        .max(4 * step)
        .next_multiple_of(step)
}

impl Pitches {
    /// The least pitches that suit all readers and writers.
    pub fn of(structure: &Structure, config: &HwConfig) -> Pitches {
        let mut pitches = Pitches {
            maps: structure.maps.iter().map(|map| map.width).collect(),
            strip: 0,
        };
        for conv in &structure.convs {
            let least = least(config, conv.shape.width, conv.pool);
            pitches.raise(conv.source, least, 1);
        }
        // Drains may write rows further apart than they read them, but not by more than half
        // the lanes; and two maps that are read together lie alike.
        let most = config.lanes / 2;
        loop {
            let before = pitches.clone();
            for conv in structure.convs.iter().filter(|conv| conv.pool.is_none()) {
                let Sink::Map(map) = conv.sink else { continue };
                let to = pitches.maps[map];
                if to > pitches.at(conv.source) + most {
                    pitches.raise(conv.source, to - most, config.drain_pixels());
                }
            }
            for conv in &structure.convs {
                if let &[a, b] = conv.source.maps()
                    && pitches.maps[a] != pitches.maps[b]
                {
                    pitches.raise(conv.source, pitches.at(conv.source), config.drain_pixels());
                }
            }
            if pitches == before {
                return pitches;
            }
        }
    }

    /// Makes the pitch, where it is less than `least`, at least that, and a multiple of `step`.
    fn raise(&mut self, source: Source, least: usize, step: usize) {
        let raise = |pitch: &mut usize| {
            if *pitch < least {
                *pitch = least.next_multiple_of(step);
            }
        };
        if source == Source::Picture {
            raise(&mut self.strip);
        }
        for &map in source.maps() {
            raise(&mut self.maps[map]);
        }
    }

    /// The pitch at which this source is read.
    pub fn at(&self, source: Source) -> usize {
        let maps = source.maps().iter().map(|&map| self.maps[map]);
        maps.max().unwrap_or(self.strip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_ask_for_whole_steps_and_a_gap() {
        let config = |name| HwConfig::preset(name).unwrap();
        let (ceil, floor) = (Some(Pool::three(true)), Some(Pool::three(false)));
        let wide = config("fb2048");
        assert_eq!([13, 55, 5].map(|w| least(&wide, w, None)), [13, 55, 8]);
        assert_eq!(
            [111, 55, 27, 5, 56].map(|w| least(&wide, w, ceil)),
            [112, 56, 28, 16, 60]
        );
        assert_eq!(least(&wide, 56, floor), 56);
        assert_eq!(least(&wide, 56, Some(Pool::PAIRS)), 60);
        assert_eq!(
            [111, 27, 3].map(|w| least(&config("fb1024"), w, ceil)),
            [112, 28, 8]
        );
        assert_eq!([111, 3].map(|w| least(&config("fb512"), w, ceil)), [111, 4]);
        assert_eq!([56, 1].map(|w| least(&config("fb256"), w, ceil)), [56, 1]);
    }
}
