//! The way out of the core: packets, with the faults of the way.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::engine::Piece;
use super::fault::Effect;
use super::faults::Faults;

/// A piece that can be read from some time on.
#[derive(Debug)]
struct Ready {
    bytes: Vec<u8>,
    /// Bytes of it that are gone.
    gone: usize,
    last: bool,
    from: Instant,
}

/// A packet to which something happens: it is collected whole.
#[derive(Debug)]
struct Collected {
    effects: Vec<Effect>,
    bytes: Vec<u8>,
}

/// The way out.
#[derive(Debug)]
pub struct ResultQueue {
    ready: VecDeque<Ready>,
    waiting: usize,
    /// Whether a packet has begun.
    begun: bool,
    collected: Option<Collected>,
    /// A packet that changes places with the next.
    held: Option<Vec<u8>>,
    beat: usize,
}

impl ResultQueue {
    /// The way out of a core with beats of so many bytes.
    pub fn new(beat: usize) -> ResultQueue {
        ResultQueue {
            ready: VecDeque::new(),
            waiting: 0,
            begun: false,
            collected: None,
            held: None,
            beat,
        }
    }

    /// Drops everything.
    pub fn reset(&mut self) {
        *self = ResultQueue::new(self.beat);
    }

    /// Bytes that wait to be read.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes what the core gave.
    pub fn add(&mut self, piece: Piece, faults: &mut Faults) {
        if !self.begun {
            self.begun = true;
            let effects = faults.for_result();
            self.collected = (!effects.is_empty()).then_some(Collected {
                effects,
                bytes: Vec::new(),
            });
        }
        let last = piece.last;
        match &mut self.collected {
            None => self.queue(piece.bytes, last, Duration::ZERO),
            Some(collected) => collected.bytes.extend(piece.bytes),
        }
        if last {
            self.begun = false;
            let held = self.held.take();
            if let Some(collected) = self.collected.take() {
                self.damage(collected);
            }
            if let Some(held) = held {
                self.queue(held, true, Duration::ZERO);
            }
        }
    }

    /// A whole packet, and what happens to it.
    fn damage(&mut self, packet: Collected) {
        let Collected { effects, mut bytes } = packet;
        let (mut delay, mut copies) = (Duration::ZERO, 1);
        for effect in effects {
            match effect {
                Effect::C2hLate(time) => delay = time,
                Effect::C2hMissing => copies = 0,
                Effect::C2hRepeat => copies = 2,
                Effect::C2hBeatLess => bytes.truncate(bytes.len().saturating_sub(self.beat)),
                Effect::C2hBeatMore => {
                    let from = bytes.len().saturating_sub(self.beat);
                    bytes.extend_from_within(from..);
                }
                Effect::C2hFlip(bit) => {
                    let bit = bit as usize % (bytes.len() * 8).max(1);
                    if let Some(byte) = bytes.get_mut(bit / 8) {
                        *byte ^= 1 << (bit % 8);
                    }
                }
                Effect::C2hSwap => {
                    self.held = Some(std::mem::take(&mut bytes));
                    copies = 0;
                }
                _ => {}
            }
        }
        for _ in 0..copies {
            self.queue(bytes.clone(), true, delay);
        }
    }

    fn queue(&mut self, bytes: Vec<u8>, last: bool, delay: Duration) {
        if bytes.is_empty() {
            return;
        }
        self.waiting += bytes.len();
        self.ready.push_back(Ready {
            bytes,
            gone: 0,
            last,
            from: Instant::now() + delay,
        });
    }

    /// What can be read now, up to the end of a packet or less.
    pub fn front(&self) -> Option<&[u8]> {
        let front = self.ready.front()?;
        (front.from <= Instant::now()).then(|| &front.bytes[front.gone..])
    }

    /// Takes bytes of what [`front`](Self::front) shows; says whether a packet ends with them.
    pub fn consume(&mut self, bytes: usize) -> bool {
        let Some(front) = self.ready.front_mut() else {
            return false;
        };
        let bytes = bytes.min(front.bytes.len() - front.gone);
        front.gone += bytes;
        self.waiting -= bytes;
        let through = front.gone == front.bytes.len();
        let ends = through && front.last;
        if through {
            self.ready.pop_front();
        }
        ends
    }

    /// Reads into `room` up to its end or that of a packet; says how much, and whether a packet
    /// ends.
    pub fn read(&mut self, room: &mut Vec<u8>, limit: usize) -> bool {
        while room.len() < limit
            && let Some(front) = self.front()
        {
            let now = front.len().min(limit - room.len());
            room.extend_from_slice(&front[..now]);
            if self.consume(now) {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of two beats of four bytes, in two pieces, through faults.
    fn through(faults: &[&str], packets: u8) -> Vec<Vec<u8>> {
        let mut set = Faults::default();
        faults
            .iter()
            .for_each(|text| set.arm(text.parse().unwrap()));
        let mut output = ResultQueue::new(4);
        for packet in 0..packets {
            for last in [false, true] {
                let bytes = vec![packet; 4];
                output.add(Piece { bytes, last }, &mut set);
            }
        }
        let mut read = Vec::new();
        while output.front().is_some() {
            let mut packet = Vec::new();
            output.read(&mut packet, usize::MAX);
            read.push(packet);
        }
        assert_eq!(output.waiting(), 0);
        read
    }

    #[test]
    fn results_pass_or_are_damaged_as_told() {
        let whole = |n: u8| vec![n; 8];
        assert_eq!(through(&[], 2), [whole(0), whole(1)]);
        assert_eq!(through(&["c2h-missing"], 2), [whole(1)]);
        assert_eq!(through(&["c2h-missing@transfer=2"], 2), [whole(0)]);
        assert_eq!(through(&["c2h-beat-less"], 1), [vec![0; 4]]);
        assert_eq!(through(&["c2h-beat-more"], 1), [vec![0; 12]]);
        assert_eq!(through(&["c2h-repeat"], 2), [whole(0), whole(0), whole(1)]);
        assert_eq!(through(&["c2h-swap"], 3), [whole(1), whole(0), whole(2)]);
        let mut flipped = whole(0);
        flipped[1] = 2;
        assert_eq!(through(&["c2h-flip=9"], 2), [flipped.clone(), whole(1)]);
        assert_eq!(through(&["c2h-flip=73"], 1), [flipped]);
    }

    #[test]
    fn late_is_not_yet() {
        let mut faults = Faults::default();
        faults.arm("c2h-late=60".parse().unwrap());
        let mut output = ResultQueue::new(4);
        let bytes = vec![1; 4];
        output.add(Piece { bytes, last: true }, &mut faults);
        assert_eq!((output.front(), output.waiting()), (None, 4));
    }

    #[test]
    fn reads_stop_at_the_end_of_a_packet() {
        let mut faults = Faults::default();
        let mut output = ResultQueue::new(4);
        for n in 0..2 {
            let bytes = vec![n; 8];
            output.add(Piece { bytes, last: true }, &mut faults);
        }
        let mut room = Vec::new();
        assert!(!output.read(&mut room, 6));
        assert!(output.read(&mut room, 12));
        assert_eq!(room.len(), 8);
    }
}
