//! What gives the sums of all classes: the integer model, or a command-level or simulated engine.

use std::ops::ControlFlow;

use firebrick_driver::{Pool, Program, Told};
use firebrick_model::Model;
use ndarray::Array3;

use crate::args::Simulation;
use crate::device::{self, AnyDevice, Carrier};
use crate::engine::{Disturbance, Engine, Figures, Options};
use crate::error::CliError;
use crate::pool::{self, Carry};
use crate::progress::Style;
use crate::signals;
use crate::target::Target;

/// Sums of all classes of one picture, and what the engine's counters say of it.
pub type Sums = (Vec<i32>, Option<Figures>);

/// Why a picture has no sums.
#[derive(Debug)]
pub struct Failed {
    /// See [`CliError::kind`].
    pub kind: &'static str,
    pub message: String,
    /// How often it was tried.
    pub attempt: u32,
}

impl Failed {
    pub fn of(error: &CliError, attempt: u32) -> Failed {
        Failed {
            kind: error.kind(),
            message: error.to_string(),
            attempt,
        }
    }
}

/// A network made ready on a backend.
pub enum Runner {
    Model(Model),
    Engine {
        engine: Box<Engine>,
        program: Box<Program>,
        disturbance: Disturbance,
        /// Pictures that are through.
        done: u64,
    },
    /// Several engines.
    Several {
        pool: Box<Pool<AnyDevice>>,
        names: Vec<String>,
        done: u64,
    },
}

impl Runner {
    /// Compiles and checks; an engine is opened by [`Runner::open`]. Without a carrier it is the
    /// integer model.
    pub fn new(
        carrier: Option<&Carrier>,
        simulation: &Simulation,
        target: &Target,
        style: Style,
    ) -> Result<Runner, CliError> {
        let Some(carrier) = carrier else {
            return Ok(Runner::Model(Model::new(&target.network)?));
        };
        let behaviour = device::behaviour(simulation);
        let options = Options {
            carrier: carrier.clone(),
            config: target.config().clone(),
            behaviour,
            waveform: None,
            deadline: simulation.deadline,
            style,
        };
        Ok(Runner::Engine {
            program: Box::new(target.compile(false)?),
            engine: Box::new(Engine::new(options)?),
            disturbance: Disturbance {
                idle: behaviour.idle,
                back_pressure: behaviour.back_pressure,
            },
            done: 0,
        })
    }

    /// Several engines, which are open.
    pub fn several(pool: Pool<AnyDevice>) -> Runner {
        Runner::Several {
            names: pool::names(&pool),
            pool: Box::new(pool),
            done: 0,
        }
    }

    /// Builds and resets the engine, if there is one and it has not happened yet.
    pub fn open(&mut self) -> Result<(), CliError> {
        match self {
            Runner::Model(_) | Runner::Several { .. } => Ok(()),
            Runner::Engine { engine, done, .. } => {
                let open = engine.open();
                engine.in_order(*done, open)
            }
        }
    }

    /// An error if there was a SIGINT, perhaps while the next picture was waited for.
    pub fn in_order(&mut self) -> Result<(), CliError> {
        match self {
            Runner::Model(_) => Ok(()),
            Runner::Engine { engine, done, .. } => engine.in_order(*done, Ok(())),
            Runner::Several { pool, done, .. } => pool.in_order(*done),
        }
    }

    /// Sums of all classes for each picture.
    pub fn logits(
        &mut self,
        pictures: &[Array3<u8>],
        label: &str,
        by_layer: bool,
    ) -> Result<Vec<Sums>, CliError> {
        match self {
            Runner::Model(model) => pictures
                .iter()
                .map(|picture| Ok((model.logits(&picture.view())?, None)))
                .collect(),
            Runner::Engine {
                engine,
                program,
                disturbance,
                done,
            } => {
                let runs = engine.run_many(program, pictures, label, *disturbance, by_layer);
                let runs = engine.in_order(*done, runs)?;
                *done += runs.len() as u64;
                Ok(runs
                    .into_iter()
                    .map(|run| (run.result.logits, run.figures))
                    .collect())
            }
            Runner::Several { .. } => {
                let each = self.on_all(pictures, 0)?.into_iter();
                let sums = each.map(|sums| sums.map_err(|why| CliError::Lost(why.message)));
                sums.collect()
            }
        }
    }

    /// As [`logits`](Self::logits), with an outcome for each picture: those that were together
    /// when the engine failed are tried again, alone, so many times. An error is one that no
    /// other picture would escape.
    pub fn each(
        &mut self,
        pictures: &[Array3<u8>],
        label: &str,
        by_layer: bool,
        retries: u32,
    ) -> Result<Vec<Result<Sums, Failed>>, CliError> {
        if let Runner::Several { .. } = self {
            return self.on_all(pictures, retries);
        }
        let together = match self.logits(pictures, label, by_layer) {
            Ok(sums) => return Ok(sums.into_iter().map(Ok).collect()),
            Err(error) => error,
        };
        if together.is_fatal() {
            return Err(together);
        }
        let mut outcomes = Vec::new();
        for picture in pictures {
            let mut outcome = Err(Failed::of(&together, 1));
            for attempt in 2..retries.saturating_add(2) {
                let alone = self.logits(std::slice::from_ref(picture), label, by_layer);
                match alone.map(|mut sums| sums.pop()) {
                    Ok(Some(sums)) => {
                        outcome = Ok(sums);
                        break;
                    }
                    Ok(None) => outcome = Err(Failed::of(&CliError::Missing, attempt)),
                    Err(other) if other.is_fatal() => return Err(other),
                    Err(other) => outcome = Err(Failed::of(&other, attempt)),
                }
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    /// On several engines: an outcome for each picture.
    fn on_all(
        &mut self,
        pictures: &[Array3<u8>],
        retries: u32,
    ) -> Result<Vec<Result<Sums, Failed>>, CliError> {
        let Runner::Several { pool, names, done } = self else {
            return Ok(Vec::new());
        };
        let mut outcomes = Vec::new();
        let mut pictures = pictures.iter();
        let result = pool.each(
            retries,
            &mut || pictures.next().cloned().into(),
            &mut |told| {
                match told {
                    Told::Answer { answer, .. } => outcomes.push(Ok((answer.result.logits, None))),
                    Told::Failed { lost } => outcomes.push(Err(Failed {
                        kind: lost.error.kind(),
                        message: lost.error.to_string(),
                        attempt: lost.attempt,
                    })),
                    _ if signals::is_interrupted() => {}
                    told => pool::note_engine(&told, names),
                }
                ControlFlow::Continue(())
            },
        );
        *done += outcomes.len() as u64;
        pool.in_order(*done)?;
        result?;
        Ok(outcomes)
    }
}
