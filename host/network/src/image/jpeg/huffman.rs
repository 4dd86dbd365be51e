//! Huffman tables, and the bits of a scan.

use super::{Outcome, damaged};
use crate::image::ImageErrorKind;

/// Bits of a code that are looked up at once.
const FAST: u32 = 9;

/// A table as DHT gives it.
pub(super) struct Table {
    /// By the first [`FAST`] bits: length and symbol, or 0 for a longer code.
    fast: [(u8, u8); 1 << FAST],
    /// By length: the first code that is longer, its bits on the left of 16.
    ends: [u32; 17],
    /// By length: what to add to a code for its symbol's number.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// Codes of each length from 1 to 16, and their symbols; `None` if there are not so many.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Table> {
        let mut table = Table {
            fast: [(0, 0); 1 << FAST],
            ends: [0; 17],
            offsets: [0; 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut number) = (0u32, 0);
        for length in 1..=16 {
            code <<= 1;
            table.offsets[length as usize] = number as i32 - code as i32;
            for _ in 0..counts[length as usize - 1] {
                if code >> length != 0 {
                    return None;
                }
                if length <= FAST {
                    let first = (code << (FAST - length)) as usize;
                    let entry = (length as u8, *symbols.get(number)?);
                    table.fast[first..first + (1 << (FAST - length))].fill(entry);
                }
                code += 1;
                number += 1;
            }
            if code >> length > 1 {
                return None;
            }
            table.ends[length as usize] = code << (16 - length);
        }
        Some(table)
    }
}

/// Reads the bits of entropy-coded data up to the next marker; behind them come zeros.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// Of the next byte that is not in `bits`.
    position: usize,
    /// On the left.
    bits: u64,
    count: u32,
    /// How many bits at the end of `bits` are zeros that were made up.
    made_up: u32,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8], position: usize) -> Reader<'a> {
        Reader {
            bytes,
            position,
            bits: 0,
            count: 0,
            made_up: 0,
        }
    }

    /// Sees to 32 bits or more: a code and the value behind it.
    #[inline]
    fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(next) = self.bytes[self.position..].first_chunk::<8>() {
            let word = u64::from_be_bytes(*next);
            let ones = (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080;
            if ones == 0 {
                // The bits beyond whole bytes are put there again the next time.
                self.bits |= word >> self.count;
                let taken = (63 - self.count) / 8;
                self.position += taken as usize;
                self.count += taken * 8;
                return;
            }
        }
        self.refill_slowly();
    }

    #[cold]
    fn refill_slowly(&mut self) {
        while self.count <= 56 {
            let byte = match self.bytes.get(self.position) {
                Some(0xff) if self.bytes.get(self.position + 1) == Some(&0) => {
                    self.position += 2;
                    0xff
                }
                None | Some(0xff) => {
                    self.made_up += 8;
                    0
                }
                Some(&byte) => {
                    self.position += 1;
                    byte
                }
            };
            self.bits |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    #[inline]
    fn take(&mut self, count: u32) -> u32 {
        // Shifted twice, since none may be taken.
        let value = (self.bits >> 1 >> (63 - count)) as u32;
        self.bits <<= count;
        self.count -= count;
        value
    }

    /// The next bits, at most 16.
    #[inline]
    pub fn bits(&mut self, count: u32) -> i32 {
        self.refill();
        self.take(count) as i32
    }

    /// The next symbol; 16 bits more can be taken without a refill.
    #[inline]
    pub fn symbol(&mut self, table: &Table) -> Outcome<u8> {
        self.refill();
        let (length, symbol) = table.fast[(self.bits >> (64 - FAST)) as usize];
        if length > 0 {
            self.take(u32::from(length));
            return Ok(symbol);
        }
        let code = (self.bits >> 48) as u32;
        for length in FAST + 1..=16 {
            if code < table.ends[length as usize] {
                self.take(length);
                let number = (code >> (16 - length)) as i32 + table.offsets[length as usize];
                if let Some(&symbol) = table.symbols.get(number as usize) {
                    return Ok(symbol);
                }
            }
        }
        Err(self.fault("a code that is in no Huffman table"))
    }

    /// A value of so many bits (at most 16) behind a symbol, as T.81's EXTEND has it.
    #[inline]
    pub fn value(&mut self, size: u32) -> i32 {
        let value = self.take(size) as i32;
        match size > 0 && value >> (size - 1) == 0 {
            true => value - (1 << size) + 1,
            false => value,
        }
    }

    /// Whether bits were read that are not there.
    #[inline]
    pub fn check(&self) -> Outcome<()> {
        match self.made_up > self.count {
            true => Err(self.fault("")),
            false => Ok(()),
        }
    }

    /// `what` is wrong, unless the data have ended before.
    #[cold]
    pub fn fault(&self, what: &str) -> ImageErrorKind {
        match self.made_up > self.count {
            true if self.position >= self.bytes.len() => ImageErrorKind::Truncated("JPEG"),
            true => damaged("a scan ends before its last block"),
            false => damaged(what),
        }
    }

    /// Goes behind the restart marker with this number, modulo 8.
    pub fn restart(&mut self, number: usize) -> Outcome<()> {
        self.check()?;
        let mut at = self.position;
        while let Some(pair) = self.bytes.get(at..at + 2) {
            match *pair {
                [0xff, marker @ 1..=0xfe] if marker == 0xd0 + (number % 8) as u8 => {
                    *self = Reader::new(self.bytes, at + 2);
                    return Ok(());
                }
                [0xff, 1..=0xfe] => return Err(damaged("a restart marker is missing")),
                _ => at += 1,
            }
        }
        Err(ImageErrorKind::Truncated("JPEG"))
    }

    /// Where the marker behind the data is looked for.
    pub fn end(self) -> Outcome<usize> {
        self.check()?;
        Ok(self.position)
    }
}
