//! A small network, a service with it, a client of HTTP that can send anything, and engines that do
//! as they are told.
#![allow(dead_code)]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use firebrick::ndarray::Array3;
use firebrick::{Cancel, Engine, Model, Options};
use firebrick_network::NodeId;
use firebrick_network::random::{self, Builder};
use firebrick_serve::pool::{Counted, Engines, Fault, Runner, Source};
use firebrick_serve::{ServeOptions, Served, Server};
use serde_json::Value;

/// A wait that is over by far earlier, if all is well.
pub const LONG: Duration = Duration::from_secs(20);

/// A network with a layer of each kind: 30x30 pixels, 12 classes.
pub fn model() -> Model {
    Model::of(random::small())
}

/// Another one, of another size and number of classes.
pub fn other_model() -> Model {
    let mut b = Builder::new(5);
    let x = b.conv("conv1", NodeId::INPUT, 16, (3, 2, 0));
    let x = b.conv("conv10", x, 7, (1, 1, 0));
    Model::of(b.finish(x, 20, 24))
}

pub fn pixels(seed: u64) -> Array3<u8> {
    random::picture(41, 53, seed)
}

pub fn bytes(pixels: &Array3<u8>) -> Vec<u8> {
    pixels.iter().copied().collect()
}

/// A PNG file.
pub fn png(pixels: &Array3<u8>) -> Vec<u8> {
    let (height, width, _) = pixels.dim();
    let picture = image::RgbImage::from_raw(width as u32, height as u32, bytes(pixels)).unwrap();
    let mut file = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut file, image::ImageFormat::Png)
        .unwrap();
    file.into_inner()
}

/// What the integer model says.
pub fn scores(model: &Model, pixels: &Array3<u8>) -> Vec<i32> {
    let mut engine = Engine::open_with("model", Options::new().model(model)).unwrap();
    engine.classify(pixels).unwrap().scores().to_vec()
}

pub fn local() -> ServeOptions {
    ServeOptions {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        ..ServeOptions::default()
    }
}

/// A service on the integer model, when it is ready.
pub fn serve(options: ServeOptions) -> (Server, SocketAddr) {
    let models = [model(), other_model()];
    let cancel = Cancel::default();
    let names = ["model".to_owned()];
    let sources = Engines::sources(&names, &models, None, &cancel).unwrap();
    serve_on(sources, options)
}

/// A service on engines that are given, when it is ready.
pub fn serve_on(sources: Vec<Arc<dyn Source>>, options: ServeOptions) -> (Server, SocketAddr) {
    let models = vec![
        Served::new(Some("small"), model()).unwrap(),
        Served::new(Some("other"), other_model()).unwrap(),
    ];
    let server = Server::start(models, sources, options, Cancel::default()).unwrap();
    let address = server.addresses()[0];
    until("the service is ready", || server.service().is_ready());
    (server, address)
}

pub fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is() {
        assert!(begin.elapsed() < LONG, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// An answer of HTTP.
#[derive(Debug, Default)]
pub struct Answer {
    pub code: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }

    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }
}

/// Sends these bytes and reads what comes until the connection ends.
pub fn raw(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_write_timeout(Some(LONG)).unwrap();
    // The service may answer and close before it has all.
    let _ = stream.write_all(request);
    read(&mut stream)
}

pub fn read(stream: &mut TcpStream) -> Answer {
    let mut all = Vec::new();
    let mut room = [0; 8192];
    loop {
        match stream.read(&mut room) {
            Ok(0) => break,
            Ok(count) => all.extend_from_slice(&room[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("no answer: {error}"),
        }
    }
    let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Answer::default();
    };
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        code: code.unwrap_or_default(),
        head,
        body: all[end + 4..].to_vec(),
    }
}

pub fn get(address: SocketAddr, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    raw(address, request.as_bytes())
}

pub fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(body);
    raw(address, &bytes)
}

pub const INFER: &str = "/v2/models/small/infer";

/// A request with pixels behind the JSON.
pub fn binary(pixels: &Array3<u8>) -> (String, Vec<u8>) {
    let (height, width, _) = pixels.dim();
    let bytes = bytes(pixels);
    let json = serde_json::json!({"inputs": [{
        "name": "image", "datatype": "UINT8", "shape": [1, height, width, 3],
        "parameters": {"binary_data_size": bytes.len()},
    }], "outputs": [{"name": "scores"}]})
    .to_string();
    let length = json.len().to_string();
    (length, [json.as_bytes(), &bytes].concat())
}

/// Classifies pixels.
pub fn infer(address: SocketAddr, pixels: &Array3<u8>) -> Answer {
    let (length, body) = binary(pixels);
    post(
        address,
        INFER,
        &[("Inference-Header-Content-Length", &length)],
        &body,
    )
}

/// The data of an answer's output.
pub fn data(answer: &Answer, output: &str) -> Vec<Value> {
    assert_eq!(answer.code, 200, "{answer:?}");
    let json = answer.json();
    let outputs = json["outputs"].as_array().unwrap();
    let found = outputs.iter().find(|one| one["name"] == output).unwrap();
    found["data"].as_array().unwrap().clone()
}

pub fn int32(answer: &Answer) -> Vec<i32> {
    let data = data(answer, "scores");
    data.iter().map(|v| v.as_i64().unwrap() as i32).collect()
}

/// The value of a figure with these labels.
pub fn figure(address: SocketAddr, name: &str, labels: &str) -> f64 {
    let answer = get(address, "/metrics");
    assert_eq!(answer.code, 200);
    let text = String::from_utf8(answer.body).unwrap();
    let mut sum = 0.0;
    for line in text.lines().filter(|line| line.starts_with(name)) {
        let (key, value) = line.rsplit_once(' ').unwrap();
        let rest = &key[name.len()..];
        if (rest.is_empty() || rest.starts_with('{')) && rest.contains(labels) {
            sum += value.parse::<f64>().unwrap();
        }
    }
    sum
}

/// An engine that does as it is told. Its scores are the sum of the input and its own number.
#[derive(Default)]
pub struct Told {
    pub number: i32,
    /// It waits for each picture until this is over.
    pub held: Mutex<bool>,
    pub change: Condvar,
    /// It fails after so many pictures of a run.
    pub fails_after: AtomicUsize,
    pub fails: AtomicBool,
    pub panics: AtomicBool,
    pub closed: AtomicBool,
    pub opened: AtomicUsize,
    pub proven: AtomicUsize,
    pub done: AtomicUsize,
    /// For each picture, in microseconds.
    pub takes: AtomicUsize,
}

impl Told {
    pub fn new(number: i32) -> Arc<Told> {
        Arc::new(Told {
            number,
            ..Told::default()
        })
    }

    pub fn hold(&self, held: bool) {
        *self.held.lock().unwrap() = held;
        self.change.notify_all();
    }
}

/// A source of one that is told.
pub struct Scripted(pub Arc<Told>);

pub fn scripted(engines: &[&Arc<Told>]) -> Vec<Arc<dyn Source>> {
    let source = |told: &&Arc<Told>| {
        let told: Arc<dyn Source> = Arc::new(NamedSource {
            name: format!("told{}", told.number),
            told: Arc::clone(told),
        });
        told
    };
    engines.iter().map(source).collect()
}

struct NamedSource {
    name: String,
    told: Arc<Told>,
}

impl Source for NamedSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self, after_fault: bool) -> Result<Box<dyn Runner>, Fault> {
        if self.told.closed.load(Ordering::SeqCst) {
            return Err(fault("closed"));
        }
        self.told.opened.fetch_add(1, Ordering::SeqCst);
        if after_fault {
            self.told.proven.fetch_add(1, Ordering::SeqCst);
        }
        Ok(Box::new(Running(Arc::clone(&self.told))))
    }
}

fn fault(kind: &str) -> Fault {
    Fault {
        kind: kind.into(),
        message: format!("told to: {kind}"),
    }
}

struct Running(Arc<Told>);

impl Runner for Running {
    fn takes(&self, model: usize) -> bool {
        model == 0
    }

    fn run(
        &mut self,
        _: usize,
        next: &mut dyn FnMut() -> Option<Array3<u8>>,
        take: &mut dyn FnMut(Vec<i32>),
    ) -> Result<(), Fault> {
        let told = &self.0;
        let mut count = 0;
        while let Some(input) = next() {
            let mut held = told.held.lock().unwrap();
            while *held {
                held = told.change.wait(held).unwrap();
            }
            drop(held);
            std::thread::sleep(Duration::from_micros(
                told.takes.load(Ordering::SeqCst) as u64
            ));
            if told.panics.load(Ordering::SeqCst) {
                panic!("told to");
            }
            if told.fails.load(Ordering::SeqCst) && count >= told.fails_after.load(Ordering::SeqCst)
            {
                return Err(fault("stalled"));
            }
            count += 1;
            told.done.fetch_add(1, Ordering::SeqCst);
            let sum: i32 = input.iter().map(|value| i32::from(*value)).sum();
            take([vec![sum, told.number], vec![0; 10]].concat());
        }
        Ok(())
    }

    fn counted(&mut self) -> Result<Option<Counted>, Fault> {
        let done = self.0.done.load(Ordering::SeqCst) as u64;
        Ok(Some(Counted {
            cycles: 100 * done,
            busy: 90 * done,
        }))
    }

    fn check(&mut self) -> Result<(), Fault> {
        match self.0.closed.load(Ordering::SeqCst) {
            true => Err(fault("link-lost")),
            false => Ok(()),
        }
    }
}
