//! Programs in C and C++ against the library as it is installed: compiled with every warning an
//! error, linked through pkg-config alone, and run, also under AddressSanitizer.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CAT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../weights/samples/cat.png");

/// Says that a test, or a part of it, did not run, and why, past the test harness.
fn skipped(why: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

fn output(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// What a command prints; it has to go well.
fn good(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{command:?}: {output:#?}");
    String::from_utf8(output.stdout).unwrap()
}

fn is_there(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").output().is_ok();
    if !there {
        skipped(format_args!("programs in C: there is no {tool}"));
    }
    there
}

/// The library, installed.
struct Installed {
    root: tempfile::TempDir,
}

impl Installed {
    /// None without a compiler.
    fn new() -> Option<Installed> {
        if !["cc", "c++", "pkg-config"]
            .iter()
            .all(|tool| is_there(tool))
        {
            return None;
        }
        let root = tempfile::tempdir().unwrap();
        // Cargo has put the libraries beside the test's own program.
        let test = std::env::current_exe().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/c-library");
        good(
            Command::new(script)
                .arg("--built")
                .arg(test.parent().unwrap())
                .arg(root.path()),
        );
        Some(Installed { root })
    }

    fn pkg_config(&self, args: &[&str]) -> Vec<String> {
        let mut command = Command::new("pkg-config");
        let path = self.root.path().join("lib/pkgconfig");
        let flags = good(
            command
                .args(args)
                .arg("firebrick")
                .env("PKG_CONFIG_PATH", path),
        );
        flags.split_whitespace().map(str::to_owned).collect()
    }

    /// Compiles a source of this crate with more flags, by default against the shared library.
    fn compile(&self, source: &str, more: &[&str], flags: &[&str]) -> Result<PathBuf, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
        let program = self.root.path().join(format!(
            "{}{}",
            source.file_stem().and_then(OsStr::to_str).unwrap(),
            more.concat()
        ));
        let (compiler, standard) = match source.extension().and_then(OsStr::to_str) {
            Some("c") => ("cc", "-std=c11"),
            _ => ("c++", "-std=c++17"),
        };
        let mut command = Command::new(compiler);
        command
            .args([
                standard,
                "-O1",
                "-g",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-pedantic",
            ])
            .args(more)
            .arg(&source)
            .arg("-o")
            .arg(&program)
            .args(self.pkg_config(flags))
            .arg("-pthread");
        let output = output(&mut command);
        match output.status.success() {
            true => Ok(program),
            false => Err(format!(
                "{command:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            )),
        }
    }

    fn run(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .env("LD_LIBRARY_PATH", self.root.path().join("lib"));
        command
    }
}

#[test]
fn programs_in_c() {
    let Some(installed) = Installed::new() else {
        return;
    };
    let shared = &["--cflags", "--libs"][..];
    let classify = installed
        .compile("examples/classify.c", &[], shared)
        .unwrap();
    let text = good(&mut installed.run(&classify, &["model", CAT]));
    assert!(
        text.starts_with(" 59.71 %  Egyptian cat (class 285)\n"),
        "{text}"
    );
    assert!(text.contains("\nconv10 "), "{text}");
    assert!(text.contains("fb256 at 200 MHz: 6.92 ms"), "{text}");
    let bad = output(&mut installed.run(&classify, &["xdma:/no/such/device", CAT]));
    assert_eq!(bad.status.code(), Some(1));
    let said = String::from_utf8_lossy(&bad.stderr);
    assert!(said.contains("/no/such/device"), "{said}");

    let workers = installed
        .compile("examples/workers.cpp", &[], shared)
        .unwrap();
    let pictures = [CAT; 6];
    let args = [&["model,software:fb64,model"][..], &pictures].concat();
    let text = good(&mut installed.run(&workers, &args));
    assert_eq!(text, format!("{CAT}: Egyptian cat\n").repeat(6));
    let bad = output(&mut installed.run(&workers, &["model", CAT, "no such file.png"]));
    assert_eq!(bad.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&bad.stdout).contains("error: "));

    let misuse = installed.compile("tests/misuse.c", &[], shared).unwrap();
    good(&mut installed.run(&misuse, &[CAT]));

    // The static library needs nothing at run time.
    let archive = installed.root.path().join("lib/libfirebrick.so");
    std::fs::remove_file(archive).unwrap();
    let fixed = &["--cflags", "--libs", "--static"][..];
    let fixed = installed
        .compile("examples/classify.c", &["-DSTATIC"], fixed)
        .unwrap();
    let text = good(Command::new(fixed).args(["model", CAT]));
    assert!(text.contains("Egyptian cat"), "{text}");
}

#[test]
fn no_program_loses_memory() {
    let Some(installed) = Installed::new() else {
        return;
    };
    let sanitize = &["-fsanitize=address", "-fno-omit-frame-pointer"][..];
    let shared = &["--cflags", "--libs"][..];
    for (source, args) in [
        ("examples/classify.c", &["model", CAT][..]),
        ("examples/workers.cpp", &["model,model", CAT, CAT, CAT]),
        ("tests/misuse.c", &[CAT]),
    ] {
        match installed.compile(source, sanitize, shared) {
            Ok(program) => {
                let mut command = installed.run(&program, args);
                command.env("ASAN_OPTIONS", "detect_leaks=1:halt_on_error=1");
                let output = output(&mut command);
                let said = String::from_utf8_lossy(&output.stderr);
                // Leaks cannot be looked for under a debugger.
                if said.contains("LeakSanitizer does not work under ptrace") {
                    skipped(format_args!("leaks of {source}: {said}"));
                    good(command.env("ASAN_OPTIONS", "detect_leaks=0"));
                    continue;
                }
                assert!(output.status.success(), "{command:?}: {output:#?}");
            }
            Err(error) => {
                let none = error.contains("asan") || error.contains("fsanitize");
                assert!(none, "{error}");
                return skipped("AddressSanitizer: the compiler has none");
            }
        }
    }
}
