//! What both protocols do: models by their names, pictures to scores, scores to outputs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use firebrick::ndarray::{Array3, ArrayView3};
use firebrick::{Image, Model, best, probabilities};
use tokio::sync::Semaphore;

use crate::error::{Kind, Refusal};
use crate::metrics::Metrics;
use crate::options::Limits;
use crate::pool::Pool;

/// The version that all models have.
pub const VERSION: &str = "1";
/// Name of the only input.
pub const INPUT: &str = "image";
/// Name of the sums of all classes.
pub const SCORES: &str = "scores";
/// Name of the best classes.
pub const CLASSES: &str = "classes";
/// How many best classes there are if nobody asks for another number.
pub const TOP: usize = 5;
/// Extensions of the protocol that are spoken.
pub const EXTENSIONS: [&str; 2] = ["binary_tensor_data", "classification"];
/// Longest side of a picture in pixels.
const SIDE_MAX: i64 = 30_000;
/// So many prepared pictures are copied without another thread.
const AT_ONCE: usize = 8;
/// Most pictures that one request can name.
pub const PICTURES_MAX: usize = 4096;
const MIB: u64 = 1 << 20;

/// A model with the name that clients use.
#[derive(Clone, Debug)]
pub struct Served {
    /// Part of a path: letters, digits, dots, dashes and underscores.
    pub name: String,
    /// The model.
    pub model: Model,
}

impl Served {
    /// A model under a name, or its own.
    ///
    /// # Errors
    /// If the name cannot be part of a path.
    pub fn new(name: Option<&str>, model: Model) -> Result<Served, String> {
        let name = name.unwrap_or(model.name()).to_owned();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        match !name.is_empty() && name.len() <= 128 && name.bytes().all(fits) {
            true => Ok(Served { name, model }),
            false => Err(format!(
                "{name:?} cannot be a model's name in a path; give one of letters, digits, dots, \
                 dashes and underscores, as NAME=PACK"
            )),
        }
    }
}

/// The pictures of a request.
#[derive(Clone, Debug)]
pub enum Pictures {
    /// Red, green and blue of all pixels: pictures, height, width, 3.
    Pixels {
        /// How many pictures.
        count: usize,
        /// Their rows.
        height: usize,
        /// Their columns.
        width: usize,
        /// All values.
        bytes: Bytes,
    },
    /// JPEG or PNG files.
    Encoded(Vec<Bytes>),
}

/// A tensor's elements, as they came.
pub enum Elements {
    /// As they lie in memory.
    Raw(Bytes),
    /// Files, each an element.
    Files(Vec<Bytes>),
}

impl Pictures {
    /// The pictures of an input tensor.
    ///
    /// # Errors
    /// If name, type, shape and length do not agree.
    pub fn of(
        name: &str,
        datatype: &str,
        shape: &[i64],
        elements: Elements,
    ) -> Result<Pictures, Refusal> {
        if name != INPUT {
            return Err(Refusal::invalid(format!(
                "there is no input {:?}; the model has one, {INPUT:?}",
                shortened(name)
            )));
        }
        match (datatype, elements) {
            ("UINT8", Elements::Raw(bytes)) => pixels(shape, bytes),
            ("UINT8", Elements::Files(_)) => Err(Refusal::invalid(
                "an input of type UINT8 has numbers of 0 to 255 as data",
            )),
            ("BYTES", elements) => encoded(shape, elements),
            (other, _) => Err(Refusal::invalid(format!(
                "the input {INPUT:?} cannot be of type {:?}; send pixels as UINT8 or JPEG and PNG \
                 files as BYTES",
                shortened(other)
            ))),
        }
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Pictures::Pixels { count, .. } => *count,
            Pictures::Encoded(files) => files.len(),
        }
    }
}

/// What errors repeat of a text from outside.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn pixels(shape: &[i64], bytes: Bytes) -> Result<Pictures, Refusal> {
    let wrong = || {
        Refusal::invalid(format!(
            "the shape {shape:?} is none of pictures; give [pictures, height, width, 3] with sides \
             of 1 to {SIDE_MAX}"
        ))
    };
    let (count, height, width) = match *shape {
        [height, width, 3] => (1, height, width),
        [count, height, width, 3] => (count, height, width),
        _ => return Err(wrong()),
    };
    let sides = 1..=SIDE_MAX;
    if !sides.contains(&height) || !sides.contains(&width) || count < 1 {
        return Err(wrong());
    }
    let length = (height * width * 3).checked_mul(count).ok_or_else(wrong)?;
    if length as u64 != bytes.len() as u64 {
        return Err(Refusal::invalid(format!(
            "the shape {shape:?} has {length} values of UINT8, but {} came",
            bytes.len()
        )));
    }
    Ok(Pictures::Pixels {
        count: count as usize,
        height: height as usize,
        width: width as usize,
        bytes,
    })
}

fn encoded(shape: &[i64], elements: Elements) -> Result<Pictures, Refusal> {
    let count = match *shape {
        [count] | [count, 1] if (1..=PICTURES_MAX as i64).contains(&count) => count as usize,
        _ => {
            return Err(Refusal::invalid(format!(
                "the shape {shape:?} is none of files; give [pictures], at most {PICTURES_MAX}"
            )));
        }
    };
    let files = match elements {
        Elements::Files(files) => files,
        Elements::Raw(bytes) => split(bytes, count)?,
    };
    match files.iter().position(Bytes::is_empty) {
        Some(place) => Err(Refusal::invalid(format!(
            "element {place} of BYTES is empty; send a JPEG or PNG file"
        ))),
        None if count == files.len() => Ok(Pictures::Encoded(files)),
        None => Err(Refusal::invalid(format!(
            "the shape {shape:?} has {count} elements of BYTES, but {} came",
            files.len()
        ))),
    }
}

/// So many elements of BYTES in memory: each has its length before it, as a little-endian 32-bit
/// word.
fn split(mut rest: Bytes, count: usize) -> Result<Vec<Bytes>, Refusal> {
    let mut elements = Vec::new();
    while elements.len() < count
        && let Some((length, _)) = rest.split_first_chunk::<4>()
    {
        let length = u32::from_le_bytes(*length) as usize;
        let _ = rest.split_to(4);
        if length > rest.len() {
            return Err(Refusal::invalid(format!(
                "element {} of BYTES says that it has {length} bytes, but {} follow",
                elements.len(),
                rest.len()
            )));
        }
        elements.push(rest.split_to(length));
    }
    match rest.is_empty() {
        true => Ok(elements),
        false => Err(Refusal::invalid(format!(
            "{} bytes follow the last element of BYTES; each has its length in four bytes before \
             it",
            rest.len()
        ))),
    }
}

/// An output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputTensor {
    /// The sum of each class.
    Scores,
    /// The best classes with their labels.
    Classes,
}

impl OutputTensor {
    /// All, in their order.
    pub const ALL: [OutputTensor; 2] = [OutputTensor::Scores, OutputTensor::Classes];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OutputTensor::Scores => SCORES,
            OutputTensor::Classes => CLASSES,
        }
    }

    /// That of a name.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<OutputTensor, Refusal> {
        let mut all = OutputTensor::ALL.into_iter();
        all.find(|output| output.name() == name).ok_or_else(|| {
            Refusal::invalid(format!(
                "there is no output {:?}; the model has {SCORES:?} and {CLASSES:?}",
                shortened(name)
            ))
        })
    }
}

/// An output that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub output: OutputTensor,
    /// The best so many classes in place of the tensor.
    pub top: Option<usize>,
    /// Its bytes follow the JSON.
    pub binary: bool,
}

impl Wanted {
    /// An output by its name, with the parameter `classification`.
    ///
    /// # Errors
    /// If there is no such output, or the number is none.
    pub fn new(name: &str, classification: Option<i64>, binary: bool) -> Result<Wanted, Refusal> {
        let top = match classification {
            None | Some(0) => None,
            Some(top) => match usize::try_from(top) {
                Ok(top) => Some(top),
                Err(_) => {
                    return Err(Refusal::invalid(format!(
                        "the parameter classification is {top}; give the number of classes"
                    )));
                }
            },
        };
        Ok(Wanted {
            output: OutputTensor::named(name)?,
            top,
            binary,
        })
    }

    /// All outputs, for requests that name none.
    #[must_use]
    pub fn all(binary: bool) -> Vec<Wanted> {
        let wanted = |output| Wanted {
            output,
            top: None,
            binary,
        };
        OutputTensor::ALL.map(wanted).to_vec()
    }
}

/// A request for scores.
pub struct Infer {
    /// Number of the model.
    pub model: usize,
    /// The pictures.
    pub pictures: Pictures,
    /// The pixels are the network's input as it is, and are not scaled and cut.
    pub prepared: bool,
    /// The outputs.
    pub outputs: Vec<Wanted>,
}

/// Values of an output.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// INT32.
    Int32(Vec<i32>),
    /// BYTES, each element a text.
    Texts(Vec<String>),
}

impl Values {
    /// Name of the type.
    #[must_use]
    pub fn datatype(&self) -> &'static str {
        match self {
            Values::Int32(_) => "INT32",
            Values::Texts(_) => "BYTES",
        }
    }

    /// As they lie in memory; each text with its length before it.
    #[must_use]
    pub fn raw(&self) -> Vec<u8> {
        match self {
            Values::Int32(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Values::Texts(texts) => {
                let mut bytes = Vec::new();
                for text in texts {
                    bytes.extend((text.len() as u32).to_le_bytes());
                    bytes.extend(text.as_bytes());
                }
                bytes
            }
        }
    }
}

/// An output of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name.
    pub name: &'static str,
    /// Pictures, and values for each.
    pub shape: [i64; 2],
    /// The values.
    pub values: Values,
    /// Its bytes follow the JSON.
    pub binary: bool,
}

/// What a model takes or gives, as metadata say it.
pub struct Described {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub datatype: &'static str,
    /// -1 for any number.
    pub shape: Vec<i64>,
}

/// The service behind both protocols.
pub struct Service {
    /// The models, in the order of their numbers.
    pub models: Vec<Served>,
    /// The engines.
    pub pool: Pool,
    /// The figures.
    pub metrics: Arc<Metrics>,
    /// What requests may take.
    pub limits: Limits,
    /// Memory for decoding, in MiB.
    decoding: Arc<Semaphore>,
    ending: AtomicBool,
}

impl Service {
    pub(crate) fn new(
        models: Vec<Served>,
        pool: Pool,
        metrics: Arc<Metrics>,
        limits: Limits,
    ) -> Service {
        let memory = limits.pictures.max(limits.picture).div_ceil(MIB) + 1;
        Service {
            models,
            pool,
            metrics,
            decoding: Arc::new(Semaphore::new(memory as usize)),
            limits,
            ending: AtomicBool::new(false),
        }
    }

    /// Readiness ends; everything else goes on.
    pub(crate) fn will_end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// Whether an engine answers.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.ending.load(Ordering::Acquire) && self.pool.is_ready()
    }

    /// Whether an engine that answers runs a model.
    #[must_use]
    pub fn is_model_ready(&self, model: usize) -> bool {
        !self.ending.load(Ordering::Acquire) && self.pool.takes(model)
    }

    /// Number of the model with a name and a version, which may be left out.
    ///
    /// # Errors
    /// If there is no such model or version.
    pub fn model(&self, name: &str, version: &str) -> Result<usize, Refusal> {
        let place = self.models.iter().position(|served| served.name == name);
        let Some(place) = place else {
            let names: Vec<&str> = self.models.iter().map(|s| &*s.name).collect();
            return Err(Refusal::new(
                Kind::NotFound,
                format!(
                    "there is no model {:?}; there is {}",
                    shortened(name),
                    names.join(", ")
                ),
            ));
        };
        match version {
            "" | VERSION => Ok(place),
            other => Err(Refusal::new(
                Kind::NotFound,
                format!(
                    "the model {name:?} has no version {:?}, only {VERSION:?}",
                    shortened(other)
                ),
            )),
        }
    }

    /// Input and outputs of a model.
    #[must_use]
    pub fn describe(&self, model: usize) -> (Described, [Described; 2]) {
        let classes = self.models.get(model).map_or(0, |s| s.model.labels().len());
        (
            Described {
                name: INPUT,
                datatype: "UINT8",
                shape: vec![-1, -1, -1, 3],
            },
            [
                Described {
                    name: SCORES,
                    datatype: "INT32",
                    shape: vec![-1, classes as i64],
                },
                Described {
                    name: CLASSES,
                    datatype: "BYTES",
                    shape: vec![-1, TOP.min(classes) as i64],
                },
            ],
        )
    }

    /// Runs a request.
    ///
    /// # Errors
    /// Why it has no answer.
    pub async fn infer(&self, request: Infer, deadline: Instant) -> Result<Vec<Tensor>, Refusal> {
        let Some(served) = self.models.get(request.model) else {
            return Err(Refusal::new(Kind::NotFound, "there is no such model"));
        };
        // What would not be taken is not decoded first.
        let places = self.pool.reserve(request.model, request.pictures.count())?;
        let inputs = self
            .inputs(&served.model, request.pictures, request.prepared)
            .await?;
        let mut scores = Vec::with_capacity(inputs.len());
        for receiver in places.fill(inputs, deadline) {
            let answer = tokio::time::timeout_at(deadline.into(), receiver).await;
            scores.push(match answer {
                Ok(Ok(scores)) => scores?,
                Ok(Err(_)) => return Err(Refusal::new(Kind::Failed, "a picture was lost")),
                Err(_) => return Err(late(self.limits.time)),
            });
        }
        Ok(outputs(&served.model, &scores, &request.outputs))
    }

    /// The pictures as the network takes them.
    async fn inputs(
        &self,
        model: &Model,
        pictures: Pictures,
        prepared: bool,
    ) -> Result<Vec<Array3<u8>>, Refusal> {
        match pictures {
            Pictures::Pixels {
                count,
                height,
                width,
                bytes,
            } => {
                let shape = [height, width, 3];
                if prepared && shape != model.input_shape() {
                    return Err(Refusal::invalid(format!(
                        "a prepared input has the shape {:?} for each picture, this one has \
                         {shape:?}",
                        model.input_shape()
                    )));
                }
                let each = height * width * 3;
                let model = model.clone();
                let convert = move || {
                    let one = |place: usize| {
                        let bytes = &bytes[place * each..][..each];
                        let view = ArrayView3::from_shape((height, width, 3), bytes);
                        let view = view.map_err(|error| Refusal::invalid(error.to_string()))?;
                        match prepared {
                            true => Ok(view.to_owned()),
                            false => input(&model, view, place),
                        }
                    };
                    (0..count).map(one).collect()
                };
                match prepared && count <= AT_ONCE {
                    // A copy takes less time than another thread does to wake up.
                    true => convert(),
                    false => self.aside(0, convert).await,
                }
            }
            Pictures::Encoded(_) if prepared => Err(Refusal::invalid(
                "files are no prepared input; send UINT8, or leave the parameter prepared out",
            )),
            Pictures::Encoded(files) => {
                let mut inputs = Vec::with_capacity(files.len());
                for (place, file) in files.into_iter().enumerate() {
                    let memory = self.memory(&file, place)?;
                    let model = model.clone();
                    let decode = move || input(&model, &file[..], place);
                    inputs.push(self.aside(memory, decode).await?);
                }
                Ok(inputs)
            }
        }
    }

    /// Memory that decoding a file takes, by its header.
    fn memory(&self, file: &[u8], place: usize) -> Result<u64, Refusal> {
        let known = file.starts_with(b"\x89PNG") || file.starts_with(b"\xff\xd8");
        match firebrick::picture::decoded_bytes(file) {
            Some(bytes) if bytes > self.limits.picture => Err(Refusal::new(
                Kind::TooLarge,
                format!(
                    "picture {place}: decoding it takes {} MiB, and {} are allowed; scale it down \
                     first",
                    bytes / MIB,
                    self.limits.picture / MIB
                ),
            )),
            Some(bytes) => Ok(bytes),
            None if known => Err(Refusal::invalid(format!(
                "picture {place}: its header says no size: the file is damaged or truncated"
            ))),
            // The decoder says what it is not.
            None => Ok(0),
        }
    }

    /// Does something that takes a while, and so much memory, on a thread for that.
    async fn aside<T: Send + 'static>(
        &self,
        memory: u64,
        act: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let broken = || Refusal::new(Kind::Failed, "the program broke down on a picture");
        let permits = memory.div_ceil(MIB) + 1;
        let decoding = Arc::clone(&self.decoding);
        let permit = decoding.acquire_many_owned(permits as u32).await;
        let permit = permit.map_err(|_| broken())?;
        let task = tokio::task::spawn_blocking(move || {
            let done = act();
            drop(permit);
            done
        });
        task.await.map_err(|_| broken())?
    }
}

/// A picture as the network takes it; errors name its place in the request.
fn input<'a>(
    model: &Model,
    image: impl Into<Image<'a>>,
    place: usize,
) -> Result<Array3<u8>, Refusal> {
    let input = model.input(image);
    input.map_err(|error| {
        let text = error.to_string();
        // The library calls it by where it lies.
        let text = text.trim_start_matches("picture in memory: ");
        Refusal::invalid(format!("picture {place}: {text}"))
    })
}

pub(crate) fn late(limit: Duration) -> Refusal {
    Refusal::new(
        Kind::Late,
        format!(
            "the time for this request is over; at most {} s are allowed",
            limit.as_secs_f64()
        ),
    )
}

/// The outputs that were asked for.
fn outputs(model: &Model, scores: &[Vec<i32>], wanted: &[Wanted]) -> Vec<Tensor> {
    let count = scores.len() as i64;
    let one = |wanted: &Wanted| {
        let top = match (wanted.output, wanted.top) {
            (OutputTensor::Scores, top) => top,
            (OutputTensor::Classes, top) => Some(top.unwrap_or(TOP)),
        };
        let classes = scores.first().map_or(0, Vec::len);
        match top {
            None => Tensor {
                name: wanted.output.name(),
                shape: [count, classes as i64],
                values: Values::Int32(scores.concat()),
                binary: wanted.binary,
            },
            Some(top) => {
                let texts = scores
                    .iter()
                    .flat_map(|scores| texts(model, scores, wanted.output, top));
                Tensor {
                    name: wanted.output.name(),
                    shape: [count, top.min(classes) as i64],
                    values: Values::Texts(texts.collect()),
                    binary: wanted.binary,
                }
            }
        }
    };
    wanted.iter().map(one).collect()
}

/// `VALUE:CLASS:LABEL` for each of the best classes, as the classification extension has it.
fn texts(model: &Model, scores: &[i32], output: OutputTensor, top: usize) -> Vec<String> {
    let probabilities = match output {
        OutputTensor::Scores => Vec::new(),
        OutputTensor::Classes => probabilities(model.network(), scores, model.scale()),
    };
    let text = |class: usize| {
        let label = model.labels().get(class).map_or("", String::as_str);
        match probabilities.get(class) {
            Some(probability) => format!("{probability:.6}:{class}:{label}"),
            None => format!("{}:{class}:{label}", scores[class]),
        }
    };
    best(scores, top).into_iter().map(text).collect()
}
