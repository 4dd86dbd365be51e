//! Stream nodes as FUSE files: each read and write is a call that can be answered late, in part,
//! or with an error, as the XDMA driver does.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant, SystemTime};

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyWrite, Request, Session, SessionACL, WriteFlags,
};

use super::engine::Engine;
use super::fault::Effect;
use super::faults::Faults;
use super::input::{End, Input};
use super::output::ResultQueue;

/// Names of the nodes, and their inodes.
const NODES: [(&str, INodeNo); 2] = [(H2C, INodeNo(2)), (C2H, INodeNo(3))];
/// The node that takes what goes to the core.
pub const H2C: &str = "h2c_0";
/// The node that gives what comes from it.
pub const C2H: &str = "c2h_0";

/// How long the kernel may keep what it was told about the files.
const KEEP: Duration = Duration::from_secs(1);

/// What a process asks of a node.
enum Call {
    Open { node: INodeNo, reply: ReplyOpen },
    Close { node: INodeNo },
    Write { bytes: Vec<u8>, reply: ReplyWrite },
    Read { bytes: usize, reply: ReplyData },
}

/// The files as the kernel sees them; whatever takes time goes to the emulator's loop.
struct Files {
    calls: Sender<Call>,
    uid: u32,
    gid: u32,
}

impl Files {
    fn attributes(&self, node: INodeNo) -> Option<FileAttr> {
        let directory = node == INodeNo::ROOT;
        if !directory && NODES.iter().all(|(_, known)| *known != node) {
            return None;
        }
        let time = SystemTime::UNIX_EPOCH;
        Some(FileAttr {
            ino: node,
            size: 0,
            blocks: 0,
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind: match directory {
                true => FileType::Directory,
                false => FileType::RegularFile,
            },
            perm: if directory { 0o755 } else { 0o660 },
            nlink: 1,
            uid: self.uid,
            gid: self.gid,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }
}

impl Filesystem for Files {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let node = NODES.iter().find(|(known, _)| *known == name);
        match node.and_then(|(_, node)| self.attributes(*node)) {
            Some(attributes) if parent == INodeNo::ROOT => {
                reply.entry(&KEEP, &attributes, Generation(0));
            }
            _ => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, node: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(node) {
            Some(attributes) => reply.attr(&KEEP, &attributes),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn open(&self, _: &Request, node: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        // If the loop has ended, the reply is dropped, which is an error for the caller.
        let _ = self.calls.send(Call::Open { node, reply });
    }

    fn release(
        &self,
        _: &Request,
        node: INodeNo,
        _: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        let _ = self.calls.send(Call::Close { node });
        reply.ok();
    }

    fn read(
        &self,
        _: &Request,
        node: INodeNo,
        _: FileHandle,
        _: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        if node != NODES[1].1 {
            return reply.error(Errno::EINVAL);
        }
        let bytes = size as usize;
        let _ = self.calls.send(Call::Read { bytes, reply });
    }

    fn write(
        &self,
        _: &Request,
        node: INodeNo,
        _: FileHandle,
        _: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        if node != NODES[0].1 {
            return reply.error(Errno::EINVAL);
        }
        let bytes = data.to_vec();
        let _ = self.calls.send(Call::Write { bytes, reply });
    }
}

/// A write that is not answered.
struct Write {
    bytes: Vec<u8>,
    taken: usize,
    /// Bytes after which it is answered.
    limit: usize,
    since: Instant,
    reply: ReplyWrite,
}

/// A read that is not answered.
struct Read {
    got: Vec<u8>,
    limit: usize,
    since: Instant,
    reply: ReplyData,
}

/// The mounted nodes.
pub struct FuseStreams {
    calls: Receiver<Call>,
    writes: VecDeque<Write>,
    reads: VecDeque<Read>,
    /// The output node can be open once, as with XDMA.
    c2h_open: bool,
    /// Calls are answered when nothing has moved for so long.
    timeout: Duration,
    moved: u64,
    /// Serves the files until the process ends.
    _session: BackgroundSession,
}

impl std::fmt::Debug for FuseStreams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FuseStreams").finish_non_exhaustive()
    }
}

impl FuseStreams {
    /// Mounts the nodes on a folder.
    pub fn mount(folder: &Path, timeout: Duration) -> io::Result<FuseStreams> {
        let (sender, calls) = channel();
        let uid = rustix::process::geteuid();
        let files = Files {
            calls: sender,
            uid: uid.as_raw(),
            gid: rustix::process::getegid().as_raw(),
        };
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName("firebrick".into()),
            MountOption::DefaultPermissions,
        ];
        // Only root may do that without a line in /etc/fuse.conf.
        config.acl = match uid.is_root() {
            true => SessionACL::All,
            false => SessionACL::Owner,
        };
        let session = Session::new(files, folder, &config)?.spawn()?;
        Ok(FuseStreams {
            calls,
            writes: VecDeque::new(),
            reads: VecDeque::new(),
            c2h_open: false,
            timeout,
            moved: 0,
            _session: session,
        })
    }

    /// Takes new calls, moves data, answers what is done or took too long. Says whether there are
    /// calls under way.
    pub fn serve(
        &mut self,
        engine: &mut Engine,
        faults: &mut Faults,
        input: &mut Input,
        output: &mut ResultQueue,
    ) -> bool {
        while let Ok(call) = self.calls.try_recv() {
            self.take(call, faults);
        }
        if faults.is(&Effect::LinkLost) {
            self.fail_all(Errno::EIO);
        }
        // A simulated core is slow: what counts is how long nothing has moved.
        if engine.moved() != self.moved {
            self.moved = engine.moved();
            let now = Instant::now();
            self.writes.iter_mut().for_each(|write| write.since = now);
            self.reads.iter_mut().for_each(|read| read.since = now);
        }
        self.move_in(engine, faults, input);
        self.move_out(faults, output);
        !self.writes.is_empty() || !self.reads.is_empty()
    }

    fn take(&mut self, call: Call, faults: &mut Faults) {
        let since = Instant::now();
        match call {
            Call::Open { node, reply } => {
                let fault = faults.take(|effect| match effect {
                    Effect::OpenErrno(errno) => Some(*errno),
                    _ => None,
                });
                let output = node == NODES[1].1;
                if let Some(errno) = fault {
                    reply.error(Errno::from_i32(errno.raw_os_error()));
                } else if output && self.c2h_open {
                    reply.error(Errno::EBUSY);
                } else {
                    self.c2h_open |= output;
                    let flags = FopenFlags::FOPEN_DIRECT_IO
                        | FopenFlags::FOPEN_STREAM
                        | FopenFlags::FOPEN_NOFLUSH;
                    reply.opened(FileHandle(0), flags);
                }
            }
            Call::Close { node } => self.c2h_open &= node != NODES[1].1,
            Call::Write { bytes, reply } => match faults.errno(true) {
                Some(errno) => reply.error(Errno::from_i32(errno.raw_os_error())),
                None => self.writes.push_back(Write {
                    limit: faults.short(true).unwrap_or(usize::MAX).min(bytes.len()),
                    taken: 0,
                    bytes,
                    since,
                    reply,
                }),
            },
            Call::Read { bytes, reply } => match faults.errno(false) {
                Some(errno) => reply.error(Errno::from_i32(errno.raw_os_error())),
                None => self.reads.push_back(Read {
                    limit: faults.short(false).unwrap_or(usize::MAX).min(bytes),
                    got: Vec::new(),
                    since,
                    reply,
                }),
            },
        }
    }

    fn move_in(&mut self, engine: &mut Engine, faults: &mut Faults, input: &mut Input) {
        while let Some(write) = self.writes.front_mut() {
            let rest = &write.bytes[write.taken..write.limit];
            write.taken += input.offer(engine, faults, rest, End::InRecords);
            let late = write.since.elapsed() > self.timeout;
            if write.taken < write.limit && !late {
                break;
            }
            let Some(write) = self.writes.pop_front() else {
                break;
            };
            match write.taken {
                0 if write.limit > 0 => write.reply.error(Errno::ETIMEDOUT),
                taken => write.reply.written(taken as u32),
            }
        }
    }

    fn move_out(&mut self, faults: &Faults, output: &mut ResultQueue) {
        while let Some(read) = self.reads.front_mut() {
            let ends = !faults.stalled() && output.read(&mut read.got, read.limit);
            let late = read.since.elapsed() > self.timeout;
            if read.got.len() < read.limit && !ends && !late {
                break;
            }
            let Some(read) = self.reads.pop_front() else {
                break;
            };
            match read.got.is_empty() && read.limit > 0 {
                true => read.reply.error(Errno::ETIMEDOUT),
                false => read.reply.data(&read.got),
            }
        }
    }

    fn fail_all(&mut self, errno: Errno) {
        self.writes
            .drain(..)
            .for_each(|write| write.reply.error(errno));
        self.reads
            .drain(..)
            .for_each(|read| read.reply.error(errno));
    }

    /// The core was reset: writes under way are taken as a whole, since the core drops them.
    pub fn reset(&mut self) {
        for write in self.writes.drain(..) {
            write.reply.written(write.limit as u32);
        }
    }
}
