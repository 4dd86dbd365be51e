//! Registers without the driver: a mapped file, as any program would use it.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::{Duration, Instant};

use firebrick_spec::{ABI_VERSION, MAGIC, regs};

use crate::board::{Board, Kind, config};

/// Registers read and written through the file.
struct Raw(std::fs::File);

impl Raw {
    fn open(path: &Path) -> Raw {
        let file = OpenOptions::new().read(true).write(true).open(path);
        Raw(file.unwrap())
    }

    fn read(&self, offset: u32) -> u32 {
        use std::os::unix::fs::FileExt;
        let mut word = [0; 4];
        self.0.read_exact_at(&mut word, offset.into()).unwrap();
        u32::from_le_bytes(word)
    }

    fn write(&self, offset: u32, value: u32) {
        use std::os::unix::fs::FileExt;
        let word = value.to_le_bytes();
        self.0.write_all_at(&word, offset.into()).unwrap();
    }

    /// Waits until a register shows a value.
    fn becomes(&self, offset: u32, value: u32) {
        let begin = Instant::now();
        while self.read(offset) != value {
            let now = self.read(offset);
            let late = begin.elapsed() > Duration::from_secs(20);
            assert!(!late, "register {offset:#x} is {now:#x}, not {value:#x}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn the_registers_are_the_cores() {
    for (kind, node) in [(Kind::XdmaFifo, "xdma0_user"), (Kind::AxiDma, "dev/uio0")] {
        let board = Board::start(kind, &[]);
        let raw = Raw::open(&board.dir.join(node));
        let hash = config().hash();
        for (register, value) in [
            (regs::MAGIC, MAGIC),
            (regs::ABI, ABI_VERSION),
            (regs::HASH_LO, hash as u32),
            (regs::HASH_HI, (hash >> 32) as u32),
            (regs::FEATURE_WORDS, config().feature_words as u32),
            (regs::STATUS, 0),
        ] {
            assert_eq!(raw.read(register.offset), value, "{}", register.name);
        }
        raw.write(regs::SCRATCH.offset, 0x1234_5678);
        raw.write(regs::MAGIC.offset, 0);
        raw.write(0x7fc, 5);
        raw.becomes(regs::MAGIC.offset, MAGIC);
        raw.becomes(0x7fc, 0);
        raw.write(regs::IRQ_ENABLE.offset, u32::MAX);
        raw.becomes(regs::IRQ_ENABLE.offset, 3);
        raw.write(regs::IRQ_STATUS.offset, u32::MAX);
        raw.becomes(regs::IRQ_STATUS.offset, 0);
        raw.write(regs::STATS_INDEX.offset, 0x123);
        raw.becomes(regs::STATS_AT.offset, 0x123);
        raw.write(regs::CTRL.offset, 1);
        raw.becomes(regs::CTRL.offset, 0);
        assert_eq!(raw.read(regs::SCRATCH.offset), 0x1234_5678);
        board.stop();
    }
}

/// A stream that the core refuses: ERROR, STATUS and the interrupt say so, and a reset ends it.
#[test]
fn a_refused_stream_shows_and_interrupts() {
    let board = Board::start(Kind::XdmaFifo, &[]);
    let raw = Raw::open(&board.dir.join("xdma0_user"));
    raw.write(regs::IRQ_ENABLE.offset, 2);
    raw.becomes(regs::IRQ_ENABLE.offset, 2);
    std::fs::write(board.dir.join("xdma0_h2c_0"), [0x55; 64]).unwrap();
    raw.becomes(regs::STATUS.offset, 3);
    assert_ne!(raw.read(regs::ERROR.offset), 0);
    raw.becomes(regs::IRQ_STATUS.offset, 2);
    let mut event = [0; 4];
    let events = std::fs::File::open(board.dir.join("xdma0_events_0"));
    std::io::Read::read_exact(&mut events.unwrap(), &mut event).unwrap();
    assert_eq!(u32::from_le_bytes(event), 1);
    raw.write(regs::CTRL.offset, 1);
    raw.becomes(regs::CTRL.offset, 0);
    assert_eq!(raw.read(regs::STATUS.offset), 0);
    assert_eq!(raw.read(regs::ERROR.offset), 0);
}

#[test]
fn the_axi_dma_has_its_registers() {
    let board = Board::start(Kind::AxiDma, &["--length-bits", "14", "--buffer", "1"]);
    let raw = Raw::open(&board.dir.join("dev/uio1"));
    for base in [0, 0x30] {
        let (cr, sr, address, length) = (base, base + 4, base + 0x18, base + 0x28);
        assert_eq!((raw.read(cr), raw.read(sr)), (0x0001_0002, 1));
        // Without run a length starts nothing; it shows how wide it is.
        raw.write(length, u32::MAX);
        raw.becomes(length, 0x3fff);
        assert_eq!(raw.read(sr), 1);
        raw.write(length, 0);
        raw.write(cr, 0x7001);
        raw.becomes(cr, 0x7003);
        assert_eq!(raw.read(sr) & 1, 0);
        // Nothing answers there.
        raw.write(address, 0x1000_0000);
        raw.write(length, 16);
        raw.becomes(sr, 0x4041);
        raw.write(sr, 0x7000);
        raw.becomes(sr, 0x41);
        // Only a reset ends an error.
        raw.write(cr, 0x7001);
        raw.becomes(cr, 0x7002);
        assert_eq!(raw.read(sr), 0x41);
        raw.write(cr, 4);
        raw.becomes(cr, 0x0001_0002);
        assert_eq!(raw.read(sr), 1);
    }
    let text = |name: &str| std::fs::read_to_string(board.dir.join(name)).unwrap();
    assert_eq!(text("sys/class/uio/uio1/name"), "firebrick-dma\n");
    assert_eq!(text("sys/class/u-dma-buf/firebrick/size"), "1048576\n");
    assert_eq!(text("sys/class/u-dma-buf/firebrick/dma_coherent"), "0\n");
}
