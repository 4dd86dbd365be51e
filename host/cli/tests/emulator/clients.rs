//! Clients that are killed, that come two at a time, or that are told to stop.

use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use firebrick_driver::{Cancel, Device, DeviceError, OpenOptions, Session, SessionError, Uri};

use crate::board::{Board, Kind, check, config, picture, program, session, wait};

/// Name of the variable that makes a client of [`client`].
const CLIENT: &str = "FIREBRICK_TEST_CLIENT";

/// Not a test: a process that runs pictures until it is killed.
#[test]
#[ignore = "a process for other tests"]
fn client() {
    let Ok(uri) = std::env::var(CLIENT) else {
        return;
    };
    let mut session = session(&uri).unwrap();
    let program = program();
    session
        .stream_iter(&program, (0..).map(picture), &mut |answer| {
            println!("\nresult {}", answer.index);
            ControlFlow::Continue(())
        })
        .unwrap();
}

#[test]
fn a_killed_client_leaves_an_engine_for_the_next() {
    let program = program();
    for kind in Kind::all() {
        let mut board = Board::start(kind, &[]);
        // Halted in mid transfer, or with a result on its way, or anywhere.
        for fault in ["stall@byte=3000", "c2h-late=1@transfer=4", "clear"] {
            board.tell(fault);
            let mut process = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "clients::client", "--ignored", "--nocapture"])
                .env(CLIENT, &board.uri)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = BufReader::new(process.stdout.take().unwrap()).lines();
            let results = lines
                .map_while(Result::ok)
                .filter(|line| line.starts_with("result "));
            match fault {
                "clear" => assert_eq!(results.take(5).count(), 5),
                _ => {
                    board.await_state(|_| true);
                    std::thread::sleep(Duration::from_millis(500));
                }
            }
            process.kill().unwrap();
            // A driver may hold it in a transfer for some time: the next one waits for it.
            let begin = Instant::now();
            let mut next = session(&board.uri).unwrap();
            wait(&mut process);
            for number in 0..3 {
                check(&mut next, &program, number);
            }
            assert!(begin.elapsed() < Duration::from_secs(20));
            board.tell("clear");
        }
    }
}

#[test]
fn two_clients_take_turns() {
    let program = program();
    for kind in Kind::all() {
        let board = Board::start(kind, &[]);
        let mut first = board.session();
        match session(&board.uri) {
            Err(SessionError::Device(DeviceError::InUse { pid, .. })) => {
                assert!(pid.is_none_or(|pid| pid == std::process::id()), "{pid:?}");
            }
            Err(other) => panic!("{kind:?}: {other}"),
            Ok(_) => panic!("{kind:?}: two at once"),
        }
        check(&mut first, &program, 0);
        // Or the second waits.
        let uri: Uri = board.uri.parse().unwrap();
        let waiting = std::thread::spawn(move || {
            let options = OpenOptions {
                wait: Duration::from_secs(60),
                ..OpenOptions::default()
            };
            let device = firebrick_driver::open(&uri, &options).unwrap();
            let mut second = Session::open(device, &config()).unwrap();
            check(&mut second, &crate::board::program(), 1);
        });
        std::thread::sleep(Duration::from_millis(100));
        assert!(!waiting.is_finished());
        drop(first);
        waiting.join().unwrap();
    }
}

#[test]
fn a_cancelled_batch_leaves_a_clean_engine() {
    let program = program();
    for kind in Kind::all() {
        let board = Board::start(kind, &[]);
        let mut session = board.session();
        let cancel = Cancel::new();
        session.device().set_cancel(cancel.clone());
        let mut seen = 0;
        let outcome = session.stream_iter(&program, (0..).map(picture), &mut |_| {
            seen += 1;
            if seen == 7 {
                cancel.cancel();
            }
            ControlFlow::Continue(())
        });
        let cancelled = matches!(
            outcome,
            Err(SessionError::Device(DeviceError::Cancelled { .. }))
        );
        assert!(cancelled, "{kind:?}: {outcome:?}");
        cancel.clear();
        check(&mut session, &program, 2);
    }
}
