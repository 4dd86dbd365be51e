//! A service that runs, and a client for it.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use ndarray::Array3;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::common::command;

/// A wait that is over by far earlier, if all is well.
const PATIENCE: Duration = Duration::from_secs(120);

/// `firebrick serve` at a port of its own.
pub struct Service {
    pub child: Child,
    pub address: String,
}

impl Service {
    /// Starts it, and waits until it is ready.
    pub fn start(args: &[&str]) -> Service {
        let all = [&["-q", "serve", "--listen", "127.0.0.1:0"], args].concat();
        let mut child = command(&all).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").expect(&line).to_owned();
        let service = Service { child, address };
        service.until("ready", || service.is_ready());
        service
    }

    pub fn until(&self, what: &str, is: impl Fn() -> bool) {
        let begin = Instant::now();
        while !is() {
            assert!(begin.elapsed() < PATIENCE, "never: {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// An answer: its code, or 0 if there was none, and its body.
    pub fn ask(&self, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
        ask(&self.address, head, body)
    }

    pub fn is_ready(&self) -> bool {
        self.ask("GET /v2/health/ready", b"").0 == 200
    }

    pub fn figures(&self) -> String {
        String::from_utf8(self.ask("GET /metrics", b"").1).unwrap()
    }

    /// SIGTERM; the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begin.elapsed() < PATIENCE, "the service does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id() as i32).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request on a connection of its own.
pub fn ask(address: &str, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return (0, Vec::new());
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
    let mut request = format!("{line} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n");
    request += &format!("Content-Length: {}\r\n{headers}\r\n", body.len());
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(body);
    let mut answer = Vec::new();
    if stream.write_all(&bytes).is_err() || stream.read_to_end(&mut answer).is_err() {
        return (0, Vec::new());
    }
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return (0, Vec::new());
    };
    let code = String::from_utf8_lossy(&answer[..end]);
    let code = code.split(' ').nth(1).unwrap().parse().unwrap();
    (code, answer[end + 4..].to_vec())
}

/// The scores of a prepared input, or the code and the error.
pub fn scores(address: &str, model: &str, input: &Array3<u8>) -> Result<Vec<i32>, (u16, String)> {
    let (height, width, _) = input.dim();
    let pixels: Vec<u8> = input.iter().copied().collect();
    let json = serde_json::json!({"parameters": {"prepared": true}, "inputs": [{
        "name": "image", "datatype": "UINT8", "shape": [1, height, width, 3],
        "parameters": {"binary_data_size": pixels.len()}}], "outputs": [{"name": "scores"}]})
    .to_string();
    let head = format!(
        "POST /v2/models/{model}/infer\nInference-Header-Content-Length: {}\r\n",
        json.len()
    );
    let (code, body) = ask(address, &head, &[json.as_bytes(), &pixels].concat());
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    match code {
        200 => {
            let data = answer["outputs"][0]["data"].as_array().unwrap();
            Ok(data.iter().map(|v| v.as_i64().unwrap() as i32).collect())
        }
        _ => Err((
            code,
            answer["error"].as_str().unwrap_or_default().to_owned(),
        )),
    }
}
