//! Requests that are wrong, far too large, far too slow, or meant to do harm: each gets a clear 4xx,
//! others are served meanwhile, and memory stays small.

mod common;

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use common::*;
use firebrick_serve::{Limits, ServeOptions};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

fn limited() -> ServeOptions {
    ServeOptions {
        limits: Limits {
            body: 1 << 20,
            bodies: 8 << 20,
            picture: 4 << 20,
            pictures: 8 << 20,
            idle: Duration::from_millis(400),
            time: Duration::from_secs(5),
            connections: 64,
        },
        ..local()
    }
}

/// Most memory that this process had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024
}

/// A request's JSON.
fn body(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut json = json!({"inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, 2, 2, 3],
        "data": vec![7; 12]}]});
    change(&mut json);
    json.to_string().into_bytes()
}

fn refused(address: SocketAddr, headers: &[(&str, &str)], body: &[u8], word: &str) {
    let answer = post(address, INFER, headers, body);
    assert!((400..500).contains(&answer.code), "{word}: {answer:?}");
    let error = answer.error();
    assert!(error.contains(word), "{word}: {error}");
}

#[test]
fn wrong_requests_are_told_what_is_wrong() {
    let (server, address) = serve(limited());
    let set = |pointer: &'static str, value: Value| {
        body(|json| *json.pointer_mut(pointer).unwrap() = value)
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("JSON of the request", b"".to_vec()),
        ("JSON of the request", b"{".to_vec()),
        ("JSON of the request", b"[]".to_vec()),
        ("JSON of the request", b"null".to_vec()),
        ("JSON of the request", b"{}".to_vec()),
        ("JSON of the request", vec![0xff; 100]),
        (
            "JSON of the request",
            "[".repeat(1000).replace('[', "{\"a\":[").into_bytes(),
        ),
        ("one input", set("/inputs", json!([]))),
        (
            "one input",
            body(|j| {
                let one = j["inputs"][0].clone();
                j["inputs"].as_array_mut().unwrap().push(one);
            }),
        ),
        (
            "at most 16",
            set(
                "/inputs",
                json!(vec![
                    json!({"name": "image", "datatype": "UINT8",
            "shape": [1]});
                    17
                ]),
            ),
        ),
        ("no input \"x\"", set("/inputs/0/name", json!("x"))),
        (
            "no input \"xxx",
            set("/inputs/0/name", json!("x".repeat(100_000))),
        ),
        ("type \"FP32\"", set("/inputs/0/datatype", json!("FP32"))),
        ("invalid type", set("/inputs/0/datatype", json!(8))),
        ("none of pictures", set("/inputs/0/shape", json!([]))),
        ("none of pictures", set("/inputs/0/shape", json!([12]))),
        (
            "none of pictures",
            set("/inputs/0/shape", json!([1, 3, 2, 2])),
        ),
        (
            "none of pictures",
            set("/inputs/0/shape", json!([0, 2, 2, 3])),
        ),
        (
            "none of pictures",
            set("/inputs/0/shape", json!([-1, -2, -2, 3])),
        ),
        (
            "none of pictures",
            set("/inputs/0/shape", json!([1, -2, -2, 3])),
        ),
        (
            "none of pictures",
            set("/inputs/0/shape", json!([1, 30_001, 1, 3])),
        ),
        (
            "none of pictures",
            set("/inputs/0/shape", json!([i64::MAX, i64::MAX, i64::MAX, 3])),
        ),
        (
            "none of pictures",
            set("/inputs/0/shape", json!([i64::MAX, 30_000, 30_000, 3])),
        ),
        (
            "2700000000 values",
            set("/inputs/0/shape", json!([30_000, 30_000, 3])),
        ),
        (
            "values of UINT8, but 12",
            set("/inputs/0/shape", json!([2, 2, 2, 3])),
        ),
        (
            "values of UINT8, but 12",
            set("/inputs/0/shape", json!([1, 1, 1, 3])),
        ),
        ("at most 8", set("/inputs/0/shape", json!(vec![1; 9]))),
        (
            "invalid type",
            set("/inputs/0/shape", json!([1.5, 2, 2, 3])),
        ),
        (
            "invalid value",
            set("/inputs/0/shape", json!([u64::MAX, 2, 2, 3])),
        ),
        ("invalid value", set("/inputs/0/data", json!(vec![256; 12]))),
        ("0 to 255", set("/inputs/0/data/0", json!(-1))),
        (
            "numbers as well as texts",
            set("/inputs/0/data/0", json!("a")),
        ),
        ("texts in base64", set("/inputs/0/data/0", json!({}))),
        ("no data", set("/inputs/0/data", Value::Null)),
        (
            "binary_data_size is 5",
            body(|j| {
                j["inputs"][0]["parameters"] = json!({"binary_data_size": 5});
                j["inputs"][0]["data"] = Value::Null;
            }),
        ),
        (
            "binary_data_size is 4294967296",
            body(|j| {
                j["inputs"][0]["parameters"] = json!({"binary_data_size": 1_u64 << 32});
                j["inputs"][0]["data"] = Value::Null;
            }),
        ),
        (
            "give one of them",
            body(|j| {
                j["inputs"][0]["parameters"] = json!({"binary_data_size": 5});
            }),
        ),
        (
            "no output \"x\"",
            body(|j| j["outputs"] = json!([{"name": "x"}])),
        ),
        (
            "classification is -1",
            body(|j| {
                j["outputs"] = json!([{"name": "scores", "parameters": {"classification": -1}}]);
            }),
        ),
        (
            "at most 16",
            body(|j| j["outputs"] = json!(vec![json!({"name": "scores"}); 17])),
        ),
        (
            "prepared input has",
            body(|j| j["parameters"] = json!({"prepared": true})),
        ),
        (
            "has texts in base64",
            set("/inputs/0/datatype", json!("BYTES")),
        ),
        (
            "not base64",
            body(|j| {
                j["inputs"][0] = json!({"name": "image", "datatype": "BYTES", "shape": [1],
                "data": ["???"]});
            }),
        ),
        (
            "is empty",
            body(|j| {
                j["inputs"][0] = json!({"name": "image", "datatype": "BYTES", "shape": [1],
                "data": [""]});
            }),
        ),
        (
            "neither JPEG nor PNG",
            body(|j| {
                j["inputs"][0] = json!({"name": "image", "datatype": "BYTES", "shape": [1],
                "data": ["aGVsbG8="]});
            }),
        ),
        (
            "none of files",
            body(|j| {
                j["inputs"][0] = json!({"name": "image", "datatype": "BYTES", "shape": [0],
                "data": []});
            }),
        ),
        (
            "2 elements of BYTES, but 1",
            body(|j| {
                j["inputs"][0] = json!({"name": "image", "datatype": "BYTES", "shape": [2],
                "data": ["aGVsbG8="]});
            }),
        ),
        (
            "more than the queue holds",
            body(|j| {
                j["inputs"][0]["shape"] = json!([1000, 1, 1, 3]);
                j["inputs"][0]["data"] = json!(vec![0; 3000]);
            }),
        ),
    ];
    for (word, body) in &cases {
        refused(address, &[], body, word);
    }
    for (length, word) in [
        ("-1", "a number"),
        ("99999", "a number"),
        ("x", "a number"),
        ("3", "JSON"),
    ] {
        let headers = [("Inference-Header-Content-Length", length)];
        refused(address, &headers, &body(|_| ()), word);
    }
    // Files behind the JSON with lengths that do not agree.
    for (tail, word) in [
        (
            &[0xff, 0xff, 0xff, 0xff, 1][..],
            "4294967295 bytes, but 1 follow",
        ),
        (&[0, 0, 0, 0], "is empty"),
        (&[1, 0, 0, 0, 7, 9], "1 bytes follow the last"),
        (&[1, 0], "2 bytes follow the last"),
    ] {
        let head = json!({"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1],
            "parameters": {"binary_data_size": tail.len()}}]})
        .to_string();
        let length = head.len().to_string();
        let headers = [("Inference-Header-Content-Length", length.as_str())];
        refused(address, &headers, &[head.as_bytes(), tail].concat(), word);
    }
    assert_eq!(infer(address, &pixels(1)).code, 200);
    assert!(server.end());
}

#[test]
fn damaged_requests_are_never_more_than_refused() {
    let (server, address) = serve(limited());
    let mut random = SmallRng::seed_from_u64(18);
    let (length, whole) = binary(&pixels(3));
    let want = scores(&model(), &pixels(3));
    let file = png(&pixels(3));
    let head: usize = length.parse().unwrap();
    let mut refused = 0;
    let mut rounds = 0;
    while refused < 1000 {
        rounds += 1;
        assert!(rounds < 2000, "{refused} refused");
        // The JSON, or the tensor's length, or a picture file with some bytes changed.
        let mut request = whole.clone();
        for _ in 0..random.random_range(1..4) {
            let place = random.random_range(0..head);
            request[place] = random.random();
        }
        if random.random_range(0..4) == 0 {
            request.truncate(random.random_range(0..request.len()));
        }
        let headers = [("Inference-Header-Content-Length", length.as_str())];
        let answer = post(address, INFER, &headers, &request);
        match answer.code {
            200 => assert!(answer.json()["outputs"].is_array()),
            400 => refused += 1,
            other => panic!("{other}: {answer:?}"),
        }
        let mut damaged = file.clone();
        let place = random.random_range(0..damaged.len());
        damaged[place] ^= 1 << random.random_range(0..8);
        damaged.truncate(random.random_range(place..=damaged.len()));
        let tail = [&(damaged.len() as u32).to_le_bytes()[..], &damaged].concat();
        let head = json!({"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1],
            "parameters": {"binary_data_size": tail.len()}}]})
        .to_string();
        let length = head.len().to_string();
        let headers = [("Inference-Header-Content-Length", length.as_str())];
        let answer = post(address, INFER, &headers, &[head.as_bytes(), &tail].concat());
        assert!(matches!(answer.code, 200 | 400 | 413), "{answer:?}");
        refused += i32::from(answer.code != 200);
    }
    // Bytes that are no HTTP at all, and heads that end anywhere.
    for _ in 0..50 {
        let mut noise = vec![0; random.random_range(1..2000)];
        random.fill(&mut noise[..]);
        noise.extend(b"\r\n\r\n");
        let answer = raw(address, &noise);
        assert!(matches!(answer.code, 0 | 400..500), "{answer:?}");
    }
    assert_eq!(int32(&infer(address, &pixels(3))), want);
    assert!(peak() < 512, "{} MiB", peak());
    assert!(server.end());
}

#[test]
fn what_is_too_large_is_refused_before_it_is_held() {
    let (server, address) = serve(limited());
    let before = peak();
    // A body that says that it has 4 GiB, and begins to come.
    let claim = format!(
        "POST {INFER} HTTP/1.1\r\nHost: here\r\nContent-Length: 4294967296\r\n\r\n{}",
        "7".repeat(2 << 20)
    );
    assert_eq!(raw(address, claim.as_bytes()).code, 413);
    // The same without a length.
    let chunk = format!("100000\r\n{}\r\n", "7".repeat(1 << 20));
    let chunks = format!(
        "POST {INFER} HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        chunk.repeat(3)
    );
    assert_eq!(raw(address, chunks.as_bytes()).code, 413);
    // A body that unfolds, and one whose end is missing.
    let level = flate2::Compression::best();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), level);
    for _ in 0..64 {
        packer.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let bomb = packer.finish().unwrap();
    assert!(bomb.len() < 100_000);
    let gzip = [("Content-Encoding", "gzip")];
    assert_eq!(post(address, INFER, &gzip, &bomb).code, 413);
    refused(address, &gzip, &bomb[..20], "truncated");
    refused(address, &gzip, b"plain", "damaged");
    // A picture that unfolds: the header says so.
    let mut wide = Vec::new();
    let picture = image::RgbImage::new(3000, 3000);
    let encoder = image::codecs::png::PngEncoder::new_with_quality(
        &mut wide,
        image::codecs::png::CompressionType::Best,
        image::codecs::png::FilterType::NoFilter,
    );
    picture.write_with_encoder(encoder).unwrap();
    let head = json!({"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1],
        "parameters": {"binary_data_size": wide.len() + 4}}]})
    .to_string();
    let length = head.len().to_string();
    let headers = [("Inference-Header-Content-Length", length.as_str())];
    let tail = [&(wide.len() as u32).to_le_bytes()[..], &wide].concat();
    let answer = post(address, INFER, &headers, &[head.as_bytes(), &tail].concat());
    assert_eq!(answer.code, 413, "{answer:?}");
    assert!(
        answer.error().contains("25 MiB, and 4"),
        "{}",
        answer.error()
    );
    // 10,000 lines, and one line without an end.
    let mut lines = format!("POST {INFER} HTTP/1.1\r\nHost: here\r\n");
    for line in 0..10_000 {
        lines += &format!("x-{line}: 1\r\n");
    }
    lines += "\r\n";
    assert_eq!(raw(address, lines.as_bytes()).code, 431);
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(200_000));
    assert!(matches!(raw(address, long.as_bytes()).code, 400..500));
    assert_eq!(infer(address, &pixels(1)).code, 200);
    let grown = peak() - before;
    assert!(grown < 128, "{grown} MiB");
    assert!(server.end());
}

/// Connections that say nothing, a part of a head, a part of a body, or do not read.
#[test]
fn slow_ones_do_not_keep_others_out() {
    let (server, address) = serve(limited());
    let stop = AtomicBool::new(false);
    std::thread::scope(|threads| {
        // More than the service takes at once.
        for number in 0..80 {
            let stop = &stop;
            threads.spawn(move || {
                while !stop.load(SeqCst) {
                    let Ok(mut stream) = TcpStream::connect(address) else {
                        continue;
                    };
                    let text: &[u8] = match number % 4 {
                        0 => b"",
                        1 => b"POST /v2/models/small/infer HTTP/1.1\r\nX: ",
                        2 => b"PRI * HTTP/2.0\r\n",
                        _ => b"GET /v2 HTTP/1.1\r\nHost: a\r\n\r\n",
                    };
                    let _ = stream.write_all(text);
                    while !stop.load(SeqCst) && stream.write_all(&text[..text.len().min(1)]).is_ok()
                    {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_millis(300));
        for seed in 0..5 {
            let begin = Instant::now();
            let answer = infer(address, &pixels(seed));
            assert_eq!(answer.code, 200, "{answer:?}");
            assert!(begin.elapsed() < Duration::from_secs(5));
        }
        stop.store(true, SeqCst);
    });
    // A body that does not come has the time of a request.
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST {INFER} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 9\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let begin = Instant::now();
    assert_eq!(read(&mut stream).code, 504);
    assert!(begin.elapsed() >= Duration::from_millis(4_500));
    assert!(server.end());
}

/// Many large bodies at once get 429 when the memory for them is full; it comes back.
#[test]
fn the_memory_of_all_bodies_is_bounded() {
    let (server, address) = serve(limited());
    let body = "7".repeat((1 << 20) - 100);
    let mut halves = Vec::new();
    let mut full = 0;
    for _ in 0..12 {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!(
            "POST {INFER} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            1 << 20
        );
        stream.write_all(head.as_bytes()).unwrap();
        let _ = stream.write_all(body.as_bytes());
        stream.set_read_timeout(Some(LONG)).unwrap();
        halves.push(stream);
    }
    until("the memory is full", || {
        figure(address, "firebrick_request_held_bytes", "") >= (7 << 20) as f64
    });
    for mut stream in halves {
        let _ = stream.write_all(&[b'7'; 100]);
        match read(&mut stream).code {
            429 => full += 1,
            400 => {}
            other => panic!("{other}"),
        }
    }
    assert!(full >= 3, "{full}");
    until("it is free", || {
        figure(address, "firebrick_request_held_bytes", "") == 0.0
    });
    assert_eq!(infer(address, &pixels(1)).code, 200);
    assert!(server.end());
}
