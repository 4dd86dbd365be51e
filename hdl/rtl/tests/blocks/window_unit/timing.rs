//! What the window unit does in each cycle, as docs/blocks/window.md says it.

use std::collections::VecDeque;

use firebrick_spec::command::Rows;
use firebrick_spec::latency::SLICE_WORDS;
use firebrick_spec::{BEAT_BYTES, HwConfig};

/// A word: number of the window in its record, number of the word in its window.
pub type Place = (usize, usize);

/// The unit's state as far as it decides when something happens.
pub struct Timing {
    /// Pixels of a step.
    pixels: usize,
    /// Words of a window that are offered together, and windows.
    group: usize,
    windows: usize,
    tile: usize,
    record: Rows,
    // Input: rows and beats of the row that are to come; beats held, bytes gone of the first.
    rows_in: usize,
    beats: usize,
    held: usize,
    offset: usize,
    // The next step of the input.
    rows_out: usize,
    x: usize,
    // Steps on their way to the columns: where they begin, and their pixels.
    steps: VecDeque<(usize, usize)>,
    y: usize,
    /// Windows that end in the step beside the rows above, and in the columns.
    beside: Option<usize>,
    columns: usize,
    /// Windows that have left the columns; those at hand, and their first word on offer.
    left: usize,
    at_hand: usize,
    word: usize,
    offers: Vec<Option<Place>>,
    /// Words on their way out, for each entry.
    slices: Vec<VecDeque<Place>>,
}

impl Timing {
    pub fn new(config: &HwConfig) -> Self {
        let entries = config.window_words();
        Self {
            pixels: config.window_pixels(),
            group: entries.min(2),
            windows: entries.div_ceil(2),
            tile: config.tile,
            record: Rows::default(),
            rows_in: 0,
            beats: 0,
            held: 0,
            offset: 0,
            rows_out: 0,
            x: 0,
            steps: VecDeque::new(),
            y: 0,
            beside: None,
            columns: 0,
            left: 0,
            at_hand: 0,
            word: 0,
            offers: vec![None; entries],
            slices: vec![VecDeque::new(); entries],
        }
    }

    pub fn reset(&mut self) {
        (self.rows_in, self.rows_out, self.held, self.columns) = (0, 0, 0, 0);
        self.beside = None;
        self.steps.clear();
        self.offers.fill(None);
        self.slices.iter_mut().for_each(VecDeque::clear);
    }

    pub fn start(&mut self, record: &Rows) {
        self.record = *record;
        (self.rows_in, self.rows_out) = (record.rows as usize, record.rows as usize);
        self.beats = self.row_beats();
        (self.held, self.offset, self.x, self.left) = (0, 0, 0, 0);
        if record.first {
            self.y = 0;
        }
    }

    pub fn in_ready(&self) -> bool {
        self.rows_in > 0 && self.held < 3
    }

    pub fn offers(&self) -> Vec<Option<Place>> {
        self.slices.iter().map(|s| s.front().copied()).collect()
    }

    pub fn busy(&self) -> bool {
        self.rows_out > 0
            || !self.steps.is_empty()
            || self.beside.is_some()
            || self.columns > 0
            || self.offers.iter().any(Option::is_some)
            || self.slices.iter().any(|slice| !slice.is_empty())
    }

    fn row_beats(&self) -> usize {
        Rows::row_bytes(self.record.width as usize) / BEAT_BYTES
    }

    fn words(&self) -> usize {
        (3 * self.record.kernel as usize * self.record.kernel as usize).div_ceil(self.tile)
    }

    /// Windows that end at the `pixels` pixels from `x` on.
    fn ends(&self, x: usize, pixels: usize) -> usize {
        let (border, stride) = (self.record.kernel as usize - 1, self.record.stride as usize);
        let ends = |at: usize| at >= border && (at - border).is_multiple_of(stride);
        (x..x + pixels).filter(|&x| ends(x) && ends(self.y)).count()
    }

    fn offer(&mut self, word: usize) {
        self.word = word;
        for i in 0..self.offers.len() {
            let (window, word) = (i / self.group, word + i % self.group);
            let there = window < self.at_hand && word < self.words();
            self.offers[i] = there.then_some((self.left - self.at_hand + window, word));
        }
    }

    /// One cycle without `start` and `reset`.
    pub fn tick(&mut self, in_valid: bool, taken: &[bool]) {
        let accepts = in_valid && self.in_ready();

        // Output.
        let offering = self.offers.iter().any(Option::is_some);
        for ((offer, slice), taken) in self.offers.iter_mut().zip(&mut self.slices).zip(taken) {
            let room = slice.len() < SLICE_WORDS;
            if *taken {
                slice.pop_front();
            }
            if room {
                slice.extend(offer.take());
            }
        }
        let done = self.offers.iter().all(Option::is_none);
        let last = self.word + self.group >= self.words();
        let free = !offering || (done && last);
        if offering && done && !last {
            self.offer(self.word + self.group);
        }

        // Columns.
        if free && self.columns > 0 {
            self.at_hand = self.columns.min(self.windows);
            self.columns -= self.at_hand;
            self.left += self.at_hand;
            self.offer(0);
        }
        let advance = self.columns == 0;

        // Columns take the next step.
        let width = self.record.width as usize;
        let single = width <= self.pixels;
        let room = self.steps.len() < SLICE_WORDS;
        let next = self.steps.front().copied();
        let next = next.filter(|_| advance && !(single && self.beside.is_some()));
        if advance {
            self.columns = self.beside.take().unwrap_or(0);
        }
        if let Some((x, pixels)) = next {
            self.steps.pop_front();
            self.beside = Some(self.ends(x, pixels));
            self.y += usize::from(x + pixels == width);
        }

        // The input's next step.
        let pixels = self.pixels.min(width - self.x);
        let reach = self.offset + 3 * pixels;
        if room && self.rows_out > 0 && reach <= 16 * self.held {
            self.steps.push_back((self.x, pixels));
            self.x += pixels;
            if self.x == width {
                self.held -= reach.div_ceil(16);
                (self.offset, self.x) = (0, 0);
                self.rows_out -= 1;
            } else {
                self.held -= reach / 16;
                self.offset = reach % 16;
            }
        }

        // Input.
        if accepts {
            self.held += 1;
            self.beats -= 1;
            if self.beats == 0 {
                self.beats = self.row_beats();
                self.rows_in -= 1;
            }
        }
    }
}
