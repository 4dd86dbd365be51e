//! When each unit works, for pictures of a run.

use super::counters::Cause;

/// What the input stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bus {
    /// Records, or nothing.
    Records,
    /// Weights or parameters, or the wait for room for them.
    Weights,
    /// Rows of a picture, or the wait for room for them.
    Picture,
}

/// Cycles that are alike. Cycles are counted as by the core's register `CYCLES`, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First cycle.
    pub start: u64,
    /// Cycle behind the last.
    pub end: u64,
    /// What the array does: an index of [`firebrick_spec::regs::COUNTERS`], within
    /// [`firebrick_spec::regs::CAUSES`].
    pub cause: usize,
    /// Number of the layer that the cycles are booked for.
    pub layer: usize,
    /// The input stream.
    pub bus: Bus,
    /// Whether the window unit makes vectors of pixels.
    pub window: bool,
    /// Whether the drain has a tile.
    pub drain: bool,
    /// Whether result beats are on their way or queued.
    pub output: bool,
}

/// A pass of the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassSpan {
    /// Index of its block record, over all transfers.
    pub record: usize,
    /// Cycle of its first vector.
    pub start: u64,
    /// Cycle behind its last vector.
    pub end: u64,
}

/// All of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// In order, without gaps.
    pub spans: Vec<Span>,
    /// In order.
    pub passes: Vec<PassSpan>,
}

/// The units beside the array.
#[derive(Clone, Copy, Debug)]
pub(super) struct Units {
    pub bus: Bus,
    pub window: bool,
    pub drain: bool,
    pub output: bool,
}

impl Trace {
    /// Adds cycles behind the last; joins them with it if they are alike.
    pub(super) fn add(&mut self, cycles: u64, cause: Cause, layer: usize, units: Units) {
        let start = self.spans.last().map_or(0, |span| span.end);
        let span = Span {
            start,
            end: start + cycles,
            cause: cause as usize,
            layer,
            bus: units.bus,
            window: units.window,
            drain: units.drain,
            output: units.output,
        };
        match self.spans.last_mut() {
            Some(last)
                if (Span {
                    start: last.start,
                    end: last.end,
                    ..span
                }) == *last =>
            {
                last.end = span.end;
            }
            _ => self.spans.push(span),
        }
    }
}
