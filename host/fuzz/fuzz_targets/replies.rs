//! Whatever a device may answer: registers, results, lengths, errors. A session never panics, never
//! waits, and returns no sums but those with the right length, CRC, sequence number and tag.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use firebrick_driver::{
    Device, DeviceError, ExecutorDevice, Feed, Program, Session, Synchronised, Take, Weights,
    one_by_one,
};
use firebrick_fuzz::{Bytes, EDGE, config, program};
use firebrick_network::random::picture;
use firebrick_spec::regs;
use firebrick_spec::result::{Trailer, packet_crc};
use libfuzzer_sys::fuzz_target;
use ndarray::Array3;

static PROGRAMS: LazyLock<[Program; 3]> = LazyLock::new(|| {
    [
        program(false, Weights::Streamed),
        program(true, Weights::Streamed),
        program(false, Weights::Resident),
    ]
});

static PICTURE: LazyLock<Array3<u8>> = LazyLock::new(|| picture(EDGE, EDGE, 1));

/// What the registers of a right device say, in the order of their offsets.
static REGISTERS: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut device = ExecutorDevice::new(config());
    let mut read = |offset| device.read_reg(offset).expect("software always answers");
    (0..regs::SPACE).step_by(4).map(&mut read).collect()
});

/// Answers from the bytes; in part what a right device would.
struct Answers<'a> {
    bytes: Bytes<'a>,
    /// Sequence number of the next packet.
    sequence: u32,
    calls: u32,
}

impl Answers<'_> {
    fn failed<T>(&mut self) -> Result<T, DeviceError> {
        let device = self.name();
        Err(match self.bytes.byte() % 4 {
            0 => DeviceError::Cancelled { device },
            1 => DeviceError::LinkLost {
                device,
                when: "in between",
            },
            2 => DeviceError::Timeout {
                device,
                want: 16,
                got: 0,
                deadline: Duration::ZERO,
            },
            _ => DeviceError::Link {
                device,
                what: "nothing".into(),
            },
        })
    }

    /// A packet whose parts are right or not.
    fn packet(&mut self, transfer: &[u8], want: usize) -> Vec<u8> {
        let shape = self.bytes.byte();
        let length = match shape & 1 {
            0 => want,
            _ => self.bytes.word() as usize % (2 * want + 40),
        };
        let mut packet = self.bytes.take(length).to_vec();
        packet.resize(length, shape);
        let Some(body) = length.checked_sub(Trailer::BYTES) else {
            return packet;
        };
        // The tag is in the end record: word 1 of the last.
        let end = transfer.len().saturating_sub(32) + 4;
        let tag = transfer.get(end..end + 4).map_or(0, |tag| {
            u32::from_le_bytes([tag[0], tag[1], tag[2], tag[3]])
        });
        let mut trailer = Trailer {
            crc: packet_crc(&packet[..body]),
            sequence: self.sequence,
            tag,
            cycles: 7,
        };
        if shape & 0x0e == 0x0e {
            trailer.sequence = trailer.sequence.wrapping_add(u32::from(self.bytes.byte()));
            trailer.tag ^= u32::from(self.bytes.byte());
            trailer.crc ^= u32::from(self.bytes.byte());
        }
        if shape & 0x10 != 0 || shape & 1 == 0 {
            packet[body..].copy_from_slice(&trailer.to_bytes());
        }
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }
}

impl Device for Answers<'_> {
    fn name(&self) -> String {
        "fuzz".into()
    }

    fn read_reg(&mut self, offset: u32) -> Result<u32, DeviceError> {
        self.calls += 1;
        assert!(self.calls < 100_000, "it goes on for ever");
        let value = match offset {
            _ if offset == regs::RESULTS.offset => self.sequence,
            _ => REGISTERS[(offset % regs::SPACE / 4) as usize],
        };
        match self.bytes.byte() {
            255 => self.failed(),
            254 => Ok(self.bytes.word()),
            253 => Ok(u32::MAX),
            _ => Ok(value),
        }
    }

    fn write_reg(&mut self, _: u32, _: u32) -> Result<(), DeviceError> {
        match self.bytes.byte() {
            255 => self.failed(),
            _ => Ok(()),
        }
    }

    fn stream(
        &mut self,
        feed: &mut dyn Feed,
        result_bytes: usize,
        _: Duration,
        take: &mut Take<'_>,
    ) -> Result<(), DeviceError> {
        one_by_one(feed, take, |transfer| match self.bytes.byte() {
            255 => self.failed(),
            _ => Ok(self.packet(transfer, result_bytes)),
        })
    }

    fn reset(&mut self, _: Duration) -> Result<(), DeviceError> {
        self.sequence = 0;
        match self.bytes.byte() {
            255 => self.failed(),
            _ => Ok(()),
        }
    }

    fn synchronise(&mut self, _: &[u8], _: u32, _: Duration) -> Result<Synchronised, DeviceError> {
        match self.bytes.byte() {
            255 => self.failed(),
            254 => Ok(Synchronised {
                dropped: self.bytes.word() as usize,
                next: Some(self.bytes.word()),
            }),
            _ => Ok(Synchronised::default()),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let program = &PROGRAMS[bytes.byte() as usize % PROGRAMS.len()];
    let many = bytes.byte() & 3;
    let device = Answers {
        bytes,
        sequence: 0,
        calls: 0,
    };
    let Ok(mut session) = Session::open(device, config()) else {
        return;
    };
    session.reset_deadline = Duration::from_millis(1);
    let image = &*PICTURE;
    for _ in 0..2 {
        let results = match many {
            0 => session
                .run(program, &image.view())
                .map(|result| vec![result]),
            _ => session.run_many(program, &[image.view(), image.view()]),
        };
        for result in results.unwrap_or_default() {
            assert_eq!(result.logits.len(), program.classes());
        }
    }
    let _ = session.counter(&regs::CYCLES_LO);
});
