//! `firebrick serve` as a process: how it begins, and how it ends.
#![cfg(feature = "serve")]

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use crate::common::{Run, command, firebrick, small_network, text};
use crate::service::{Service, scores};
use firebrick::{Engine, Model, Options};
use rustix::process::Signal;

#[test]
fn sigterm_under_load_loses_nothing_that_was_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let pack = dir.path().join("small.fb");
    small_network().save(&pack).unwrap();
    let model = Model::load(&pack).unwrap();
    let mut engine = Engine::open_with("model", Options::new().model(&model)).unwrap();
    let [height, width, _] = model.input_shape();
    let cases: Vec<_> = (0..8)
        .map(|seed| firebrick_network::random::picture(height, width, seed))
        .map(|input| (engine.run(&input.view()).unwrap(), input))
        .collect();
    let named = format!("small={}", text(&pack));
    let mut service = Service::start(&["--device", "model", "--model", &named, "--grace", "0.5"]);
    let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let address = service.address.clone();
    std::thread::scope(|threads| {
        for client in 0..8 {
            let (address, stop, done, cases) = (&address, &stop, &done, &cases);
            threads.spawn(move || {
                while !stop.load(SeqCst) {
                    let (want, input) = &cases[client];
                    match scores(address, "small", input) {
                        Ok(got) => {
                            assert_eq!(&got, want);
                            done.fetch_add(1, SeqCst);
                        }
                        // No connection: it does not listen any more.
                        Err((0, _)) => break,
                        Err(other) => panic!("{other:?}"),
                    }
                }
            });
        }
        service.until("they are at it", || done.load(SeqCst) > 40);
        service.signal(Signal::TERM);
        // Not ready at once, but at work until the grace is over.
        let before = done.load(SeqCst);
        service.until("not ready", || !service.is_ready());
        service.until("at work", || {
            done.load(SeqCst) > before || stop.load(SeqCst)
        });
        let code = service.child.wait().unwrap().code();
        stop.store(true, SeqCst);
        assert_eq!(code, Some(0));
    });
    assert!(service.terminate_is_over());
}

impl Service {
    fn terminate_is_over(&self) -> bool {
        self.ask("GET /v2", b"").0 == 0
    }
}

#[test]
fn what_cannot_be_served_is_said_at_once() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let serve = |more: &[&str]| {
        let free = ["serve", "--listen", "127.0.0.1:0"];
        firebrick(&[&free[..], more].concat())
    };
    serve(&[]).misused("--device");
    serve(&["--device", "usb:1"]).fails("sim:PRESET for the simulator, software:PRESET");
    serve(&["--device", "sim:fb65"]).fails("no preset \"fb65\"");
    serve(&["--device", "model", "--model", "none.fb"]).fails("none.fb");
    serve(&["--device", "model", "--model", "a/b=builtin"]).fails("letters, digits");
    serve(&[
        "--device", "model", "--model", "builtin", "--model", "builtin",
    ])
    .fails("two models are called");
    serve(&["--device", "model", "--token-file", "none"]).fails("none");
    firebrick(&["serve", "--device", "model", "--listen", &taken]).fails(&taken);
    let run = command(&["serve", "--device", "model", "--listen", &taken])
        .env("FIREBRICK_TOKEN", " ")
        .output()
        .unwrap();
    Run::of(run).fails("the token is empty");
}

#[test]
fn the_log_can_be_read_by_programs() {
    let run = command(&[
        "serve",
        "--device",
        "model",
        "--listen",
        "127.0.0.1:0",
        "--log-json",
    ])
    .stdout(std::process::Stdio::piped())
    .stderr(std::process::Stdio::piped())
    .spawn()
    .unwrap();
    let pid = rustix::process::Pid::from_raw(run.id() as i32).unwrap();
    let mut run = run;
    let mut line = String::new();
    let mut output = std::io::BufReader::new(run.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert!(line.starts_with("http://127.0.0.1:"), "{line}");
    rustix::process::kill_process(pid, Signal::INT).unwrap();
    let run = Run::of(run.wait_with_output().unwrap()).good();
    let lines: Vec<serde_json::Value> = run
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert!(
        lines.iter().any(|line| line["message"] == "has ended"),
        "{lines:?}"
    );
}
