//! Packed bodies.

use std::io::Read;

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use flate2::read::{MultiGzDecoder, ZlibDecoder};

use crate::error::{Kind, Refusal};
use crate::guard::too_large;
use crate::service::shortened;

/// A body as it was before it was packed, at most `limit` bytes.
pub fn unpack(headers: &HeaderMap, body: Bytes, limit: usize) -> Result<Bytes, Refusal> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let coding = match (codings.next(), codings.next()) {
        (None, _) => return Ok(body),
        (Some(one), None) => String::from_utf8_lossy(one.as_bytes())
            .trim()
            .to_lowercase(),
        (Some(_), Some(_)) => "several".to_owned(),
    };
    match coding.as_str() {
        "" | "identity" => Ok(body),
        "gzip" | "x-gzip" => read(MultiGzDecoder::new(&body[..]), limit),
        "deflate" => read(ZlibDecoder::new(&body[..]), limit),
        other => Err(Refusal::new(
            Kind::Coding,
            format!(
                "the body is coded as {:?}; send it as gzip, deflate or as it is",
                shortened(other)
            ),
        )),
    }
}

fn read(packed: impl Read, limit: usize) -> Result<Bytes, Refusal> {
    let mut body = Vec::new();
    let read = packed.take(limit as u64 + 1).read_to_end(&mut body);
    if let Err(error) = read {
        return Err(Refusal::invalid(format!(
            "the packed body is damaged or truncated: {error}"
        )));
    }
    match body.len() > limit {
        true => Err(too_large(limit)),
        false => Ok(body.into()),
    }
}
