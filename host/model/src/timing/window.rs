//! The window unit: when it takes beats and writes words.

use firebrick_spec::HwConfig;
use firebrick_spec::command::Rows;

use super::loader::NEVER;

/// Mirrors the window unit of the hardware.
#[derive(Clone, Debug)]
pub(super) struct Window {
    active: bool,
    strip_end: bool,
    stride2: bool,
    width: u32,
    rows: u32,
    fill: u32,
    x: u32,
    y: u32,
    valid_1: bool,
    emit_1: bool,
    emit_2: bool,
    pending: u32,
}

impl Window {
    pub fn new(_config: &HwConfig) -> Window {
        Window {
            active: false,
            strip_end: false,
            stride2: false,
            width: 0,
            rows: 0,
            fill: 0,
            x: 0,
            y: 0,
            valid_1: false,
            emit_1: false,
            emit_2: false,
            pending: 0,
        }
    }

    /// Takes a beat in this cycle, if one is offered.
    pub fn ready(&self) -> bool {
        self.active && self.fill < 3
    }

    pub fn busy(&self) -> bool {
        self.active || self.valid_1 || self.emit_2 || self.pending > 0
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
        self.pending > 0
    }

    /// One cycle. `taken` are the banks that the drain writes.
    pub fn step(&mut self, beat: bool, taken: u8, start: Option<&Rows>) {
        let out_ready = taken == 0;
        let strip_done = self.strip_done();
        let takes_window =
            self.emit_2 && (self.pending == 0 || (self.pending == 1 && out_ready));
        let advance = !self.emit_2 || takes_window;
        if self.pending > 0 && out_ready {
            self.pending -= 1;
        }
        if takes_window {
            self.pending = 2;
        }
        let enters = advance && self.active && self.fill >= 3;
        if advance {
            self.emit_2 = self.valid_1 && self.emit_1;
            self.valid_1 = enters;
            self.emit_1 = self.x >= 2
                && self.y >= 2
                && (!self.stride2 || (self.x % 2 == 0 && self.y % 2 == 0));
        }
        if beat {
            self.fill += 16;
        }
        if enters {
            self.fill -= 3;
            self.x += 1;
            if self.x == self.width {
                self.fill = 0;
                self.x = 0;
                self.y += 1;
                self.rows -= 1;
                self.active = self.rows > 0;
            }
        }
        if strip_done {
            self.strip_end = false;
        }
        if let Some(rows) = start {
            self.active = true;
            self.strip_end = rows.strip_end;
            self.width = rows.width;
            self.rows = rows.rows;
            self.stride2 = rows.stride == 2;
            self.fill = 0;
            self.x = 0;
            if rows.first {
                self.y = 0;
            }
        }
    }
}
