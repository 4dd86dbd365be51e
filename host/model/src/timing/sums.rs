//! The accumulators' read ports: when the array needs a bank, the drain waits.

use std::collections::VecDeque;

use super::loader::NEVER;

/// Vectors of one pass, by the cycles in which their sums reach the accumulators.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: u64,
    to: u64,
    bank: u8,
}

/// Which bank the array reads when, as far as is known: the passes that have started.
#[derive(Clone, Debug, Default)]
pub(super) struct SumPorts {
    spans: VecDeque<Span>,
}

impl SumPorts {
    /// A pass adds to the sums in `bank` in cycles `from` to `to`, later than all before it.
    pub fn adds(&mut self, from: u64, to: u64, bank: u8) {
        // Passes that follow each other without a gap are one span.
        if let Some(last) = self.spans.back_mut()
            && (last.bank, last.to + 1) == (bank, from)
        {
            last.to = to;
            return;
        }
        self.spans.push_back(Span { from, to, bank });
    }

    /// Forgets what lies before `now`.
    pub fn forget(&mut self, now: u64) {
        while self.spans.front().is_some_and(|span| span.to < now) {
            self.spans.pop_front();
        }
    }

    /// The first cycle from `now` on in which the array does not read `bank`, and the next one
    /// after it in which it does.
    pub fn free(&self, now: u64, bank: u8) -> (u64, u64) {
        let mut from = now;
        for span in &self.spans {
            if span.bank != bank || span.to < from {
                continue;
            }
            if span.from > from {
                return (from, span.from);
            }
            from = span.to + 1;
        }
        (from, NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_cycles_lie_between_the_passes_of_a_bank() {
        let mut ports = SumPorts::default();
        ports.adds(10, 19, 0);
        ports.adds(20, 24, 0);
        ports.adds(25, 40, 1);
        ports.adds(50, 60, 0);
        assert_eq!(ports.free(0, 0), (0, 10));
        assert_eq!(ports.free(10, 0), (25, 50));
        assert_eq!(ports.free(24, 0), (25, 50));
        assert_eq!(ports.free(10, 1), (10, 25));
        assert_eq!(ports.free(55, 0), (61, NEVER));
        ports.forget(41);
        assert_eq!(ports.spans.len(), 1);
        assert_eq!(ports.free(41, 0), (41, 50));
    }
}
