//! Engines with a line of their Verilog changed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::common::{Run, command};

/// A Verilator that changes a line of a module before it reads it, and a compiler that does not
/// take long, in a folder with a cache of its own.
pub struct Changed(tempfile::TempDir);

impl Changed {
    /// `from`, which is in the module once, becomes `to`.
    pub fn new(module: &str, from: &str, to: &str) -> Changed {
        let dir = tempfile::tempdir().unwrap();
        let script = |name: &str, text: String| {
            let path = dir.path().join(name);
            fs::write(&path, format!("#!/bin/bash\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        };
        // As it stands between single quotes of a shell.
        let quoted = |text: &str| text.replace('\'', "'\\''");
        let (from, to) = (quoted(from), quoted(to));
        let verilator = std::env::var("FIREBRICK_VERILATOR").unwrap_or("verilator".into());
        // Perl is there, since Verilator is written in it.
        script(
            "verilator",
            format!(
                "export MODULE='{module}' FROM='{from}' TO='{to}' NOTE='{}'\n\
                 for file in \"$@\"; do case $file in *.v)\n  \
                 perl -0pi -e 's/(\\nmodule \\Q$ENV{{MODULE}}\\E\\b(?:(?!\\nendmodule).)*?)\\Q$ENV{{FROM}}\\E/$1$ENV{{TO}}/s \
                 and do {{ open my $note, \">\", $ENV{{NOTE}} }}' \"$file\"\n\
                 esac; done\nexec {verilator} \"$@\"",
                dir.path().join("changed").display()
            ),
        );
        let compiler = std::env::var("CXX").unwrap_or("c++".into());
        script("compiler", format!("exec {compiler} \"${{@/-O3/-O1}}\""));
        Changed(dir)
    }

    /// The program on that engine.
    pub fn run(&self, args: &[&str]) -> Run {
        let at = |name: &str| self.0.path().join(name);
        let mut command = command(args);
        command.env("FIREBRICK_VERILATOR", at("verilator"));
        command.env("CXX", at("compiler"));
        command.env("FIREBRICK_CACHE", at("cache"));
        let run = Run::of(command.output().unwrap());
        assert!(at("changed").exists(), "the line is not there: {run:?}");
        run
    }
}
