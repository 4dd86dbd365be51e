//! What every command line program is expected to do: versions, help, completions, man pages, lists
//! of names of any kind.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Stdio;

use crate::common::{Run, command, firebrick, picture, small_pack, text};
use firebrick_spec::ABI_VERSION;

/// Runs `classify` with a list on standard input.
fn classify_listed(pack: &Path, more: &[&str], list: &[u8]) -> Run {
    let mut child = command(&["classify", "-", "--json", "--model", text(pack)])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(list).unwrap();
    Run::of(child.wait_with_output().unwrap())
}

fn images(run: &Run) -> Vec<String> {
    let objects = run.objects();
    let image = |object: &serde_json::Value| object["image"].as_str().unwrap().to_owned();
    objects.iter().map(image).collect()
}

#[test]
fn the_version_says_what_was_built() {
    let long = firebrick(&["--version"]).good().stdout;
    for what in ["commit ", &format!("{ABI_VERSION:#010x}"), "features: "] {
        assert!(long.contains(what), "{long}");
    }
    assert_eq!(long.contains("sim"), cfg!(feature = "sim"), "{long}");
    let short = firebrick(&["-V"]).good().stdout;
    assert_eq!(short, format!("firebrick {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn shells_and_man_are_told_of_every_command() {
    let bash = firebrick(&["completions", "bash"]).good().stdout;
    assert!(bash.contains("_firebrick()") && bash.contains("--back-pressure"));
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(
            firebrick(&["completions", shell])
                .good()
                .stdout
                .contains("firebrick")
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let man = dir.path().join("man");
    let written = firebrick(&["man", "-o", text(&man)]).good().stdout;
    let page = std::fs::read_to_string(man.join("firebrick-classify.1")).unwrap();
    assert!(
        page.contains(".TH firebrick-classify 1") && page.contains("Examples"),
        "{page}"
    );
    assert!(written.contains("firebrick.1") && written.contains("firebrick-replay.1"));
    // Its own pages are written again, the file of somebody else is not.
    firebrick(&["man", "-o", text(&man)]).good();
    std::fs::write(man.join("firebrick-maps.1"), "notes").unwrap();
    firebrick(&["man", "-o", text(&man)]).fails("--force");
    let old = std::fs::read_to_string(man.join("firebrick-maps.1")).unwrap();
    assert_eq!(old, "notes");
}

#[test]
fn help_shows_examples_and_the_environment() {
    let help = firebrick(&["verify", "--help"]).good().stdout;
    for what in ["Examples:", "firebrick verify cat.png", "NO_COLOR"] {
        assert!(help.contains(what), "{what} is not in {help}");
    }
    let whole = firebrick(&["--help"]).good().stdout;
    assert!(whole.contains("Exit codes:") && whole.contains("FIREBRICK_CACHE"));
}

#[test]
fn a_name_that_is_nearly_right_is_asked_about() {
    firebrick(&["predict", "--preset", "fb265"]).misused("did you mean fb256?");
    firebrick(&["explore", "--board", "kv206"]).misused("did you mean kv260?");
    firebrick(&["clasify", "x"]).misused("classify");
    let far = firebrick(&["predict", "--preset", "tpu"]).misused("there is no preset");
    assert!(!far.stderr.contains("did you mean"), "{far:?}");
}

#[test]
fn lists_and_folders_hold_names_of_any_kind() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let below = dir.path().join("p/q/r");
    std::fs::create_dir_all(&below).unwrap();
    let one = picture(&dir.path().join("p"), "one.png", 30, 20);
    let strange = below.join(OsStr::from_bytes(b"two\nlines \xff.png"));
    std::fs::copy(&one, &strange).unwrap();
    // Whatever is a loop is not walked.
    std::os::unix::fs::symlink(dir.path().join("p"), below.join("loop")).unwrap();

    let list = [one.as_os_str().as_bytes(), strange.as_os_str().as_bytes()].join(&0);
    let found = images(&classify_listed(&pack, &["-0"], &list).good());
    assert_eq!(found[0], text(&one));
    assert!(found[1].ends_with("two\nlines \\xff.png"), "{found:?}");
    let line = below.join(OsStr::from_bytes(b"\xfe.png"));
    std::fs::rename(&strange, &line).unwrap();
    let list = [line.as_os_str().as_bytes(), b"\r\n"].concat();
    let found = images(&classify_listed(&pack, &[], &list).good());
    assert!(found[0].ends_with("\\xfe.png"), "{found:?}");

    let folder = dir.path().join("p");
    let on = ["classify", text(&folder), "--json", "--model", text(&pack)];
    assert_eq!(images(&firebrick(&on).good()), [text(&one)]);
    let all = firebrick(&[&on[..], &["--recursive"]].concat()).good();
    assert_eq!(images(&all).len(), 2, "{all:?}");
    // Of a folder below, too, what cannot be read is passed over, and counted.
    std::fs::write(below.join("bad.png"), "no picture").unwrap();
    let some = firebrick(&[&on[..], &["-r"]].concat()).good();
    assert!(
        some.stderr.contains("1 of 3 files were skipped"),
        "{some:?}"
    );
}

#[test]
fn a_log_says_what_is_done_with_the_engine() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    let args = [
        "classify",
        "--json",
        "--backend",
        "software",
        "--model",
        text(&pack),
        text(&image),
    ];
    let run = |more: &[&str], level: Option<&str>| {
        let mut command = command(&[&args[..], more].concat());
        command.env_remove("RUST_LOG").env_remove("FIREBRICK_LOG");
        if let Some(level) = level {
            command.env("FIREBRICK_LOG", level);
        }
        let run = Run::of(command.output().unwrap()).good();
        assert_eq!(run.objects().len(), 1);
        assert!(!run.stderr.contains('\u{1b}'), "{run:?}");
        run.stderr
    };
    let quiet = run(&[], None);
    assert!(!quiet.contains("INFO"), "{quiet}");
    let info = run(&["-v"], None);
    assert!(
        info.contains("recognised") && !info.contains("DEBUG"),
        "{info}"
    );
    for debug in [run(&["-vv"], None), run(&[], Some("debug"))] {
        assert!(debug.contains("the probe came back"), "{debug}");
        assert!(debug.contains("bytes_in="), "{debug}");
        assert!(debug.contains("time.busy="), "{debug}");
    }
    // What is asked for on the command line goes before the variable.
    assert!(!run(&["-v"], Some("trace")).contains("DEBUG"));
    let wrong = run(&[], Some("a=b=c"));
    assert!(wrong.contains("warning: FIREBRICK_LOG=a=b=c: "), "{wrong}");
}
