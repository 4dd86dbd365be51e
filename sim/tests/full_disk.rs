//! Waveforms on a disk that fills up, which needs a mount of its own: without the right to make
//! one, it is skipped with a message.

mod common;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::open;
use firebrick_sim::{Design, Model};

/// 2048 bits that change all the time and compress badly: some 250 bytes a cycle.
const NOISE: &str = "
module noise(input wire clock, output wire [2047:0] q);
    reg [2047:0] state = 2048'd1;
    always @(posedge clock)
        state <= (state ^ (state << 13)) ^ ((state ^ (state << 13)) >> 7) ^ {64{32'h9e3779b9}};
    assign q = state;
endmodule
";

/// A disk of a few MiB.
struct Disk(PathBuf, #[allow(dead_code)] tempfile::TempDir);

impl Disk {
    fn new(mib: u32) -> Option<Disk> {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("disk");
        fs::create_dir(&path).expect("mount point");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "none"])
            .arg(&path)
            .output()
            .is_ok_and(|output| output.status.success());
        match mounted {
            true => Some(Disk(path, dir)),
            false => {
                let _ = writeln!(
                    std::io::stderr(),
                    "skipped: a tmpfs cannot be mounted here (it takes root)"
                );
                None
            }
        }
    }

    fn fill(&self, bytes: usize) {
        fs::write(self.0.join("filler"), vec![1; bytes]).expect("filler");
    }

    fn free(&self) {
        fs::remove_file(self.0.join("filler")).expect("filler");
    }

    /// All that is on it but the filler.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("disk");
        let names = entries.map(|e| e.expect("entry").file_name().into_string().expect("name"));
        names.filter(|name| name != "filler").collect()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn fails(result: Result<(), firebrick_sim::ModelError>, path: &Path) {
    let text = result.expect_err("a full disk").to_string();
    let named = text.contains(path.to_str().expect("path"));
    assert!(named && text.contains("room"), "{text}");
}

#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    let Some(disk) = Disk::new(4) else { return };
    let design = Design::new("noise", NOISE).clock("clock").trace(true);
    let mut model: Model = open(&design);
    let path = disk.0.join("w.fst");

    // Before.
    disk.fill((3 << 20) + 4096);
    fails(model.trace(&path, 0, 1_000_000), &path);
    assert_eq!(disk.names(), [""; 0]);
    disk.free();

    // Meanwhile, by others.
    model.trace(&path, 0, 1_000_000).expect("room");
    model.step_many(200).expect("room");
    disk.fill((3 << 20) + 4096);
    fails(model.step_many(200), &path);
    assert_eq!(disk.names(), [""; 0]);
    disk.free();

    // At the end, when all is written at once: more than there is.
    let from = model.cycle();
    model.trace(&path, from, from + 40_000).expect("room");
    fails(model.step_many(50_000), &path);
    assert_eq!(disk.names(), [""; 0]);

    // And the model goes on.
    let from = model.cycle();
    model.trace(&path, from, from + 100).expect("room");
    model.step_many(200).expect("room");
    assert_eq!(disk.names(), ["w.fst"]);
}
