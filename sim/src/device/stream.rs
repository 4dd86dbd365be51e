//! Transfers on the simulated engine: the next one's input overlaps the one that computes.

use std::time::{Duration, Instant};

use firebrick_driver::flight::{self, ASK_AGAIN};
use firebrick_driver::{DeviceError, Fed, Feed, Packet, Take};

use super::SimDevice;
use super::hang::Watch;

/// Cycles between looks at the engine's status, the deadline, the flag and the progress report.
const POLL: u64 = 8192;
/// Transfers in the source: the one that is being sent and one behind it, so that no beat is late.
const QUEUED: usize = 2;

/// What is kept of a transfer under way.
#[derive(Debug)]
pub(super) struct Sent {
    /// What is sent, to say where it stands if it does not come through.
    pub bytes: Vec<u8>,
    /// Beats that the source has sent when this one is through, counted from power-up.
    pub until: u64,
}

pub(super) type Flight = flight::Flight<Sent>;
type Flights = flight::Flights<Sent>;

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
        let mut flights = Flights::new(deadline);
        let outcome = self.fly(&mut flights, feed, result_bytes, deadline, take);
        // After a hang the engine stays as it is, for a look at its registers.
        let kept = matches!(
            outcome,
            Err(DeviceError::Engine { .. } | DeviceError::Hang { .. })
        );
        if !flights.is_empty() && !kept {
            self.abandon().map_err(|e| self.link(e))?;
        }
        outcome
    }

    fn fly(
        &mut self,
        flights: &mut Flights,
        feed: &mut dyn Feed,
        result_bytes: usize,
        deadline: Duration,
        take: &mut Take<'_>,
    ) -> Result<(), DeviceError> {
        let mut room = vec![0; feed.transfer_bytes()];
        let first = self.bench.now();
        let mut watch = Watch::new(first);
        loop {
            self.uncancelled()?;
            let empty = flights.is_empty();
            self.fill(flights, feed, &mut room);
            if flights.is_done() {
                return Ok(());
            }
            if flights.is_empty() {
                flights.settle(self, false)?;
                std::thread::sleep(ASK_AGAIN);
                continue;
            }
            if empty {
                watch = Watch::new(self.bench.now());
            }
            let room_at = match (flights.first_unsent(), flights.is_closed()) {
                (Some(flight), false) => flight.own.until,
                _ => u64::MAX,
            };
            let polled = self.cycles(room_at)?;
            let (beats, now) = (self.bench.source(self.source).sent(), Instant::now());
            while flights
                .first_unsent()
                .is_some_and(|flight| flight.own.until <= beats)
            {
                flights.sent(None, now);
            }
            if let Some(bytes) = self.bench.sink_mut(self.sink).take_packet()
                && let Some(timing) = flights.landed(Instant::now())
            {
                watch = Watch::new(self.bench.now());
                if bytes.len() != result_bytes {
                    return Err(DeviceError::Length {
                        device: self.name.clone(),
                        want: result_bytes,
                        got: bytes.len(),
                    });
                }
                let packet = Packet {
                    bytes: &bytes,
                    timing,
                };
                if take(packet).is_break() {
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
                flights.hold(DeviceError::Engine {
                    device: self.name.clone(),
                    fault,
                });
                if !self.bench.sink(self.sink).has_packet() {
                    let moving = self.bench.source(self.source).waiting() > 0;
                    let settled = flights.settle(self, moving);
                    if settled.is_err() {
                        self.packet();
                    }
                    settled?;
                }
            }
            let Some(flight) = flights.front() else {
                continue;
            };
            let reason = match self.stands_still(&mut watch, flight)? {
                Some(reason) => reason,
                None if flights.is_overdue() => format!(
                    "no result within {deadline:?} ({} cycles)",
                    self.bench.now() - watch.begin
                ),
                None => continue,
            };
            return Err(self.hang(reason, &watch, flight, result_bytes));
        }
    }

    /// Fills the source with what the feed has.
    fn fill(&mut self, flights: &mut Flights, feed: &mut dyn Feed, room: &mut [u8]) {
        while flights.unsent() < QUEUED {
            let Fed::Transfer(length) = flights.ask(feed, room) else {
                return;
            };
            let source = self.bench.source_mut(self.source);
            source.push_bytes(&room[..length], true);
            let sent = Sent {
                bytes: room[..length].to_vec(),
                until: source.sent() + source.waiting(),
            };
            flights.departed(length, sent);
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
}
