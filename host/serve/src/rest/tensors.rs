//! Bodies with tensors, in JSON or behind it, as the extension for binary data has it.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::json::{self, Parameters};
use super::{HEADER_LENGTH, JSON};
use crate::error::{Kind, Refusal};
use crate::service::{Elements, Pictures, Tensor, VERSION, Values, Wanted};

/// A request that was read.
pub struct Read {
    pub id: Option<String>,
    pub pictures: Pictures,
    pub prepared: bool,
    pub outputs: Vec<Wanted>,
    /// In microseconds.
    pub timeout: Option<u64>,
}

/// The JSON of a body, and what follows it.
fn parts(headers: &HeaderMap, mut body: Bytes) -> Result<(Bytes, Bytes), Refusal> {
    let Some(length) = headers.get(HEADER_LENGTH) else {
        return Ok((body, Bytes::new()));
    };
    let length = length.to_str().ok().and_then(|text| text.parse().ok());
    match length {
        Some(length) if length <= body.len() => {
            let json = body.split_to(length);
            Ok((json, body))
        }
        _ => Err(Refusal::invalid(format!(
            "the header Inference-Header-Content-Length has to be a number up to the body's \
             length, {}",
            body.len()
        ))),
    }
}

/// Reads a request.
pub fn read(headers: &HeaderMap, body: Bytes) -> Result<Read, Refusal> {
    let (text, binary) = parts(headers, body)?;
    let request: json::Request = serde_json::from_slice(&text)
        .map_err(|error| Refusal::invalid(format!("the JSON of the request: {error}")))?;
    let parameters = request.parameters.unwrap_or_default();
    let mut inputs = request.inputs.0;
    let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else {
        return Err(Refusal::invalid("give one input, \"image\""));
    };
    let own = input.parameters.unwrap_or_default();
    let elements = elements(&input.datatype, input.data, &own, binary)?;
    let pictures = Pictures::of(&input.name, &input.datatype, &input.shape.0, elements)?;
    let binary = parameters.binary_data_output == Some(true);
    let outputs = match request.outputs {
        Some(outputs) if !outputs.0.is_empty() => outputs
            .0
            .into_iter()
            .map(|output| {
                let own: Parameters = output.parameters.unwrap_or_default();
                let binary = own.binary_data.unwrap_or(binary);
                Wanted::new(&output.name, own.classification, binary)
            })
            .collect::<Result<_, _>>()?,
        _ => Wanted::all(binary),
    };
    Ok(Read {
        id: request.id,
        pictures,
        prepared: own.prepared.or(parameters.prepared) == Some(true),
        outputs,
        timeout: parameters.timeout.filter(|timeout| *timeout > 0),
    })
}

/// The elements of the input: in JSON, or all that follows it.
fn elements(
    datatype: &str,
    data: Option<json::Data>,
    parameters: &Parameters,
    binary: Bytes,
) -> Result<Elements, Refusal> {
    match (data, parameters.binary_data_size) {
        (None, Some(size)) if size == binary.len() as u64 => Ok(Elements::Raw(binary)),
        (None, Some(size)) => Err(Refusal::invalid(format!(
            "the input's binary_data_size is {size}, but {} bytes follow the JSON",
            binary.len()
        ))),
        (Some(_), Some(_)) => Err(Refusal::invalid(
            "the input has data as well as binary_data_size; give one of them",
        )),
        (None, None) => Err(Refusal::invalid(
            "the input has no data; give data, or binary_data_size and the bytes behind the JSON",
        )),
        (Some(_), None) if !binary.is_empty() => Err(Refusal::invalid(format!(
            "{} bytes follow the JSON, and no input says that they are its data",
            binary.len()
        ))),
        (Some(data), None) => match (data.numbers.is_empty(), data.texts.is_empty()) {
            (false, false) => Err(Refusal::invalid(
                "the input's data are numbers as well as texts",
            )),
            (true, false) => files(&data.texts).map(Elements::Files),
            (true, true) if datatype == "BYTES" => Ok(Elements::Files(Vec::new())),
            (_, true) if datatype == "BYTES" => Err(Refusal::invalid(
                "an input of type BYTES has texts in base64 as data, one for each picture",
            )),
            (_, true) => Ok(Elements::Raw(data.numbers.into())),
        },
    }
}

/// JSON cannot hold bytes as they are.
fn files(texts: &[String]) -> Result<Vec<Bytes>, Refusal> {
    let file = |(place, text): (usize, &String)| match STANDARD.decode(text) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => Err(Refusal::invalid(format!(
            "element {place} of the input's data is not base64: {error}"
        ))),
    };
    texts.iter().enumerate().map(file).collect()
}

#[derive(Serialize)]
struct Answer<'a> {
    model_name: &'a str,
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    outputs: Vec<OutputJson<'a>>,
}

#[derive(Serialize)]
struct OutputJson<'a> {
    name: &'a str,
    datatype: &'a str,
    shape: [i64; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinarySize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<DataJson<'a>>,
}

#[derive(Serialize)]
struct BinarySize {
    binary_data_size: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum DataJson<'a> {
    Int32(&'a [i32]),
    Texts(&'a [String]),
}

/// Writes an answer.
pub fn write(name: &str, id: Option<String>, tensors: Vec<Tensor>) -> Result<Response, Refusal> {
    let mut binary = Vec::new();
    let mut outputs = Vec::new();
    for tensor in &tensors {
        let raw = tensor.binary.then(|| tensor.values.raw());
        outputs.push(OutputJson {
            name: tensor.name,
            datatype: tensor.values.datatype(),
            shape: tensor.shape,
            parameters: raw.as_ref().map(|raw| BinarySize {
                binary_data_size: raw.len(),
            }),
            data: raw.is_none().then_some(match &tensor.values {
                Values::Int32(values) => DataJson::Int32(values),
                Values::Texts(texts) => DataJson::Texts(texts),
            }),
        });
        binary.extend(raw.unwrap_or_default());
    }
    let answer = Answer {
        model_name: name,
        model_version: VERSION,
        id,
        outputs,
    };
    let mut body = serde_json::to_vec(&answer)
        .map_err(|error| Refusal::new(Kind::Failed, error.to_string()))?;
    if !tensors.iter().any(|tensor| tensor.binary) {
        return Ok(([JSON], body).into_response());
    }
    let length = HeaderValue::from(body.len());
    body.extend(binary);
    let kind = HeaderValue::from_static("application/octet-stream");
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::HeaderName::from_static(HEADER_LENGTH), length),
    ];
    Ok((headers, body).into_response())
}
