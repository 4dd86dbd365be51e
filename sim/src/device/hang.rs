//! A run that does not come to its end: noticed by what no longer moves, or by the prediction.

use firebrick_driver::DeviceError;
use firebrick_driver::stall::{Places, Queues, Registers, Stall, records_of};
use firebrick_model::timing::predict;
use firebrick_spec::BEAT_BYTES;
use firebrick_spec::regs;

use super::SimDevice;
use super::probes::Seen;
use super::stream::Flight;
use super::units::Outside;

/// Cycles without a beat in, a beat out or a vector of the array after which nothing will come any
/// more, without idle cycles and back-pressure. What takes longest is a drain: two cycles for each
/// of some hundred vectors.
const STILL: f64 = 40_000.0;
/// Times the predicted cycles after which a run is given up, likewise.
const TIMES: f64 = 4.0;
/// Allowed beyond that: short runs begin and end with fixed costs.
const BESIDE: f64 = 40_000.0;
/// No prediction is made before.
const EARLY: u64 = 20_000;
/// What surrounds the halt in the cycles that are to be recorded.
const AROUND: u64 = 500;

/// What has moved since a result was last waited for.
pub(super) struct Watch {
    /// Cycle in which that began.
    pub begin: u64,
    /// Cycle of the last look at which something had moved.
    moved: u64,
    /// The look before: there it still moved.
    before: u64,
    /// Beats in, beats out, vectors.
    seen: (u64, u64, u32),
    /// Cycles after which the run is given up, with what was predicted, once that is known.
    limit: Option<(u64, u64)>,
}

impl Watch {
    pub fn new(now: u64) -> Watch {
        Watch {
            begin: now,
            moved: now,
            before: now,
            seen: (0, 0, 0),
            limit: None,
        }
    }
}

impl SimDevice {
    /// How much longer idle cycles and back-pressure make everything.
    fn slowed(&self) -> f64 {
        let (idle, back_pressure) = self.bench.disturbance();
        1.0 / ((1.0 - idle.min(0.999)) * (1.0 - back_pressure.min(0.999)))
    }

    /// Why the result that is waited for will not come, if so.
    pub(super) fn stands_still(
        &mut self,
        watch: &mut Watch,
        flight: &Flight,
    ) -> Result<Option<String>, DeviceError> {
        use firebrick_driver::Device;
        let busy = self.read_reg(regs::BUSY_LO.offset)?;
        let now = self.bench.now();
        let source = self.bench.source(self.source);
        let seen = (source.sent(), self.bench.sink(self.sink).taken(), busy);
        if seen != watch.seen {
            watch.seen = seen;
            watch.before = watch.moved;
            watch.moved = now;
        }
        let still = now - watch.moved;
        if still as f64 > STILL * self.slowed() {
            return Ok(Some(format!(
                "the engine stands still: for {still} cycles no beat moved and the array took no \
                 vector"
            )));
        }
        let run = now - watch.begin;
        if watch.limit.is_none() && run > EARLY {
            watch.limit = Some(self.limit(flight));
        }
        Ok(match watch.limit {
            Some((limit, predicted)) if run > limit => Some(format!(
                "the engine does not come to an end: it has run for {run} cycles, and {predicted} \
                 are predicted"
            )),
            _ => None,
        })
    }

    /// Cycles that a transfer may take, and those that are predicted.
    fn limit(&self, flight: &Flight) -> (u64, u64) {
        // One that cannot be predicted is one that the engine refuses, or waits on for ever.
        let Ok(timing) = predict(&self.config, &[&flight.own.bytes]) else {
            return (u64::MAX, 0);
        };
        let predicted = timing.images.last().map_or(0, |image| image.end_cycle);
        let limit = (TIMES * predicted as f64 + BESIDE) * self.slowed();
        (limit as u64, predicted)
    }

    /// All that can be said of an engine that is given up.
    pub(super) fn hang(
        &mut self,
        reason: String,
        watch: &Watch,
        flight: &Flight,
        want: usize,
    ) -> DeviceError {
        self.stuck = true;
        let now = self.bench.now();
        let seen = Seen::read(self.bench.model());
        let source = self.bench.source(self.source);
        let waiting = source.waiting();
        let transfer = flight.own.bytes.len();
        // Beats of transfers behind this one wait as well, or are in the engine already.
        let left = (flight.own.until.saturating_sub(source.sent())) as usize * BEAT_BYTES;
        let sent = transfer.saturating_sub(left);
        let registers = Registers::read(self);
        let queued = seen.queue.map(|level| level as usize);
        let draining = seen.tiles.map(|tiles| tiles as usize);
        let queues = Queues {
            queued: queued
                .or(registers.queued().map(|n| n as usize))
                .unwrap_or(0),
            draining: draining
                .or(registers.draining().map(|n| n as usize))
                .unwrap_or(0),
            held: seen.held.map(|held| held != 0),
            in_hand: seen.decoder_in_hand(),
        };
        let records = records_of(&flight.own.bytes, &self.config);
        let places = Places::find(&records, sent, queues);
        let outside = Outside {
            record: places.of("decoder").map(|at| &at.command),
            block: places.of("array").map(|at| &at.command),
            waiting,
            idle: registers.status.is_some_and(|status| status & 1 == 0),
        };
        // A run that a deadline ends may be going on as it should.
        let stands = now - watch.moved > EARLY;
        let late = watch
            .limit
            .is_some_and(|(limit, _)| now - watch.begin > limit);
        let suspect = match stands || late {
            true => seen.suspect(&outside),
            false => Some("none, it goes on: allow it more time with a longer deadline".into()),
        };
        let stall = Stall {
            reason,
            sent,
            transfer,
            want,
            suspect,
            units: seen.units(&outside),
            registers,
            partial: self.packet(),
            cycles: Some(
                watch.before.saturating_sub(AROUND)..watch.moved.max(watch.before + 1) + AROUND,
            ),
            places,
        };
        DeviceError::Hang {
            device: self.name.clone(),
            stall: Box::new(stall),
        }
    }
}
