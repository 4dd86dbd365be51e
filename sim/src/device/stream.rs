//! Transfers on the simulated engine: the next one's input overlaps the one that computes.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use firebrick_driver::{Device, DeviceError, Fed, Feed, Packet, Take, Timing};
use firebrick_spec::regs;

use super::SimDevice;
use super::hang::Watch;

/// Cycles between looks at the engine's status, the deadline, the flag and the progress report.
const POLL: u64 = 8192;
/// Transfers in the source: the one that is being sent and one behind it, so that no beat is late.
const QUEUED: usize = 2;
/// Between two questions for a transfer while nothing is under way.
const ASK: Duration = Duration::from_millis(5);

/// A transfer under way.
pub(super) struct Flight {
    /// What is sent, to say where it stands if it does not come through.
    pub bytes: Vec<u8>,
    pack: Duration,
    begin: Instant,
    /// Beats that the source has sent when this one is through, counted from power-up.
    pub until: u64,
    /// When it was.
    sent: Option<Instant>,
}

/// Where the transfers of a run are.
#[derive(Default)]
struct Flights {
    flights: VecDeque<Flight>,
    ended: bool,
    /// The engine refuses what comes: no more of it.
    refused: bool,
}

impl Flights {
    fn unsent(&self) -> usize {
        self.flights.iter().filter(|f| f.sent.is_none()).count()
    }

    /// Notes what the source has sent.
    fn note(&mut self, beats: u64) {
        let now = Instant::now();
        for flight in &mut self.flights {
            if flight.sent.is_none() && flight.until <= beats {
                flight.sent = Some(now);
            }
        }
    }

    /// Beats after which there is room in the source.
    fn room_at(&self) -> u64 {
        let first = self.flights.iter().find(|f| f.sent.is_none());
        match (first, self.ended || self.refused) {
            (Some(flight), false) => flight.until,
            _ => u64::MAX,
        }
    }
}

impl SimDevice {
    /// As [`Device::stream`](firebrick_driver::Device::stream). Whatever ends it early leaves a
    /// source that is empty: what was under way does not reach the next run.
    pub(super) fn flow(
        &mut self,
        feed: &mut dyn Feed,
        result_bytes: usize,
        deadline: Duration,
        take: &mut Take<'_>,
    ) -> Result<(), DeviceError> {
        if self.stuck {
            self.abandon().map_err(|e| self.link(e))?;
        }
        let mut flights = Flights::default();
        let outcome = self.fly(&mut flights, feed, result_bytes, deadline, take);
        // After a hang the engine stays as it is, for a look at its registers.
        let kept = matches!(
            outcome,
            Err(DeviceError::Engine { .. } | DeviceError::Hang { .. })
        );
        if !flights.flights.is_empty() && !kept {
            self.abandon().map_err(|e| self.link(e))?;
        }
        outcome
    }

    fn fly(
        &mut self,
        state: &mut Flights,
        feed: &mut dyn Feed,
        result_bytes: usize,
        deadline: Duration,
        take: &mut Take<'_>,
    ) -> Result<(), DeviceError> {
        let mut room = vec![0; feed.transfer_bytes()];
        let first = self.bench.now();
        // Since when the first of the flights is waited for.
        let mut since = Instant::now();
        // After an error: the last look found nothing more to come.
        let mut quiet = false;
        let mut watch = Watch::new(first);
        loop {
            self.uncancelled()?;
            let empty = state.flights.is_empty();
            self.fill(state, feed, &mut room);
            if state.flights.is_empty() {
                if state.ended {
                    return Ok(());
                }
                std::thread::sleep(ASK);
                continue;
            }
            if empty {
                since = Instant::now();
                watch = Watch::new(self.bench.now());
            }
            let polled = self.cycles(state.room_at())?;
            state.note(self.bench.source(self.source).sent());
            if let Some(bytes) = self.bench.sink_mut(self.sink).take_packet()
                && let Some(flight) = state.flights.pop_front()
            {
                since = Instant::now();
                watch = Watch::new(self.bench.now());
                if self.taken(&flight, &bytes, result_bytes, take)?.is_break() {
                    return Ok(());
                }
            }
            if !polled {
                continue;
            }
            if let Some(report) = &mut self.report {
                report(self.bench.now() - first);
            }
            if let Some(fault) = self.fault()? {
                // It takes and drops the rest.
                state.refused = true;
                // Results of the transfers before it still come, and a look later they have.
                let owing = self.read_reg(regs::STATUS.offset)? & regs::status::OWING.mask() != 0;
                let through = self.bench.source(self.source).waiting() == 0 && !owing;
                if !through || self.bench.sink(self.sink).has_packet() {
                    quiet = false;
                } else if !std::mem::replace(&mut quiet, true) {
                    continue;
                } else {
                    self.packet();
                    return Err(DeviceError::Engine {
                        device: self.name.clone(),
                        fault,
                    });
                }
            }
            let Some(flight) = state.flights.front() else {
                continue;
            };
            let reason = match self.stands_still(&mut watch, flight)? {
                Some(reason) => reason,
                None if since.elapsed() > deadline => format!(
                    "no result within {deadline:?} ({} cycles)",
                    self.bench.now() - watch.begin
                ),
                None => continue,
            };
            return Err(self.hang(reason, &watch, flight, result_bytes));
        }
    }

    /// Fills the source with what the feed has.
    fn fill(&mut self, state: &mut Flights, feed: &mut dyn Feed, room: &mut [u8]) {
        while !state.ended && !state.refused && state.unsent() < QUEUED {
            let begin = Instant::now();
            let length = match feed.next(room) {
                Fed::Transfer(length) => length.min(room.len()),
                Fed::Pending => return,
                Fed::End => {
                    state.ended = true;
                    return;
                }
            };
            let now = Instant::now();
            let source = self.bench.source_mut(self.source);
            source.push_bytes(&room[..length], true);
            let until = source.sent() + source.waiting();
            state.flights.push_back(Flight {
                bytes: room[..length].to_vec(),
                pack: now - begin,
                begin: now,
                until,
                sent: None,
            });
        }
    }

    /// Lets the clock run until a packet is complete, the source has room, or it is time to look
    /// around; the last is `true`.
    fn cycles(&mut self, room_at: u64) -> Result<bool, DeviceError> {
        // One may have come while a register was read.
        if self.bench.sink(self.sink).has_packet() {
            return Ok(false);
        }
        let packets = self.bench.sink(self.sink).packets();
        for _ in 0..POLL {
            self.bench.cycle().map_err(|e| self.link(e))?;
            if self.bench.sink(self.sink).packets() > packets
                || self.bench.source(self.source).sent() >= room_at
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A packet came, for the first of the flights.
    fn taken(
        &mut self,
        flight: &Flight,
        bytes: &[u8],
        result_bytes: usize,
        take: &mut Take<'_>,
    ) -> Result<ControlFlow<()>, DeviceError> {
        if bytes.len() != result_bytes {
            return Err(DeviceError::Length {
                device: self.name.clone(),
                want: result_bytes,
                got: bytes.len(),
            });
        }
        let end = Instant::now();
        let timing = Timing {
            pack: flight.pack,
            send: flight.sent.unwrap_or(end) - flight.begin,
            total: end - flight.begin,
        };
        Ok(take(Packet { bytes, timing }))
    }
}
