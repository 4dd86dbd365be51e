//! What runs a network: a board, a simulated engine, the command stream in software, or the
//! integer model.

use std::ops::ControlFlow;
use std::time::Duration;

use firebrick_driver::{Answer, Cancel, DeviceError, ImageResult, Next, Program, Session};
use firebrick_driver::{SessionError, Told};
use firebrick_spec::{HwConfig, regs};
use ndarray::{Array3, ArrayView3};

use crate::device::{self, AnyDevice, Behaviour, Carrier, Opening};
use crate::pool::{self, PoolOptions, Pooled, RETRIES};
use crate::predict::{Forecast, Prediction};
use crate::{Classification, Error, FeatureMaps, Image, Model, deadline};

/// How an engine is opened.
#[derive(Default)]
pub struct Options {
    model: Option<Model>,
    wait: Duration,
    deadline: Option<Duration>,
    reset_deadline: Option<Duration>,
    cancel: Cancel,
    behaviour: Behaviour,
    #[cfg(feature = "sim")]
    progress: Option<Box<dyn firebrick_sim::Progress>>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("model", &self.model.as_ref().map(Model::name))
            .field("wait", &self.wait)
            .field("deadline", &self.deadline)
            .field("behaviour", &self.behaviour)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// What [`Engine::open`] takes.
    #[must_use]
    pub fn new() -> Options {
        Options::default()
    }

    /// With this network in place of SqueezeNet v1.1.
    #[must_use]
    pub fn model(mut self, model: &Model) -> Options {
        self.model = Some(model.clone());
        self
    }

    /// Waiting so long for another process that has the board. By itself opening does not wait.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Options {
        self.wait = wait;
        self
    }

    /// With this time for each picture. By itself it is a minute on a board, and in simulation as
    /// much more as the predicted cycles need.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Options {
        self.deadline = Some(deadline);
        self
    }

    /// With this time for the reset after an error, in place of 15 s. Whoever opens the engine again
    /// after an error need not wait for a board that does not answer any more.
    #[must_use]
    pub fn reset_deadline(mut self, deadline: Duration) -> Options {
        self.reset_deadline = Some(deadline);
        self
    }

    /// With a flag that gives up what is under way, from any thread. It stays raised until
    /// [`Cancel::clear`].
    #[must_use]
    pub fn cancel(mut self, cancel: Cancel) -> Options {
        self.cancel = cancel;
        self
    }

    /// With a simulated engine that behaves so; nothing for others.
    #[must_use]
    pub fn behaviour(mut self, behaviour: Behaviour) -> Options {
        self.behaviour = behaviour;
        self
    }

    /// Telling the progress of the build of a simulated engine, which is silent by itself.
    #[cfg(feature = "sim")]
    #[must_use]
    pub fn progress(mut self, progress: impl firebrick_sim::Progress + 'static) -> Options {
        self.progress = Some(Box::new(progress));
        self
    }
}

/// An open engine with a network loaded. One thread uses it at a time; it can move to another
/// (`Send`). Dropping it closes the device.
pub struct Engine {
    name: String,
    model: Model,
    cancel: Cancel,
    backend: Backend,
}

/// What the engine has counted since its last reset, whatever network ran; several engines together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Cycles from the first beat of a picture in to its last out, overlapping ones once.
    pub cycles: u64,
    /// Those of them in which the array took a vector.
    pub busy_cycles: u64,
}

/// Networks that are kept ready beside the one that is loaded.
const KEPT: usize = 16;

enum Backend {
    Model(firebrick_model::Model),
    Engine(Box<Opened>),
    Pool(Box<Pooled>),
}

/// A device, and what is compiled for it.
struct Opened {
    carrier: Carrier,
    behaviour: Behaviour,
    cancel: Cancel,
    deadline: Option<Duration>,
    reset_deadline: Option<Duration>,
    config: HwConfig,
    /// None after an error of the link: it is opened again for the next picture.
    session: Option<Session<AnyDevice>>,
    program: Program,
    /// What was compiled for other networks, the latest last.
    kept: Vec<(Model, Program)>,
    /// The same with all feature maps, compiled when they are first asked for.
    check: Option<Program>,
}

impl Engine {
    /// Opens an engine by its name:
    ///
    /// | name | engine |
    /// |---|---|
    /// | `model` | the integer model: no engine, the same bits, a few milliseconds a picture |
    /// | `software:PRESET` | the command stream, executed command by command in software |
    /// | `sim:PRESET` | the emitted Verilog, simulated cycle by cycle; built on first use |
    /// | `xdma:/dev/xdma0` | a PCIe board behind the XDMA driver |
    /// | `axidma:` | the fabric of a Zynq |
    /// | `xdma:/dev/xdma0#2`, `axidma:#1` | one engine of a board that has several |
    /// | `sim:PRESET*4` | four simulated engines |
    ///
    /// A preset is a name with options, or the path of a file that ends in `.toml` or has a `/`
    /// ([`preset`](crate::preset)).
    ///
    /// A board with several engines, and several names with commas between them, make a pool:
    /// pictures go to whichever engine has room, and results come in order. An engine of a pool that
    /// fails is reset and taken back in while others do its pictures.
    ///
    /// A board says itself which preset it is. The network is SqueezeNet v1.1 until
    /// [`load`](Self::load) names another.
    ///
    /// # Errors
    /// If the name is none, there is no such device or preset, it is in use, it is no engine of
    /// this version, or the network does not fit it.
    pub fn open(name: &str) -> Result<Engine, Error> {
        Engine::open_with(name, Options::default())
    }

    /// The same with options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(name: &str, options: Options) -> Result<Engine, Error> {
        let model = options.model.clone().unwrap_or_else(Model::builtin);
        let uris = device::backend_uris(name)?;
        let cancel = options.cancel.clone();
        let backend = match &uris[..] {
            [uri] if device::is_model(uri) => {
                Backend::Model(firebrick_model::Model::new(model.network())?)
            }
            uris => {
                let carriers = pool::carriers(uris)?;
                match &carriers[..] {
                    [one] => {
                        let carrier = one.clone();
                        Backend::Engine(Box::new(Opened::open(carrier, options, &model)?))
                    }
                    _ => Backend::Pool(Box::new(open_pool(carriers, options, &model)?)),
                }
            }
        };
        Ok(Engine {
            name: name.to_owned(),
            model,
            cancel,
            backend,
        })
    }

    /// Takes another network. What was loaded before stays if this one does not fit. The last few
    /// networks are kept compiled, so that going back to one takes no time.
    ///
    /// # Errors
    /// If the network does not fit the engine: the message names the layer and the limit.
    pub fn load(&mut self, model: &Model) -> Result<(), Error> {
        if self.model.is_same(model) {
            return Ok(());
        }
        match &mut self.backend {
            Backend::Model(loaded) => *loaded = firebrick_model::Model::new(model.network())?,
            Backend::Engine(engine) => {
                let same = |(kept, _): &(Model, Program)| kept.is_same(model);
                let program = match engine.kept.iter().position(same) {
                    Some(place) => engine.kept.remove(place).1,
                    None => model.on(&engine.config).compile(false)?,
                };
                let before = std::mem::replace(&mut engine.program, program);
                engine.kept.push((self.model.clone(), before));
                if engine.kept.len() > KEPT {
                    engine.kept.remove(0);
                }
                engine.check = None;
            }
            Backend::Pool(pooled) => pooled.load(|config| model.on(config).compile(false))?,
        }
        self.model = model.clone();
        Ok(())
    }

    /// The name that it was opened by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The network that is loaded.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The engine's configuration, of several that of the first; the integer model has none.
    #[must_use]
    pub fn config(&self) -> Option<&HwConfig> {
        match &self.backend {
            Backend::Model(_) => None,
            Backend::Engine(engine) => Some(&engine.config),
            Backend::Pool(pooled) => Some(pooled.config()),
        }
    }

    /// Classifies a picture of any size: a path, the bytes of a JPEG or PNG file, a decoded
    /// picture, or RGB pixels.
    ///
    /// # Errors
    /// If the picture cannot be read, or the engine gives no result in time. After an error the
    /// engine is reset, and the next picture can be tried.
    pub fn classify<'a>(&mut self, image: impl Into<Image<'a>>) -> Result<Classification, Error> {
        let input = self.model.input(image)?;
        let scores = self.run(&input.view())?;
        Ok(self.classification(scores))
    }

    /// Classifies pictures back to back: the input of one overlaps the computing of the one
    /// before it. Pictures are read as the engine takes them, so that memory does not grow with
    /// their number; only the results are kept.
    ///
    /// # Errors
    /// The first of a picture or of the engine; no result is given then. Use
    /// [`run_each`](Self::run_each) to keep those before it.
    pub fn classify_batch<'a, I>(&mut self, images: I) -> Result<Vec<Classification>, Error>
    where
        I: IntoIterator,
        I::Item: Into<Image<'a>>,
    {
        let model = self.model.clone();
        let inputs = images.into_iter().map(|image| model.input(image));
        let mut results = Vec::new();
        self.run_each(inputs, |_, scores| {
            results.push(scores);
            ControlFlow::Continue(())
        })?;
        Ok(results
            .into_iter()
            .map(|scores| self.classification(scores))
            .collect())
    }

    /// The scores of one input (shape and order of channels as [`Model::input`] gives them): for
    /// each class the sum over all pixels of the last map.
    ///
    /// # Errors
    /// If the shape is another, or the engine gives no result in time.
    pub fn run(&mut self, input: &ArrayView3<'_, u8>) -> Result<Vec<i32>, Error> {
        self.model.check(input)?;
        match &mut self.backend {
            Backend::Model(model) => Ok(model.logits(input)?),
            Backend::Engine(engine) => {
                engine.with(|session, program| Ok(session.run(program, input)?.logits))
            }
            Backend::Pool(_) => {
                let mut result = None;
                let take = |_, scores| {
                    result = Some(scores);
                    ControlFlow::Continue(())
                };
                self.run_each([Ok(input.to_owned())], take)?;
                result.ok_or(Error::Missing)
            }
        }
    }

    /// Runs inputs back to back and hands each one's number and scores to `take`, in order, as
    /// they come; `take` may end it early. An input that is an error ends it, once the results of
    /// those before it are through. Returns how many results there were.
    ///
    /// # Errors
    /// The first of an input or of the engine; the results before it stand.
    pub fn run_each(
        &mut self,
        inputs: impl IntoIterator<Item = Result<Array3<u8>, Error>>,
        mut take: impl FnMut(u64, Vec<i32>) -> ControlFlow<()>,
    ) -> Result<u64, Error> {
        let (model, cancel) = (self.model.clone(), self.cancel.clone());
        let device = &self.name;
        let mut inputs = inputs.into_iter().map(|input| {
            // Software does not look by itself.
            if cancel.is_cancelled() {
                let device = device.clone();
                return Err(DeviceError::Cancelled { device }.into());
            }
            let input = input?;
            model.check(&input.view()).map(|()| input)
        });
        match &mut self.backend {
            Backend::Model(model) => {
                let mut count = 0;
                for input in inputs {
                    let scores = model.logits(&input?.view())?;
                    count += 1;
                    if take(count - 1, scores).is_break() {
                        break;
                    }
                }
                Ok(count)
            }
            Backend::Engine(engine) => {
                let mut wrong = None;
                let count = engine.with(|session, program| {
                    let mut next = || match inputs.next() {
                        Some(Ok(input)) => Next::Picture(input),
                        Some(Err(error)) => {
                            wrong = Some(error);
                            Next::End
                        }
                        None => Next::End,
                    };
                    let mut answer = |answer: Answer| take(answer.index, answer.result.logits);
                    session.stream(program, &mut next, &mut answer)
                })?;
                match wrong {
                    Some(error) => Err(error),
                    None => Ok(count),
                }
            }
            Backend::Pool(pooled) => {
                let (mut wrong, mut lost) = (None, None);
                let mut next = || match inputs.next() {
                    Some(Ok(input)) => Next::Picture(input),
                    Some(Err(error)) => {
                        wrong = Some(error);
                        Next::End
                    }
                    None => Next::End,
                };
                let mut tell = |told: Told<'_>| match told {
                    Told::Answer { answer, .. } => take(answer.index, answer.result.logits),
                    Told::Failed { lost: picture } => {
                        lost = Some((picture.error.kind(), picture.error.to_string()));
                        ControlFlow::Break(())
                    }
                    Told::Again { .. } | Told::Out { .. } | Told::Back { .. } => {
                        ControlFlow::Continue(())
                    }
                };
                let count = pooled.pool.run(RETRIES, &mut next, &mut tell);
                match (count, wrong, lost) {
                    (Err(error), ..) => Err(error.into()),
                    (_, _, Some((kind, message))) => Err(Error::Pool { kind, message }),
                    (_, Some(error), None) => Err(error),
                    (Ok(count), None, None) => Ok(count),
                }
            }
        }
    }

    /// The feature maps of all layers for a picture. An engine sends them in a run of its own,
    /// whose scores are those of [`classify`](Self::classify).
    ///
    /// # Errors
    /// As [`classify`](Self::classify).
    pub fn feature_maps<'a>(&mut self, image: impl Into<Image<'a>>) -> Result<FeatureMaps, Error> {
        let input = self.model.input(image)?;
        self.feature_maps_of(&input.view())
    }

    /// The same for an input as [`run`](Self::run) takes it.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn feature_maps_of(&mut self, input: &ArrayView3<'_, u8>) -> Result<FeatureMaps, Error> {
        self.model.check(input)?;
        match &mut self.backend {
            Backend::Model(model) => Ok(FeatureMaps::of_model(model.run(input)?)),
            Backend::Engine(engine) => {
                let result = engine.check(&self.model, input)?;
                Ok(self.maps_of(result))
            }
            // The first of them does.
            Backend::Pool(pooled) => {
                let program = match pooled.check.take() {
                    Some(program) => program,
                    None => self.model.on(pooled.config()).compile(true)?,
                };
                let result = pooled
                    .session(&program)
                    .and_then(|session| session.run(&program, input));
                pooled.check = Some(program);
                // What it was to take for pictures.
                pooled.restore_deadline();
                Ok(self.maps_of(result?))
            }
        }
    }

    fn maps_of(&self, result: ImageResult) -> FeatureMaps {
        let ImageResult { maps, logits, .. } = result;
        let nodes = &self.model.network().nodes;
        let name = |id: usize| nodes.get(id).map(|node| node.name.clone());
        let maps = maps.into_iter();
        let maps = maps.map(|(id, map)| (name(id.0).unwrap_or_default(), map));
        FeatureMaps::of_engine(maps.collect(), logits)
    }

    /// What this engine, of several the first, takes for the network that is loaded, at a clock in MHz; nothing for the
    /// integer model, which has no cycles.
    ///
    /// # Errors
    /// If the clock is not positive.
    pub fn predict(&self, clock_mhz: f64) -> Result<Option<Forecast>, Error> {
        match &self.backend {
            Backend::Model(_) => Ok(None),
            Backend::Engine(engine) => {
                let target = self.model.on(&engine.config);
                Prediction::of(&target, &engine.program)?
                    .at(clock_mhz)
                    .map(Some)
            }
            Backend::Pool(pooled) => {
                let target = self.model.on(pooled.config());
                Prediction::of(&target, pooled.pool.members()[0].program())?
                    .at(clock_mhz)
                    .map(Some)
            }
        }
    }

    /// What the engine's own counters say; nothing for the integer model, which has none. An
    /// error resets the engine and with it the counters.
    ///
    /// # Errors
    /// If the device does not answer.
    pub fn counters(&mut self) -> Result<Option<Counters>, Error> {
        match &mut self.backend {
            Backend::Model(_) => Ok(None),
            Backend::Engine(engine) => {
                let session = engine.session()?;
                Ok(Some(Counters {
                    cycles: session.counter(&regs::CYCLES_LO)?,
                    busy_cycles: session.counter(&regs::BUSY_LO)?,
                }))
            }
            Backend::Pool(pooled) => {
                let mut sum = Counters::default();
                for member in pooled.pool.members_mut() {
                    let session = member.ensure()?;
                    sum.cycles += session.counter(&regs::CYCLES_LO)?;
                    sum.busy_cycles += session.counter(&regs::BUSY_LO)?;
                }
                Ok(Some(sum))
            }
        }
    }

    /// Asks the engine whether it is still there, without disturbing it; of several, each.
    ///
    /// # Errors
    /// If one does not answer, or is no engine any more.
    pub fn check(&mut self) -> Result<(), Error> {
        match &mut self.backend {
            Backend::Model(_) => Ok(()),
            Backend::Engine(engine) => Ok(engine.session()?.check()?),
            Backend::Pool(pooled) => {
                for member in pooled.pool.members_mut() {
                    member.ensure()?.check()?;
                }
                Ok(())
            }
        }
    }

    /// Resets the engine, which it does by itself after each error.
    ///
    /// # Errors
    /// If the device does not answer.
    pub fn reset(&mut self) -> Result<(), Error> {
        match &mut self.backend {
            Backend::Model(_) => Ok(()),
            Backend::Engine(engine) => Ok(engine.session()?.reset()?),
            Backend::Pool(pooled) => Ok(pooled.pool.reset()?),
        }
    }

    fn classification(&self, scores: Vec<i32>) -> Classification {
        let network = self.model.network().clone();
        Classification::new(network, self.model.scale(), scores)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("name", &self.name)
            .field("model", &self.model.name())
            .field("config", &self.config().map(|config| &config.name))
            .finish()
    }
}

/// Opens several engines.
fn open_pool(carriers: Vec<Carrier>, options: Options, model: &Model) -> Result<Pooled, Error> {
    let carriers = carriers
        .into_iter()
        .map(|carrier| carrier.waiting(Some(options.wait)))
        .collect();
    let pool_options = PoolOptions {
        config: None,
        behaviour: options.behaviour,
        deadline: options.deadline,
        cancel: options.cancel.clone(),
    };
    #[cfg(feature = "sim")]
    let mut progress = options.progress;
    let opening = || Opening {
        cancel: options.cancel.clone(),
        #[cfg(feature = "sim")]
        progress: progress.take(),
    };
    let compile = |config: &HwConfig| model.on(config).compile(false);
    Pooled::open(carriers, &pool_options, opening, compile)
}

impl Opened {
    fn open(carrier: Carrier, options: Options, model: &Model) -> Result<Opened, Error> {
        let Options {
            wait,
            deadline,
            reset_deadline,
            cancel,
            behaviour,
            ..
        } = options;
        let carrier = carrier.waiting(Some(wait));
        // What does not fit is said before a minute of building.
        let early = carrier.configuration().map(|config| model.on(config));
        let early = early.map(|target| target.compile(false)).transpose()?;
        let opening = Opening {
            cancel: cancel.clone(),
            #[cfg(feature = "sim")]
            progress: options.progress,
        };
        let mut device = carrier.open(&behaviour, opening)?;
        let config = match carrier.configuration() {
            Some(config) => config.clone(),
            None => device::recognise(&mut device)?,
        };
        let program = match early {
            Some(program) => program,
            None => model.on(&config).compile(false)?,
        };
        Ok(Opened {
            session: Some(Session::open(device, &config)?),
            carrier,
            behaviour,
            cancel,
            deadline,
            reset_deadline,
            config,
            program,
            kept: Vec::new(),
            check: None,
        })
    }

    fn session(&mut self) -> Result<&mut Session<AnyDevice>, Error> {
        let session = match self.session.take() {
            Some(session) => session,
            None => {
                let opening = Opening {
                    cancel: self.cancel.clone(),
                    #[cfg(feature = "sim")]
                    progress: None,
                };
                let device = self.carrier.open(&self.behaviour, opening)?;
                Session::open(device, &self.config)?
            }
        };
        Ok(self.session.insert(session))
    }

    /// Does something with the program for results.
    fn with<T>(
        &mut self,
        work: impl FnOnce(&mut Session<AnyDevice>, &Program) -> Result<T, SessionError>,
    ) -> Result<T, Error> {
        self.session()?;
        let Some(session) = &mut self.session else {
            return Err(Error::Missing);
        };
        session.deadline = deadline(self.deadline, &self.carrier, &self.program, false);
        if let Some(reset) = self.reset_deadline {
            session.reset_deadline = reset;
        }
        let result = work(session, &self.program);
        self.after(result)
    }

    /// Runs a picture with all feature maps.
    fn check(&mut self, model: &Model, input: &ArrayView3<'_, u8>) -> Result<ImageResult, Error> {
        let program = match self.check.take() {
            Some(program) => program,
            None => model.on(&self.config).compile(true)?,
        };
        let limit = deadline(self.deadline, &self.carrier, &program, false);
        let session = self.session()?;
        session.deadline = limit;
        let result = session.run(&program, input);
        self.check = Some(program);
        self.after(result)
    }

    /// After an error of the link part of a transfer may still be on its way: the next picture
    /// begins with a new device.
    fn after<T>(&mut self, result: Result<T, SessionError>) -> Result<T, Error> {
        if let Err(SessionError::Device(DeviceError::Link { .. })) = &result {
            self.session = None;
        }
        Ok(result?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_can_move_between_threads() {
        fn moves<T: Send>() {}
        fn shared<T: Send + Sync>() {}
        moves::<Engine>();
        shared::<Model>();
        shared::<Classification>();
        shared::<FeatureMaps>();
        shared::<Error>();
    }
}
