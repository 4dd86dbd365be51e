//! The protocol over HTTP and JSON, on the integer model.

mod common;

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::*;
use firebrick_serve::Token;
use serde_json::{Value, json};

#[test]
fn the_service_describes_itself() {
    let (server, address) = serve(local());
    assert_eq!(
        get(address, "/v2/health/live").json(),
        json!({"live": true})
    );
    assert_eq!(get(address, "/v2/health/ready").code, 200);
    let own = get(address, "/v2").json();
    assert_eq!(own["name"], "firebrick");
    assert_eq!(
        own["extensions"],
        json!(["binary_tensor_data", "classification"])
    );
    for path in ["/v2/models/small", "/v2/models/small/versions/1"] {
        let model = get(address, path).json();
        assert_eq!(model["name"], "small");
        assert_eq!(model["versions"], json!(["1"]));
        assert_eq!(
            model["inputs"],
            json!([{"name": "image", "datatype": "UINT8", "shape": [-1, -1, -1, 3]}])
        );
        assert_eq!(model["outputs"][0]["shape"], json!([-1, 12]));
        assert_eq!(model["outputs"][1]["datatype"], "BYTES");
        assert_eq!(get(address, &format!("{path}/ready")).json()["ready"], true);
    }
    for (path, word) in [
        ("/v2/models/none", "there is small, other"),
        ("/v2/models/small/versions/2", "only \"1\""),
        ("/v2/models/none/ready", "no model"),
        ("/", "begins at /v2"),
        ("/v2/models", "begins at /v2"),
    ] {
        let answer = get(address, path);
        assert_eq!(answer.code, 404, "{path}");
        assert!(answer.error().contains(word), "{path}: {}", answer.error());
    }
    assert_eq!(get(address, INFER).code, 405);
    assert_eq!(post(address, "/v2", &[], b"").code, 405);
    assert!(server.end());
}

/// The same picture in each form that it can have.
#[test]
fn a_picture_may_come_in_any_form() {
    let (server, address) = serve(local());
    let pixels = pixels(7);
    let want = scores(&model(), &pixels);
    assert_eq!(int32(&infer(address, &pixels)), want);
    let flat = bytes(&pixels);
    let nested: Vec<Vec<Vec<u8>>> = pixels
        .outer_iter()
        .map(|row| row.outer_iter().map(|p| p.to_vec()).collect())
        .collect();
    let file = STANDARD.encode(png(&pixels));
    for (datatype, shape, data) in [
        ("UINT8", json!([1, 41, 53, 3]), json!(flat)),
        ("UINT8", json!([41, 53, 3]), json!(nested)),
        ("UINT8", json!([1, 41, 53, 3]), json!([nested])),
        ("BYTES", json!([1]), json!([file])),
        ("BYTES", json!([1, 1]), json!([[file]])),
    ] {
        let request = json!({
            "id": "seven",
            "inputs": [{"name": "image", "datatype": datatype, "shape": shape, "data": data,
                        "unknown": [1, {"x": null}]}],
            "unknown": {"a": 1},
        });
        let answer = post(address, INFER, &[], request.to_string().as_bytes());
        assert_eq!(int32(&answer), want, "{datatype} {shape}");
        assert_eq!(answer.json()["id"], "seven");
        assert_eq!(answer.json()["model_name"], "small");
        assert_eq!(data_of(&answer, "classes").len(), 5);
    }
    // A file behind the JSON has its length before it.
    let file = png(&pixels);
    let tail = [&(file.len() as u32).to_le_bytes()[..], &file].concat();
    let head = json!({"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1],
        "parameters": {"binary_data_size": tail.len()}}]})
    .to_string();
    let length = head.len().to_string();
    let headers = [("inference-header-content-length", length.as_str())];
    let body = [head.as_bytes(), &tail].concat();
    assert_eq!(int32(&post(address, INFER, &headers, &body)), want);
    // And all of it packed.
    for coding in ["gzip", "deflate"] {
        let headers = [headers[0], ("Content-Encoding", coding)];
        let packed = packed(coding, &body);
        assert_eq!(
            int32(&post(address, INFER, &headers, &packed)),
            want,
            "{coding}"
        );
    }
    let answer = post(address, INFER, &[("Content-Encoding", "br")], &body);
    assert_eq!(answer.code, 415);
    assert!(server.end());
}

fn data_of(answer: &Answer, output: &str) -> Vec<Value> {
    data(answer, output)
}

fn packed(coding: &str, body: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::fast();
    match coding {
        "gzip" => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), level);
            writer.write_all(body).unwrap();
            writer.finish().unwrap()
        }
        _ => {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
            writer.write_all(body).unwrap();
            writer.finish().unwrap()
        }
    }
}

#[test]
fn many_pictures_of_two_models() {
    let (server, address) = serve(local());
    let pictures: Vec<_> = (0..5).map(pixels).collect();
    let all: Vec<u8> = pictures.iter().flat_map(bytes).collect();
    for (name, model) in [("small", model()), ("other", other_model())] {
        let request = json!({"inputs": [{"name": "image", "datatype": "UINT8",
            "shape": [5, 41, 53, 3], "data": all}], "outputs": [{"name": "scores"}]});
        let path = format!("/v2/models/{name}/versions/1/infer");
        let answer = post(address, &path, &[], request.to_string().as_bytes());
        let want: Vec<i32> = pictures.iter().flat_map(|p| scores(&model, p)).collect();
        assert_eq!(int32(&answer), want, "{name}");
        let classes = model.labels().len();
        assert_eq!(answer.json()["outputs"][0]["shape"], json!([5, classes]));
    }
    assert_eq!(
        figure(address, "firebrick_pictures_total", "\"other\""),
        5.0
    );
    assert_eq!(figure(address, "firebrick_engine_up", "\"model\""), 1.0);
    assert!(figure(address, "firebrick_request_seconds_count", "http") >= 2.0);
    assert!(server.end());
}

/// A prepared input is not scaled: its scores are those of the engine itself.
#[test]
fn a_prepared_input_is_taken_as_it_is() {
    let (server, address) = serve(local());
    let model = model();
    let input = model.input(&pixels(3)).unwrap();
    let want = scores(&model, &pixels(3));
    let (height, width, _) = input.dim();
    let request = |shape: Value, data: Vec<u8>| {
        let body = json!({"parameters": {"prepared": true}, "inputs": [{"name": "image",
            "datatype": "UINT8", "shape": shape, "data": data}]});
        post(address, INFER, &[], body.to_string().as_bytes())
    };
    assert_eq!(
        int32(&request(json!([1, height, width, 3]), bytes(&input))),
        want
    );
    let wrong = request(json!([1, 41, 53, 3]), bytes(&pixels(3)));
    assert_eq!(wrong.code, 400);
    assert!(wrong.error().contains("[30, 30, 3]"), "{}", wrong.error());
    assert!(server.end());
}

#[test]
fn classes_come_with_their_labels() {
    let (server, address) = serve(local());
    let (model, pixels) = (model(), pixels(9));
    let (length, body) = binary(&pixels);
    let body = String::from_utf8_lossy(&body[..length.parse().unwrap()]).replace(
        r#"[{"name":"scores"}]"#,
        r#"[{"name":"scores","parameters":{"classification":3}},
            {"name":"classes","parameters":{"classification":2,"binary_data":true}}]"#,
    );
    let length = body.len().to_string();
    let body = [body.as_bytes(), &bytes(&pixels)].concat();
    let headers = [("Inference-Header-Content-Length", length.as_str())];
    let answer = post(address, INFER, &headers, &body);
    assert_eq!(answer.code, 200, "{answer:?}");
    let split: usize = answer
        .header("inference-header-content-length")
        .unwrap()
        .parse()
        .unwrap();
    let json: Value = serde_json::from_slice(&answer.body[..split]).unwrap();
    let scores = scores(&model, &pixels);
    let best = firebrick::best(&scores, 3);
    let texts: Vec<String> = best
        .iter()
        .map(|&class| format!("{}:{class}:{}", scores[class], model.labels()[class]))
        .collect();
    assert_eq!(json["outputs"][0]["data"], json!(texts));
    assert_eq!(json["outputs"][0]["datatype"], "BYTES");
    assert_eq!(json["outputs"][0]["shape"], json!([1, 3]));
    let tail = &answer.body[split..];
    assert_eq!(
        json["outputs"][1]["parameters"]["binary_data_size"],
        tail.len()
    );
    let length = u32::from_le_bytes(tail[..4].try_into().unwrap()) as usize;
    let first = std::str::from_utf8(&tail[4..4 + length]).unwrap();
    let probability = firebrick::softmax(&scores, model.scale())[best[0]];
    let label = &model.labels()[best[0]];
    assert_eq!(first, format!("{probability:.6}:{}:{label}", best[0]));
    assert!(server.end());
}

#[test]
fn a_token_is_asked_for() {
    let options = firebrick_serve::ServeOptions {
        token: Some(Token::new("secret").unwrap()),
        ..local()
    };
    let (server, address) = serve(options);
    assert_eq!(get(address, "/v2/health/live").code, 200);
    assert_eq!(get(address, "/v2/health/ready").code, 200);
    for path in ["/v2", "/metrics", "/v2/models/small"] {
        let answer = get(address, path);
        assert_eq!(answer.code, 401, "{path}");
        assert!(answer.error().contains("Bearer"));
    }
    let wrong = [("Authorization", "Bearer secres")];
    assert_eq!(post(address, INFER, &wrong, b"{}").code, 401);
    let right = [("Authorization", "Bearer secret")];
    assert_eq!(post(address, INFER, &right, b"{}").code, 400);
    assert!(server.end());
}
