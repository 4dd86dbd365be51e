//! Several engines that work as one: how they are opened, and what is compiled for each.

use std::sync::Arc;
use std::time::Duration;

use firebrick_driver::{Cancel, DeviceError, Member, Pool, Program, Session, SessionError, Uri};
use firebrick_spec::HwConfig;

use crate::device::{self, AnyDevice, Behaviour, Carrier, Opening};
use crate::{Error, deadline};

/// How often a picture is tried again that was under way on an engine that failed, unless something
/// else is said: there are others to do it.
pub const RETRIES: u32 = 3;

/// The engines that URIs name, in order: those of a board, one named with `#N`, or as many simulated
/// ones as `*N` says.
///
/// # Errors
/// If a preset does not exist, or the same engine is named twice.
pub fn carriers(uris: &[Uri]) -> Result<Vec<Carrier>, Error> {
    let mut all: Vec<Carrier> = Vec::new();
    for uri in uris.iter().flat_map(Uri::engines) {
        let carrier = Carrier::at(&uri)?;
        if carrier.is_board() && all.contains(&carrier) {
            let device = uri.to_string();
            let what = "this engine is named twice; name it once".into();
            return Err(DeviceError::Link { device, what }.into());
        }
        all.push(carrier);
    }
    Ok(all)
}

/// What opening a pool needs beside its engines.
#[derive(Debug, Default)]
pub struct PoolOptions<'a> {
    /// The configuration of all boards; without it each is asked.
    pub config: Option<&'a HwConfig>,
    /// Of simulated engines.
    pub behaviour: Behaviour,
    /// Time for each picture.
    pub deadline: Option<Duration>,
    /// Gives up what is under way.
    pub cancel: Cancel,
}

/// Opens engines and makes a pool of them; `compile` is asked once for each configuration.
/// `opening` is what a device is opened with, each with the same flag as in the options.
///
/// # Errors
/// If one of them cannot be opened, is no engine, or the network does not fit it.
pub fn open(
    carriers: &[Carrier],
    options: &PoolOptions<'_>,
    mut opening: impl FnMut() -> Opening,
    mut compile: impl FnMut(&HwConfig) -> Result<Program, Error>,
) -> Result<Pool<AnyDevice>, Error> {
    let mut programs: Vec<Arc<Program>> = Vec::new();
    let mut members = Vec::new();
    for (number, carrier) in (0..).zip(carriers) {
        let mut behaviour = options.behaviour;
        behaviour.seed = behaviour.seed.wrapping_add(number);
        let mut device = carrier.open(&behaviour, opening())?;
        let config = match options.config.or(carrier.configuration()) {
            Some(config) => config.clone(),
            None => device::recognise(&mut device)?,
        };
        let fits = |program: &&Arc<Program>| program.config().hash() == config.hash();
        let program = match programs.iter().find(fits) {
            Some(program) => Arc::clone(program),
            None => {
                programs.push(Arc::new(compile(&config)?));
                Arc::clone(&programs[programs.len() - 1])
            }
        };
        let mut session = Session::open(device, &config)?;
        session.deadline = deadline(options.deadline, carrier, &program, false);
        let (carrier, cancel) = (carrier.clone(), options.cancel.clone());
        members.push(Member::new(session, program, move || {
            let opening = Opening {
                cancel: cancel.clone(),
                ..Opening::default()
            };
            let opened = carrier.open(&behaviour, opening);
            opened.map_err(|error| match error {
                Error::Device(error) => error,
                other => DeviceError::Link {
                    device: carrier.name(),
                    what: other.to_string(),
                },
            })
        }));
    }
    Ok(Pool::new(members, options.cancel.clone()))
}

/// Several engines in place of one, for [`Engine`](crate::Engine).
pub(crate) struct Pooled {
    pub pool: Pool<AnyDevice>,
    configs: Vec<HwConfig>,
    carriers: Vec<Carrier>,
    deadline: Option<Duration>,
    /// Of the first engine, with all feature maps.
    pub check: Option<Program>,
}

impl Pooled {
    pub fn open(
        carriers: Vec<Carrier>,
        options: &PoolOptions<'_>,
        opening: impl FnMut() -> Opening,
        compile: impl FnMut(&HwConfig) -> Result<Program, Error>,
    ) -> Result<Pooled, Error> {
        let pool = open(&carriers, options, opening, compile)?;
        let configs = pool.members().iter();
        Ok(Pooled {
            configs: configs.map(|m| m.program().config().clone()).collect(),
            deadline: options.deadline,
            carriers,
            pool,
            check: None,
        })
    }

    /// The configuration of the first engine.
    pub fn config(&self) -> &HwConfig {
        &self.configs[0]
    }

    /// Takes another network, on all engines or on none.
    pub fn load(
        &mut self,
        compile: impl Fn(&HwConfig) -> Result<Program, Error>,
    ) -> Result<(), Error> {
        let mut programs: Vec<Arc<Program>> = Vec::new();
        for (at, config) in self.configs.iter().enumerate() {
            let same = self.configs[..at]
                .iter()
                .position(|c| c.hash() == config.hash());
            programs.push(match same {
                Some(same) => Arc::clone(&programs[same]),
                None => Arc::new(compile(config)?),
            });
        }
        let members = self.pool.members_mut().iter_mut().zip(&self.carriers);
        for ((member, carrier), program) in members.zip(programs) {
            member.set_deadline(deadline(self.deadline, carrier, &program, false));
            member.set_program(program);
        }
        self.check = None;
        Ok(())
    }

    /// The session of the first engine, with time for a program.
    pub fn session(&mut self, program: &Program) -> Result<&mut Session<AnyDevice>, SessionError> {
        let (given, carrier) = (self.deadline, &self.carriers[0]);
        let member = &mut self.pool.members_mut()[0];
        member.set_deadline(deadline(given, carrier, program, false));
        member.ensure()
    }

    /// After [`session`](Self::session): time for the program for results.
    pub fn restore_deadline(&mut self) {
        let (given, carrier) = (self.deadline, &self.carriers[0]);
        let member = &mut self.pool.members_mut()[0];
        let program = Arc::clone(member.program());
        member.set_deadline(deadline(given, carrier, &program, false));
    }
}
