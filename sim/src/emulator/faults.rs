//! The faults that are set, and which of them are due.

use rustix::io::Errno;

use super::fault::{Effect, Fault, When};

/// A fault that is set.
#[derive(Debug)]
struct Armed {
    fault: Fault,
    /// Transfers, or results, begun since it was set.
    count: u64,
    /// Input bytes since it was set.
    bytes: u64,
    /// What `bytes` was when it became due: where a bit of the input is counted from.
    begin: u64,
    due: bool,
}

impl Armed {
    /// Becomes due, unless it is: at this many bytes of input since it was set.
    fn due_at(&mut self, bytes: u64) {
        if !self.due {
            self.begin = bytes;
            self.due = true;
        }
    }
}

/// All of them, and how many went off.
#[derive(Debug, Default)]
pub struct Faults {
    armed: Vec<Armed>,
    fired: u64,
}

impl Faults {
    /// Sets a fault.
    pub fn arm(&mut self, fault: Fault) {
        let due = fault.when == When::Now || fault.when == When::Byte(0);
        self.armed.push(Armed {
            fault,
            count: 0,
            bytes: 0,
            begin: 0,
            due,
        });
    }

    /// Takes all of them away.
    pub fn clear(&mut self) {
        self.armed.clear();
    }

    /// Those that are set, as they were written.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.armed.iter().map(|armed| armed.fault.to_string())
    }

    /// How often a fault has happened.
    pub fn fired(&self) -> u64 {
        self.fired
    }

    /// A transfer begins.
    pub fn transfer_begins(&mut self) {
        self.count(false);
    }

    /// So many bytes of input go by.
    pub fn input_passes(&mut self, bytes: usize) {
        for armed in &mut self.armed {
            armed.bytes += bytes as u64;
            if let When::Byte(at) = armed.fault.when
                && armed.bytes >= at
            {
                // Not where the piece ended: the bits are the same however the input is cut.
                armed.due_at(at);
            }
        }
    }

    /// Input bytes until the next fault begins in mid transfer: no more should go by at once.
    pub fn input_until_next(&self) -> usize {
        let waiting = self.armed.iter().filter(|armed| !armed.due);
        waiting
            .filter_map(|armed| match armed.fault.when {
                When::Byte(at) => Some(at.saturating_sub(armed.bytes) as usize),
                _ => None,
            })
            .min()
            .map_or(usize::MAX, |bytes| bytes.max(1))
    }

    fn count(&mut self, results: bool) {
        for armed in &mut self.armed {
            if armed.fault.effect.is_of_results() == results {
                armed.count += 1;
                if let When::Transfer(n) = armed.fault.when
                    && armed.count >= n
                {
                    armed.due_at(armed.bytes);
                }
            }
        }
    }

    /// A result has come from the core: what happens to it.
    pub fn for_result(&mut self) -> Vec<Effect> {
        self.count(true);
        let mut effects = Vec::new();
        while let Some(effect) = self.take_other(&effects) {
            effects.push(effect);
        }
        effects
    }

    /// A due effect on results of a kind that is not yet there.
    fn take_other(&mut self, there: &[Effect]) -> Option<Effect> {
        let kind = std::mem::discriminant::<Effect>;
        self.take(|effect| {
            let new = there.iter().all(|other| kind(other) != kind(effect));
            (effect.is_of_results() && new).then(|| effect.clone())
        })
    }

    /// The first due fault that `pick` wants; it has then happened once more.
    pub fn take<T>(&mut self, pick: impl Fn(&Effect) -> Option<T>) -> Option<T> {
        let (index, value) = self.due(pick)?;
        self.fired += 1;
        if let Some(times) = &mut self.armed[index].fault.times {
            *times -= 1;
            if *times == 0 {
                self.armed.remove(index);
            }
        }
        Some(value)
    }

    /// The same without it having happened: for what lasts.
    pub fn on<T>(&self, pick: impl Fn(&Effect) -> Option<T>) -> Option<T> {
        self.due(pick).map(|(_, value)| value)
    }

    fn due<T>(&self, pick: impl Fn(&Effect) -> Option<T>) -> Option<(usize, T)> {
        let due = self.armed.iter().enumerate().filter(|(_, armed)| armed.due);
        due.filter_map(|(index, armed)| Some((index, pick(&armed.fault.effect)?)))
            .next()
    }

    /// Whether this effect, one that lasts, is on.
    pub fn is(&self, effect: &Effect) -> bool {
        self.on(|other| (other == effect).then_some(())).is_some()
    }

    /// Whether the streams stand still.
    pub fn stalled(&self) -> bool {
        self.on(|effect| matches!(effect, Effect::Stall { .. }).then_some(()))
            .is_some()
    }

    /// A soft reset ends what it ends on a board.
    pub fn soft_reset(&mut self) {
        let soft = Effect::Stall { hard: false };
        self.armed
            .retain(|armed| !(armed.due && armed.fault.effect == soft));
    }

    /// Of the input, how much to throw away now, at most `bytes`.
    pub fn swallow(&mut self, bytes: usize) -> usize {
        let swallows =
            |armed: &Armed| armed.due && matches!(armed.fault.effect, Effect::H2cSwallow(_));
        let Some(index) = self.armed.iter().position(swallows) else {
            return 0;
        };
        let Effect::H2cSwallow(left) = &mut self.armed[index].fault.effect else {
            return 0;
        };
        let now = bytes.min(usize::try_from(*left).unwrap_or(usize::MAX));
        if *left != u64::MAX {
            *left -= now as u64;
        }
        if *left == 0 {
            self.fired += 1;
            self.armed.remove(index);
        }
        now
    }

    /// Turns bits over that lie in these bytes, the next to go by. The bit of a fault is counted
    /// from where the fault begins.
    pub fn flip(&mut self, bytes: &mut [u8]) {
        let mut flipped = 0;
        self.armed.retain(|armed| {
            let Effect::H2cFlip(bit) = armed.fault.effect else {
                return true;
            };
            let passed = armed.bytes - armed.begin;
            let here = (bit / 8)
                .checked_sub(passed)
                .and_then(|at| bytes.get_mut(usize::try_from(at).ok()?));
            match here.filter(|_| armed.due) {
                None => true,
                Some(byte) => {
                    *byte ^= 1 << (bit % 8);
                    flipped += 1;
                    false
                }
            }
        });
        self.fired += flipped;
    }

    /// Error for a call on the input node (write) or the output node.
    pub fn errno(&mut self, write: bool) -> Option<Errno> {
        self.take(|effect| match effect {
            Effect::H2cErrno(errno) if write => Some(*errno),
            Effect::C2hErrno(errno) if !write => Some(*errno),
            _ => None,
        })
    }

    /// Most bytes of a call on the input node (write) or the output node.
    pub fn short(&mut self, write: bool) -> Option<usize> {
        self.take(|effect| match effect {
            Effect::H2cShort(bytes) if write => Some(*bytes),
            Effect::C2hShort(bytes) if !write => Some(*bytes),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armed(texts: &[&str]) -> Faults {
        let mut faults = Faults::default();
        texts
            .iter()
            .for_each(|text| faults.arm(text.parse().unwrap()));
        faults
    }

    #[test]
    fn faults_are_due_when_they_say() {
        let mut faults = armed(&["link-lost@byte=100", "stall@transfer=2", "c2h-missing*2"]);
        assert_eq!(faults.input_until_next(), 100);
        faults.transfer_begins();
        faults.input_passes(99);
        assert!(!faults.is(&Effect::LinkLost) && !faults.stalled());
        faults.input_passes(1);
        assert!(faults.is(&Effect::LinkLost));
        faults.transfer_begins();
        assert!(faults.stalled());
        faults.soft_reset();
        assert!(!faults.stalled());
        for count in [1, 1, 0] {
            assert_eq!(faults.for_result(), vec![Effect::C2hMissing; count]);
        }
        assert_eq!((faults.fired(), faults.texts().count()), (2, 1));
    }

    #[test]
    fn results_are_counted_apart() {
        let mut faults = armed(&["c2h-repeat@transfer=2", "c2h-flip"]);
        faults.transfer_begins();
        faults.transfer_begins();
        assert_eq!(faults.for_result(), vec![Effect::C2hFlip(5)]);
        assert_eq!(faults.for_result(), vec![Effect::C2hRepeat]);
        assert_eq!(faults.for_result(), vec![]);
    }

    /// Passes three transfers of 40 bytes, in pieces, as the input port does.
    fn flipped(fault: &str, piece: usize) -> Vec<usize> {
        let mut faults = armed(&[fault]);
        let mut bits = Vec::new();
        for transfer in 0..3 {
            faults.transfer_begins();
            let mut at = 0;
            while at < 40 {
                let now = piece.min(40 - at).min(faults.input_until_next());
                let mut bytes = vec![0u8; now];
                faults.flip(&mut bytes);
                let one = |index: usize| bytes[index / 8] >> (index % 8) & 1 == 1;
                let first = 8 * (40 * transfer + at);
                bits.extend((0..8 * now).filter(|&i| one(i)).map(|i| first + i));
                faults.input_passes(now);
                at += now;
            }
        }
        assert_eq!(faults.fired(), bits.len() as u64, "{fault}");
        bits
    }

    #[test]
    fn a_flipped_bit_is_counted_from_where_the_fault_begins() {
        for piece in [1, 7, 16, 40] {
            for bit in [0, 9, 100, 319, 320] {
                for (when, begin) in [
                    ("", 0),
                    ("@transfer=1", 0),
                    ("@transfer=2", 40),
                    ("@byte=0", 0),
                    ("@byte=5", 5),
                    ("@byte=50", 50),
                ] {
                    let fault = format!("h2c-flip={bit}{when}");
                    assert_eq!(
                        flipped(&fault, piece),
                        [8 * begin + bit],
                        "{fault}, {piece}"
                    );
                }
            }
        }
        assert!(flipped("h2c-flip=960", 40).is_empty());
    }

    #[test]
    fn swallowing_ends() {
        let mut faults = armed(&["h2c-swallow=100"]);
        assert_eq!((faults.swallow(60), faults.swallow(60)), (60, 40));
        assert_eq!((faults.swallow(60), faults.fired()), (0, 1));
        let mut faults = armed(&["h2c-swallow"]);
        assert_eq!((faults.swallow(60), faults.swallow(60)), (60, 60));
    }
}
