//! The nodes of the XDMA driver: a file for the registers, pipes for the streams.

use super::core::Core;
use super::{Player, Words};
use firebrick_driver::Uri;
use firebrick_spec::{HwConfig, regs};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub struct XdmaFiles {
    folder: TempDir,
    // Before the folder in time, after it in use.
    player: Player,
}

/// Opens a pipe so that it never ends.
fn pipe(path: &Path) -> File {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o660), 0).unwrap();
    File::from(open(path, OFlags::RDWR | OFlags::NONBLOCK, Mode::empty()).unwrap())
}

impl XdmaFiles {
    pub fn start(config: &HwConfig) -> XdmaFiles {
        let folder = tempfile::tempdir().unwrap();
        let node = |suffix: &str| folder.path().join(format!("xdma0_{suffix}"));
        let words = Words::create(&node("user"), regs::SPACE.into());
        let (mut input, mut output) = (pipe(&node("h2c_0")), pipe(&node("c2h_0")));
        let mut events = pipe(&node("events_0"));
        let mut core = Core::new(config, words);
        let mut pending: VecDeque<u8> = VecDeque::new();
        let mut raised = false;
        let player = Player::start(move || {
            let mut room = vec![0; 1 << 16];
            if core.poll() {
                while input.read(&mut room).is_ok_and(|count| count > 0) {}
                core.reset();
                pending.clear();
                core.reset_done();
                raised = false;
            }
            while let Ok(count) = input.read(&mut room) {
                for packet in core.take(&room[..count]) {
                    pending.extend(packet);
                }
                core.publish(!pending.is_empty());
                if count < room.len() {
                    break;
                }
            }
            if core.irq() && !raised {
                let _ = events.write(&[1, 0, 0, 0]);
            }
            raised = core.irq();
            if !pending.is_empty() {
                let (piece, _) = pending.as_slices();
                core.publish(false);
                if let Ok(count) = output.write(piece) {
                    pending.drain(..count);
                }
            }
        });
        XdmaFiles { folder, player }
    }

    pub fn prefix(&self) -> PathBuf {
        self.folder.path().join("xdma0")
    }

    pub fn node(&self, suffix: &str) -> PathBuf {
        self.folder.path().join(format!("xdma0_{suffix}"))
    }

    pub fn uri(&self) -> Uri {
        Uri::xdma(self.prefix())
    }
}
