//! Reports that are shown while a command works, and progress where there is no terminal.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

use crate::common::{command, firebrick, picture, small_pack, text};

/// A program under way, ended with the test.
struct Running {
    child: Child,
    lines: BufReader<ChildStderr>,
}

impl Running {
    fn of(args: &[&str]) -> Running {
        let mut command = command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Running { child, lines }
    }

    /// The first line of standard error that has these words.
    fn says(&mut self, words: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                panic!("{words:?} is not in {all}");
            }
            if line.contains(words) {
                return line;
            }
            all += &line;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The answer to a request, with its head; an error if nobody listens.
fn ask(at: SocketAddr, path: &str, host: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The same until it has these words, for a while.
fn ask_for(at: SocketAddr, path: &str, words: &str) -> String {
    let begin = Instant::now();
    loop {
        let answer = ask(at, path, "localhost").unwrap();
        if answer.contains(words) {
            return answer;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{answer}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn free() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn address(line: &str) -> SocketAddr {
    let (_, rest) = line.split_once("http://").unwrap();
    rest.trim_end().trim_end_matches('/').parse().unwrap()
}

/// The small network, and as many pictures as take some seconds in software.
fn bench(pack: &Path, images: &'static str) -> Vec<String> {
    let words = [
        "bench",
        "--backend",
        "software",
        "--images",
        images,
        "--model",
        text(pack),
    ];
    words.map(str::to_owned).into()
}

#[cfg(feature = "serve")]
#[test]
fn a_report_is_seen_while_the_work_runs_and_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let mut words = bench(&pack, "4000");
    words.extend(["--json".into(), "--serve-report=127.0.0.1:0".into()]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut run = Running::of(&words);
    let at = address(&run.says("report: http://"));
    // While it runs: figures of what is measured so far, and how far it is.
    let page = ask_for(at, "/", "id=\"times-latency\"");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(
        page.contains("data-over=\"false\""),
        "the work was over too soon"
    );
    assert!(page.contains("\"images\":4000") && page.contains("role=\"status\""));
    ask_for(at, "/state", "measuring: ");
    // Only under its own names, and nothing else.
    let other = ask(at, "/", "example.org").unwrap();
    assert!(other.starts_with("HTTP/1.1 421"), "{other}");
    assert!(
        ask(at, "/x", "localhost")
            .unwrap()
            .starts_with("HTTP/1.1 404")
    );
    // A connection that says nothing holds nothing up.
    let _silent = TcpStream::connect(at).unwrap();
    // Whoever looks on sees the end, which has what was printed.
    ask_for(at, "/state", "\"over\":true");
    let last = ask(at, "/", "localhost").unwrap();
    assert!(last.contains("data-over=\"true\""), "{last}");
    let mut printed = String::new();
    let mut out = run.child.stdout.take().unwrap();
    out.read_to_string(&mut printed).unwrap();
    assert!(last.contains(printed.trim()), "{printed}");
    // Then the program ends, and with it the page.
    let begin = Instant::now();
    assert!(run.child.wait().unwrap().success());
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    assert!(ask(at, "/", "localhost").is_err());
}

#[cfg(feature = "serve")]
#[test]
fn nobody_is_waited_for_and_a_port_in_use_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    let verify = [
        "verify",
        "--backend",
        "software",
        "--model",
        text(&pack),
        text(&image),
    ];
    let begin = Instant::now();
    firebrick(&[&verify[..], &["--serve-report=127.0.0.1:0"]].concat()).good();
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    let taken = TcpListener::bind(free()).unwrap();
    let option = format!("--serve-report={}", taken.local_addr().unwrap());
    let run = firebrick(&[&verify[..], &[&option]].concat());
    let run = run.fails(&taken.local_addr().unwrap().to_string());
    assert!(run.stderr.contains("--serve-report=127.0.0.1:0"), "{run:?}");
    assert!(run.stdout.is_empty(), "{run:?}");
}

#[cfg(not(feature = "serve"))]
#[test]
fn a_build_without_the_service_says_so() {
    let run = firebrick(&["bench", "--backend", "software", "--serve-report"]);
    run.fails("this build");
}

#[test]
fn a_bench_shows_progress_over_all_pictures_without_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let words = bench(&small_pack(dir.path()), "1000000");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let line = Running::of(&words).says("measuring: ");
    assert!(
        line.contains(" of 1000000, ") && line.contains(" s left"),
        "{line}"
    );
}

#[test]
fn a_folder_shows_progress_over_all_pictures_without_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let folder = dir.path().join("pictures");
    std::fs::create_dir(&folder).unwrap();
    // One file under many names, and large, so that reading all of them takes a while.
    let first = picture(&folder, "0.png", 1200, 900);
    for number in 1..4000 {
        std::fs::hard_link(&first, folder.join(format!("{number}.png"))).unwrap();
    }
    let line = |backend: &str| {
        let words = ["classify", text(&folder), "--model", text(&pack)];
        let mut run = Running::of(&[&words[..], &["--backend", backend]].concat());
        let mut out = run.child.stdout.take().unwrap();
        std::thread::spawn(move || out.read_to_end(&mut Vec::new()));
        run.says(" of 4000")
    };
    std::thread::scope(|scope| {
        for backend in ["model", "software"] {
            scope.spawn(move || {
                let line = line(backend);
                assert!(line.starts_with("classifying: "), "{line}");
                assert!(
                    line.contains(" of 4000, ") && line.contains(" s left"),
                    "{line}"
                );
            });
        }
        // A simulated engine's runs have lines of their own, also if each of them is short.
        if cfg!(feature = "sim") {
            scope.spawn(move || {
                let line = line("sim");
                assert!(line.contains(" and 3 more"), "{line}");
            });
        }
    });
}
