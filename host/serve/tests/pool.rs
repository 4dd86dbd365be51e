//! Engines that fail, wait and come back; a queue that is full; the end in order.

mod common;

use std::net::SocketAddr;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::*;
use firebrick_serve::ServeOptions;
use firebrick_serve::pool::PoolOptions;

fn quick(queue: usize) -> ServeOptions {
    ServeOptions {
        pool: PoolOptions {
            queue,
            pause: Duration::from_millis(10),
            heartbeat: Duration::from_millis(20),
            ..PoolOptions::default()
        },
        drain: LONG,
        ..local()
    }
}

/// So many clients, each with one picture of its own.
fn clients(address: SocketAddr, count: u64) -> Vec<JoinHandle<(u64, Answer)>> {
    (0..count)
        .map(|seed| std::thread::spawn(move || (seed, infer(address, &pixels(seed)))))
        .collect()
}

/// A client whose picture an engine has taken, and holds.
fn held(address: SocketAddr) -> Vec<JoinHandle<(u64, Answer)>> {
    let client = clients(address, 1);
    until("the engine has it", || {
        figure(address, "firebrick_queue_wait_seconds_count", "") == 1.0
    });
    client
}

/// Every answer is that of its own picture.
fn all_right(clients: Vec<JoinHandle<(u64, Answer)>>) -> Vec<i32> {
    clients
        .into_iter()
        .map(|client| {
            let (seed, answer) = client.join().unwrap();
            let scores = int32(&answer);
            let input = model().input(&pixels(seed)).unwrap();
            let want: i32 = input.iter().map(|value| i32::from(*value)).sum();
            assert_eq!(scores[0], want);
            scores[1]
        })
        .collect()
}

#[test]
fn a_full_queue_refuses_at_once() {
    let told = Told::new(0);
    told.hold(true);
    let (server, address) = serve_on(scripted(&[&told]), quick(4));
    // The engine holds one, and four wait.
    let first = held(address);
    let others = clients(address, 4);
    until("four wait", || {
        figure(address, "firebrick_queue_pictures", "") == 4.0
    });
    let begin = Instant::now();
    let answer = infer(address, &pixels(9));
    assert_eq!(answer.code, 429);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(answer.error().contains("4 of 4"), "{}", answer.error());
    assert!(begin.elapsed() < Duration::from_secs(2));
    told.hold(false);
    all_right(first);
    all_right(others);
    // What can never have room is another matter.
    let body = serde_json::json!({"inputs": [{"name": "image", "datatype": "UINT8",
        "shape": [5, 1, 1, 3], "data": vec![0; 15]}]});
    let answer = post(address, INFER, &[], body.to_string().as_bytes());
    assert_eq!(answer.code, 400, "{}", answer.error());
    assert!(server.end());
}

#[test]
fn pictures_of_an_engine_that_fails_go_to_the_others() {
    let (bad, good) = (Told::new(1), Told::new(2));
    bad.fails.store(true, SeqCst);
    bad.fails_after.store(2, SeqCst);
    let (server, address) = serve_on(scripted(&[&bad, &good]), quick(256));
    until("both answer", || {
        figure(address, "firebrick_engine_up", "") == 2.0
    });
    // So that it fails while it has some.
    good.hold(true);
    let clients = clients(address, 40);
    until("the bad one failed", || {
        figure(address, "firebrick_engine_faults_total", "stalled") >= 1.0
    });
    good.hold(false);
    let engines = all_right(clients);
    assert!(engines.contains(&2));
    assert!(bad.done.load(SeqCst) + good.done.load(SeqCst) == 40);
    // It comes back, and has to prove itself.
    bad.fails.store(false, SeqCst);
    until("it is back", || {
        figure(address, "firebrick_engine_up", "told1") == 1.0
    });
    assert!(bad.proven.load(SeqCst) >= 1);
    assert!(figure(address, "firebrick_engine_resets_total", "told1") >= 1.0);
    let cycles = figure(address, "firebrick_engine_cycles_total", "");
    let busy = figure(address, "firebrick_engine_busy_cycles_total", "");
    assert!(cycles > 0.0 && (busy / cycles - 0.9).abs() < 1e-9);
    assert!(server.end());
}

#[test]
fn readiness_follows_the_engines() {
    let told = Told::new(1);
    let (server, address) = serve_on(scripted(&[&told]), quick(8));
    assert_eq!(get(address, "/v2/health/ready").code, 200);
    // An idle engine is asked now and then.
    told.closed.store(true, SeqCst);
    until("not ready", || get(address, "/v2/health/ready").code == 503);
    assert_eq!(get(address, "/v2/health/live").code, 200);
    assert_eq!(get(address, "/v2/models/small/ready").code, 503);
    let answer = infer(address, &pixels(0));
    assert_eq!(answer.code, 503);
    assert!(answer.error().contains("no engine"), "{}", answer.error());
    told.closed.store(false, SeqCst);
    until("ready again", || {
        get(address, "/v2/health/ready").code == 200
    });
    assert_eq!(infer(address, &pixels(0)).code, 200);
    // This engine does not run the other model.
    assert_eq!(get(address, "/v2/models/other/ready").code, 503);
    assert!(server.end());
}

#[test]
fn a_picture_on_which_all_fail_is_given_up() {
    for panics in [false, true] {
        let (one, two) = (Told::new(1), Told::new(2));
        for told in [&one, &two] {
            told.fails.store(!panics, SeqCst);
            told.panics.store(panics, SeqCst);
        }
        let (server, address) = serve_on(scripted(&[&one, &two]), quick(8));
        let answer = infer(address, &pixels(0));
        assert_eq!(answer.code, 500, "{answer:?}");
        assert!(
            answer.error().contains("3 engines failed"),
            "{}",
            answer.error()
        );
        for told in [&one, &two] {
            told.fails.store(false, SeqCst);
            told.panics.store(false, SeqCst);
        }
        until("one is back", || server.service().is_ready());
        assert_eq!(infer(address, &pixels(0)).code, 200);
        assert!(server.end());
    }
}

#[test]
fn a_picture_that_nobody_waits_for_is_not_run() {
    let told = Told::new(0);
    told.hold(true);
    let (server, address) = serve_on(scripted(&[&told]), quick(4));
    let first = held(address);
    let body = serde_json::json!({"parameters": {"timeout": 20_000}, "inputs": [{
        "name": "image", "datatype": "UINT8", "shape": [4, 1, 1, 3], "data": vec![0; 12]}]})
    .to_string();
    let answer = post(address, INFER, &[], body.as_bytes());
    assert_eq!(answer.code, 504, "{answer:?}");
    // Their places are free again, although no engine has looked at them.
    let others = clients(address, 4);
    until("four wait", || {
        figure(address, "firebrick_queue_pictures", "") == 4.0
    });
    told.hold(false);
    all_right(first);
    all_right(others);
    assert_eq!(told.done.load(SeqCst), 5);
    assert!(server.end());
}

#[test]
fn the_end_loses_nothing_that_was_accepted() {
    let (one, two) = (Told::new(1), Told::new(2));
    for told in [&one, &two] {
        told.takes.store(2_000, SeqCst);
    }
    let (server, address) = serve_on(scripted(&[&one, &two]), quick(256));
    let clients = clients(address, 60);
    until("all are accepted", || {
        let waited = figure(address, "firebrick_queue_wait_seconds_count", "");
        waited + figure(address, "firebrick_queue_pictures", "") == 60.0
    });
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || sender.send(server.end()));
    all_right(clients);
    assert!(ended.recv_timeout(LONG).unwrap());
    assert_eq!(one.done.load(SeqCst) + two.done.load(SeqCst), 60);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn the_end_comes_even_if_an_engine_stands_still() {
    let told = Told::new(0);
    told.hold(true);
    let options = ServeOptions {
        drain: Duration::from_millis(200),
        ..quick(8)
    };
    let (server, address) = serve_on(scripted(&[&told]), options);
    let clients = clients(address, 3);
    until("two wait", || {
        figure(address, "firebrick_queue_pictures", "") == 2.0
    });
    let begin = Instant::now();
    assert!(!server.end());
    assert!(begin.elapsed() < Duration::from_secs(10));
    told.hold(false);
    for client in clients {
        let (_, answer) = client.join().unwrap();
        // Said, or cut off; never 200 with wrong scores.
        assert!(matches!(answer.code, 0 | 503), "{answer:?}");
    }
}
