//! The suite of all devices, on the simulated engine in this process and on emulated boards in
//! processes of their own.

#[path = "../../../driver/tests/suite/mod.rs"]
mod all;

use std::ops::ControlFlow;
use std::time::Duration;

use firebrick_driver::{Device, OpenOptions, Session, Uri};
use firebrick_sim::{Builder, SimDevice, SimOptions};

use crate::board::{Board, Kind, config, picture, program};
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

/// The next transfer is on its way while one computes: the engine never waits for the host.
#[test]
fn a_stream_on_the_simulated_engine_takes_the_cycles_of_a_batch() {
    let device = SimDevice::open(&config(), &Builder::new(), &SimOptions::default()).unwrap();
    let mut session = Session::open(device, &config()).unwrap();
    let program = program();
    session.set_up(&program).unwrap();
    let pictures: Vec<_> = (0..4).map(picture).collect();
    let views: Vec<_> = pictures.iter().map(|picture| picture.view()).collect();
    let spread = |cycles: &[u32]| cycles[3].wrapping_sub(cycles[0]);
    let mut alone = Vec::new();
    for view in &views {
        alone.push(session.run(&program, view).unwrap().trailer.cycles);
    }
    let batch = session.run_many(&program, &views).unwrap();
    let batch: Vec<u32> = batch.iter().map(|result| result.trailer.cycles).collect();
    let mut stream = Vec::new();
    session
        .stream_iter(&program, pictures.clone(), &mut |answer| {
            stream.push(answer.result.trailer.cycles);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(spread(&stream), spread(&batch));
    assert!(spread(&stream) < spread(&alone), "{stream:?} {alone:?}");
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
