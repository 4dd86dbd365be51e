//! Faults that an emulated board can be told to have, and how they are written.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rustix::io::Errno;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// All registers read as ones, and the streams fail.
    LinkLost,
    /// Registers keep what was written to them and do nothing.
    Frozen,
    /// Register MAGIC.
    Magic(u32),
    /// Register ABI.
    Abi(u32),
    /// Registers HASH_LO and HASH_HI.
    Hash(u64),
    /// Neither stream moves; `hard` survives a soft reset.
    Stall {
        /// Whether only `clear` ends it.
        hard: bool,
    },
    /// The emulator ends at once and leaves everything behind.
    Die,
    /// The interrupt does not come.
    IrqLost,
    /// The input is taken and thrown away, so many bytes of it.
    H2cSwallow(u64),
    /// This bit of the input is turned over.
    H2cFlip(u64),
    /// A write to the input node takes so many bytes at most.
    H2cShort(usize),
    /// A write to the input node fails.
    H2cErrno(Errno),
    /// A read of the output node gives so many bytes at most.
    C2hShort(usize),
    /// A read of the output node fails.
    C2hErrno(Errno),
    /// A stream node cannot be opened.
    OpenErrno(Errno),
    /// A result waits so long before it can be read.
    C2hLate(Duration),
    /// A result is lost.
    C2hMissing,
    /// A result's last beat is lost.
    C2hBeatLess,
    /// A result's last beat comes twice.
    C2hBeatMore,
    /// This bit of a result is turned over, modulo its length.
    C2hFlip(u64),
    /// A result comes twice.
    C2hRepeat,
    /// A result and the next one change places.
    C2hSwap,
    /// A channel of the AXI DMA stops with these bits in its status register.
    Dma {
        /// The receiving channel (S2MM) in place of the sending one.
        s2mm: bool,
        /// Bits of DMASR.
        bits: u32,
    },
}

/// When it begins, counted from when the fault is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At once; for what concerns one result, read or write, with the next one.
    Now,
    /// With this transfer, or for results this result, from 1.
    Transfer(u64),
    /// When so many bytes of input have gone by.
    Byte(u64),
}

/// A fault: `NAME[=VALUE][@transfer=N|@byte=N][*TIMES]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// What goes wrong.
    pub effect: Effect,
    /// When.
    pub when: When,
    /// How often in a row, if not for ever.
    pub times: Option<u64>,
    text: String,
}

/// A fault of one engine: `[ENGINE:]FAULT`, of the first one if none is named.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Number of the engine, from 0.
    pub engine: usize,
    /// What goes wrong with it.
    pub fault: Fault,
}

impl FromStr for Placed {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Placed, FaultError> {
        // No fault begins with a digit.
        let named = text.split_once(':').and_then(|(engine, fault)| {
            let digits = engine.bytes().all(|byte| byte.is_ascii_digit());
            digits.then_some((engine.parse().ok()?, fault))
        });
        let (engine, fault) = named.unwrap_or((0, text));
        Ok(Placed {
            engine,
            fault: fault.parse()?,
        })
    }
}

/// Why a text is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault:?} is no fault: {why}")]
pub struct FaultError {
    fault: String,
    why: String,
}

/// Names, values and meanings, for the help.
pub const FAULTS: &[(&str, &str)] = &[
    (
        "link-lost",
        "all registers read as ones and streams fail, until `clear`",
    ),
    (
        "frozen",
        "registers (also the DMA's) keep what is written and do nothing, until `clear`",
    ),
    (
        "magic=HEX",
        "register MAGIC reads so, until `clear`; abi=HEX, abi=older, abi=newer and hash=HEX likewise",
    ),
    (
        "stall",
        "neither stream moves, until a soft reset; stall=hard: until `clear`",
    ),
    (
        "die",
        "the emulator ends as by SIGKILL; with @byte=N in mid image",
    ),
    ("irq-lost", "the interrupt does not come"),
    (
        "h2c-swallow[=BYTES]",
        "the input is taken and thrown away: so much of it, or all until `clear`",
    ),
    (
        "h2c-flip=BIT",
        "this bit of the input is turned over, counted from where the fault begins: from when it is \
         set, from the start of transfer N, or from byte N",
    ),
    (
        "h2c-short=BYTES",
        "a write takes so many bytes at most (FUSE only); c2h-short=BYTES: a read gives so many",
    ),
    (
        "h2c-errno=NAME",
        "a write fails with EAGAIN, EBUSY, EINTR, EIO, ENOMEM, ETIMEDOUT or a number below 512 \
         (FUSE only); c2h-errno: a read; open-errno: opening a stream node",
    ),
    (
        "c2h-late=SECONDS",
        "a result can be read only so much later",
    ),
    ("c2h-missing", "a result is lost"),
    (
        "c2h-beat-less",
        "a result's last beat is lost; c2h-beat-more: it comes twice",
    ),
    (
        "c2h-flip[=BIT]",
        "a bit of a result is turned over, counted modulo its length",
    ),
    (
        "c2h-repeat",
        "a result comes twice; c2h-swap: a result and the next change places",
    ),
    (
        "dma=CHANNEL:ERROR",
        "the AXI DMA's channel mm2s or s2mm stops with int, slv, dec, sgint, sgslv or sgdec in its \
         status register (axidma only)",
    ),
];

/// Errors of the AXI DMA by name, as bits of DMASR.
const DMA_ERRORS: &[(&str, u32)] = &[
    ("int", 1 << 4),
    ("slv", 1 << 5),
    ("dec", 1 << 6),
    ("sgint", 1 << 8),
    ("sgslv", 1 << 9),
    ("sgdec", 1 << 10),
];

/// Error numbers by name.
const ERRNOS: &[(&str, Errno)] = &[
    ("EACCES", Errno::ACCESS),
    ("EAGAIN", Errno::AGAIN),
    ("EBUSY", Errno::BUSY),
    ("EINTR", Errno::INTR),
    ("EIO", Errno::IO),
    ("ENODEV", Errno::NODEV),
    ("ENOMEM", Errno::NOMEM),
    ("EPERM", Errno::PERM),
    ("ETIMEDOUT", Errno::TIMEDOUT),
];

/// Largest error number that a FUSE server may give: the kernel refuses 512 and above.
const ERRNO_MAX: i32 = 511;

impl Effect {
    /// Whether it concerns whole results, which are then what `@transfer=` counts.
    pub fn is_of_results(&self) -> bool {
        use Effect::*;
        matches!(
            self,
            C2hLate(_) | C2hMissing | C2hBeatLess | C2hBeatMore | C2hFlip(_) | C2hRepeat | C2hSwap
        )
    }

    /// Whether it concerns calls on stream nodes, which only FUSE can answer.
    pub fn needs_fuse(&self) -> bool {
        use Effect::*;
        matches!(
            self,
            H2cShort(_) | C2hShort(_) | H2cErrno(_) | C2hErrno(_) | OpenErrno(_)
        )
    }

    /// Whether it lasts until it is cleared unless a number of times is given.
    fn lasts(&self) -> bool {
        use Effect::*;
        matches!(
            self,
            LinkLost | Frozen | Magic(_) | Abi(_) | Hash(_) | Stall { .. } | IrqLost
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Fault, FaultError> {
        let text = text.trim();
        parse(text).map_err(|why| FaultError {
            fault: text.to_owned(),
            why,
        })
    }
}

fn parse(text: &str) -> Result<Fault, String> {
    let (rest, times) = match text.rsplit_once('*') {
        Some((rest, times)) => (rest, Some(number(times)?.max(1))),
        None => (text, None),
    };
    let (rest, when) = match rest.split_once('@') {
        None => (rest, When::Now),
        Some((rest, when)) => match when.split_once('=') {
            Some(("transfer", n)) => (rest, When::Transfer(number(n)?.max(1))),
            Some(("byte", n)) => (rest, When::Byte(number(n)?)),
            _ => return Err(format!("{when:?} is neither transfer=N nor byte=N")),
        },
    };
    let effect = match rest.split_once('=') {
        Some((name, value)) => effect(name, Some(value))?,
        None => effect(rest, None)?,
    };
    if effect.is_of_results() && matches!(when, When::Byte(_)) {
        return Err("a fault of a result begins with @transfer=N, not @byte=N".into());
    }
    Ok(Fault {
        times: times.or((!effect.lasts()).then_some(1)),
        effect,
        when,
        text: text.to_owned(),
    })
}

fn effect(name: &str, value: Option<&str>) -> Result<Effect, String> {
    let needed = || value.ok_or_else(|| format!("{name} needs a value, as in {name}=..."));
    let effect = match name {
        "magic" => Effect::Magic(hex(needed()?)? as u32),
        "abi" => Effect::Abi(match needed()? {
            "older" => firebrick_spec::ABI_VERSION - 0x1_0000,
            "newer" => firebrick_spec::ABI_VERSION + 0x1_0000,
            value => hex(value)? as u32,
        }),
        "hash" => Effect::Hash(hex(needed()?)?),
        "stall" => match value {
            None => Effect::Stall { hard: false },
            Some("hard") => Effect::Stall { hard: true },
            Some(_) => return Err("stall takes no value but hard".into()),
        },
        "h2c-swallow" => Effect::H2cSwallow(value.map_or(Ok(u64::MAX), number)?),
        "h2c-flip" => Effect::H2cFlip(number(needed()?)?),
        "h2c-short" => Effect::H2cShort(number(needed()?)?.max(1) as usize),
        "c2h-short" => Effect::C2hShort(number(needed()?)?.max(1) as usize),
        "h2c-errno" => Effect::H2cErrno(errno(needed()?)?),
        "c2h-errno" => Effect::C2hErrno(errno(needed()?)?),
        "open-errno" => Effect::OpenErrno(errno(needed()?)?),
        "c2h-late" => Effect::C2hLate(seconds(needed()?)?),
        "c2h-flip" => Effect::C2hFlip(value.map_or(Ok(5), number)?),
        "dma" => dma(needed()?)?,
        _ => {
            let effect = match name {
                "link-lost" => Effect::LinkLost,
                "frozen" => Effect::Frozen,
                "die" => Effect::Die,
                "irq-lost" => Effect::IrqLost,
                "c2h-missing" => Effect::C2hMissing,
                "c2h-beat-less" => Effect::C2hBeatLess,
                "c2h-beat-more" => Effect::C2hBeatMore,
                "c2h-repeat" => Effect::C2hRepeat,
                "c2h-swap" => Effect::C2hSwap,
                _ => return Err("there is no such fault; see `firebrick emulate --help`".into()),
            };
            if value.is_some() {
                return Err(format!("{name} takes no value"));
            }
            effect
        }
    };
    Ok(effect)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

fn hex(text: &str) -> Result<u64, String> {
    let digits = text.trim_start_matches("0x");
    u64::from_str_radix(digits, 16).map_err(|_| format!("{text:?} is no hexadecimal number"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.0..=1e6).contains(&s) => Ok(Duration::from_secs_f64(s)),
        _ => Err(format!("{text:?} is no number of seconds up to 1000000")),
    }
}

fn errno(text: &str) -> Result<Errno, String> {
    if let Some((_, errno)) = ERRNOS.iter().find(|(name, _)| *name == text) {
        return Ok(*errno);
    }
    match text.parse() {
        Ok(n @ 1..=ERRNO_MAX) => Ok(Errno::from_raw_os_error(n)),
        _ => Err(format!(
            "{text:?} is no error name known here, nor a number from 1 to {ERRNO_MAX}: larger ones \
             cannot pass through FUSE"
        )),
    }
}

fn dma(text: &str) -> Result<Effect, String> {
    let wrong =
        || "give mm2s or s2mm, a colon, and int, slv, dec, sgint, sgslv or sgdec".to_owned();
    let (channel, error) = text.split_once(':').ok_or_else(wrong)?;
    let s2mm = match channel {
        "mm2s" => false,
        "s2mm" => true,
        _ => return Err(wrong()),
    };
    let (_, bits) = DMA_ERRORS
        .iter()
        .find(|(name, _)| *name == error)
        .ok_or_else(wrong)?;
    Ok(Effect::Dma { s2mm, bits: *bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read() {
        let fault: Fault = "c2h-late=1.5@transfer=3*2".parse().unwrap();
        assert_eq!(fault.effect, Effect::C2hLate(Duration::from_millis(1500)));
        assert_eq!((fault.when, fault.times), (When::Transfer(3), Some(2)));
        assert_eq!(fault.to_string(), "c2h-late=1.5@transfer=3*2");
        let fault: Fault = "link-lost@byte=4096".parse().unwrap();
        assert_eq!(fault.effect, Effect::LinkLost);
        assert_eq!((fault.when, fault.times), (When::Byte(4096), None));
        let fault: Fault = "dma=s2mm:dec".parse().unwrap();
        let dma = Effect::Dma {
            s2mm: true,
            bits: 0x40,
        };
        assert_eq!((fault.effect, fault.times), (dma, Some(1)));
        let fault: Fault = "h2c-errno=ETIMEDOUT".parse().unwrap();
        assert_eq!(fault.effect, Effect::H2cErrno(Errno::TIMEDOUT));
    }

    #[test]
    fn a_fault_may_name_its_engine() {
        for (text, engine, fault) in [
            ("dma=mm2s:int", 0, "dma=mm2s:int"),
            ("2:dma=mm2s:int", 2, "dma=mm2s:int"),
            ("0:stall", 0, "stall"),
        ] {
            let placed: Placed = text.parse().unwrap();
            assert_eq!(
                (placed.engine, placed.fault),
                (engine, fault.parse().unwrap())
            );
        }
        for wrong in ["x:stall", "1:", ":stall", "-1:stall", "1:nonsense"] {
            assert!(wrong.parse::<Placed>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for (text, why) in [
            ("", "no such fault"),
            ("nonsense", "no such fault"),
            ("magic", "needs a value"),
            ("magic=xyz", "hexadecimal"),
            ("die=3", "takes no value"),
            ("stall=soft", "but hard"),
            ("h2c-errno=512", "FUSE"),
            ("h2c-errno=EWHAT", "no error name"),
            ("c2h-late=-1", "seconds"),
            ("c2h-missing@byte=4", "@transfer"),
            ("die@noon", "neither"),
            ("die*x", "no number"),
            ("dma=mm2s", "mm2s or s2mm"),
            ("dma=left:int", "mm2s or s2mm"),
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn every_name_of_the_help_is_known() {
        for (name, _) in FAULTS {
            let name = name.split(['=', '[']).next().unwrap();
            let known = [name.to_owned(), format!("{name}=1"), format!("{name}=EIO")]
                .into_iter()
                .chain([format!("{name}=mm2s:int")])
                .any(|text| text.parse::<Fault>().is_ok());
            assert!(known, "{name}");
        }
    }
}
