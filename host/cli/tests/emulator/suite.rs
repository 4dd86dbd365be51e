//! The suite of all devices, on the simulated engine in this process and on emulated boards in
//! processes of their own.

#[path = "../../../driver/tests/suite/mod.rs"]
mod all;

use std::time::Duration;

use firebrick_driver::{Device, OpenOptions, Uri};
use firebrick_sim::{Builder, SimDevice, SimOptions};

use crate::board::{Board, Kind, config};
use all::Subject;

#[test]
fn the_simulated_engine_does() {
    let options = SimOptions {
        seed: 11,
        idle: 0.1,
        back_pressure: 0.1,
        ..SimOptions::default()
    };
    all::all(Subject {
        open: &mut || SimDevice::open(&config(), &Builder::new(), &options).unwrap(),
        config: config(),
        pictures: 100,
        cancels: true,
    });
}

#[test]
fn emulated_boards_do() {
    let options = OpenOptions {
        wait: Duration::from_secs(10),
        ..OpenOptions::default()
    };
    for kind in Kind::all() {
        let board = Board::start(kind, &[]);
        let uri: Uri = board.uri.parse().unwrap();
        all::all(Subject {
            open: &mut || -> Box<dyn Device + Send> {
                firebrick_driver::open(&uri, &options).unwrap()
            },
            config: config(),
            pictures: 100,
            cancels: true,
        });
        board.stop();
    }
}
