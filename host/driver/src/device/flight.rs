//! Transfers under way: what every device's [`stream`](super::Device::stream) has to keep of them,
//! whatever carries the bytes. A board and the simulator share it, so that both fill, time, wait
//! and end alike.

use super::{Device, DeviceError, Fed, Feed, Timing};
use firebrick_spec::regs;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Pause before a feed that had nothing is asked again.
pub const ASK_AGAIN: Duration = Duration::from_millis(5);

/// A transfer under way.
#[derive(Debug)]
pub struct Flight<T> {
    /// What the device itself keeps of it.
    pub own: T,
    /// Its length in bytes.
    pub length: usize,
    pack: Duration,
    /// When it was handed over, then when its first byte was offered.
    begin: Instant,
    /// When the engine had taken it.
    sent: Option<Instant>,
}

/// The transfers of one run that have no result yet, in order.
#[derive(Debug)]
pub struct Flights<T> {
    queue: VecDeque<Flight<T>>,
    deadline: Duration,
    /// Since when the first one's result is waited for.
    since: Instant,
    /// The time that the transfer which was asked for last took to write.
    packed: Duration,
    ended: bool,
    /// The engine's error, while results of the transfers before it still come.
    held: Option<DeviceError>,
    /// The last look found nothing more to come.
    quiet: bool,
}

impl<T> Flights<T> {
    /// None yet. Each result has to come within `deadline` of its transfer, or of the result
    /// before it.
    #[must_use]
    pub fn new(deadline: Duration) -> Flights<T> {
        Flights {
            queue: VecDeque::new(),
            deadline,
            since: Instant::now(),
            packed: Duration::ZERO,
            ended: false,
            held: None,
            quiet: false,
        }
    }

    /// Whether no result is waited for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The one whose result comes next.
    #[must_use]
    pub fn front(&self) -> Option<&Flight<T>> {
        self.queue.front()
    }

    /// How many the engine has not taken as a whole.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.queue.iter().filter(|f| f.sent.is_none()).count()
    }

    /// The first that the engine has not taken as a whole.
    #[must_use]
    pub fn first_unsent(&self) -> Option<&Flight<T>> {
        self.queue.iter().find(|f| f.sent.is_none())
    }

    /// Whether there will be no more transfers: the feed has ended, or an error is held.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ended || self.held.is_some()
    }

    /// Whether all that there was has its result, and no error is held.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.ended && self.queue.is_empty() && self.held.is_none()
    }

    /// Has the feed write its next transfer to `room`; [`Fed::End`] from when there will be none.
    pub fn ask(&mut self, feed: &mut dyn Feed, room: &mut [u8]) -> Fed {
        if self.is_closed() {
            return Fed::End;
        }
        let begin = Instant::now();
        match feed.next(room) {
            Fed::Transfer(length) => {
                self.packed = begin.elapsed();
                Fed::Transfer(length.min(room.len()))
            }
            Fed::Pending => Fed::Pending,
            Fed::End => {
                self.ended = true;
                Fed::End
            }
        }
    }

    /// The transfer that was asked for last is on its way.
    pub fn departed(&mut self, length: usize, own: T) {
        let now = Instant::now();
        if self.queue.is_empty() {
            self.since = now;
        }
        self.queue.push_back(Flight {
            own,
            length,
            pack: self.packed,
            begin: now,
            sent: None,
        });
    }

    /// The engine has taken the first unsent one at `end`; its first byte was offered at `begin`,
    /// if that was not when it departed. Nothing if its result was faster than this report.
    pub fn sent(&mut self, begin: Option<Instant>, end: Instant) {
        if let Some(flight) = self.queue.iter_mut().find(|f| f.sent.is_none()) {
            flight.begin = begin.map_or(flight.begin, |begin| flight.begin.max(begin));
            flight.sent = Some(end);
        }
    }

    /// The first one's result has come. None if nothing was waited for.
    pub fn landed(&mut self, end: Instant) -> Option<Timing> {
        self.quiet = false;
        let flight = self.queue.pop_front()?;
        self.since = end;
        let sent = flight.sent.unwrap_or(end);
        Some(Timing {
            pack: flight.pack,
            send: sent.saturating_duration_since(flight.begin),
            total: end.saturating_duration_since(flight.begin),
        })
    }

    /// Whether the first one's result is late.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        !self.queue.is_empty() && self.since.elapsed() > self.deadline
    }

    /// Keeps an error of the engine until what it owes has come; the first one counts.
    pub fn hold(&mut self, error: DeviceError) {
        if self.held.is_none() {
            self.quiet = false;
            self.held = Some(error);
        }
    }

    /// Whether an error is held.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// The error that is held, because nothing will come any more.
    pub fn give_up(&mut self) -> Option<DeviceError> {
        self.held.take()
    }

    /// For a device that holds an error, after each interval in which nothing came; `moving` if
    /// the engine still takes what it refuses. The engine says in `STATUS.owing` whether results
    /// of transfers before the one at fault are still to leave it; what has left it may be on its
    /// way for another interval.
    ///
    /// # Errors
    /// The error that is held, once no result will come any more; one of reading `STATUS`.
    pub fn settle<D: Device + ?Sized>(
        &mut self,
        device: &mut D,
        moving: bool,
    ) -> Result<(), DeviceError> {
        if self.held.is_none() {
            return Ok(());
        }
        if !self.queue.is_empty() {
            let status = device.read_reg(regs::STATUS.offset)?;
            let more = moving || status & regs::status::OWING.mask() != 0;
            if more || !std::mem::replace(&mut self.quiet, !more) {
                self.quiet = !more;
                return Ok(());
            }
        }
        self.held.take().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Take, one_by_one};

    /// A register that reads what it is told, and nothing else.
    struct Status(u32);

    impl Device for Status {
        fn name(&self) -> String {
            "status".into()
        }

        fn read_reg(&mut self, offset: u32) -> Result<u32, DeviceError> {
            assert_eq!(offset, regs::STATUS.offset);
            Ok(self.0)
        }

        fn write_reg(&mut self, _: u32, _: u32) -> Result<(), DeviceError> {
            Ok(())
        }

        fn stream(
            &mut self,
            feed: &mut dyn Feed,
            _: usize,
            _: Duration,
            take: &mut Take<'_>,
        ) -> Result<(), DeviceError> {
            one_by_one(feed, take, |transfer| Ok(transfer.to_vec()))
        }
    }

    fn error() -> DeviceError {
        DeviceError::Cancelled {
            device: "status".into(),
        }
    }

    #[test]
    fn an_error_waits_for_what_is_owed_and_one_interval_more() {
        let mut flights = Flights::new(Duration::from_secs(1));
        flights.departed(16, ());
        flights.departed(16, ());
        flights.hold(error());
        let (mut owing, mut through) = (Status(regs::status::OWING.mask()), Status(0));
        for _ in 0..3 {
            flights.settle(&mut owing, false).unwrap();
        }
        flights.settle(&mut through, false).unwrap();
        // It was on its way.
        assert!(flights.landed(Instant::now()).is_some());
        flights.settle(&mut through, false).unwrap();
        flights.settle(&mut through, true).unwrap();
        flights.settle(&mut through, false).unwrap();
        assert!(flights.settle(&mut through, false).is_err());
    }

    #[test]
    fn an_error_with_nothing_under_way_is_told_at_once() {
        let mut flights = Flights::<()>::new(Duration::from_secs(1));
        flights.settle(&mut Status(0), false).unwrap();
        flights.hold(error());
        assert!(flights.is_closed() && !flights.is_done());
        assert!(flights.settle(&mut Status(u32::MAX), true).is_err());
    }

    #[test]
    fn the_deadline_begins_with_each_result() {
        let mut flights = Flights::new(Duration::ZERO);
        assert!(!flights.is_overdue());
        flights.departed(16, ());
        std::thread::sleep(Duration::from_millis(1));
        assert!(flights.is_overdue());
        assert!(flights.landed(Instant::now()).is_some());
        assert!(!flights.is_overdue() && flights.landed(Instant::now()).is_none());
    }

    #[test]
    fn many_transfers_in_memory_are_streamed_in_order() {
        let transfers = [vec![1; 16], vec![2; 48], vec![3; 32]];
        let packets = Status(0).run_many(&transfers, 16, Duration::ZERO).unwrap();
        assert_eq!(packets, transfers);
        assert_eq!(
            Status(0).run(&[7; 16], 16, Duration::ZERO).unwrap(),
            [7; 16]
        );
    }
}
