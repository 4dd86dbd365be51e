//! A board's folder: `board.toml`, `pins.xdc`, `timing.xdc`, and `system.tcl` if it needs a block
//! design of its own. What a folder misses is an error that names it.

use std::fmt::Write as _;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::clock::{PROCESSOR_MHZ, mmcm};
use firebrick_spec::HwConfig;
use firebrick_spec::board::{Board, Link};
use firebrick_spec::config::Family;
use firebrick_spec::regs;
use serde::Deserialize;

/// The file that makes a folder a board.
pub const DESCRIPTION: &str = "board.toml";
const PINS: &str = "pins.xdc";
const TIMING: &str = "timing.xdc";
const SYSTEM: &str = "system.tcl";
/// How the part of the timing constraints begins that places one engine; it is the last one.
const FLOORPLAN: &str = "# Floorplan:";

/// Name and files of a folder.
type Embedded = (&'static str, &'static [(&'static str, &'static str)]);

/// The folders below `constraints`, in order of their names.
const EMBEDDED: &[Embedded] = &include!(concat!(env!("OUT_DIR"), "/boards.rs"));

/// Why a board cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// There is none of this name.
    #[error("there is no board {name:?}; give one of {known}; docs/add-a-board.md adds another")]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The folder of boards has none.
    #[error("{}: no folder here has a {DESCRIPTION}; docs/add-a-board.md says what a board is", dir.display())]
    Empty {
        /// The folder of boards.
        dir: PathBuf,
    },
    /// A file cannot be read.
    #[error("{}: {source}; a board needs {DESCRIPTION}, {PINS} and {TIMING}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The description is no TOML, or has not the keys of a board.
    #[error("{}: {source}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where, and what is missing or unknown.
        source: Box<toml::de::Error>,
    },
    /// The description says what cannot be.
    #[error("{}: {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What, and what to write.
        what: String,
    },
}

/// The keys of `board.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    part: String,
    link: LinkKey,
    preset: String,
    core_mhz: NonZeroUsize,
    resources: Resources,
    #[serde(default)]
    slr: Vec<String>,
    pcie: Option<Pcie>,
    zynq: Option<Zynq>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum LinkKey {
    Pcie,
    Zynq,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resources {
    lut: NonZeroUsize,
    ff: NonZeroUsize,
    dsp: NonZeroUsize,
    bram: NonZeroUsize,
    uram: usize,
}

/// A PCI Express link with XDMA.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pcie {
    /// Rate of a lane, as XDMA names it.
    pub speed: String,
    /// Clock of XDMA's streams, in MHz.
    pub clock_mhz: NonZeroUsize,
    /// Site of the hard block; a part with a single one needs none.
    pub block: Option<String>,
    /// Site of the transceivers, likewise.
    pub quad: Option<String>,
    /// Pins of the board that are held low.
    #[serde(default)]
    pub tied_low: Vec<String>,
}

/// A Zynq processor with AXI DMA.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Zynq {
    /// Pattern of the board files, any revision: the processor's pins and memory come from them.
    pub board_files: String,
    /// Physical address of the core's registers.
    pub register_base: u32,
    /// Physical address of the AXI DMA's registers.
    pub dma_base: u32,
}

/// What the scripts need to know of a board's link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkSettings {
    Pcie(Pcie),
    Zynq(Zynq),
}

/// A board and the files of its folder.
#[derive(Clone, Debug)]
pub struct BoardFolder {
    board: Board,
    pub(crate) link: LinkSettings,
    /// Pins, I/O standards, configuration.
    pub(crate) pins: String,
    /// Clocks and exceptions, and where one engine is placed.
    timing: String,
    /// The super logic region of each of several engines, in order; none on a part of one die.
    slr: Vec<String>,
    /// Its own block design, in place of that of its link.
    pub(crate) system: Option<String>,
}

impl Deref for BoardFolder {
    type Target = Board;

    fn deref(&self) -> &Board {
        &self.board
    }
}

/// Boards live as long as the program, of which each run reads a few.
fn keep(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

impl BoardFolder {
    /// What the board offers.
    #[must_use]
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Whether the part is of the 7 series; all others are UltraScale+.
    #[must_use]
    pub fn is_7_series(&self) -> bool {
        self.family() == Family::Xc7
    }

    /// The timing constraints with so many engines: of several, each is placed in a die of its own,
    /// or shares one with another, in place of where one engine is placed.
    pub(crate) fn timing(&self, engines: usize) -> String {
        if engines == 1 || self.slr.is_empty() {
            return self.timing.clone();
        }
        let own = self.timing.find(FLOORPLAN).unwrap_or(self.timing.len());
        let mut text = self.timing[..own].trim_end().to_owned();
        text += "\n\n";
        text += FLOORPLAN;
        text += " each engine stays within one die of the part, so that no path of its own crosses\n\
                 # between dies. What crosses are its streams, between the FIFOs and the link, its\n\
                 # registers' bus and its interrupt.\n";
        for (engine, slr) in (0..engines).zip(self.slr.iter().cycle()) {
            let core = regs::of_engine("core", '_', engine);
            let _ = write!(
                text,
                "create_pblock {core}\n\
                 resize_pblock {core} -add {{{slr}}}\n\
                 add_cells_to_pblock {core} [get_cells -hierarchical -filter {{NAME =~ *{core}/inst}}]\n"
            );
        }
        text
    }

    /// Reads a folder, whose name is the board's.
    ///
    /// # Errors
    /// What is missing or cannot be, and in which file.
    pub fn read(folder: &Path) -> Result<BoardFolder, BoardError> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        BoardFolder::of(folder, &name, &|file| {
            std::fs::read_to_string(folder.join(file))
        })
    }

    fn of(
        folder: &Path,
        name: &str,
        file: &dyn Fn(&str) -> io::Result<String>,
    ) -> Result<BoardFolder, BoardError> {
        let path = folder.join(DESCRIPTION);
        let read = |file_name: &str| {
            file(file_name).map_err(|source| BoardError::Read {
                path: folder.join(file_name),
                source,
            })
        };
        let keys: Keys =
            toml::from_str(&read(DESCRIPTION)?).map_err(|source| BoardError::Toml {
                path: path.clone(),
                source: Box::new(source),
            })?;
        let wrong = |what: String| BoardError::Content {
            path: path.clone(),
            what,
        };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(wrong(format!(
                "{name:?}, the name of its folder, is no board's: use a to z, 0 to 9 and -"
            )));
        }
        let link = match (keys.link, keys.pcie, keys.zynq) {
            (LinkKey::Pcie, Some(pcie), None) => LinkSettings::Pcie(pcie),
            (LinkKey::Zynq, None, Some(zynq)) => LinkSettings::Zynq(zynq),
            (LinkKey::Pcie, ..) => {
                return Err(wrong(
                    "a board with link = \"pcie\" has a section [pcie] and none for zynq".into(),
                ));
            }
            (LinkKey::Zynq, ..) => {
                return Err(wrong(
                    "a board with link = \"zynq\" has a section [zynq] and none for pcie".into(),
                ));
            }
        };
        let (preset, core_mhz) = (keys.preset, keys.core_mhz.get());
        if HwConfig::preset(&preset).is_none() {
            let presets = "`firebrick presets` lists them";
            return Err(wrong(format!("there is no preset {preset:?}; {presets}")));
        }
        if core_mhz > 1000 {
            return Err(wrong(format!(
                "core_mhz = {core_mhz} is no clock; give MHz"
            )));
        }
        let board = BoardFolder {
            board: Board {
                name: keep(name.into()),
                part: keep(keys.part),
                lut: keys.resources.lut.get(),
                ff: keys.resources.ff.get(),
                dsp: keys.resources.dsp.get(),
                bram: keys.resources.bram.get(),
                uram: keys.resources.uram,
                link: match keys.link {
                    LinkKey::Pcie => Link::Pcie,
                    LinkKey::Zynq => Link::Zynq,
                },
                preset: keep(preset),
                core_mhz,
            },
            link,
            slr: keys.slr,
            pins: read(PINS)?,
            timing: read(TIMING)?,
            system: match file(SYSTEM) {
                Ok(text) => Some(text),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(source) => {
                    let path = folder.join(SYSTEM);
                    return Err(BoardError::Read { path, source });
                }
            },
        };
        board.check(folder)?;
        Ok(board)
    }

    /// What the parser cannot see.
    fn check(&self, folder: &Path) -> Result<(), BoardError> {
        let wrong = |file: &str, what: String| BoardError::Content {
            path: folder.join(file),
            what,
        };
        if !self.part.starts_with("xc") {
            let what = format!(
                "{:?} is no part of AMD; give the whole part number",
                self.part
            );
            return Err(wrong(DESCRIPTION, what));
        }
        let region = |slr: &String| {
            slr.strip_prefix("SLR")
                .is_some_and(|n| n.parse::<u8>().is_ok())
        };
        if let Some(slr) = self.slr.iter().find(|slr| !region(slr)) {
            let what = format!("slr names {slr:?}, which is no region; give \"SLR0\" and so on");
            return Err(wrong(DESCRIPTION, what));
        }
        if let LinkSettings::Pcie(pcie) = &self.link
            && !self.is_7_series()
        {
            for (key, value) in [("block", &pcie.block), ("quad", &pcie.quad)] {
                if value.as_ref().is_none_or(String::is_empty) {
                    let what = format!(
                        "[pcie] misses {key}: a part of UltraScale+ has several, and XDMA must be \
                         told which one the board's connector is wired to"
                    );
                    return Err(wrong(DESCRIPTION, what));
                }
            }
        }
        // A block design of the board's own makes its clock as it likes.
        let input = match &self.link {
            LinkSettings::Pcie(pcie) => pcie.clock_mhz.get(),
            LinkSettings::Zynq(_) => PROCESSOR_MHZ,
        };
        if self.system.is_none() && mmcm(input, self.core_mhz, self.family()).is_none() {
            let what = format!(
                "core_mhz = {}: no MMCM makes that of the {input} MHz that it is given; multiples of \
                 25 can be made",
                self.core_mhz
            );
            return Err(wrong(DESCRIPTION, what));
        }
        if !self.config().fits(self) {
            let what = format!(
                "the preset {} does not fit the part's resources",
                self.preset
            );
            return Err(wrong(DESCRIPTION, what));
        }
        // By which `generate` knows its own files, and a reader a file that was copied.
        let files = [("pins", PINS, &self.pins), ("timing", TIMING, &self.timing)];
        for (kind, file, text) in files {
            let title = format!("# Firebrick: {kind} of {}", self.name);
            if !text.starts_with(&title) {
                return Err(wrong(
                    file,
                    format!("its first line must begin with {title:?}"),
                ));
            }
        }
        match &self.system {
            Some(text) if !text.starts_with("# Firebrick") => {
                let what = "its first line must begin with \"# Firebrick\"".to_owned();
                Err(wrong(SYSTEM, what))
            }
            _ => Ok(()),
        }
    }
}

/// All boards of the repository, in order of their names.
///
/// # Errors
/// What is wrong with a folder; a test rules that out for what is in the repository.
pub fn boards() -> Result<&'static [BoardFolder], BoardError> {
    static BOARDS: OnceLock<Vec<BoardFolder>> = OnceLock::new();
    if let Some(boards) = BOARDS.get() {
        return Ok(boards);
    }
    let read = |(name, files): &Embedded| {
        BoardFolder::of(&Path::new("constraints").join(name), name, &|wanted| {
            let found = files.iter().find(|(file, _)| *file == wanted);
            let text = found.map(|(_, text)| (*text).to_owned());
            text.ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    };
    let boards: Vec<BoardFolder> = EMBEDDED.iter().map(read).collect::<Result<_, _>>()?;
    Ok(BOARDS.get_or_init(|| boards))
}

/// Names of all boards of the repository, in order.
#[must_use]
pub fn names() -> Vec<&'static str> {
    EMBEDDED.iter().map(|(name, _)| *name).collect()
}

/// A board by its name: of the repository, or of a folder of boards.
///
/// # Errors
/// There is none of this name, or what is wrong with it.
pub fn find(name: &str, dir: Option<&Path>) -> Result<&'static BoardFolder, BoardError> {
    let unknown = |known: Vec<&str>| BoardError::Unknown {
        name: name.into(),
        known: known.join(", "),
    };
    let Some(dir) = dir else {
        let found = boards()?.iter().find(|board| board.name == name);
        return found.ok_or_else(|| unknown(names()));
    };
    let entries = std::fs::read_dir(dir).map_err(|source| BoardError::Read {
        path: dir.into(),
        source,
    })?;
    let mut known: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join(DESCRIPTION).is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    known.sort();
    if known.iter().any(|other| other == name) {
        return Ok(Box::leak(Box::new(BoardFolder::read(&dir.join(name))?)));
    }
    match known.is_empty() {
        true => Err(BoardError::Empty { dir: dir.into() }),
        false => Err(unknown(known.iter().map(String::as_str).collect())),
    }
}
