//! The service on two boards, of which one dies under load.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::board::{Board, Kind, picture, want};
use crate::common::{small_network, text};
use crate::service::{Service, scores};

#[test]
fn a_board_that_dies_under_load_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let pack = dir.path().join("small.fb");
    small_network().save(&pack).unwrap();
    let (first, second) = (
        Board::start(Kind::XdmaFifo, &[]),
        Board::start(Kind::XdmaFifo, &[]),
    );
    let model = format!("small={}", text(&pack));
    let args = ["--device", &first.uri, "--device", &second.uri];
    let args = [
        &args[..],
        &["--model", &model, "--deadline", "5", "--timeout", "20"],
    ]
    .concat();
    let mut service = Service::start(&args);
    let up = |service: &Service, board: &Board| {
        let line = format!("firebrick_engine_up{{engine=\"{}\"}} 1", board.uri);
        service.figures().contains(&line)
    };
    service.until("both answer", || {
        up(&service, &first) && up(&service, &second)
    });
    let done = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for client in 0..4 {
            let (address, done) = (&service.address, &done);
            threads.spawn(move || {
                for round in 0..12 {
                    let number = (client + 4 * round) % 8;
                    let got = scores(address, "small", &picture(number));
                    assert_eq!(got, Ok(want(number)));
                    done.fetch_add(1, SeqCst);
                }
            });
        }
        service.until("some are through", || done.load(SeqCst) >= 12);
        first.signal(Signal::KILL);
    });
    assert_eq!(done.load(SeqCst), 48);
    assert!(!up(&service, &first) && up(&service, &second));
    assert!(service.is_ready());
    let figures = service.figures();
    assert!(
        figures.contains("firebrick_engine_busy_cycles_total"),
        "{figures}"
    );
    // The other one too: then nothing is ready, which each client is told.
    second.signal(Signal::KILL);
    let (code, error) = scores(&service.address, "small", &picture(0)).unwrap_err();
    assert!(matches!(code, 500 | 503 | 504), "{code} {error}");
    service.until("not ready", || !service.is_ready());
    // Nothing that somebody waits for is left, so it need not take the time to drain.
    let begin = Instant::now();
    assert_eq!(service.terminate(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(20));
}
