//! `--wave-at-divergence`: the first run that goes wrong is run again, with a waveform of the cycles in which it does.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use firebrick_driver::Program;
use firebrick_sim::views::{Mark, views};

use crate::engine::{Disturbance, Engine, Options};
use crate::error::CliError;
use crate::outputs::{Kind, Place};
use crate::progress::{note, warning};
use crate::signals;
use crate::target::{Target, shown};

/// Name of the waveform and of its views, without their endings.
const NAME: &str = "first";

/// A folder for one waveform, and what has to be run again for it.
pub struct Waves<'a> {
    dir: &'a Path,
    force: bool,
    options: Options,
    /// Pictures that the engine was given since it was opened.
    given: Vec<PathBuf>,
    done: bool,
}

/// What the engine runs of each picture, and how.
pub struct Runs<'a> {
    pub target: &'a Target,
    pub checked: &'a Program,
    pub plain: &'a Program,
    pub disturbance: Disturbance,
}

/// What went wrong, by cycles counted as `--cycles` does.
pub struct Wrong {
    /// The cycle of interest.
    pub at: u64,
    /// To be recorded.
    pub cycles: Range<u64>,
}

impl<'a> Waves<'a> {
    /// Makes the folder, and looks whether it can be written. `options` are those of the engine.
    pub fn new(dir: &'a Path, force: bool, options: &Options) -> Result<Waves<'a>, CliError> {
        make(dir)?;
        Place::check(&waveform(dir), Kind::FIRST_WAVEFORM, &[], force)?.must_be_file()?;
        Ok(Waves {
            dir,
            force,
            options: options.clone(),
            given: Vec::new(),
            done: false,
        })
    }

    /// The engine is about to be given this picture. `fresh` says that it was opened for it.
    pub fn give(&mut self, picture: &Path, fresh: bool) {
        if self.done {
            return;
        }
        if fresh {
            self.given.clear();
        }
        self.given.push(picture.to_owned());
    }

    /// Runs again what led to this, from the opening of the engine and with the same seed, and records it. Gives the
    /// sentence that says where to look; nothing if there is a waveform already.
    pub fn record(&mut self, wrong: &Wrong, runs: &Runs<'_>) -> Result<Option<String>, CliError> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(None);
        }
        let fst = waveform(self.dir);
        let mut options = self.options.clone();
        options.waveform = Some((fst.clone(), wrong.cycles.clone()));
        let mut engine = Engine::new(options)?;
        note(format_args!(
            "running again {} to record cycles {}..{}",
            match self.given.len() {
                1 => "the picture".to_owned(),
                n => format!("{n} pictures"),
            },
            wrong.cycles.start,
            wrong.cycles.end
        ));
        let result = self.again(&mut engine, runs, wrong.cycles.end);
        engine.end_waveform()?;
        result?;
        let Some(from) = engine.origin() else {
            return Ok(None);
        };
        let mark = Mark {
            from: from + wrong.cycles.start,
            at: from + wrong.at,
        };
        let views = views(&fst, NAME, mark)
            .map_err(|error| CliError::output(&fst, Kind::VIEW.option, error.to_string()))?;
        for (file, text) in &views.files {
            let path = self.dir.join(file);
            path.parent().map_or(Ok(()), make)?;
            Place::check(&path, Kind::VIEW, &[], self.force)?.write(text.as_bytes())?;
        }
        if !views.missing.is_empty() {
            warning(format_args!(
                "the waveform lacks {}: the views do not show them",
                views.missing.join(", ")
            ));
        }
        let dir = shown(self.dir);
        Ok(Some(format!(
            "cycles {}..{} are in {}: `gtkwave {}`, or `surfer {NAME}.fst --command-file {NAME}.sucl` in {dir}",
            wrong.cycles.start,
            wrong.cycles.end,
            shown(&fst),
            shown(&self.dir.join(NAME).with_extension("gtkw")),
        )))
    }

    /// The same runs, until the cycles are past. That one of them fails or hangs is what is recorded.
    fn again(&self, engine: &mut Engine, runs: &Runs<'_>, end: u64) -> Result<(), CliError> {
        for path in &self.given {
            let picture = runs.target.picture(path)?;
            let label = format!("{} again", shown(path));
            for (program, disturbance) in [
                (runs.checked, runs.disturbance),
                (runs.plain, Disturbance::NONE),
            ] {
                match engine.run(program, &picture, &label, disturbance) {
                    Ok(_) => {}
                    Err(error) if error.is_fatal() || signals::is_interrupted() => {
                        return Err(error);
                    }
                    Err(_) => break,
                }
                if engine.now().is_some_and(|now| now >= end) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn waveform(dir: &Path) -> PathBuf {
    dir.join(NAME).with_extension("fst")
}

fn make(dir: &Path) -> Result<(), CliError> {
    let hint = "name a folder that can be made and written with --wave-at-divergence=DIR";
    fs::create_dir_all(dir).map_err(|error| CliError::file(dir, error, hint))
}
