//! Bad input: one clear error, a non-zero exit code, no panic.

use std::fs;
use std::path::Path;

use crate::common::{builtin_pack, firebrick, picture, text};

/// `classify` on a file of these bytes says `what`.
fn refused(name: &str, bytes: &[u8], what: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    for backend in ["model", "software"] {
        let run = firebrick(&["classify", "--backend", backend, text(&path)]);
        let run = run.fails(what);
        assert!(
            run.stderr.contains(name) && run.stdout.is_empty(),
            "{run:?}"
        );
    }
}

#[test]
fn pictures() {
    refused(
        "note.jpg",
        b"This is not a picture.\n",
        "neither JPEG nor PNG",
    );
    refused("empty.png", b"", "empty");
    let dir = tempfile::tempdir().unwrap();
    for name in ["cut.jpg", "cut.png"] {
        let bytes = fs::read(picture(dir.path(), name, 80, 80)).unwrap();
        refused(name, &bytes[..bytes.len() / 2], "truncated");
    }
    firebrick(&["classify", "/nowhere/cat.jpg"]).fails("/nowhere/cat.jpg");
    let empty = tempfile::tempdir().unwrap();
    firebrick(&["classify", text(empty.path())]).misused("no JPEG or PNG file");
}

/// `classify` with a packed model of these bytes says `what`.
fn model_refused(bytes: &[u8], what: &str) {
    let dir = tempfile::tempdir().unwrap();
    let pack = dir.path().join("model.safetensors");
    fs::write(&pack, bytes).unwrap();
    let image = picture(dir.path(), "a.png", 20, 20);
    let run = firebrick(&["classify", "--model", text(&pack), text(&image)]).fails(what);
    assert!(run.stderr.contains("model.safetensors"), "{run:?}");
    firebrick(&["info", "--model", text(&pack)]).fails(what);
}

/// The pack with one text in its header replaced by another of the same length.
fn edited(old: &str, new: &str) -> Vec<u8> {
    let mut bytes = builtin_pack();
    assert_eq!(old.len(), new.len());
    let at = bytes.windows(old.len()).position(|w| w == old.as_bytes());
    let at = at.unwrap_or_else(|| panic!("{old} is not in the pack"));
    bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
    bytes
}

#[test]
fn packed_models() {
    let pack = builtin_pack();
    let mut flipped = pack.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 0x10;
    model_refused(&flipped, "damaged");
    model_refused(&pack[..pack.len() / 2], "truncated");
    model_refused(
        &edited("\\\"format_version\\\":1", "\\\"format_version\\\":9"),
        "version 9",
    );
    model_refused(
        &edited("\"shape\":[64,3,3,3]", "\"shape\":[63,3,3,3]"),
        "damaged",
    );
    let absurd = [&u64::MAX.to_le_bytes(), &pack[8..]].concat();
    model_refused(&absurd, "18446744073709551615");
    model_refused(b"{}", "safetensors");
    firebrick(&["info", "--model", "/nowhere/m"]).fails("/nowhere/m");
    firebrick(&["info", "--model", "/"]).fails("not a regular file");
}

#[test]
fn usage() {
    firebrick(&[]).misused("Usage");
    firebrick(&["classify"]).misused("IMAGE");
    firebrick(&["nonsense"]).misused("nonsense");
    firebrick(&["info", "--preset", "nonsense"]).misused("fb256");
    firebrick(&["classify", "--backend", "fpga", "a"]).misused("software");
    for size in ["0", "x", "224x", "99999", "-3", "1x2x3"] {
        firebrick(&["info", &format!("--size={size}")]).misused("--size");
    }
    firebrick(&["classify", "--top", "0", "a"]).misused("--top");
    firebrick(&["verify", "--idle", "1", "a"]).misused("probability");
    firebrick(&["verify", "--cycles", "5..5", "--waveform", "w", "a"]).misused("FROM..TO");
    firebrick(&["verify", "--no-disturb", "--idle", "0.5", "a"]).misused("--no-disturb");
}

#[test]
fn sizes_that_do_not_fit() {
    firebrick(&["info", "--size", "8"]).fails("8x8");
    firebrick(&["info", "--size", "224x257"]).fails("window");
    let dir = tempfile::tempdir().unwrap();
    let image = picture(dir.path(), "a.png", 20, 20);
    firebrick(&["classify", "--size", "8", text(&image)]).fails("8x8");
}

#[test]
fn standard_output() {
    let full = |args: &[&str]| {
        let device = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = crate::common::command(args)
            .stdout(device)
            .output()
            .unwrap();
        crate::common::Run::of(output).fails("standard output")
    };
    if Path::new("/dev/full").exists() {
        full(&["presets"]);
        full(&["presets", "--json"]);
        full(&["disasm"]);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for args in [&["disasm"][..], &["info"], &["presets", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = crate::common::command(args)
            .stdout(writer)
            .output()
            .unwrap();
        let run = crate::common::Run::of(output);
        assert_eq!((run.code, run.stderr.as_str()), (141, ""), "{args:?}");
    }
}
