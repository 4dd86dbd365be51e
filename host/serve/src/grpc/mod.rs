//! The protocol over gRPC.

pub mod codec;
pub mod proto;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use tonic::{Request, Response, Status};

use crate::error::Refusal;
use crate::guard::Deadline;
use crate::service::{
    Described, EXTENSIONS, Elements, Infer, Pictures, Service, Tensor, VERSION, Wanted,
};

use proto::grpc_inference_service_server::{GrpcInferenceService, GrpcInferenceServiceServer};
use proto::infer_parameter::ParameterChoice;
use proto::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use proto::model_infer_response::InferOutputTensor;
use proto::model_metadata_response::TensorMetadata;

type Parameters = std::collections::HashMap<String, proto::InferParameter>;

/// The paths of all methods.
pub(crate) const PATH: &str = "/inference.GRPCInferenceService/{*method}";

/// What answers at [`PATH`].
pub(crate) fn server(service: Arc<Service>) -> GrpcInferenceServiceServer<Grpc> {
    let limit = service.limits.body;
    GrpcInferenceServiceServer::new(Grpc(service)).max_decoding_message_size(limit)
}

/// The methods.
pub(crate) struct Grpc(Arc<Service>);

#[tonic::async_trait]
impl GrpcInferenceService for Grpc {
    async fn server_live(
        &self,
        _: Request<proto::ServerLiveRequest>,
    ) -> Result<Response<proto::ServerLiveResponse>, Status> {
        Ok(Response::new(proto::ServerLiveResponse { live: true }))
    }

    async fn server_ready(
        &self,
        _: Request<proto::ServerReadyRequest>,
    ) -> Result<Response<proto::ServerReadyResponse>, Status> {
        let ready = self.0.is_ready();
        Ok(Response::new(proto::ServerReadyResponse { ready }))
    }

    async fn model_ready(
        &self,
        request: Request<proto::ModelReadyRequest>,
    ) -> Result<Response<proto::ModelReadyResponse>, Status> {
        let request = request.into_inner();
        let model = self.0.model(&request.name, &request.version)?;
        let ready = self.0.is_model_ready(model);
        Ok(Response::new(proto::ModelReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _: Request<proto::ServerMetadataRequest>,
    ) -> Result<Response<proto::ServerMetadataResponse>, Status> {
        Ok(Response::new(proto::ServerMetadataResponse {
            name: "firebrick".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            extensions: EXTENSIONS.map(str::to_owned).to_vec(),
        }))
    }

    async fn model_metadata(
        &self,
        request: Request<proto::ModelMetadataRequest>,
    ) -> Result<Response<proto::ModelMetadataResponse>, Status> {
        let request = request.into_inner();
        let model = self.0.model(&request.name, &request.version)?;
        let (input, outputs) = self.0.describe(model);
        let tensor = |described: Described| TensorMetadata {
            name: described.name.into(),
            datatype: described.datatype.into(),
            shape: described.shape,
        };
        Ok(Response::new(proto::ModelMetadataResponse {
            name: request.name,
            versions: vec![VERSION.into()],
            platform: "firebrick".into(),
            inputs: vec![tensor(input)],
            outputs: outputs.map(tensor).into(),
        }))
    }

    async fn model_infer(
        &self,
        request: Request<proto::ModelInferRequest>,
    ) -> Result<Response<proto::ModelInferResponse>, Status> {
        let limit = request.extensions().get::<Deadline>();
        let limit = limit.map_or_else(|| Instant::now() + self.0.limits.time, |limit| limit.0);
        let request = request.into_inner();
        let model = self.0.model(&request.model_name, &request.model_version)?;
        let (name, id) = (request.model_name.clone(), request.id.clone());
        let (infer, timeout) = read(request, model)?;
        let deadline = match timeout {
            Some(timeout) => limit.min(Instant::now() + timeout),
            None => limit,
        };
        let tensors = self.0.infer(infer, deadline).await?;
        Ok(Response::new(write(name, id, tensors)))
    }
}

/// A parameter that is a number.
fn number(parameters: &Parameters, name: &str) -> Result<Option<i64>, Refusal> {
    let wrong = || Refusal::invalid(format!("the parameter {name} has to be a whole number"));
    match parameters.get(name).map(|p| &p.parameter_choice) {
        None | Some(None) => Ok(None),
        Some(Some(ParameterChoice::Int64Param(number))) => Ok(Some(*number)),
        Some(Some(ParameterChoice::Uint64Param(number))) => {
            i64::try_from(*number).map(Some).map_err(|_| wrong())
        }
        Some(Some(_)) => Err(wrong()),
    }
}

/// A parameter that is yes or no.
fn flag(parameters: &Parameters, name: &str) -> Result<Option<bool>, Refusal> {
    match parameters.get(name).map(|p| &p.parameter_choice) {
        None | Some(None) => Ok(None),
        Some(Some(ParameterChoice::BoolParam(flag))) => Ok(Some(*flag)),
        Some(Some(_)) => Err(Refusal::invalid(format!(
            "the parameter {name} has to be a bool"
        ))),
    }
}

/// Reads a request, and the time that it allows.
fn read(
    request: proto::ModelInferRequest,
    model: usize,
) -> Result<(Infer, Option<Duration>), Refusal> {
    let mut inputs = request.inputs;
    let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else {
        return Err(Refusal::invalid("give one input, \"image\""));
    };
    let prepared = match flag(&input.parameters, "prepared")? {
        Some(prepared) => prepared,
        None => flag(&request.parameters, "prepared")? == Some(true),
    };
    let InferInputTensor {
        name,
        datatype,
        shape,
        contents,
        ..
    } = input;
    if shape.len() > 8 {
        return Err(Refusal::invalid("a shape has at most 8 dimensions"));
    }
    let elements = elements(&datatype, contents, request.raw_input_contents)?;
    let wanted = |output: &InferRequestedOutputTensor| {
        let top = number(&output.parameters, "classification")?;
        Wanted::new(&output.name, top, true)
    };
    let outputs = match request.outputs.is_empty() {
        true => Wanted::all(true),
        false if request.outputs.len() > 16 => {
            return Err(Refusal::invalid("a request has at most 16 outputs"));
        }
        false => request
            .outputs
            .iter()
            .map(wanted)
            .collect::<Result<_, _>>()?,
    };
    let timeout = number(&request.parameters, "timeout")?;
    let timeout = timeout.and_then(|timeout| u64::try_from(timeout).ok());
    let infer = Infer {
        model,
        pictures: Pictures::of(&name, &datatype, &shape, elements)?,
        prepared,
        outputs,
    };
    Ok((
        infer,
        timeout
            .filter(|timeout| *timeout > 0)
            .map(Duration::from_micros),
    ))
}

/// The elements of the input: raw, or in the field of their type.
fn elements(
    datatype: &str,
    contents: Option<proto::InferTensorContents>,
    mut raw: Vec<Bytes>,
) -> Result<Elements, Refusal> {
    let contents = contents.unwrap_or_default();
    let empty = contents.uint_contents.is_empty() && contents.bytes_contents.is_empty();
    match (raw.pop(), raw.len(), empty) {
        (Some(raw), 0, true) => Ok(Elements::Raw(raw)),
        (Some(_), 0, false) => Err(Refusal::invalid(
            "the input has contents as well as raw_input_contents; give one of them",
        )),
        (Some(_), more, _) => Err(Refusal::invalid(format!(
            "there are {} raw_input_contents for one input",
            more + 1
        ))),
        (None, _, _) if datatype == "BYTES" => Ok(Elements::Files(contents.bytes_contents)),
        (None, _, _) => {
            let values = contents.uint_contents.iter();
            let values: Result<Vec<u8>, _> = values.map(|value| u8::try_from(*value)).collect();
            match values {
                Ok(values) => Ok(Elements::Raw(values.into())),
                Err(_) => Err(Refusal::invalid(
                    "uint_contents has values above 255, which are not of UINT8",
                )),
            }
        }
    }
}

/// An answer, its tensors raw.
fn write(name: String, id: String, tensors: Vec<Tensor>) -> proto::ModelInferResponse {
    let raw = tensors.iter().map(|tensor| tensor.values.raw().into());
    proto::ModelInferResponse {
        model_name: name,
        model_version: VERSION.into(),
        id,
        raw_output_contents: raw.collect(),
        outputs: tensors
            .iter()
            .map(|tensor| InferOutputTensor {
                name: tensor.name.into(),
                datatype: tensor.values.datatype().into(),
                shape: tensor.shape.to_vec(),
                ..InferOutputTensor::default()
            })
            .collect(),
        ..proto::ModelInferResponse::default()
    }
}
