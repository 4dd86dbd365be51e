//! The files of an emulated board: made, recorded, and removed, also after a crash.
//!
//! A list in the folder names what was made, with its inode and time of birth, so that the next
//! emulator removes exactly that and nothing of anybody else's. The running emulator holds a lock
//! on the list.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::{CWD, FileType, FlockOperation, Mode, flock, mknodat};
use rustix::mount::{UnmountFlags, unmount};

use super::error::EmulatorError;

/// Name of the list.
pub const LIST: &str = ".firebrick-emulator";
/// Its first line.
const TITLE: &str = "firebrick emulator";
/// Who may use the nodes: their owner and group, as on a board with the udev rule.
const MODE: u32 = 0o660;

/// Kinds of entries in the list.
const PLANNED: &str = "planned";
const MADE: &str = "made";
const MOUNTED: &str = "mounted";

/// The files of a board in a folder.
#[derive(Debug)]
pub struct Nodes {
    dir: PathBuf,
    list: File,
    /// What was made, in order, relative to the folder.
    made: Vec<PathBuf>,
    mounted: Vec<PathBuf>,
}

impl Nodes {
    /// Takes a folder over, made if need be; removes what an emulator left that was killed.
    pub fn open(dir: &Path) -> Result<Nodes, EmulatorError> {
        fs::create_dir_all(dir).map_err(EmulatorError::node("make the folder", dir))?;
        let dir = fs::canonicalize(dir).map_err(EmulatorError::node("find", dir))?;
        let path = dir.join(LIST);
        let fail = |action| EmulatorError::node(action, path.clone());
        let mut list = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
            .open(&path)
            .map_err(fail("open"))?;
        let mut text = String::new();
        list.read_to_string(&mut text).map_err(fail("read"))?;
        if !text.is_empty() && text.lines().next() != Some(TITLE) {
            return Err(EmulatorError::Foreign { path });
        }
        if flock(&list, FlockOperation::NonBlockingLockExclusive).is_err() {
            let pid = text.lines().find_map(|line| line.strip_prefix("pid "));
            return Err(EmulatorError::Running {
                dir,
                pid: pid.and_then(|pid| pid.parse().ok()),
            });
        }
        // The other one may have ended, and removed the list, between opening and locking.
        if fs::metadata(&path).map(|there| there.ino()).ok()
            != list.metadata().map(|here| here.ino()).ok()
        {
            return Nodes::open(&dir);
        }
        clean(&dir, &text);
        list.set_len(0).map_err(fail("write"))?;
        list.rewind().map_err(fail("write"))?;
        let mut nodes = Nodes {
            dir,
            list,
            made: Vec::new(),
            mounted: Vec::new(),
        };
        let pid = std::process::id();
        nodes.note(format_args!("{TITLE}\npid {pid}"))?;
        Ok(nodes)
    }

    /// The folder, as an absolute path.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn note(&mut self, line: std::fmt::Arguments<'_>) -> Result<(), EmulatorError> {
        let path = self.dir.join(LIST);
        let written = self.list.write_all(format!("{line}\n").as_bytes());
        written.map_err(EmulatorError::node("write", path))
    }

    /// Makes something at a path relative to the folder, unless something is there.
    fn make<T>(
        &mut self,
        name: &str,
        make: impl FnOnce(&Path) -> io::Result<T>,
    ) -> Result<T, EmulatorError> {
        let path = self.dir.join(name);
        if fs::symlink_metadata(&path).is_ok() {
            return Err(EmulatorError::Foreign { path });
        }
        self.note(format_args!("{PLANNED} - {name}"))?;
        let made = make(&path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => EmulatorError::Foreign { path: path.clone() },
            _ => EmulatorError::node("make", path.clone())(source),
        })?;
        let identity = fs::symlink_metadata(&path).map(|there| identity(&there));
        let identity = identity.map_err(EmulatorError::node("find", path.clone()))?;
        self.note(format_args!("{MADE} {identity} {name}"))?;
        self.made.push(name.into());
        Ok(made)
    }

    /// A folder, and those above it; those that are there stay whoever made them.
    pub fn folder(&mut self, name: &str) -> Result<PathBuf, EmulatorError> {
        let mut path = PathBuf::new();
        for part in Path::new(name) {
            path.push(part);
            let name = path.to_string_lossy().into_owned();
            if !self.dir.join(&path).is_dir() {
                self.make(&name, |path| fs::create_dir(path))?;
            }
        }
        Ok(self.dir.join(name))
    }

    fn folder_of(&mut self, name: &str) -> Result<(), EmulatorError> {
        match Path::new(name).parent().and_then(Path::to_str) {
            Some(parent) if !parent.is_empty() => self.folder(parent).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// A file of so many zeros, to be mapped.
    pub fn memory(&mut self, name: &str, bytes: u64) -> Result<File, EmulatorError> {
        self.folder_of(name)?;
        self.make(name, |path| {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(MODE)
                .open(path)?;
            file.set_len(bytes)?;
            Ok(file)
        })
    }

    /// A file with a line of text, as in sysfs.
    pub fn attribute(&mut self, name: &str, value: &str) -> Result<(), EmulatorError> {
        self.bytes(name, format!("{value}\n").as_bytes())
    }

    /// A file with these bytes.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), EmulatorError> {
        let mut file = self.memory(name, 0)?;
        let written = file.write_all(bytes);
        written.map_err(EmulatorError::node("write", self.dir.join(name)))
    }

    /// A named pipe.
    pub fn fifo(&mut self, name: &str) -> Result<PathBuf, EmulatorError> {
        self.folder_of(name)?;
        self.make(name, |path| {
            let mode = Mode::from_raw_mode(MODE);
            Ok(mknodat(CWD, path, FileType::Fifo, mode, 0)?)
        })?;
        Ok(self.dir.join(name))
    }

    /// A symbolic link.
    pub fn link(&mut self, name: &str, target: &Path) -> Result<(), EmulatorError> {
        self.folder_of(name)?;
        self.make(name, |path| std::os::unix::fs::symlink(target, path))
    }

    /// Notes that something is about to be mounted on a folder.
    pub fn mount(&mut self, name: &str) -> Result<(), EmulatorError> {
        self.note(format_args!("{MOUNTED} - {name}"))?;
        self.mounted.push(name.into());
        Ok(())
    }
}

impl Drop for Nodes {
    /// Removes what was made.
    fn drop(&mut self) {
        for name in self.mounted.iter().rev() {
            let path = self.dir.join(name);
            if is_fuse(&path) {
                detach(&path);
            }
        }
        for name in self.made.iter().rev() {
            remove(&self.dir.join(name));
        }
        let _ = fs::remove_file(self.dir.join(LIST));
    }
}

/// Takes a mount away, also when somebody has its files open.
fn detach(path: &Path) {
    if unmount(path, UnmountFlags::DETACH).is_err() {
        // Whoever is not root has to ask the helper that mounted it.
        let _ = std::process::Command::new("fusermount3")
            .args(["-u", "-q", "-z", "--"])
            .arg(path)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status();
    }
}

/// Removes a file, or a folder if it is empty.
fn remove(path: &Path) {
    let is_dir = fs::symlink_metadata(path).is_ok_and(|there| there.is_dir());
    let _ = match is_dir {
        true => fs::remove_dir(path),
        false => fs::remove_file(path),
    };
}

/// What tells a file from another that has its name later: inode numbers are used again, so the
/// time of its birth belongs to it, where the file system keeps that.
fn identity(there: &fs::Metadata) -> String {
    let born = there.created().ok();
    let since = born.and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    format!(
        "{}@{}",
        there.ino(),
        since.map_or(0, |since| since.as_nanos())
    )
}

/// Removes what a list names, if it is still what was made.
fn clean(dir: &Path, list: &str) {
    let mut entries = Vec::new();
    for line in list.lines() {
        let mut words = line.splitn(3, ' ');
        if let (Some(kind), Some(made), Some(name)) = (words.next(), words.next(), words.next()) {
            let path = Path::new(name);
            let inside = path.components().all(|c| matches!(c, Component::Normal(_)));
            if inside {
                entries.push((kind, made, dir.join(path)));
            }
        }
    }
    for (kind, _, path) in entries.iter().rev() {
        if *kind == MOUNTED && is_fuse(path) {
            detach(path);
        }
    }
    for (kind, made, path) in entries.iter().rev() {
        let Ok(there) = fs::symlink_metadata(path) else {
            continue;
        };
        let own = match *kind {
            MADE => *made == identity(&there),
            // Killed between making it and noting that: nothing is in it yet.
            PLANNED => there.is_dir() || there.len() == 0 || there.is_symlink(),
            _ => false,
        };
        let noted = *kind == MADE || !entries.iter().any(|(k, _, p)| *k == MADE && p == path);
        if own && noted {
            remove(path);
        }
    }
}

/// Whether a FUSE file system is mounted there, its server alive or not.
fn is_fuse(path: &Path) -> bool {
    let Ok(mounts) = fs::read_to_string("/proc/self/mounts") else {
        return false;
    };
    // Blanks and the like are written in octal there.
    let shown: String = path
        .to_string_lossy()
        .chars()
        .map(|c| match c {
            ' ' | '\t' | '\n' | '\\' => format!("\\{:03o}", c as u32),
            c => c.to_string(),
        })
        .collect();
    mounts.lines().any(|line| {
        let mut words = line.split(' ').skip(1);
        words.next() == Some(&shown) && words.next().is_some_and(|kind| kind.starts_with("fuse"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn make_all(nodes: &mut Nodes) {
        nodes.memory("regs", 4096).unwrap();
        nodes.fifo("pipe").unwrap();
        nodes
            .attribute("sys/class/uio/uio0/name", "firebrick")
            .unwrap();
        nodes.link("other", Path::new("pipe")).unwrap();
    }

    #[test]
    fn everything_is_removed_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("new/board");
        let mut nodes = Nodes::open(&inner).unwrap();
        make_all(&mut nodes);
        assert_eq!(names(&inner), [LIST, "other", "pipe", "regs", "sys"]);
        drop(nodes);
        assert!(names(&inner).is_empty());
    }

    #[test]
    fn what_a_killed_one_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let mut nodes = Nodes::open(dir.path()).unwrap();
        make_all(&mut nodes);
        // As by SIGKILL: the lock goes, the files stay.
        let list = nodes.list.try_clone().unwrap();
        flock(&list, FlockOperation::Unlock).unwrap();
        std::mem::forget(nodes);
        fs::write(dir.path().join("foreign"), "x").unwrap();
        fs::write(dir.path().join("sys/foreign"), "x").unwrap();
        fs::remove_file(dir.path().join("regs")).unwrap();
        fs::write(dir.path().join("regs"), "somebody else's now").unwrap();
        let nodes = Nodes::open(dir.path()).unwrap();
        assert_eq!(names(dir.path()), [LIST, "foreign", "regs", "sys"]);
        assert_eq!(names(&dir.path().join("sys")), ["foreign"]);
        drop(nodes);
        assert_eq!(names(dir.path()), ["foreign", "regs", "sys"]);
    }

    #[test]
    fn foreign_files_and_running_emulators_are_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("regs"), "x").unwrap();
        let mut nodes = Nodes::open(dir.path()).unwrap();
        let foreign = nodes.memory("regs", 4096).unwrap_err();
        assert!(
            matches!(foreign, EmulatorError::Foreign { .. }),
            "{foreign}"
        );
        let running = Nodes::open(dir.path()).unwrap_err();
        let pid = std::process::id();
        assert!(
            running.to_string().contains(&format!("process {pid}")),
            "{running}"
        );
        drop(nodes);
        assert_eq!(names(dir.path()), ["regs"]);
        fs::write(dir.path().join(LIST), "notes of mine\n").unwrap();
        let foreign = Nodes::open(dir.path()).unwrap_err();
        assert!(
            matches!(foreign, EmulatorError::Foreign { .. }),
            "{foreign}"
        );
        assert_eq!(names(dir.path()), [LIST, "regs"]);
    }

    #[test]
    fn a_list_cannot_lead_outside() {
        let dir = tempfile::tempdir().unwrap();
        let board = dir.path().join("board");
        fs::create_dir(&board).unwrap();
        let victim = dir.path().join("victim");
        fs::write(&victim, "").unwrap();
        let made = identity(&fs::metadata(&victim).unwrap());
        let text = format!("{TITLE}\n{MADE} {made} ../victim\n{PLANNED} - ../victim\n");
        fs::write(board.join(LIST), text).unwrap();
        drop(Nodes::open(&board).unwrap());
        assert!(victim.exists());
    }
}
