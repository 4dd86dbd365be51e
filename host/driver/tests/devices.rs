//! The common suite on the software engine, on the fake board, and on boards made of files.

mod common;
mod files;
mod suite;

use common::preset;
use files::{AxiDmaFiles, XdmaFiles};
use firebrick_driver::fake::Fake;
use firebrick_driver::{Cancel, Device, ExecutorDevice, OpenOptions, open};
use std::time::Duration;
use suite::{Subject, all};

#[test]
fn the_software_engine_does() {
    let config = preset();
    all(Subject {
        open: &mut || ExecutorDevice::new(&config),
        config: config.clone(),
        pictures: 100,
        cancels: false,
    });
}

#[test]
fn the_fake_board_does() {
    let config = preset();
    let fake = Fake::new(&config).unwrap();
    all(Subject {
        open: &mut || fake.open(Cancel::new()).unwrap(),
        config: config.clone(),
        pictures: 100,
        cancels: true,
    });
}

#[test]
fn a_board_behind_xdma_does() {
    let config = preset();
    let board = XdmaFiles::start(&config);
    let options = OpenOptions {
        wait: Duration::from_secs(10),
        ..OpenOptions::default()
    };
    all(Subject {
        open: &mut || -> Box<dyn Device + Send> { open(&board.uri(), &options).unwrap() },
        config: config.clone(),
        pictures: 100,
        cancels: true,
    });
}

#[test]
fn a_board_behind_axi_dma_does() {
    let config = preset();
    for coherent in [true, false] {
        let board = AxiDmaFiles::start(&config, coherent);
        let options = OpenOptions {
            wait: Duration::from_secs(10),
            ..OpenOptions::default()
        };
        all(Subject {
            open: &mut || -> Box<dyn Device + Send> { open(&board.uri(), &options).unwrap() },
            config: config.clone(),
            pictures: 100,
            cancels: true,
        });
        assert_eq!(board.syncs() > 0, !coherent);
    }
}
