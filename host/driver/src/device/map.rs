//! Memory that a device shares: registers and DMA buffers. The only unsafe code of the driver.

#![allow(unsafe_code)]

use memmap2::{MmapMut, MmapOptions, MmapRaw};
use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering, fence};

/// A block of 32-bit registers, mapped from a device node or a file. Clones share the mapping.
#[derive(Clone, Debug)]
pub struct RegisterMap {
    map: Arc<MmapRaw>,
    /// Bytes of the mapping before the first register.
    start: usize,
    bytes: usize,
}

impl RegisterMap {
    /// Maps `bytes` from `file`, the registers `start` bytes into its page `page_offset`. A
    /// regular file must be long enough; a device's own driver refuses more than there is.
    pub fn new(file: &File, page_offset: u64, start: usize, bytes: usize) -> io::Result<Self> {
        let whole = start
            .checked_add(bytes)
            .filter(|whole| *whole <= 1 << 30 && start.is_multiple_of(4))
            .ok_or_else(|| io::Error::other("the register space is misplaced or too large"))?;
        require(file, page_offset.saturating_add(whole as u64))?;
        let map = MmapOptions::new()
            .offset(page_offset)
            .len(whole)
            .map_raw(file)?;
        Ok(RegisterMap {
            map: Arc::new(map),
            start,
            bytes,
        })
    }

    /// The register at a byte offset.
    fn register(&self, offset: u32) -> Option<&AtomicU32> {
        let offset = offset as usize;
        if !offset.is_multiple_of(4) || offset.checked_add(4)? > self.bytes {
            return None;
        }
        // SAFETY: start + offset + 4 <= start + bytes, the length of the mapping, which lives as
        // long as `self`; the mapping begins at a page and `start` and `offset` are multiples of
        // 4, so the address is aligned. All accesses of this process go through atomics; what the
        // other side does to shared memory is ordinary for an atomic. A file that is cut shorter
        // afterwards raises SIGBUS, which ends the process and corrupts nothing.
        let register = unsafe {
            let address = self.map.as_mut_ptr().add(self.start + offset);
            AtomicU32::from_ptr(address.cast::<u32>())
        };
        Some(register)
    }

    /// Reads a register; none outside of the block.
    #[must_use]
    pub fn read(&self, offset: u32) -> Option<u32> {
        let value = self.register(offset)?.load(Ordering::Relaxed);
        barrier();
        Some(u32::from_le(value))
    }

    /// Writes a register, after everything written to memory before; `false` outside of the block.
    #[must_use]
    pub fn write(&self, offset: u32, value: u32) -> bool {
        barrier();
        let register = self.register(offset);
        if let Some(register) = register {
            register.store(value.to_le(), Ordering::Relaxed);
        }
        register.is_some()
    }
}

/// An error if `file` is a regular file shorter than `bytes`: touching what is not there would end
/// the process.
fn require(file: &File, bytes: u64) -> io::Result<()> {
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.len() < bytes {
        return Err(io::Error::other(format!(
            "the file has {} bytes, {bytes} are needed",
            metadata.len()
        )));
    }
    Ok(())
}

/// Orders accesses to memory and to registers, also as a device sees them.
pub fn barrier() {
    fence(Ordering::SeqCst);
    #[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
    // SAFETY: a barrier touches no register and no memory.
    unsafe {
        // The fence orders within the cores' shareability domain; a DMA engine is outside of it.
        std::arch::asm!("dsb sy", options(nostack, preserves_flags));
    }
}

/// A piece of memory that is filled or read by DMA.
#[derive(Debug)]
pub struct Buffer {
    memory: Backing,
}

#[derive(Debug)]
enum Backing {
    /// Anonymous memory, page-aligned.
    Own(MmapMut),
    /// A part of a mapping that no other buffer has.
    Part {
        map: Arc<MmapRaw>,
        range: Range<usize>,
        address: u64,
    },
}

impl Buffer {
    /// Anonymous writable memory at the start of a page, as the XDMA driver wants it.
    pub fn anonymous(bytes: usize) -> io::Result<Buffer> {
        let memory = Backing::Own(MmapMut::map_anon(bytes.max(1))?);
        Ok(Buffer { memory })
    }

    /// Cuts a mapping of a u-dma-buf into buffers that begin at multiples of a page. None if it
    /// is too small.
    pub fn cut(
        file: &File,
        size: usize,
        address: u64,
        lengths: &[usize],
    ) -> io::Result<Option<Vec<Buffer>>> {
        require(file, size as u64)?;
        let mut ranges = Vec::with_capacity(lengths.len());
        let mut next = 0usize;
        for length in lengths {
            let end = next.checked_add(*length);
            let Some(end) = end.filter(|end| *end <= size) else {
                return Ok(None);
            };
            ranges.push(next..end);
            let Some(after) = end.checked_next_multiple_of(Buffer::ALIGNMENT) else {
                return Ok(None);
            };
            next = after;
        }
        let map = Arc::new(MmapOptions::new().len(size).map_raw(file)?);
        let part = |range: Range<usize>| Buffer {
            memory: Backing::Part {
                map: map.clone(),
                address: address + range.start as u64,
                range,
            },
        };
        Ok(Some(ranges.into_iter().map(part).collect()))
    }

    /// Where buffers begin.
    pub const ALIGNMENT: usize = 4096;

    /// Address for the DMA engine; 0 for anonymous memory.
    #[must_use]
    pub fn address(&self) -> u64 {
        match &self.memory {
            Backing::Own(_) => 0,
            Backing::Part { address, .. } => *address,
        }
    }

    /// Offset in the u-dma-buf; 0 for anonymous memory.
    #[must_use]
    pub fn offset(&self) -> usize {
        match &self.memory {
            Backing::Own(_) => 0,
            Backing::Part { range, .. } => range.start,
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.memory {
            Backing::Own(map) => map,
            // SAFETY: the range lies in the mapping (checked in `cut`), which `map` keeps; ranges
            // of buffers are disjoint and a `Buffer` is neither cloned nor made elsewhere, so the
            // borrow of `self` covers all accesses of this process. The DMA engine writes only
            // between its start and its completion, when the channel's code holds the buffer and
            // reads nothing from it; `RegisterMap::read` of the completion is a barrier.
            Backing::Part { map, range, .. } => unsafe {
                std::slice::from_raw_parts(map.as_ptr().add(range.start), range.len())
            },
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Backing::Own(map) => map,
            // SAFETY: as for `deref`; `&mut self` makes the access exclusive.
            Backing::Part { map, range, .. } => unsafe {
                std::slice::from_raw_parts_mut(map.as_mut_ptr().add(range.start), range.len())
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    fn file(bytes: u64) -> File {
        let file = tempfile::tempfile().unwrap();
        file.set_len(bytes).unwrap();
        file
    }

    #[test]
    fn registers_are_the_files_words() {
        let file = file(4096 + 64);
        let map = RegisterMap::new(&file, 4096, 16, 32).unwrap();
        file.write_all_at(&[1, 2, 3, 4], 4096 + 16 + 8).unwrap();
        assert_eq!(map.read(8), Some(0x0403_0201));
        assert!(map.write(28, 7));
        let mut word = [0; 4];
        file.read_exact_at(&mut word, 4096 + 16 + 28).unwrap();
        assert_eq!(u32::from_le_bytes(word), 7);
        for outside in [32, 30, 1, 2, u32::MAX, u32::MAX - 3] {
            assert_eq!(map.read(outside), None, "{outside}");
            assert!(!map.write(outside, 0), "{outside}");
        }
    }

    #[test]
    fn what_the_file_does_not_have_is_not_mapped() {
        let file = file(100);
        assert!(RegisterMap::new(&file, 0, 0, 100).is_ok());
        assert!(RegisterMap::new(&file, 0, 0, 104).is_err());
        assert!(RegisterMap::new(&file, 0, 8, 96).is_err());
        assert!(RegisterMap::new(&file, 0, 2, 8).is_err());
        assert!(RegisterMap::new(&file, 0, usize::MAX, 8).is_err());
        assert!(Buffer::cut(&file, 200, 0, &[10]).is_err());
    }

    #[test]
    fn buffers_do_not_overlap() {
        let file = file(3 * 4096);
        let lengths = [100, 4096, 4096];
        let mut buffers = Buffer::cut(&file, 3 * 4096, 0x1000_0000, &lengths)
            .unwrap()
            .unwrap();
        for (i, buffer) in buffers.iter_mut().enumerate() {
            assert_eq!(buffer.len(), lengths[i]);
            assert_eq!(buffer.address(), 0x1000_0000 + buffer.offset() as u64);
            buffer.fill(i as u8 + 1);
        }
        for (i, buffer) in buffers.iter().enumerate() {
            assert!(buffer.iter().all(|byte| *byte == i as u8 + 1));
        }
        let too_many = Buffer::cut(&file, 3 * 4096, 0, &[100, 4096, 4097]).unwrap();
        assert!(too_many.is_none());
        assert!(
            Buffer::cut(&file, 3 * 4096, 0, &[usize::MAX, 1])
                .unwrap()
                .is_none()
        );
    }
}
