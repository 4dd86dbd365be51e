//! Files that commands write: one set of rules for all of them.
//!
//! A regular file appears whole, written beside its place and renamed; links are followed; pipes
//! and character devices are written into, anything else is refused. An input is never written
//! over, and a file of another kind only with `--force`. [`Place::check`] finds all of this out
//! before a command's work starts.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use firebrick_spec::command::{Command, RECORD_WORDS};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::error::CliError;

/// How long a pipe is waited for that nobody reads yet.
const READER: Duration = Duration::from_secs(10);
/// Between two tries.
const TRY: Duration = Duration::from_millis(50);
/// Links that are followed before they are called a circle; as the kernel has it.
const LINKS: usize = 40;
/// Beginning of a file by which its kind is told.
const BEGINNING: u64 = 4096;

/// What a command writes, and how it knows its own files.
#[derive(Clone, Copy)]
pub struct Kind {
    /// What such a file is called.
    pub name: &'static str,
    /// The option that names it.
    pub option: &'static str,
    /// Whether a file that begins so is of this kind.
    own: fn(&[u8]) -> bool,
}

impl Kind {
    pub const PACK: Kind = Kind {
        name: "packed model",
        option: "-o",
        // A safetensors header, with this program's metadata first.
        own: |bytes| {
            let text = bytes.get(8..).unwrap_or_default();
            text.starts_with(b"{\"__metadata__\"") && has(text, b"\"firebrick\":")
        },
    };
    /// Any file, by the option that names it: to compare places.
    pub const fn any(option: &'static str) -> Kind {
        Kind {
            name: "file",
            option,
            own: |_| true,
        }
    }

    pub const CALIBRATION: Kind = Kind {
        name: "calibration",
        option: "--save-calibration",
        own: |bytes| has(bytes, b"pictures = ") && has(bytes, b"size = ["),
    };
    pub const REPORT: Kind = Kind {
        name: "report",
        option: "--report",
        own: |bytes| {
            let markdown = bytes.starts_with(b"# ") && has(bytes, b" pictures; ");
            markdown || (bytes.starts_with(b"{") && has(bytes, b"\"network\":"))
        },
    };
    /// What is written beside a trained pack.
    pub const TRAINING: Kind = Kind {
        name: "report of a training",
        option: "--report",
        own: |bytes| {
            let tables = [
                "epoch,rate,loss,",
                "true class,",
                "class,pictures,right,",
                "file,class,label\n",
            ];
            let weights = bytes.get(8..).unwrap_or_default();
            tables.iter().any(|head| bytes.starts_with(head.as_bytes()))
                || bytes.starts_with(b"<svg") && has(bytes, b"Loss and accuracy by epoch")
                || weights.starts_with(b"{\"__metadata__\":{\"firebrick_train\"")
        },
    };
    pub const FEATURES: Kind = Kind {
        name: "file of features",
        option: "--save-features",
        own: |bytes| {
            let text = bytes.get(8..).unwrap_or_default();
            text.starts_with(b"{\"__metadata__\":{\"firebrick_features\"")
        },
    };
    pub const RECORDING: Kind = Kind {
        name: "recording",
        option: "--record",
        own: |bytes| bytes.starts_with(b"FBRKREC\n"),
    };
    pub const MAP: Kind = Kind {
        name: "NumPy file",
        option: "-o",
        own: |bytes| bytes.starts_with(b"\x93NUMPY"),
    };
    pub const MAP_NAMES: Kind = Kind {
        name: "list of maps",
        option: "-o",
        own: |bytes| bytes.starts_with(b"{\"picture.npy\":"),
    };
    pub const ENGINE_MAP: Kind = Kind {
        option: "--save-maps",
        ..Kind::MAP
    };
    pub const ENGINE_MAP_NAMES: Kind = Kind {
        option: "--save-maps",
        ..Kind::MAP_NAMES
    };
    pub const TRANSFER: Kind = Kind {
        name: "transfer",
        option: "-o",
        own: is_transfer,
    };
    pub const PAGE: Kind = Kind {
        name: "report",
        option: "-o",
        own: |bytes| bytes.starts_with(b"<!DOCTYPE html>") && has(bytes, b"Firebrick</title>"),
    };
    pub const PRESET: Kind = Kind {
        name: "configuration",
        option: "--write",
        own: |bytes| bytes.starts_with(firebrick::preset::BEGINNING.as_bytes()),
    };
    pub const HTML: Kind = Kind {
        option: "--html",
        ..Kind::PAGE
    };
    pub const MAN_PAGE: Kind = Kind {
        name: "man page",
        option: "-o",
        own: |bytes| has(bytes, b".TH firebrick"),
    };
    pub const SETUP: Kind = Kind {
        option: "--setup",
        ..Kind::TRANSFER
    };
    pub const RESULT: Kind = Kind {
        name: "result",
        option: "--expect",
        // A result in binary has nothing to be known by: only one that was empty is written over.
        own: |bytes| bytes.starts_with(BEATS),
    };
    #[cfg(feature = "sim")]
    pub const WAVEFORM: Kind = Kind {
        name: "waveform",
        option: "--waveform",
        // An FST header block and its length.
        own: |bytes| bytes.starts_with(&[0, 0, 0, 0, 0, 0, 0, 1, 0x49]),
    };
    /// The waveform of the first run that went wrong.
    #[cfg(feature = "sim")]
    pub const FIRST_WAVEFORM: Kind = Kind {
        option: "--wave-at-divergence",
        ..Kind::WAVEFORM
    };
    /// What shows it in a viewer.
    #[cfg(feature = "sim")]
    pub const VIEW: Kind = Kind {
        name: "view of a waveform",
        option: "--wave-at-divergence",
        own: |bytes| has(bytes, b"[*] Firebrick\n") || has(bytes, b"# Firebrick"),
    };
    /// Told by the command itself.
    #[cfg(feature = "sim")]
    pub const GENERATED: Kind = Kind {
        name: "generated file",
        option: "-o",
        own: |_| true,
    };
}

/// How a file of beats in text begins.
const BEATS: &[u8] = b"// Firebrick, configuration ";

/// A hello record, or beats in text.
fn is_transfer(bytes: &[u8]) -> bool {
    let (words, _) = bytes.as_chunks::<4>();
    let words = words.iter().map(|word| u32::from_le_bytes(*word));
    let record: Vec<u32> = words.take(RECORD_WORDS).collect();
    let hello = <&[u32; RECORD_WORDS]>::try_from(record.as_slice())
        .is_ok_and(|record| matches!(Command::decode(record), Ok(Command::Hello(_))));
    hello || bytes.starts_with(BEATS)
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Where a file goes, looked at.
#[derive(Debug)]
pub struct Place {
    shown: PathBuf,
    option: &'static str,
    to: To,
}

#[derive(Debug)]
enum To {
    /// A regular file, links followed.
    File(PathBuf),
    /// A pipe or a character device, or a file that is open already (as `/dev/stdout`).
    Stream,
}

impl Place {
    /// Looks whether the file can be written. What stands there stays as it is.
    ///
    /// # Errors
    /// If it is one of `inputs` or, without `force`, not of this kind and not empty; if it is a
    /// folder, a disk or a socket; if its folder is not there or cannot be written.
    pub fn check(
        path: &Path,
        kind: Kind,
        inputs: &[&Path],
        force: bool,
    ) -> Result<Place, CliError> {
        let fail = |reason: String| CliError::output(path, kind.option, reason);
        let place = |to| Place {
            shown: path.to_owned(),
            option: kind.option,
            to,
        };
        let found = match fs::metadata(path) {
            Ok(found) => found,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let target = follow(path).map_err(|e| fail(e.to_string()))?;
                try_folder(&target).map_err(|e| fail(e.to_string()))?;
                return Ok(place(To::File(target)));
            }
            Err(e) => return Err(fail(e.to_string())),
        };
        let kinds = found.file_type();
        if kinds.is_fifo() || kinds.is_char_device() {
            return Ok(place(To::Stream));
        }
        if !kinds.is_file() {
            let what = match () {
                () if kinds.is_dir() => "a folder",
                () if kinds.is_block_device() => "a disk",
                () => "a socket",
            };
            return Err(fail(format!("this is {what}, not a file")));
        }
        if inputs.iter().any(|input| same(&found, input)) {
            return Err(fail(
                "this is an input of the same command, which would be lost".into(),
            ));
        }
        if !force && found.len() > 0 {
            let bytes = beginning(path).map_err(|e| fail(e.to_string()))?;
            if !(kind.own)(&bytes) {
                return Err(fail(format!(
                    "a file is there already that is no {} of this program; overwrite it with \
                     --force",
                    kind.name
                )));
            }
        }
        // Such a file is somebody's who opened it: it must stay the same one.
        if path.starts_with("/dev") || path.starts_with("/proc") {
            return Ok(place(To::Stream));
        }
        let target = fs::canonicalize(path).map_err(|e| fail(e.to_string()))?;
        try_folder(&target).map_err(|e| fail(e.to_string()))?;
        Ok(place(To::File(target)))
    }

    /// Refuses a pipe or a device: the file is not written from its beginning to its end.
    #[cfg(feature = "sim")]
    pub fn must_be_file(&self) -> Result<(), CliError> {
        match self.to {
            To::File(_) => Ok(()),
            To::Stream => Err(CliError::output(
                &self.shown,
                self.option,
                "this has to be a regular file, not a device or pipe".into(),
            )),
        }
    }

    /// Refuses a file that another option of the same command names too.
    pub fn must_not_be(&self, other: &Place) -> Result<(), CliError> {
        match (&self.to, &other.to) {
            (To::File(a), To::File(b)) if a == b => Err(CliError::output(
                &self.shown,
                self.option,
                format!("{} of the same command goes there too", other.option),
            )),
            _ => Ok(()),
        }
    }

    /// Writes the whole file.
    pub fn write(&self, bytes: &[u8]) -> Result<(), CliError> {
        let mut writer = self.create()?;
        writer.write_all(bytes).map_err(|e| self.error(e))?;
        writer.finish().map_err(|e| self.error(e))
    }

    /// Begins to write the file; it is in its place after [`Writer::finish`].
    pub fn create(&self) -> Result<Writer, CliError> {
        let writer = match &self.to {
            To::Stream => open_stream(&self.shown).map(|file| Writer {
                file: BufWriter::new(file),
                part: None,
            }),
            To::File(target) => Part::create(target).map(|(file, part)| Writer {
                file: BufWriter::new(file),
                part: Some(part),
            }),
        };
        writer.map_err(|e| self.error(e))
    }

    /// Begins to write a file that takes its place at once, for what has to be there also if the
    /// program is killed.
    pub fn create_now(&self) -> Result<File, CliError> {
        let file = match &self.to {
            To::Stream => open_stream(&self.shown),
            To::File(target) => {
                Part::create(target).and_then(|(file, part)| part.rename().map(|()| file))
            }
        };
        file.map_err(|e| self.error(e))
    }

    /// An error of writing.
    pub fn error(&self, error: io::Error) -> CliError {
        CliError::output(&self.shown, self.option, error.to_string())
    }
}

/// A file under way; dropped before its end, it leaves nothing.
pub struct Writer {
    file: BufWriter<File>,
    part: Option<Part>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Writer {
    /// Puts the file in its place.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        match self.part.take() {
            None => Ok(()),
            Some(part) => {
                // Some disks say only now that they are full.
                self.file.get_ref().sync_all()?;
                part.rename()
            }
        }
    }
}

/// A file beside its place.
struct Part {
    part: PathBuf,
    target: PathBuf,
}

impl Part {
    fn create(target: &Path) -> io::Result<(File, Part)> {
        let part = Part {
            part: beside(target),
            target: target.to_owned(),
        };
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&part.part)?;
        if let Ok(old) = fs::metadata(target) {
            file.set_permissions(old.permissions())?;
        }
        Ok((file, part))
    }

    fn rename(self) -> io::Result<()> {
        fs::rename(&self.part, &self.target)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Not there once it was renamed.
        let _ = fs::remove_file(&self.part);
    }
}

/// A name that nobody else uses, short whatever the file's own.
fn beside(target: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    target.with_file_name(format!(".firebrick.{}.{count}.part", std::process::id()))
}

/// What links that end nowhere point at: a file can be made there.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = path.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("its links go round in a circle"))
}

/// Whether a file can be made beside this one.
fn try_folder(target: &Path) -> io::Result<()> {
    if target.file_name().is_none() {
        return Err(io::Error::other("this names no file"));
    }
    Part::create(target).map(drop)
}

fn same(found: &Metadata, input: &Path) -> bool {
    let input = fs::metadata(input);
    input.is_ok_and(|input| (input.dev(), input.ino()) == (found.dev(), found.ino()))
}

fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BEGINNING).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens what is not replaced. A pipe is waited for, but not for ever.
fn open_stream(path: &Path) -> io::Result<File> {
    let begin = Instant::now();
    loop {
        let file = OpenOptions::new()
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32)
            .open(path);
        match file {
            Ok(file) => {
                let flags = fcntl_getfl(&file)? - OFlags::NONBLOCK;
                fcntl_setfl(&file, flags)?;
                if file.metadata()?.is_file() {
                    file.set_len(0)?;
                }
                return Ok(file);
            }
            // ENXIO: a pipe without a reader.
            Err(e) if e.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
                if begin.elapsed() > READER {
                    let reason = format!("nobody reads this pipe for {} s", READER.as_secs());
                    return Err(io::Error::other(reason));
                }
                sleep(TRY);
            }
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const OWN: &[u8] = b"\x93NUMPY old";

    fn check(path: &Path) -> Result<Place, CliError> {
        Place::check(path, Kind::MAP, &[], false)
    }

    fn refused(path: &Path, what: &str) {
        let text = check(path).unwrap_err().to_string();
        assert!(text.contains(what) && text.contains("-o"), "{text}");
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, OWN).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let names = || fs::read_dir(dir.path()).unwrap().count();
        let place = check(&path).unwrap();
        assert_eq!(names(), 1);
        let mut writer = place.create().unwrap();
        writer.write_all(b"half").unwrap();
        assert_eq!(fs::read(&path).unwrap(), OWN);
        drop(writer);
        assert_eq!((names(), fs::read(&path).unwrap()), (1, OWN.to_vec()));
        place.write(b"new").unwrap();
        assert_eq!((names(), fs::read(&path).unwrap()), (1, b"new".to_vec()));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        place.create_now().unwrap().write_all(b"newer").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"newer");
    }

    #[test]
    fn links_are_followed_and_stay() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("real"), OWN).unwrap();
        symlink("real", at("one")).unwrap();
        symlink(at("one"), at("two")).unwrap();
        symlink("new", at("dangling")).unwrap();
        symlink("circle", at("circle")).unwrap();
        for link in ["one", "two", "dangling"] {
            check(&at(link)).unwrap().write(link.as_bytes()).unwrap();
            assert!(at(link).is_symlink(), "{link}");
            assert_eq!(fs::read(at(link)).unwrap(), link.as_bytes());
            fs::write(at("real"), OWN).unwrap();
        }
        assert_eq!(fs::read(at("new")).unwrap(), b"dangling");
        assert!(check(&at("circle")).is_err());
    }

    #[test]
    fn devices_and_pipes_are_written_into() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};

        check(Path::new("/dev/null")).unwrap().write(b"x").unwrap();
        let kinds = fs::metadata("/dev/null").unwrap().file_type();
        assert!(kinds.is_char_device());
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || fs::read(pipe).unwrap())
        };
        let bytes = vec![7; 300_000];
        check(&pipe).unwrap().write(&bytes).unwrap();
        assert_eq!(reader.join().unwrap(), bytes);
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    }

    #[test]
    fn what_would_be_lost_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("foreign"), "notes of mine").unwrap();
        refused(&at("foreign"), "--force");
        Place::check(&at("foreign"), Kind::MAP, &[], true).unwrap();
        fs::write(at("empty"), "").unwrap();
        check(&at("empty")).unwrap();
        refused(dir.path(), "a folder");
        refused(&at("no/such"), "No such file");
        refused(&at("foreign").join("x"), "Not a directory");
        let socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        refused(&at("socket"), "a socket");
        drop(socket);
        // An input, by whatever name, and whatever it is.
        fs::write(at("input"), OWN).unwrap();
        symlink("input", at("link")).unwrap();
        fs::hard_link(at("input"), at("hard")).unwrap();
        let input = at("input");
        for name in ["input", "link", "hard"] {
            let place = Place::check(&at(name), Kind::MAP, &[&input], true);
            let text = place.unwrap_err().to_string();
            assert!(text.contains("input of the same command"), "{text}");
        }
        assert_eq!(fs::read(at("input")).unwrap(), OWN);
    }
}
