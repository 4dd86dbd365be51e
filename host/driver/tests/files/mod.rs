//! Boards made of files and pipes, with the software engine behind them: what the real drivers
//! see of a board, as far as plain files can show it. A thread plays the hardware.
#![allow(dead_code)]

mod axidma;
mod core;
mod xdma;

pub use axidma::AxiDmaFiles;
pub use xdma::XdmaFiles;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Words of a file that somebody else has mapped.
pub struct Words(pub File);

impl Words {
    pub fn create(path: &Path, bytes: u64) -> Words {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
            .unwrap();
        file.set_len(bytes).unwrap();
        Words(file)
    }

    pub fn get(&self, offset: u32) -> u32 {
        let mut word = [0; 4];
        self.0.read_exact_at(&mut word, offset.into()).unwrap();
        u32::from_le_bytes(word)
    }

    pub fn set(&self, offset: u32, value: u32) {
        self.0
            .write_all_at(&value.to_le_bytes(), offset.into())
            .unwrap();
    }
}

/// A thread that plays until it is dropped.
pub struct Player {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Player {
    pub fn start(mut step: impl FnMut() + Send + 'static) -> Player {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let stop = stop.clone();
            move || {
                while !stop.load(Ordering::Relaxed) {
                    step();
                    std::thread::sleep(Duration::from_micros(100));
                }
            }
        });
        Player {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the player failed"
            );
        }
    }
}
