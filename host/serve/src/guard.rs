//! What stands before both protocols: token, time, memory, figures and log.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{debug, info};

use crate::auth::Token;
use crate::error::{Kind, Refusal};
use crate::service::{Service, late};

/// Memory is counted in steps of so many bytes.
const STEP: usize = 1024;

/// Bytes of a body that are set aside before they come.
const CLAIM: u64 = 1 << 20;

/// What the guard keeps for all requests.
pub struct Guard {
    pub service: Arc<Service>,
    pub token: Option<Token>,
    /// Memory for bodies, in steps.
    bodies: Arc<Semaphore>,
}

impl Guard {
    pub fn new(service: Arc<Service>, token: Option<Token>) -> Guard {
        let bodies = service.limits.bodies.max(service.limits.body) / STEP + 1;
        Guard {
            service,
            token,
            bodies: Arc::new(Semaphore::new(bodies)),
        }
    }
}

/// When a request has to be answered.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Instant);

/// Paths that tell no more than whether the service is there.
fn is_open(path: &str) -> bool {
    matches!(
        path,
        "/v2/health/live"
            | "/v2/health/ready"
            | "/inference.GRPCInferenceService/ServerLive"
            | "/inference.GRPCInferenceService/ServerReady"
    )
}

/// Whether it is of gRPC.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// The time that a client of gRPC gives: a number and its unit.
fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok().filter(|_| number.len() <= 8)?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// An error as each protocol has it.
pub fn refuse(refusal: Refusal, grpc: bool) -> Response {
    match grpc {
        true => tonic::Status::from(refusal).into_http::<Body>(),
        false => refusal.into_response(),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = StatusCode::from_u16(self.kind.http()).unwrap_or_default();
        let body = serde_json::json!({ "error": self.message }).to_string();
        let mut response = (code, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        match self.kind {
            Kind::Full | Kind::Unavailable => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Kind::Unauthenticated => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            // What of the body is still to come is not read.
            Kind::TooLarge => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

/// The layer around all routes.
pub async fn guard(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let grpc = is_grpc(request.headers());
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let response = match guarded(&guard, request, next, begin, grpc).await {
        Ok(response) => response,
        Err(refusal) => refuse(refusal, grpc),
    };
    let protocol = if grpc { "grpc" } else { "http" };
    let code = match (grpc, response.headers().get("grpc-status")) {
        (true, Some(code)) => code.to_str().unwrap_or("2").to_owned(),
        (true, None) => "0".to_owned(),
        (false, _) => response.status().as_str().to_owned(),
    };
    let took = begin.elapsed();
    let bad = response.status().is_server_error() || (grpc && code != "0");
    match bad {
        true => info!(protocol, %method, path, code, ?took, "request"),
        false => debug!(protocol, %method, path, code, ?took, "request"),
    }
    guard.service.metrics.request(protocol, code, took);
    response
}

async fn guarded(
    guard: &Arc<Guard>,
    request: Request,
    next: Next,
    begin: Instant,
    grpc: bool,
) -> Result<Response, Refusal> {
    if let Some(token) = &guard.token
        && !is_open(request.uri().path())
        && !token.is_shown(request.headers())
    {
        return Err(Refusal::new(
            Kind::Unauthenticated,
            "this service wants a token: Authorization: Bearer TOKEN",
        ));
    }
    let limits = &guard.service.limits;
    let given = grpc_timeout(request.headers()).unwrap_or(limits.time);
    let limit = given.min(limits.time);
    let deadline = begin + limit;
    let lease = Arc::new(Lease::new(guard));
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(Deadline(deadline));
    let body = Body::new(Metered {
        body,
        lease: Arc::clone(&lease),
        left: limits.body,
        limit: limits.body,
        grpc,
    });
    let answer = next.run(Request::from_parts(parts, body));
    let answer = tokio::time::timeout_at(deadline.into(), answer).await;
    // The memory is used until the answer is there.
    drop(lease);
    answer.map_err(|_| late(limit))
}

/// The memory that one request holds.
struct Lease {
    guard: Arc<Guard>,
    permits: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Lease {
    fn new(guard: &Arc<Guard>) -> Lease {
        Lease {
            guard: Arc::clone(guard),
            permits: Mutex::new(None),
        }
    }

    /// Takes so many more bytes, at once or not at all.
    fn grow(&self, bytes: usize) -> bool {
        let steps = bytes.div_ceil(STEP) as u32;
        let bodies = Arc::clone(&self.guard.bodies);
        let Ok(more) = bodies.try_acquire_many_owned(steps) else {
            return false;
        };
        let gauge = &self.guard.service.metrics.body_bytes;
        gauge.inc_by(i64::from(steps) * STEP as i64);
        let mut permits = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *permits {
            Some(permits) => permits.merge(more),
            none => *none = Some(more),
        }
        true
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let permits = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = permits
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let gauge = &self.guard.service.metrics.body_bytes;
        gauge.dec_by(steps as i64 * STEP as i64);
    }
}

/// A body whose bytes are counted.
struct Metered {
    body: Body,
    lease: Arc<Lease>,
    left: usize,
    limit: usize,
    grpc: bool,
}

impl Metered {
    fn take(&mut self, bytes: usize) -> Result<(), Refusal> {
        let Some(left) = self.left.checked_sub(bytes) else {
            return Err(too_large(self.limit));
        };
        self.left = left;
        match self.lease.grow(bytes) {
            true => Ok(()),
            false => Err(Refusal::new(
                Kind::Full,
                "the memory for requests is full; try again later",
            )),
        }
    }
}

/// A body is larger than allowed.
pub fn too_large(limit: usize) -> Refusal {
    Refusal::new(
        Kind::TooLarge,
        format!("the body is larger than the {limit} bytes that are allowed; send fewer pictures"),
    )
}

impl http_body::Body for Metered {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(frame) => frame,
        };
        let bytes = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        if let Err(refusal) = self.take(bytes) {
            let error: axum::BoxError = match self.grpc {
                true => Box::new(tonic::Status::from(refusal)),
                false => Box::new(refusal),
            };
            return Poll::Ready(Some(Err(error)));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The whole body of a request of HTTP.
pub async fn collect(mut body: Body) -> Result<Bytes, Refusal> {
    let broken = || Refusal::invalid("the body ended before its length");
    let mut first: Option<Bytes> = None;
    let mut all: Vec<u8> = Vec::new();
    // What a head claims is not believed beyond this.
    let claimed = body.size_hint().lower().min(CLAIM) as usize;
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| {
            let inner = error.into_inner();
            match inner.downcast::<Refusal>() {
                Ok(refusal) => *refusal,
                Err(_) => broken(),
            }
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        match (&first, all.is_empty()) {
            (None, true) => first = Some(data),
            _ => {
                if let Some(first) = first.take() {
                    all.reserve(claimed);
                    all.extend_from_slice(&first);
                }
                all.extend_from_slice(&data);
            }
        }
    }
    Ok(match first {
        Some(first) => first,
        None => all.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_grpc_are_read() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            grpc_timeout(&headers)
        };
        assert_eq!(of("100m"), Some(Duration::from_millis(100)));
        assert_eq!(of("2S"), Some(Duration::from_secs(2)));
        assert_eq!(
            of("99999999H"),
            Some(Duration::from_secs(99_999_999 * 3600))
        );
        for bad in ["", "S", "1", "-1S", "1x", "999999999S", "1.5S"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
