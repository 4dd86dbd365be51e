//! The build: cache hits, concurrency, and every error that a user can meet.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::builder;
use firebrick_sim::{BuildError, Builder, Design, Environment, Event, Model, Progress, Silent};

const TEXT: &str = "module built(input wire aclk, input wire [7:0] a, output reg [7:0] q);\n\
                    always @(posedge aclk) q <= a;\nendmodule\n";

/// Counts how often a build started, and notes all events.
#[derive(Default)]
struct Count {
    builds: AtomicUsize,
    events: Mutex<Vec<Event>>,
}

impl Progress for &'static Count {
    fn report(&self, _top: &str, event: Event) {
        if event == Event::Verilating {
            self.builds.fetch_add(1, Ordering::SeqCst);
        }
        self.events.lock().expect("events").push(event);
    }
}

fn count() -> &'static Count {
    Box::leak(Box::default())
}

/// A program in `dir` from the text of a shell script.
fn script(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions");
    path
}

fn real_verilator() -> String {
    let path = std::env::var("PATH").expect("PATH");
    std::env::split_paths(&path)
        .map(|dir| dir.join("verilator"))
        .find(|p| p.is_file())
        .expect("verilator is installed")
        .display()
        .to_string()
}

/// A cache of its own that shares the compiled runtime of the other tests' cache.
fn fresh_cache() -> tempfile::TempDir {
    builder()
        .build(&Design::new("built", TEXT).optimise(1))
        .expect("runtime");
    let dir = tempfile::tempdir().expect("dir");
    let common = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cache");
    for entry in fs::read_dir(common).expect("common cache").flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("runtime-") && entry.path().is_dir() {
            std::os::unix::fs::symlink(entry.path(), dir.path().join(name)).expect("link");
        }
    }
    dir
}

fn design(mark: &str) -> Design {
    Design::new("built", format!("// {mark}\n{TEXT}")).optimise(1)
}

#[test]
fn the_second_build_runs_no_verilator() {
    let cache = fresh_cache();
    let tools = tempfile::tempdir().expect("tools");
    let log = tools.path().join("log");
    let text = format!(
        "echo \"$@\" >> {}\nexec {} \"$@\"",
        log.display(),
        real_verilator()
    );
    let fake = script(tools.path(), "verilator", &text);
    let environment = Environment {
        verilator: Some(fake.into()),
        cache: Some(cache.path().to_owned()),
        ..Environment::from_process()
    };
    let counter = count();
    let builder = Builder::new().environment(environment).progress(counter);
    let runs = || {
        let log = fs::read_to_string(&log).unwrap_or_default();
        log.lines().filter(|line| line.contains("--cc")).count()
    };
    let first = builder.build(&design("a")).expect("first");
    assert!(!first.from_cache() && runs() == 1);
    assert_eq!((first.top(), first.ports().len()), ("built", 3));
    let events = counter.events.lock().expect("events").clone();
    assert_eq!(events[0], Event::Verilating);
    assert!(
        matches!(events[events.len() - 1], Event::Built { .. }),
        "{events:?}"
    );
    assert!(
        events
            .iter()
            .any(|e| matches!(e, Event::Compiling { done, total } if done == total))
    );

    let second = builder.build(&design("a")).expect("second");
    assert!(second.from_cache() && runs() == 1);
    assert_eq!(second.library(), first.library());
    assert_eq!(
        counter.events.lock().expect("events").len(),
        events.len(),
        "a hit says nothing"
    );
    // Each of these is another model.
    for (other, wanted) in [(design("b"), 2), (design("a").define("X", "1"), 3)] {
        assert!(!builder.build(&other).expect("build").from_cache());
        assert_eq!(runs(), wanted);
    }
    // The clock's name belongs to the user of the model, not to the model.
    assert!(
        builder
            .build(&design("a").clock("a"))
            .expect("build")
            .from_cache()
    );

    // Damaged and partial entries do not count.
    fs::write(first.library(), b"not a library").expect("damage");
    let repaired = builder.build(&design("a")).expect("repair");
    assert!(!repaired.from_cache() && runs() == 4);
    Model::load(&repaired, 0)
        .expect("it loads")
        .step()
        .expect("it runs");
    let folder = repaired.library().parent().expect("folder");
    fs::remove_file(folder.join("manifest")).expect("damage");
    fs::create_dir(cache.path().join(format!(
        "{}.tmp-1-2",
        folder.file_name().expect("name").to_string_lossy()
    )))
    .expect("a leftover");
    assert!(!builder.build(&design("a")).expect("repair").from_cache());
    let leftovers = fs::read_dir(cache.path()).expect("cache").flatten();
    let leftovers = leftovers.filter(|e| e.file_name().to_string_lossy().contains(".tmp-"));
    assert_eq!(leftovers.count(), 0);
}

#[test]
fn two_threads_build_once() {
    let cache = fresh_cache();
    let counter = count();
    let builder = Builder::new().cache_dir(cache.path()).progress(counter);
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| builder.build(&design("threads"))))
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().expect("thread"))
            .collect()
    });
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(counter.builds.load(Ordering::SeqCst), 1);
    assert_eq!(
        results.iter().flatten().filter(|m| !m.from_cache()).count(),
        1
    );
    assert!(
        counter
            .events
            .lock()
            .expect("events")
            .contains(&Event::Waiting)
    );
}

fn fails(environment: Environment) -> BuildError {
    let builder = Builder::new().environment(environment).progress(Silent);
    let error = builder.build(&design("fails")).expect_err("an error");
    println!("{error}");
    error
}

#[test]
fn missing_tools() {
    let cache_dir = tempfile::tempdir().expect("dir");
    let cache = Some(cache_dir.path().join("cache"));
    let empty = tempfile::tempdir().expect("dir");
    let none = Environment {
        path: empty.path().into(),
        cache: cache.clone(),
        ..Default::default()
    };
    let text = fails(none.clone()).to_string();
    assert!(
        text.contains("apt-get install verilator") && text.contains("scripts/demo"),
        "{text}"
    );

    let verilator = Some(real_verilator().into());
    let no_compiler = Environment {
        verilator: verilator.clone(),
        ..none.clone()
    };
    // Verilator itself needs perl, so that must stay on PATH.
    let perl = ["/usr/bin/perl", "/bin/perl"]
        .iter()
        .find(|p| Path::new(p).exists());
    if let Some(perl) = perl {
        std::os::unix::fs::symlink(perl, empty.path().join("perl")).expect("link");
        for tool in ["env", "sh"] {
            let _ = std::os::unix::fs::symlink(format!("/usr/bin/{tool}"), empty.path().join(tool));
        }
        let text = fails(no_compiler.clone()).to_string();
        assert!(
            text.contains("apt-get install g++") && text.contains("CXX"),
            "{text}"
        );
        let odd = Environment {
            cxx: Some("/no/such/cxx -v".to_owned()),
            ..no_compiler
        };
        assert!(matches!(
            fails(odd),
            BuildError::BadOverride {
                variable: "CXX",
                ..
            }
        ));
    }
    let odd = Environment {
        verilator: Some("/no/such/verilator".into()),
        ..none
    };
    assert!(matches!(
        fails(odd),
        BuildError::BadOverride {
            variable: "FIREBRICK_VERILATOR",
            ..
        }
    ));
    let no_cache = Environment {
        cache: None,
        ..Environment::from_process()
    };
    assert!(matches!(fails(no_cache), BuildError::NoCacheDir));
}

#[test]
fn other_versions_and_programs() {
    let dir = tempfile::tempdir().expect("dir");
    let with = |name: &str, text: &str| Environment {
        verilator: Some(script(dir.path(), name, text).into()),
        cache: Some(dir.path().join("cache")),
        ..Environment::from_process()
    };
    let old = fails(with("old", "echo 'Verilator 4.038 2020-07-11 rev v4.036'"));
    assert!(
        matches!(&old, BuildError::VerilatorTooOld { found, .. } if found == "4.038"),
        "{old}"
    );
    let other = fails(with("other", "echo 'Hello 1.0'"));
    assert!(matches!(&other, BuildError::VerilatorUnknown { answer, .. } if answer == "Hello 1.0"));
    let fails_at_once = fails(with("bad", "echo broken >&2; exit 3"));
    assert!(
        fails_at_once.to_string().contains("broken"),
        "{fails_at_once}"
    );
}

#[test]
fn unusable_cache_folders() {
    let dir = tempfile::tempdir().expect("dir");
    let file = dir.path().join("file");
    fs::write(&file, "a regular file").expect("file");
    for folder in [file.join("cache"), PathBuf::from("/proc/no/cache")] {
        let environment = Environment {
            cache: Some(folder.clone()),
            ..Environment::from_process()
        };
        let text = fails(environment).to_string();
        let named =
            text.contains(&folder.display().to_string()) && text.contains("FIREBRICK_CACHE");
        assert!(named, "{text}");
    }
}

#[test]
fn a_full_disk() {
    let dir = tempfile::tempdir().expect("dir");
    let text = "case \"$*\" in *-c*) echo 'x.cpp:1: fatal error: error writing to x.o: No space left on device' >&2; exit 1;; esac\nexec c++ \"$@\"";
    let compiler = script(dir.path(), "cxx", text);
    let environment = Environment {
        cxx: Some(compiler.display().to_string()),
        cache: Some(dir.path().join("cache")),
        ..Environment::from_process()
    };
    assert!(matches!(fails(environment), BuildError::DiskFull { .. }));
}

#[test]
fn broken_verilog() {
    let refuse = |design: Design| {
        let error = builder().build(&design).expect_err("refused");
        println!("{error}");
        error
    };
    let text = TEXT.replace("q <= a", "q <= nothing");
    let BuildError::Verilog { messages, top } = refuse(Design::new("built", text)) else {
        panic!("another error")
    };
    assert_eq!(top, "built");
    assert!(
        messages.contains("built.v:2") && messages.contains("nothing"),
        "{messages}"
    );
    assert!(!messages.contains("Exiting due to"), "{messages}");

    let none = refuse(Design::new("other", TEXT));
    assert!(none.to_string().contains("other"), "{none}");
    for odd in [
        Design::new("a b", TEXT),
        Design::new("built", "  \n"),
        Design::new("built", TEXT).source("../x.v", TEXT),
        Design::new("built", TEXT).source("built.v", TEXT),
        Design::new("built", TEXT).define("A B", ""),
    ] {
        assert!(matches!(refuse(odd), BuildError::BadDesign { .. }));
    }
    let array = "module built(input wire aclk, input wire [7:0] a [0:3], output wire q);\n\
                 assign q = a[0][0]; endmodule\n";
    let array = Design::new("built", "`define NOTHING\n").source("array.sv", array);
    assert!(matches!(refuse(array), BuildError::UnsupportedPort { .. }));
}

#[test]
fn a_compiler_that_fails() {
    let dir = tempfile::tempdir().expect("dir");
    let text = "case \"$*\" in *-c*) echo 'x.cpp:1: error: out of ideas' >&2; exit 1;; esac\nexec c++ \"$@\"";
    let environment = Environment {
        cxx: Some(script(dir.path(), "cxx", text).display().to_string()),
        cache: Some(dir.path().join("cache")),
        ..Environment::from_process()
    };
    let error = fails(environment);
    assert!(matches!(&error, BuildError::Compile { messages, .. } if messages.contains("ideas")));
}

#[test]
fn deadlines() {
    let dir = tempfile::tempdir().expect("dir");
    // Answers what it is asked, but never ends its work; its child must be killed, too.
    let text = format!(
        "case \"$1\" in --cc) sleep 600 & echo $! > {0}/pid; wait;; *) exec {1} \"$@\";; esac",
        dir.path().display(),
        real_verilator()
    );
    let environment = Environment {
        verilator: Some(script(dir.path(), "verilator", &text).into()),
        cache: Some(dir.path().join("cache")),
        ..Environment::from_process()
    };
    let limit = Duration::from_millis(1500);
    let builder = Builder::new()
        .environment(environment)
        .progress(Silent)
        .deadline(limit);
    let start = Instant::now();
    let error = builder.build(&design("deadline")).expect_err("too late");
    assert!(matches!(&error, BuildError::Deadline { .. }), "{error}");
    assert!(error.to_string().contains("1.5 s"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(30));
    let pid = fs::read_to_string(dir.path().join("pid")).expect("the child ran");
    // A signal on its way may take a moment to arrive.
    let running = || {
        let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        !state.is_empty() && !state.contains(") Z")
    };
    let begin = Instant::now();
    while running() && begin.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!running(), "the child still runs");

    // Nothing half-done stays behind, and waiting for a lock ends as well.
    let left: Vec<_> = fs::read_dir(dir.path().join("cache"))
        .expect("cache")
        .flatten()
        .collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let lock = fs::File::open(left[0].path()).expect("lock file");
    lock.lock().expect("lock");
    let error = builder.build(&design("deadline")).expect_err("locked");
    assert!(
        error.to_string().contains("waiting for another build"),
        "{error}"
    );
}
