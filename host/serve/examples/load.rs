//! Puts load on a service and checks every answer:
//!
//! ```text
//! cargo run --release -p firebrick-serve --example load -- ADDRESS [CLIENTS [SECONDS [PID [PACK]]]]
//! cargo run --release -p firebrick-serve --example load -- pack HEIGHTxWIDTH PACK
//! ```
//!
//! Each client sends prepared inputs of SqueezeNet v1.1 (`squeezenet-v1.1`, 224x224), or of a packed
//! model that is served under its own name, over a connection of its own, one after the other, and
//! compares the scores with the integer model's. One client alone comes first, so that nothing waits
//! in the queue. What the service's own time for requests is more than the engine's for their
//! pictures, is the service's; the client's view has its own work and the loopback in it as well. At
//! last the process PID, if it is given, gets SIGTERM while all clients send on: whatever it has
//! accepted has to be answered.
//!
//! The second form writes SqueezeNet v1.1 for pictures of another size, for engines that are slow.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use firebrick::ndarray::Array3;
use firebrick::target::Size;
use firebrick::{Engine, Model, Options};
use rustix::process::{Pid, Signal, kill_process};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// For an answer; simulated engines are slow.
const LONGEST: Duration = Duration::from_secs(600);

/// For a request that meets the end of its connection.
const CROSSING: Duration = Duration::from_millis(100);

/// A request, and the scores that it must get.
struct Picture {
    request: Vec<u8>,
    want: Vec<u8>,
}

/// An answer: its code, its body behind the JSON, and whether it is the connection's last.
fn exchange(stream: &mut BufReader<TcpStream>, request: &[u8]) -> Result<(u16, Vec<u8>, bool)> {
    stream.get_mut().write_all(request)?;
    let (mut code, mut length, mut json, mut is_last) = (0, 0, 0, false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err("the connection ended".into());
        }
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            code = rest[..3].parse()?;
        } else if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse()?;
        } else if let Some(value) = line.strip_prefix("inference-header-content-length: ") {
            json = value.parse()?;
        } else if line == "connection: close" {
            is_last = true;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((code, body.split_off(json), is_last))
}

fn connect(address: SocketAddr) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LONGEST))?;
    Ok(BufReader::new(stream))
}

/// The sum of a figure over its labels.
fn figure(address: SocketAddr, name: &str) -> Result<f64> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: load\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let lines = text.lines().filter(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
    });
    Ok(lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum())
}

/// Memory of a process in MiB: now, and at most.
fn memory(pid: u32) -> Result<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let of = |name: &str| -> Option<u64> {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let both = of("VmRSS:").zip(of("VmHWM:"));
    let (now, peak) = both.ok_or("no such process")?;
    Ok((now / 1024, peak / 1024))
}

/// Processor time in ms of the threads that serve requests, which are called so; engines have others.
fn serving(pid: u32) -> Result<f64> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let thread = thread?.path();
        if std::fs::read_to_string(thread.join("comm"))?.trim() == "serve" {
            let text = std::fs::read_to_string(thread.join("schedstat"))?;
            let time: u64 = text.split(' ').next().unwrap_or_default().parse()?;
            nanoseconds += time;
        }
    }
    Ok(nanoseconds as f64 / 1e6)
}

fn pictures(model: &Model) -> Result<Vec<Picture>> {
    let mut engine = Engine::open_with("model", Options::new().model(model))?;
    let [height, width, channels] = model.input_shape();
    let mut state = 0x9e37_79b9_u32;
    let mut all = Vec::new();
    for _ in 0..16 {
        let input = Array3::from_shape_simple_fn([height, width, channels], || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let scores = engine.run(&input.view())?;
        let pixels: Vec<u8> = input.iter().copied().collect();
        let json = format!(
            r#"{{"parameters":{{"prepared":true}},"inputs":[{{"name":"image","datatype":"UINT8",
            "shape":[1,{height},{width},{channels}],"parameters":{{"binary_data_size":{}}}}}],
            "outputs":[{{"name":"scores","parameters":{{"binary_data":true}}}}]}}"#,
            pixels.len()
        );
        let head = format!(
            "POST /v2/models/{}/infer HTTP/1.1\r\nHost: load\r\nContent-Length: {}\r\n\
             Inference-Header-Content-Length: {}\r\n\r\n{json}",
            model.name(),
            json.len() + pixels.len(),
            json.len()
        );
        all.push(Picture {
            request: [head.as_bytes(), &pixels].concat(),
            want: scores
                .iter()
                .flat_map(|score| score.to_le_bytes())
                .collect(),
        });
    }
    Ok(all)
}

/// What one client saw.
#[derive(Default)]
struct Seen {
    times: Vec<f64>,
    /// Of answers that the queue is full.
    refused: Vec<f64>,
}

/// Sends until the time is over.
fn client(
    address: SocketAddr,
    pictures: &[Picture],
    number: usize,
    until: Instant,
    wrong: &AtomicU64,
) -> Result<Seen> {
    let mut stream = connect(address)?;
    let mut seen = Seen::default();
    let mut place = number;
    while Instant::now() < until {
        let picture = &pictures[place % pictures.len()];
        place += 1;
        let begin = Instant::now();
        match exchange(&mut stream, &picture.request)? {
            (200, scores, _) if scores == picture.want => {
                seen.times.push(begin.elapsed().as_secs_f64());
            }
            (429, ..) => {
                seen.refused.push(begin.elapsed().as_secs_f64());
                std::thread::sleep(Duration::from_millis(50));
            }
            (code, body, _) => {
                wrong.fetch_add(1, Ordering::Relaxed);
                eprintln!("{code}: {}", String::from_utf8_lossy(&body));
            }
        }
    }
    Ok(seen)
}

/// Runs clients, and returns their times in order and how often the queue was full.
fn run(
    address: SocketAddr,
    pictures: &[Picture],
    clients: usize,
    time: Duration,
    wrong: &AtomicU64,
) -> Result<Seen> {
    let until = Instant::now() + time;
    std::thread::scope(|threads| {
        let all: Vec<_> = (0..clients)
            .map(|number| threads.spawn(move || client(address, pictures, number, until, wrong)))
            .collect();
        let mut sum = Seen::default();
        for one in all {
            let one = one.join().map_err(|_| "a client broke down")??;
            sum.times.extend(one.times);
            sum.refused.extend(one.refused);
        }
        sum.times.sort_by(f64::total_cmp);
        sum.refused.sort_by(f64::total_cmp);
        Ok(sum)
    })
}

/// What became of requests around SIGTERM.
#[derive(Default)]
struct Last {
    answered: AtomicU64,
    after: AtomicU64,
    refused: AtomicU64,
    unread: AtomicU64,
    lost: AtomicU64,
}

/// Sends on over one connection until the service closes it.
fn to_the_end(
    address: SocketAddr,
    pictures: &[Picture],
    number: usize,
    ends: &AtomicBool,
    last: &Last,
) -> Result<()> {
    let mut stream = connect(address)?;
    let count = |which: &AtomicU64| which.fetch_add(1, Ordering::Relaxed);
    for picture in pictures.iter().cycle().skip(number % pictures.len()) {
        let begin = Instant::now();
        let is_last = match exchange(&mut stream, &picture.request) {
            Ok((200, scores, is_last)) if scores == picture.want => {
                count(&last.answered);
                if ends.load(Ordering::Relaxed) {
                    count(&last.after);
                }
                is_last
            }
            Ok((429 | 503, _, is_last)) => {
                count(&last.refused);
                std::thread::sleep(Duration::from_millis(if is_last { 0 } else { 50 }));
                is_last
            }
            Ok((code, body, is_last)) => {
                count(&last.lost);
                eprintln!("{code}: {}", String::from_utf8_lossy(&body));
                is_last
            }
            // What had been sent for a while had been read; what crossed the end of its connection
            // had not.
            Err(_) if ends.load(Ordering::Relaxed) && begin.elapsed() < CROSSING => {
                count(&last.unread);
                true
            }
            Err(error) => {
                count(&last.lost);
                eprintln!("no answer after {:?}: {error}", begin.elapsed());
                true
            }
        };
        if is_last {
            break;
        }
    }
    Ok(())
}

/// SIGTERM while all clients are at it.
fn end(address: SocketAddr, pictures: &[Picture], clients: usize, pid: u32) -> Result<Last> {
    let (last, ends) = (Last::default(), AtomicBool::new(false));
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or("no such process")?;
    std::thread::scope(|threads| {
        let all: Vec<_> = (0..clients)
            .map(|number| {
                let (last, ends) = (&last, &ends);
                threads.spawn(move || to_the_end(address, pictures, number, ends, last))
            })
            .collect();
        let until = Instant::now() + LONGEST;
        while last.answered.load(Ordering::Relaxed) < clients.min(8) as u64 {
            if Instant::now() > until {
                return Err("no client was answered".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        ends.store(true, Ordering::Relaxed);
        kill_process(pid, Signal::TERM)?;
        for one in all {
            one.join().map_err(|_| "a client broke down")??;
        }
        Ok::<(), Box<dyn Error + Send + Sync>>(())
    })?;
    Ok(last)
}

/// Writes SqueezeNet v1.1 for pictures of a size.
fn pack(size: &str, path: &str) -> Result<()> {
    let Size { height, width } = size.parse()?;
    let mut network = Model::builtin()
        .at(height, width)?
        .network()
        .as_ref()
        .clone();
    (network.input.height, network.input.width) = (height, width);
    Ok(network.save(path)?)
}

fn quantile(times: &[f64], share: f64) -> f64 {
    let place = (times.len() as f64 * share) as usize;
    1e3 * times
        .get(place.min(times.len().saturating_sub(1)))
        .unwrap_or(&0.0)
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let first = args.next().ok_or("give ADDRESS")?;
    if first == "pack" {
        let size = args.next().ok_or("give HEIGHTxWIDTH")?;
        return pack(&size, &args.next().ok_or("give PACK")?);
    }
    let address: SocketAddr = first.parse()?;
    let clients: usize = args.next().map_or(Ok(64), |text| text.parse())?;
    let seconds: f64 = args.next().map_or(Ok(60.0), |text| text.parse())?;
    let pid: Option<u32> = args.next().map(|text| text.parse()).transpose()?;
    let model = match args.next() {
        Some(path) => Model::load(path)?,
        None => Model::builtin(),
    };
    let pictures = pictures(&model)?;
    let wrong = AtomicU64::new(0);

    let figures = || -> Result<[f64; 3]> {
        Ok([
            figure(address, "firebrick_engine_picture_seconds_sum")?,
            figure(address, "firebrick_request_seconds_sum")?,
            match pid {
                Some(pid) => serving(pid)?,
                None => 0.0,
            },
        ])
    };
    let before = figures()?;
    let alone = run(
        address,
        &pictures,
        1,
        Duration::from_secs_f64(seconds / 6.0),
        &wrong,
    )?;
    let after = figures()?;
    let count = alone.times.len() as f64;
    let client = 1e3 * alone.times.iter().sum::<f64>() / count;
    let [engine, request, processor] =
        std::array::from_fn(|which| (after[which] - before[which]) / count);
    let (engine, request) = (1e3 * engine, 1e3 * request);
    println!(
        "one client: {count} pictures, {client:.3} ms each, {request:.3} ms of them in the service, \
         {engine:.3} ms in the engine"
    );
    println!("service: {:.3} ms a picture", request - engine);
    if pid.is_some() {
        println!("processor: {processor:.3} ms a picture");
    }

    let first = pid.map(memory).transpose()?;
    let begin = Instant::now();
    let seen = run(
        address,
        &pictures,
        clients,
        Duration::from_secs_f64(seconds),
        &wrong,
    )?;
    let took = begin.elapsed().as_secs_f64();
    println!(
        "{clients} clients: {} pictures in {took:.1} s, {:.1} a second, p50 {:.1} ms, p99 {:.1} ms, \
         {} times full",
        seen.times.len(),
        seen.times.len() as f64 / took,
        quantile(&seen.times, 0.5),
        quantile(&seen.times, 0.99),
        seen.refused.len()
    );
    if !seen.refused.is_empty() {
        println!(
            "refusals: p50 {:.1} ms, p99 {:.1} ms, the slowest {:.1} ms",
            quantile(&seen.refused, 0.5),
            quantile(&seen.refused, 0.99),
            quantile(&seen.refused, 1.0)
        );
    }
    if let (Some(pid), Some((before, _))) = (pid, first) {
        let (now, peak) = memory(pid)?;
        println!("memory: {before} MiB before, {now} MiB after, {peak} MiB at most");
    }
    if let Some(pid) = pid {
        let last = end(address, &pictures, clients, pid)?;
        let count = |which: &AtomicU64| which.load(Ordering::Relaxed);
        println!(
            "SIGTERM under load: {} answered, {} of them after it, {} refused, {} closed before they \
             were read, {} lost or wrong",
            count(&last.answered),
            count(&last.after),
            count(&last.refused),
            count(&last.unread),
            count(&last.lost)
        );
        wrong.fetch_add(count(&last.lost), Ordering::Relaxed);
    }
    match wrong.load(Ordering::Relaxed) {
        0 => {
            println!("no wrong answer");
            Ok(())
        }
        wrong => Err(format!("{wrong} answers were wrong or refused").into()),
    }
}
