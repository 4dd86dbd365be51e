//! What an error number of a device node means, and what to do about it.

use rustix::io::Errno;
use std::fmt;

/// ERESTARTSYS, which some versions of the XDMA driver let through to the caller.
pub const ERESTARTSYS: i32 = 512;

/// An error number with its cause and an advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Explained {
    /// The number, as in errno(3).
    pub errno: i32,
    /// What it means here.
    pub cause: &'static str,
    /// What to do.
    pub advice: &'static str,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explained {
            errno,
            cause,
            advice,
        } = self;
        write!(f, "{cause} (error {errno}); {advice}")
    }
}

/// The meanings, by number; the last is for all others.
const MEANINGS: &[(Errno, &str, &str)] = &[
    (
        Errno::NOENT,
        "there is no such file",
        "check that the board is there and its driver is loaded: `firebrick doctor`",
    ),
    (
        Errno::NODEV,
        "the device behind the node is gone",
        "the board lost power or was reconfigured: rescan the bus and load the driver again",
    ),
    (
        Errno::NXIO,
        "nobody serves the other end of the node",
        "the driver is not bound to the board, or the emulator has ended: start it again",
    ),
    (
        Errno::ACCESS,
        "permission denied",
        "install the udev rule and add yourself to its group, then log in again",
    ),
    (
        Errno::PERM,
        "the operation is not permitted",
        "install the udev rule and add yourself to its group; kernel lockdown also forbids it",
    ),
    (
        Errno::BUSY,
        "the node can be opened once, and somebody else has it",
        "end the other program that uses the board",
    ),
    (
        Errno::TIMEDOUT,
        "the kernel driver gave up waiting for the engine",
        "reset the engine; if it comes again, look for a stalled stream: `firebrick doctor`",
    ),
    (Errno::INTR, "a signal came in between", "run it again"),
    (Errno::AGAIN, "the node is not ready", "run it again"),
    (
        Errno::FAULT,
        "the driver cannot pin the buffer",
        "this is an error in the program: buffers must be writable memory",
    ),
    (
        Errno::INVAL,
        "the driver refuses the request",
        "the register space is smaller than the core's, or the DMA channel is not in stream mode: \
         check the block design",
    ),
    (
        Errno::IO,
        "the DMA engine stopped with an error",
        "look into `dmesg`; reset the engine, and if that does not help, reload the bitstream",
    ),
    (
        Errno::NOMEM,
        "the driver has no memory for its descriptors",
        "free memory, or load the driver again",
    ),
    (
        Errno::PIPE,
        "the other end of the stream was closed",
        "the emulator has ended: start it again",
    ),
    (
        Errno::SHUTDOWN,
        "the driver is going away",
        "wait until the driver is loaded again, then open the device anew",
    ),
    (
        Errno::NOTCONN,
        "the process that serves the node has ended",
        "the emulator was killed: start it again",
    ),
    (
        Errno::CONNABORTED,
        "the process that serves the node has ended",
        "the emulator was killed: start it again",
    ),
];

/// Looks an error number up.
#[must_use]
pub fn explain(errno: Errno) -> Explained {
    let number = errno.raw_os_error();
    if number == ERESTARTSYS {
        return Explained {
            errno: number,
            cause: "the driver's wait was broken off, and it let an internal number through",
            advice: "reset the engine; a newer XDMA driver reports a time-out here",
        };
    }
    let known = MEANINGS.iter().find(|(known, ..)| *known == errno);
    let (cause, advice) = known.map_or(
        (
            "an error that this program does not know",
            "look it up in errno(3) and into `dmesg`",
        ),
        |(_, cause, advice)| (*cause, *advice),
    );
    Explained {
        errno: number,
        cause,
        advice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_its_own_meaning() {
        for (errno, cause, advice) in MEANINGS {
            let explained = explain(*errno);
            assert_eq!((explained.cause, explained.advice), (*cause, *advice));
            assert_eq!(explained.errno, errno.raw_os_error());
        }
        assert_eq!(explain(Errno::from_raw_os_error(512)).errno, 512);
        assert!(
            explain(Errno::from_raw_os_error(512))
                .cause
                .contains("internal number")
        );
        assert!(explain(Errno::XDEV).advice.contains("dmesg"));
    }
}
