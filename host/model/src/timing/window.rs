//! The window unit: when it takes beats and writes words.

use std::collections::VecDeque;

use firebrick_spec::HwConfig;
use firebrick_spec::command::Rows;
use firebrick_spec::latency::SLICE_WORDS;

use super::loader::NEVER;
use super::window_place::WindowPlace;
use super::window_unpack::Unpack;

/// A step of pixels on its way to the columns.
#[derive(Clone, Copy, Debug, Default)]
struct WindowStep {
    /// Number in its row.
    number: u32,
    /// Pixels from it to the end of the row.
    left: u32,
    /// It is its row's last.
    last: bool,
}

/// Mirrors the window unit of the hardware.
#[derive(Clone, Debug)]
pub(super) struct WindowUnit {
    /// Pixels of a step.
    pixels: u32,
    /// Two windows leave together.
    two: bool,
    unpack: Unpack,
    /// Steps in the register slice behind it.
    steps: VecDeque<WindowStep>,
    place: WindowPlace,
    strip_end: bool,
    stride2: bool,
    /// Rows and columns of a window before its last one.
    border: u32,
    /// A row is a single step.
    single: bool,
    /// Row of the step that enters; from 7 on it goes back to 6.
    y: u32,
    valid_1: bool,
    /// Pixels of the step at which windows end, a bit for each.
    ends_1: u8,
    row_end_1: bool,
    ends_2: u8,
    row_end_2: bool,
}

impl WindowUnit {
    pub fn new(config: &HwConfig) -> WindowUnit {
        WindowUnit {
            pixels: config.window_pixels() as u32,
            two: config.window_words() == 4,
            unpack: Unpack::new(config),
            steps: VecDeque::new(),
            place: WindowPlace::new(config),
            strip_end: false,
            stride2: false,
            border: 2,
            single: false,
            y: 0,
            valid_1: false,
            ends_1: 0,
            row_end_1: false,
            ends_2: 0,
            row_end_2: false,
        }
    }

    /// Takes a beat in this cycle, if one is offered.
    pub fn ready(&self) -> bool {
        self.unpack.ready()
    }

    pub fn busy(&self) -> bool {
        self.unpack.active()
            || !self.steps.is_empty()
            || self.valid_1
            || self.ends_2 != 0
            || self.place.busy()
    }

    pub fn strip_done(&self) -> bool {
        self.strip_end && !self.busy()
    }

    /// The next cycle, from `now` on, in which something happens by itself.
    pub fn next(&self, now: u64) -> u64 {
        if self.busy() || self.strip_end {
            now
        } else {
            NEVER
        }
    }

    /// Whether a word is offered to the feature buffer.
    pub fn offers(&self) -> bool {
        self.place.offers()
    }

    /// One cycle. `written` are the banks that the drain writes.
    pub fn step(&mut self, beat: bool, written: u8, start: Option<&Rows>) {
        if !self.busy() {
            // The end of a row may be noted without a window; nothing follows from it.
            (self.strip_end, self.row_end_2) = (false, false);
            if let Some(rows) = start {
                self.start(rows);
            }
            return;
        }
        let output = self.place.take(written);

        // Stage 2: windows leave, the first ones first.
        let loads = output.free && self.ends_2 != 0;
        let after_one = self.ends_2 & self.ends_2.wrapping_sub(1);
        let mut after_all = after_one;
        if self.two {
            after_all &= after_one.wrapping_sub(1);
        }
        let advance = self.ends_2 == 0 || (output.free && after_all == 0);
        let load = loads.then_some(self.two && after_one != 0);
        self.place.step(output, load, advance && self.row_end_2);

        // Stage 0: a row of a single step waits until the one above has left stage 1.
        let step = self.steps.front().copied();
        let enters = advance && step.is_some() && !(self.single && self.valid_1);
        let step = step.unwrap_or_default();
        if loads {
            self.ends_2 = after_all;
        }
        if advance {
            (self.ends_2, self.row_end_2) = (0, false);
            if self.valid_1 {
                (self.ends_2, self.row_end_2) = (self.ends_1, self.row_end_1);
            }
            let emits = self.y >= self.border && !(self.stride2 && self.y % 2 == 1);
            self.valid_1 = enters;
            self.ends_1 = if emits { self.ends(step) } else { 0 };
            self.row_end_1 = emits && step.last;
        }
        if enters && step.last {
            self.y = if self.y == 7 { 6 } else { self.y + 1 };
        }
        let take = self.unpack.valid() && self.steps.len() < SLICE_WORDS;
        if enters {
            self.steps.pop_front();
        }
        if take {
            self.steps.push_back(WindowStep {
                number: self.unpack.number(),
                left: self.unpack.left(),
                last: self.unpack.last(),
            });
        }
        self.unpack.step(beat, take);
    }

    /// Pixels of the step at hand at which windows end, if its row has any.
    fn ends(&self, step: WindowStep) -> u8 {
        let x = step.number * self.pixels;
        let mut ends = 0;
        for pixel in 0..self.pixels.min(step.left) {
            let x = x + pixel;
            if x >= self.border && !(self.stride2 && x % 2 == 1) {
                ends |= 1 << pixel;
            }
        }
        ends
    }

    fn start(&mut self, rows: &Rows) {
        self.strip_end = rows.strip_end;
        self.stride2 = rows.stride == 2;
        self.border = rows.kernel - 1;
        self.single = rows.width <= self.pixels;
        if rows.first {
            self.y = 0;
        }
        self.unpack.start(rows);
        self.place.start(rows);
    }
}
