//! Files that two processes map: registers as words, DMA memory as bytes.
//!
//! The only unsafe code of the emulator. The other process may write at any time, so that every
//! access is atomic.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use memmap2::{MmapOptions, MmapRaw};

/// A shared, writable mapping of a whole file.
#[derive(Debug)]
pub struct SharedMap {
    raw: MmapRaw,
}

impl SharedMap {
    /// Maps the file. It must not become shorter while it is mapped.
    pub fn new(file: &File) -> io::Result<SharedMap> {
        let raw = MmapRaw::map_raw(file)?;
        Ok(SharedMap { raw })
    }

    /// Maps so many bytes of a file from a page's beginning on. It must not become shorter while it
    /// is mapped.
    pub fn window(file: &File, offset: u64, bytes: usize) -> io::Result<SharedMap> {
        let raw = MmapOptions::new().offset(offset).len(bytes).map_raw(file)?;
        Ok(SharedMap { raw })
    }

    /// 32-bit words in the mapping.
    pub fn words(&self) -> usize {
        self.raw.len() / 4
    }

    fn word(&self, index: usize) -> &AtomicU32 {
        assert!(index < self.words(), "word {index} of {}", self.words());
        let word = self.raw.as_mut_ptr().cast::<u32>().wrapping_add(index);
        // SAFETY: the word lies in the mapping (checked above), which begins at a page and lives
        // as long as `self`; all accesses of this process to it are atomic.
        unsafe { AtomicU32::from_ptr(word) }
    }

    /// A word as it is now.
    pub fn load(&self, index: usize) -> u32 {
        self.word(index).load(Ordering::Acquire)
    }

    /// Sets a word, whatever it was.
    pub fn store(&self, index: usize, value: u32) {
        self.word(index).store(value, Ordering::Release);
    }

    /// Sets a word to `new` if it still is `old`.
    pub fn replace(&self, index: usize, old: u32, new: u32) -> bool {
        self.word(index)
            .compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn byte(&self, offset: usize) -> Option<&AtomicU8> {
        if offset >= self.raw.len() {
            return None;
        }
        let byte = self.raw.as_mut_ptr().wrapping_add(offset);
        // SAFETY: the byte lies in the mapping (checked above), which lives as long as `self`;
        // all accesses of this process to it are atomic.
        Some(unsafe { AtomicU8::from_ptr(byte) })
    }

    /// Copies bytes out. `None` if they do not all lie in the mapping.
    pub fn read(&self, offset: usize, length: usize) -> Option<Vec<u8>> {
        let end = offset.checked_add(length)?;
        (end <= self.raw.len()).then_some(())?;
        (offset..end)
            .map(|at| Some(self.byte(at)?.load(Ordering::Acquire)))
            .collect()
    }

    /// Copies bytes in. `None`, and no change, if they do not all fit.
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Option<()> {
        (offset.checked_add(bytes.len())? <= self.raw.len()).then_some(())?;
        for (at, byte) in (offset..).zip(bytes) {
            self.byte(at)?.store(*byte, Ordering::Release);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_reached_outside() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(4096).unwrap();
        let map = SharedMap::new(&file).unwrap();
        assert_eq!(map.words(), 1024);
        assert_eq!(map.write(4090, &[1; 7]), None);
        assert_eq!(map.write(usize::MAX, &[1]), None);
        assert_eq!(map.read(4090, 7), None);
        assert_eq!(map.read(4090, 6), Some(vec![0; 6]));
        assert_eq!(map.write(4090, &[7; 6]), Some(()));
        assert_eq!(map.load(1023), 0x0707_0707);
        assert!(map.replace(1023, 0x0707_0707, 9));
        assert!(!map.replace(1023, 0x0707_0707, 8));
        assert_eq!(map.load(1023), 9);
    }

    #[test]
    fn two_mappings_of_one_file_see_each_other() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(4096).unwrap();
        let (a, b) = (
            SharedMap::new(&file).unwrap(),
            SharedMap::new(&file).unwrap(),
        );
        a.store(3, 0xdead_beef);
        assert_eq!(b.load(3), 0xdead_beef);
    }
}
