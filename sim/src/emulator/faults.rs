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
    due: bool,
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
            if let When::Byte(at) = armed.fault.when {
                armed.due |= armed.bytes >= at;
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
                if let When::Transfer(n) = armed.fault.when {
                    armed.due |= armed.count >= n;
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

    /// Turns a bit over if it lies in these bytes, the next to go by.
    pub fn flip(&mut self, bytes: &mut [u8]) {
        let due = self.armed.iter().position(|armed| {
            let from = armed.bytes;
            let range = from..from + bytes.len() as u64;
            armed.due
                && matches!(armed.fault.effect, Effect::H2cFlip(bit) if range.contains(&(bit / 8)))
        });
        let Some(index) = due else { return };
        let armed = self.armed.remove(index);
        if let Effect::H2cFlip(bit) = armed.fault.effect {
            bytes[(bit / 8 - armed.bytes) as usize] ^= 1 << (bit % 8);
            self.fired += 1;
        }
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

    #[test]
    fn swallowing_ends() {
        let mut faults = armed(&["h2c-swallow=100"]);
        assert_eq!((faults.swallow(60), faults.swallow(60)), (60, 40));
        assert_eq!((faults.swallow(60), faults.fired()), (0, 1));
        let mut faults = armed(&["h2c-swallow"]);
        assert_eq!((faults.swallow(60), faults.swallow(60)), (60, 60));
    }
}
