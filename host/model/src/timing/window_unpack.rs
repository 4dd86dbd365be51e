//! The window unit's input: beats become steps of pixels.

use firebrick_spec::HwConfig;
use firebrick_spec::command::Rows;

/// Mirrors `window_unpack.rs` of the hardware.
#[derive(Clone, Debug, Default)]
pub(super) struct Unpack {
    /// Pixels of a step.
    pixels: u32,
    /// Beats of a row; still to come of this one; rows still to come.
    row_beats: u32,
    beats: u32,
    rows_in: u32,
    /// Beats held, and the bytes of the oldest that have left.
    held: u32,
    offset: u32,
    /// Pixels of a row; left of this one; rows left.
    row_pixels: u32,
    pixels_left: u32,
    rows_out: u32,
    number: u32,
}

impl Unpack {
    pub fn new(config: &HwConfig) -> Unpack {
        Unpack {
            pixels: config.window_pixels() as u32,
            ..Unpack::default()
        }
    }

    pub fn start(&mut self, rows: &Rows) {
        self.row_beats = (3 * rows.width).div_ceil(16);
        self.beats = self.row_beats;
        self.rows_in = rows.rows;
        self.row_pixels = rows.width;
        self.pixels_left = rows.width;
        self.rows_out = rows.rows;
        (self.held, self.offset, self.number) = (0, 0, 0);
    }

    pub fn ready(&self) -> bool {
        self.rows_in > 0 && self.held < 3
    }

    /// Steps are left.
    pub fn active(&self) -> bool {
        self.rows_out > 0
    }

    /// The step at hand is its row's last.
    pub fn last(&self) -> bool {
        self.pixels_left <= self.pixels
    }

    /// Number of the step at hand in its row.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Pixels from the step at hand to the end of the row.
    pub fn left(&self) -> u32 {
        self.pixels_left
    }

    /// Bytes of the oldest beats up to the end of the step at hand.
    fn reach(&self) -> u32 {
        self.offset + 3 * self.pixels.min(self.pixels_left)
    }

    /// The step at hand is held completely.
    pub fn valid(&self) -> bool {
        self.active() && (self.held >= 2 || (self.held == 1 && self.reach() <= 16))
    }

    /// One cycle: a beat enters, the step at hand leaves.
    pub fn step(&mut self, beat: bool, take: bool) {
        if beat {
            self.beats -= 1;
            if self.beats == 0 {
                self.beats = self.row_beats;
                self.rows_in -= 1;
            }
        }
        let mut pops = 0;
        if take {
            let reach = self.reach();
            if self.last() {
                pops = 1 + u32::from(reach > 16);
                (self.number, self.offset) = (0, 0);
                self.pixels_left = self.row_pixels;
                self.rows_out -= 1;
            } else {
                pops = reach / 16;
                self.offset = reach % 16;
                self.number += 1;
                self.pixels_left -= self.pixels;
            }
        }
        self.held = self.held - pops + u32::from(beat);
    }
}
