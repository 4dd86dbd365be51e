//! One engine or several, as commands that stream pictures use them.

use std::ops::ControlFlow;

use firebrick::pool::{self, PoolOptions};
use firebrick_driver::{Device, Next, Pool, Program, Session, SessionError, Told, Tried, Uri};
use schemars::JsonSchema;
use serde::Serialize;

use crate::args::{self, Simulation};
use crate::device::{self, AnyDevice, Carrier, Opening};
use crate::error::CliError;
use crate::output::Output;
use crate::progress::{self, Style};
use crate::signals;
use crate::target::{self, Target};

/// Receives what is told of pictures and engines.
pub type Tell<'a> = dyn FnMut(Told<'_>) -> ControlFlow<()> + 'a;

/// What carries a batch of pictures.
pub trait Carry {
    /// Runs pictures; every one has an outcome, in order.
    fn each(
        &mut self,
        retries: u32,
        next: &mut dyn FnMut() -> Next,
        tell: &mut Tell<'_>,
    ) -> Result<u64, SessionError>;

    /// As [`signals::in_order`].
    fn in_order(&mut self, done: u64) -> Result<(), CliError>;
}

/// One engine, and what is compiled for it.
pub struct Single<'a, D: Device> {
    pub session: Session<D>,
    pub program: &'a Program,
}

impl<D: Device> Carry for Single<'_, D> {
    fn each(
        &mut self,
        retries: u32,
        next: &mut dyn FnMut() -> Next,
        tell: &mut Tell<'_>,
    ) -> Result<u64, SessionError> {
        let program = self.program;
        self.session
            .stream_each(program, retries, next, &mut |tried| {
                tell(match tried {
                    Tried::Answer(answer, attempt) => Told::Answer {
                        engine: 0,
                        answer,
                        attempt,
                    },
                    Tried::Again(lost) => Told::Again { engine: 0, lost },
                    Tried::Failed(lost) => Told::Failed { lost },
                })
            })
    }

    fn in_order(&mut self, done: u64) -> Result<(), CliError> {
        signals::in_order(&mut self.session, done, Ok(()))
    }
}

/// Each engine has its program already.
impl Carry for Pool<AnyDevice> {
    fn each(
        &mut self,
        retries: u32,
        next: &mut dyn FnMut() -> Next,
        tell: &mut Tell<'_>,
    ) -> Result<u64, SessionError> {
        self.run(retries, next, tell)
    }

    fn in_order(&mut self, done: u64) -> Result<(), CliError> {
        match signals::is_interrupted() {
            true => Err(signals::given_up(
                format!("after {done} pictures"),
                self.reset().map_err(CliError::from),
            )),
            false => Ok(()),
        }
    }
}

/// Opens several engines. The target is that of the first one.
pub fn open(
    carriers: &[Carrier],
    args: &args::Target,
    simulation: &Simulation,
    style: Style,
) -> Result<(Pool<AnyDevice>, Target), CliError> {
    let cancel = signals::interrupt()?;
    let network = target::load(args)?;
    let options = PoolOptions {
        config: args.preset.given.as_ref(),
        behaviour: device::behaviour(simulation),
        deadline: simulation.deadline,
        cancel: cancel.clone(),
    };
    let opening = || Opening {
        cancel: cancel.clone(),
        #[cfg(feature = "sim")]
        progress: Some(Box::new(progress::BuildProgress::new(style))),
    };
    #[cfg(not(feature = "sim"))]
    let _ = style;
    let pool = pool::open(carriers, &options, opening, |config| {
        network.compile_for(config, false)
    })?;
    let first = pool.members().first().ok_or(CliError::Missing)?;
    let target = target::load_for(args, first.program().config().clone())?;
    Ok((pool, target))
}

/// As reports name them.
pub fn name(uris: &[Uri]) -> String {
    let uris: Vec<String> = uris.iter().map(Uri::to_string).collect();
    uris.join(", ")
}

fn engine_name(names: &[String], engine: usize) -> &str {
    names.get(engine).map_or("an engine", String::as_str)
}

/// Tells what happens to an engine on standard error. Nothing of pictures.
pub fn note_engine(told: &Told<'_>, names: &[String]) {
    let name = |engine| engine_name(names, engine);
    match told {
        Told::Out { engine, error } => {
            progress::warning(format_args!("{} is taken out: {error}", name(*engine)));
        }
        Told::Back { engine, after } => {
            let after = after.as_secs_f64();
            progress::note(format_args!("{} is back after {after:.2} s", name(*engine)));
        }
        Told::Answer { .. } | Told::Again { .. } | Told::Failed { .. } => {}
    }
}

/// What happens to an engine, as an object.
#[derive(JsonSchema, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event<'a> {
    /// It takes no pictures.
    Out {
        engine: &'a str,
        error: &'a str,
        message: String,
    },
    /// It takes pictures again.
    Back { engine: &'a str, out_seconds: f64 },
}

/// Tells what happens to an engine: to standard error, and as an object to standard output.
/// Nothing of pictures.
pub fn tell_engine(
    told: &Told<'_>,
    names: &[String],
    json: bool,
    output: &mut Output,
) -> Result<(), CliError> {
    note_engine(told, names);
    let name = |engine| engine_name(names, engine);
    let event = match told {
        Told::Out { engine, error } => Event::Out {
            engine: name(*engine),
            error: error.kind(),
            message: error.to_string(),
        },
        Told::Back { engine, after } => Event::Back {
            engine: name(*engine),
            out_seconds: after.as_secs_f64(),
        },
        _ => return Ok(()),
    };
    output.object(&event, json)
}

/// The engines' names, by their numbers in the pool. Simulated ones have the same.
pub fn names(pool: &Pool<AnyDevice>) -> Vec<String> {
    let names: Vec<&str> = pool.members().iter().map(|member| member.name()).collect();
    let numbered = |(number, name): (usize, &&str)| {
        let same = names.iter().filter(|other| *other == name).count() > 1;
        match same {
            true => format!("{name}, engine {number}"),
            false => (*name).to_owned(),
        }
    };
    names.iter().enumerate().map(numbered).collect()
}
