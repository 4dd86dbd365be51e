//! The engines of the library as sources of a pool.

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use firebrick::ndarray::{Array3, ArrayView3};
use firebrick::{Cancel, Engine, Error, Model, Options};
use tracing::{info, warn};

use super::{Counted, Fault, Runner, Source};

/// A failed engine is opened again anyway, so that its pictures need not wait for a reset that does
/// not come.
const RESET: Duration = Duration::from_secs(2);

/// Models that all engines of a pool run, and what proves an engine.
struct Models {
    models: Vec<Model>,
    /// What the integer model says of [`test_picture`], for each model.
    proofs: Vec<OnceLock<Result<Vec<i32>, Fault>>>,
}

/// Opens engines of the library by their names.
pub struct Engines {
    /// As the library opens it.
    uri: String,
    name: String,
    models: Arc<Models>,
    deadline: Option<Duration>,
    cancel: Cancel,
}

impl Engines {
    /// A source for each engine that the names stand for. `deadline` is the time for a picture, by itself that of
    /// [`firebrick::Options`]; `cancel` gives up whatever is under way on any of them.
    ///
    /// # Errors
    /// If a name is none, or an engine of a board is named twice.
    pub fn sources(
        names: &[String],
        models: &[Model],
        deadline: Option<Duration>,
        cancel: &Cancel,
    ) -> Result<Vec<Arc<dyn Source>>, Error> {
        let shared = Arc::new(Models {
            models: models.to_vec(),
            proofs: models.iter().map(|_| OnceLock::new()).collect(),
        });
        let mut sources: Vec<Arc<dyn Source>> = Vec::new();
        let names = firebrick::device::engines(names)?;
        for name in &names {
            let same = names.iter().filter(|other| *other == name).count();
            let before = names[..sources.len()].iter().filter(|other| *other == name);
            sources.push(Arc::new(Engines {
                uri: name.clone(),
                // Several of a kind that can be had twice: each has its own number.
                name: match same {
                    1 => name.clone(),
                    _ => format!("{name} ({})", before.count() + 1),
                },
                models: Arc::clone(&shared),
                deadline,
                cancel: cancel.clone(),
            }));
        }
        Ok(sources)
    }

    fn options(&self, model: &Model) -> Options {
        let options = Options::new()
            .model(model)
            .cancel(self.cancel.clone())
            .reset_deadline(RESET);
        match self.deadline {
            Some(deadline) => options.deadline(deadline),
            None => options,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault {
            kind: error.kind().to_owned(),
            message: error.to_string(),
        }
    }
}

impl Source for Engines {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self, after_fault: bool) -> Result<Box<dyn Runner>, Fault> {
        info!(engine = self.name, "opens");
        let mut takes = vec![false; self.models.models.len()];
        let mut open: Option<Engine> = None;
        let mut refused = None;
        for (model, takes) in self.models.models.iter().zip(&mut takes) {
            let outcome = match &mut open {
                Some(engine) => engine.load(model),
                None => Engine::open_with(&self.uri, self.options(model)).map(|engine| {
                    open = Some(engine);
                }),
            };
            match outcome {
                Ok(()) => *takes = true,
                Err(error) if error.kind() == "fit" => {
                    warn!(
                        engine = self.name,
                        model = model.name(),
                        "does not run this model: {error}"
                    );
                    refused = Some(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let Some(engine) = open else {
            return Err(refused.map_or_else(
                || Fault {
                    kind: "model".into(),
                    message: "there is no model to run".into(),
                },
                Fault::from,
            ));
        };
        let mut opened = Opened {
            name: self.name.clone(),
            engine,
            takes,
            models: Arc::clone(&self.models),
        };
        if after_fault {
            opened.prove()?;
        }
        Ok(Box::new(opened))
    }
}

/// Values without a pattern, so that a bit that is stuck shows.
fn test_picture(shape: [usize; 3]) -> Array3<u8> {
    let mut state = 0x2545_f491_u32;
    Array3::from_shape_simple_fn(shape, || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8
    })
}

impl Models {
    fn proof(&self, place: usize) -> Result<Vec<i32>, Fault> {
        let (Some(model), Some(proof)) = (self.models.get(place), self.proofs.get(place)) else {
            return Ok(Vec::new());
        };
        let proof = proof.get_or_init(|| {
            let mut reference = Engine::open_with("model", Options::new().model(model))?;
            let input = test_picture(model.input_shape());
            Ok(reference.run(&input.view())?)
        });
        proof.clone()
    }
}

/// An open one.
struct Opened {
    name: String,
    engine: Engine,
    takes: Vec<bool>,
    models: Arc<Models>,
}

impl Opened {
    /// Runs a picture whose scores are known.
    fn prove(&mut self) -> Result<(), Fault> {
        let Some(place) = self.takes.iter().position(|takes| *takes) else {
            return Ok(());
        };
        self.load(place)?;
        let input = test_picture(self.engine.model().input_shape());
        let got = self.engine.run(&ArrayView3::from(&input))?;
        match got == self.models.proof(place)? {
            true => Ok(()),
            false => Err(Fault {
                kind: "wrong".into(),
                message: format!(
                    "{}: a test picture got other scores than the integer model's; run `firebrick \
                     verify` on it",
                    self.name
                ),
            }),
        }
    }

    fn load(&mut self, place: usize) -> Result<(), Fault> {
        match self.models.models.get(place) {
            Some(model) => Ok(self.engine.load(model)?),
            None => Ok(()),
        }
    }
}

impl Runner for Opened {
    fn takes(&self, model: usize) -> bool {
        self.takes.get(model) == Some(&true)
    }

    fn run(
        &mut self,
        model: usize,
        next: &mut dyn FnMut() -> Option<Array3<u8>>,
        take: &mut dyn FnMut(Vec<i32>),
    ) -> Result<(), Fault> {
        self.load(model)?;
        let inputs = std::iter::from_fn(|| next().map(Ok));
        self.engine.run_each(inputs, |_, scores| {
            take(scores);
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    fn counted(&mut self) -> Result<Option<Counted>, Fault> {
        let counters = self.engine.counters()?;
        Ok(counters.map(|counters| Counted {
            cycles: counters.cycles,
            busy: counters.busy_cycles,
        }))
    }

    fn check(&mut self) -> Result<(), Fault> {
        Ok(self.engine.check()?)
    }
}
