//! Memories that are filled front to back, again and again: weights and parameters.

/// A ring of entries, each with the last block (or tile) that uses it.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    /// Last user issued; -1 is the image before.
    last: Vec<i64>,
    /// Whether users are still to be issued.
    live: Vec<bool>,
    next: usize,
}

impl Ring {
    pub fn new(capacity: usize) -> Ring {
        Ring {
            last: vec![-1; capacity],
            live: vec![false; capacity],
            next: 0,
        }
    }

    pub fn capacity(&self) -> usize {
        self.last.len()
    }

    fn entries(&self, base: usize, len: usize) -> impl Iterator<Item = usize> + use<> {
        let capacity = self.capacity();
        (base..base + len).map(move |i| i % capacity)
    }

    /// Whether the next `len` entries may be overwritten, and if so the last user of them.
    pub fn peek(&self, len: usize) -> Option<i64> {
        if len > self.capacity() || self.entries(self.next, len).any(|i| self.live[i]) {
            return None;
        }
        Some(self.last_user(self.next, len))
    }

    /// The last user of entries.
    pub fn last_user(&self, base: usize, len: usize) -> i64 {
        self.entries(base, len)
            .map(|i| self.last[i])
            .max()
            .unwrap_or(-1)
    }

    /// Takes the next `len` entries, which [`peek`](Self::peek) has found free.
    pub fn take(&mut self, len: usize) -> usize {
        let base = self.next;
        for i in self.entries(base, len) {
            self.live[i] = true;
        }
        self.next = (base + len) % self.capacity();
        base
    }

    /// Notes a user of entries.
    pub fn used(&mut self, base: usize, len: usize, by: i64) {
        for i in self.entries(base, len) {
            self.last[i] = self.last[i].max(by);
        }
    }

    /// No further users come.
    pub fn release(&mut self, base: usize, len: usize) {
        for i in self.entries(base, len) {
            self.live[i] = false;
        }
    }

    /// The pieces of a range that do not wrap: base, length.
    pub fn pieces(&self, base: usize, len: usize) -> Vec<(usize, usize)> {
        let first = len.min(self.capacity() - base);
        let mut pieces = vec![(base, first)];
        if len > first {
            pieces.push((0, len - first));
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_reused_only_when_released() {
        let mut ring = Ring::new(10);
        assert_eq!(ring.peek(11), None);
        assert_eq!(ring.peek(6), Some(-1));
        let first = ring.take(6);
        ring.used(first, 6, 3);
        assert_eq!(ring.peek(6), None);
        ring.release(first, 6);
        assert_eq!(ring.peek(6), Some(3));
        let second = ring.take(6);
        assert_eq!(ring.pieces(second, 6), vec![(6, 4), (0, 2)]);
    }
}
