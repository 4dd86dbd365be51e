//! The protocol over HTTP and JSON.

mod json;
mod tensors;
mod unpack;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde_json::json;

use crate::error::{Kind, Refusal};
use crate::guard::{Deadline, collect, is_grpc, refuse};
use crate::service::{Described, EXTENSIONS, Infer, Service, VERSION};

/// Where the JSON of a body ends and the tensors begin.
pub const HEADER_LENGTH: &str = "inference-header-content-length";

type Shared = State<Arc<Service>>;

/// All routes.
pub fn routes(service: Arc<Service>) -> Router {
    Router::new()
        .route("/v2", get(server))
        .route("/v2/", get(server))
        .route("/v2/health/live", get(live))
        .route("/v2/health/ready", get(ready))
        .route("/v2/models/{name}", get(model))
        .route("/v2/models/{name}/ready", get(model_ready))
        .route("/v2/models/{name}/infer", post(infer))
        .route("/v2/models/{name}/versions/{version}", get(model))
        .route(
            "/v2/models/{name}/versions/{version}/ready",
            get(model_ready),
        )
        .route("/v2/models/{name}/versions/{version}/infer", post(infer))
        .route("/metrics", get(metrics))
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_method)
        .with_state(service)
}

async fn nowhere(headers: HeaderMap) -> Response {
    let (kind, text) = match is_grpc(&headers) {
        true => (
            Kind::Method,
            "there is no such method; the service is inference.GRPCInferenceService",
        ),
        false => (
            Kind::NotFound,
            "there is nothing at this path; the Open Inference Protocol begins at /v2",
        ),
    };
    refuse(Refusal::new(kind, text), is_grpc(&headers))
}

async fn wrong_method() -> Refusal {
    Refusal::new(
        Kind::Method,
        "this path takes another method: POST for infer, GET for the others",
    )
}

fn object(value: &serde_json::Value) -> Response {
    ([JSON], value.to_string()).into_response()
}

const JSON: (header::HeaderName, HeaderValue) = (
    header::CONTENT_TYPE,
    HeaderValue::from_static("application/json"),
);

/// Yes is 200 and no is 503, on which load balancers and Kubernetes act.
fn answer(key: &str, name: Option<&str>, yes: bool) -> Response {
    let mut value = json!({ key: yes });
    if let Some(name) = name {
        value["name"] = name.into();
    }
    let code = match yes {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, object(&value)).into_response()
}

async fn live() -> Response {
    answer("live", None, true)
}

async fn ready(State(service): Shared) -> Response {
    answer("ready", None, service.is_ready())
}

async fn server() -> Response {
    object(&json!({
        "name": "firebrick",
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": EXTENSIONS,
    }))
}

/// Name and version of a path.
#[derive(serde::Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    version: String,
}

impl Named {
    fn model(&self, service: &Service) -> Result<usize, Refusal> {
        service.model(&self.name, &self.version)
    }
}

async fn model(State(service): Shared, Path(path): Path<Named>) -> Result<Response, Refusal> {
    let model = path.model(&service)?;
    let (input, outputs) = service.describe(model);
    let tensor = |described: &Described| {
        json!({
            "name": described.name,
            "datatype": described.datatype,
            "shape": described.shape,
        })
    };
    Ok(object(&json!({
        "name": path.name,
        "versions": [VERSION],
        "platform": "firebrick",
        "inputs": [tensor(&input)],
        "outputs": outputs.each_ref().map(tensor),
    })))
}

async fn model_ready(State(service): Shared, Path(path): Path<Named>) -> Result<Response, Refusal> {
    let model = path.model(&service)?;
    let ready = service.is_model_ready(model);
    Ok(answer("ready", Some(&path.name), ready))
}

async fn metrics(State(service): Shared) -> Result<Response, Refusal> {
    let text = service.metrics.text();
    let text = text.map_err(|error| Refusal::new(Kind::Failed, error.to_string()))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

async fn infer(
    State(service): Shared,
    Path(path): Path<Named>,
    Extension(Deadline(mut deadline)): Extension<Deadline>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let model = path.model(&service)?;
    let body = collect(body).await?;
    let body = unpack::unpack(&headers, body, service.limits.body)?;
    let request = tensors::read(&headers, body)?;
    if let Some(timeout) = request.timeout {
        deadline = deadline.min(Instant::now() + Duration::from_micros(timeout));
    }
    let outputs = service
        .infer(
            Infer {
                model,
                pictures: request.pictures,
                prepared: request.prepared,
                outputs: request.outputs,
            },
            deadline,
        )
        .await?;
    tensors::write(&path.name, request.id, outputs)
}
