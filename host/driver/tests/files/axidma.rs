//! What Linux shows of an AXI DMA, a u-dma-buf and the core's registers, and a DMA engine.

use super::core::Core;
use super::{Player, Words};
use firebrick_driver::Uri;
use firebrick_spec::{HwConfig, regs};
use std::collections::VecDeque;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tempfile::TempDir;

/// Address of the buffer, as the DMA engine sees it.
const ADDRESS: u64 = 0x1_7000_0000;
/// Its size.
const SIZE: u64 = 4 << 20;
const MM2S: u32 = 0;
const S2MM: u32 = 0x30;
const HALTED: u32 = 1;
const IDLE: u32 = 2;
const DONE: u32 = 1 << 12;
const CLEAR: u32 = 7 << 12;

pub struct AxiDmaFiles {
    folder: TempDir,
    /// Error bits that end the next transfer, shifted by 16 for S2MM.
    fail: Arc<AtomicU32>,
    /// Whether nothing answers at the DMA's registers.
    absent: Arc<AtomicBool>,
    player: Player,
}

struct Dma {
    words: Words,
    memory: Words,
    /// Address and length of what is under way, by channel.
    active: [Option<(u64, usize)>; 2],
    packets: VecDeque<Vec<u8>>,
    fail: Arc<AtomicU32>,
}

impl Dma {
    fn get(&self, base: u32, register: u32) -> u32 {
        self.words.get(base + register)
    }

    fn set(&self, base: u32, register: u32, value: u32) {
        self.words.set(base + register, value);
    }

    /// Follows the driver's writes to one channel.
    fn control(&mut self, channel: usize, base: u32) {
        if self.get(base, 0) & 4 != 0 {
            self.active[channel] = None;
            if base == S2MM {
                self.packets.clear();
            }
            self.set(base, 0x28, 0);
            self.set(base, 4, HALTED);
            self.set(base, 0, 0);
        }
        let status = self.get(base, 4);
        if status & CLEAR == CLEAR {
            self.set(base, 0x28, 0);
            self.set(base, 4, IDLE);
        } else if self.get(base, 0) & 1 != 0 && status & HALTED != 0 {
            self.set(base, 4, IDLE);
        }
        let length = self.get(base, 0x28) as usize;
        let ready = self.get(base, 4) & (HALTED | CLEAR) == 0;
        if length > 0 && ready && self.active[channel].is_none() {
            let high = u64::from(self.get(base, 0x1c)) << 32;
            let address = u64::from(self.get(base, 0x18)) | high;
            self.active[channel] = Some((address - ADDRESS, length));
            self.set(base, 4, 0);
        }
    }

    fn end(&mut self, channel: usize, base: u32, moved: usize) {
        self.active[channel] = None;
        self.set(base, 0x28, moved as u32);
        self.set(base, 4, IDLE | DONE);
    }

    /// Ends with an error: the channel halts until it is reset.
    fn stop(&mut self, channel: usize, base: u32, bits: u32) {
        self.active[channel] = None;
        self.set(base, 0, self.get(base, 0) & !1);
        self.set(base, 0x28, 0);
        self.set(base, 4, HALTED | bits);
    }

    /// Whether an error ends the channel's transfer.
    fn fails(&mut self, channel: usize, base: u32) -> bool {
        let bits = self.fail.load(Ordering::Relaxed) >> (16 * channel) & 0xffff;
        if bits == 0 || self.active[channel].is_none() {
            return false;
        }
        self.fail
            .fetch_and(!(0xffff << (16 * channel)), Ordering::Relaxed);
        self.stop(channel, base, bits);
        true
    }

    fn step(&mut self, core: &mut Core) {
        self.control(0, MM2S);
        self.control(1, S2MM);
        if !self.fails(0, MM2S)
            && let Some((offset, length)) = self.active[0]
        {
            let mut bytes = vec![0; length];
            self.memory.0.read_exact_at(&mut bytes, offset).unwrap();
            self.packets.extend(core.take(&bytes));
            core.publish(false);
            self.end(0, MM2S, length);
        }
        if !self.fails(1, S2MM)
            && let Some((offset, length)) = self.active[1]
            && let Some(packet) = self.packets.pop_front()
        {
            if packet.len() > length {
                self.stop(1, S2MM, 1 << 4);
            } else {
                self.memory.0.write_all_at(&packet, offset).unwrap();
                self.end(1, S2MM, packet.len());
            }
        }
    }
}

fn put(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

impl AxiDmaFiles {
    pub fn start(config: &HwConfig, coherent: bool) -> AxiDmaFiles {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("dev")).unwrap();
        for (number, name, bytes) in [
            (0, "other", 16),
            (1, "firebrick-dma", 0x1_0000),
            (3, "firebrick", 0x1000),
        ] {
            let uio = format!("sys/class/uio/uio{number}");
            put(root, &format!("{uio}/name"), format!("{name}\n"));
            put(
                root,
                &format!("{uio}/maps/map0/size"),
                format!("{bytes:#018x}\n"),
            );
            put(
                root,
                &format!("{uio}/maps/map0/addr"),
                "0x00000000a0000000\n",
            );
            put(root, &format!("{uio}/maps/map0/offset"), "0x0\n");
        }
        let buffer = "sys/class/u-dma-buf/firebrick";
        put(
            root,
            &format!("{buffer}/phys_addr"),
            format!("{ADDRESS:#018x}\n"),
        );
        put(root, &format!("{buffer}/size"), format!("{SIZE}\n"));
        put(
            root,
            &format!("{buffer}/dma_coherent"),
            format!("{}\n", u8::from(coherent)),
        );
        put(root, &format!("{buffer}/sync_for_cpu"), "");
        put(root, &format!("{buffer}/sync_for_device"), "");
        let dma = Words::create(&root.join("dev/uio1"), 0x1_0000);
        dma.set(MM2S + 4, HALTED);
        dma.set(S2MM + 4, HALTED);
        let fail = Arc::new(AtomicU32::new(0));
        let mut dma = Dma {
            words: dma,
            memory: Words::create(&root.join("dev/firebrick"), SIZE),
            active: [None; 2],
            packets: VecDeque::new(),
            fail: fail.clone(),
        };
        let mut core = Core::new(config, Words::create(&root.join("dev/uio3"), 0x1000));
        let absent = Arc::new(AtomicBool::new(false));
        let gone = absent.clone();
        let player = Player::start(move || {
            if gone.load(Ordering::Relaxed) {
                return (0..0x60)
                    .step_by(4)
                    .for_each(|at| dma.words.set(at, u32::MAX));
            }
            if core.poll() {
                core.reset();
                dma.packets.clear();
                core.reset_done();
            }
            dma.step(&mut core);
        });
        AxiDmaFiles {
            folder,
            fail,
            absent,
            player,
        }
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn uri(&self) -> Uri {
        Uri::axidma(self.root())
    }

    /// The next transfer of a channel ends with these bits of its status register.
    pub fn fail(&self, s2mm: bool, bits: u32) {
        self.fail
            .store(bits << (16 * u32::from(s2mm)), Ordering::Relaxed);
    }

    /// From now on the DMA's registers read as ones.
    pub fn take_dma_away(&self) {
        self.absent.store(true, Ordering::Relaxed);
    }

    /// Bytes asked for in the last requests for cache synchronisation.
    pub fn syncs(&self) -> u64 {
        let mut sum = 0;
        for (name, directions) in [("sync_for_cpu", 2..3), ("sync_for_device", 1..3)] {
            let path = self.root().join("sys/class/u-dma-buf/firebrick").join(name);
            let text = std::fs::read_to_string(path).unwrap();
            let Some(digits) = text.strip_prefix("0x") else {
                continue;
            };
            let word = u64::from_str_radix(digits, 16).unwrap();
            let (offset, bytes) = (word >> 32, word & 0xffff_fff0);
            assert_eq!(word & 3, 1, "{word:#x}");
            assert!(directions.contains(&(word >> 2 & 3)), "{word:#x}");
            assert!(offset % 4096 == 0 && offset + bytes <= SIZE, "{word:#x}");
            sum += bytes;
        }
        sum
    }
}

/// Offset of the core's STATUS, for tests that write to the file.
pub const STATUS: u32 = regs::STATUS.offset;
