//! The protocol over gRPC, on the integer model.

mod common;

use std::collections::HashMap;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http;
use common::*;
use firebrick_serve::grpc::proto::grpc_inference_service_client::GrpcInferenceServiceClient;
use firebrick_serve::grpc::proto::infer_parameter::ParameterChoice;
use firebrick_serve::grpc::proto::model_infer_request::{
    InferInputTensor, InferRequestedOutputTensor,
};
use firebrick_serve::grpc::proto::{
    InferParameter, InferTensorContents, ModelInferRequest, ModelMetadataRequest,
    ModelReadyRequest, ServerLiveRequest, ServerMetadataRequest, ServerReadyRequest,
};
use firebrick_serve::{ServeOptions, Token};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tonic::Code;
use tonic::body::Body;

type Client = GrpcInferenceServiceClient<Connection>;

/// A connection of HTTP/2 as the client of the protocol takes it.
#[derive(Clone)]
struct Connection(SendRequest<Body>);

impl tower::Service<http::Request<Body>> for Connection {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = hyper::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

fn with_client<T>(address: std::net::SocketAddr, act: impl AsyncFnOnce(Client) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let executor = TokioExecutor::new();
        let (sender, connection) = handshake(executor, TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let origin = format!("http://{address}").parse().unwrap();
        let client = Client::with_origin(Connection(sender), origin);
        tokio::time::timeout(LONG, act(client)).await.unwrap()
    })
}

fn request(datatype: &str, shape: &[i64]) -> ModelInferRequest {
    ModelInferRequest {
        model_name: "small".into(),
        id: "seven".into(),
        inputs: vec![InferInputTensor {
            name: "image".into(),
            datatype: datatype.into(),
            shape: shape.to_vec(),
            ..InferInputTensor::default()
        }],
        ..ModelInferRequest::default()
    }
}

fn int64(number: i64) -> InferParameter {
    InferParameter {
        parameter_choice: Some(ParameterChoice::Int64Param(number)),
    }
}

#[test]
fn the_service_describes_itself() {
    let (server, address) = serve(local());
    with_client(address, async |mut client| {
        let live = client.server_live(ServerLiveRequest {}).await.unwrap();
        assert!(live.into_inner().live);
        let ready = client.server_ready(ServerReadyRequest {}).await.unwrap();
        assert!(ready.into_inner().ready);
        let name = |name: &str| ModelReadyRequest {
            name: name.into(),
            version: String::new(),
        };
        let ready = client.model_ready(name("other")).await.unwrap();
        assert!(ready.into_inner().ready);
        let none = client.model_ready(name("none")).await.unwrap_err();
        assert_eq!(none.code(), Code::NotFound);
        let own = client
            .server_metadata(ServerMetadataRequest {})
            .await
            .unwrap();
        assert_eq!(own.into_inner().name, "firebrick");
        let model = client
            .model_metadata(ModelMetadataRequest {
                name: "small".into(),
                version: "1".into(),
            })
            .await
            .unwrap()
            .into_inner();
        assert_eq!(model.inputs[0].shape, [-1, -1, -1, 3]);
        assert_eq!(model.outputs[0].shape, [-1, 12]);
        assert_eq!(model.versions, ["1"]);
    });
    assert!(server.end());
}

#[test]
fn a_picture_may_come_in_any_form() {
    let (server, address) = serve(local());
    let pixels = pixels(7);
    let want = scores(&model(), &pixels);
    let raw: Vec<u8> = want.iter().flat_map(|score| score.to_le_bytes()).collect();
    let file = png(&pixels);
    let mut forms = Vec::new();
    let mut one = request("UINT8", &[1, 41, 53, 3]);
    one.raw_input_contents = vec![bytes(&pixels).into()];
    forms.push(one);
    let mut one = request("UINT8", &[41, 53, 3]);
    one.inputs[0].contents = Some(InferTensorContents {
        uint_contents: pixels.iter().map(|value| (*value).into()).collect(),
        ..InferTensorContents::default()
    });
    forms.push(one);
    let mut one = request("BYTES", &[1]);
    one.inputs[0].contents = Some(InferTensorContents {
        bytes_contents: vec![file.clone().into()],
        ..InferTensorContents::default()
    });
    forms.push(one);
    let mut one = request("BYTES", &[1, 1]);
    let length = (file.len() as u32).to_le_bytes();
    one.raw_input_contents = vec![[&length[..], &file].concat().into()];
    forms.push(one);
    with_client(address, async |mut client| {
        for form in forms {
            let answer = client.model_infer(form).await.unwrap().into_inner();
            assert_eq!((&*answer.id, &*answer.model_name), ("seven", "small"));
            assert_eq!(answer.outputs[0].name, "scores");
            assert_eq!(answer.outputs[0].datatype, "INT32");
            assert_eq!(answer.outputs[0].shape, [1, 12]);
            assert_eq!(answer.raw_output_contents[0], raw);
            assert_eq!(answer.outputs[1].shape, [1, 5]);
        }
        let mut one = request("UINT8", &[1, 41, 53, 3]);
        one.raw_input_contents = vec![bytes(&pixels).into()];
        one.outputs = vec![InferRequestedOutputTensor {
            name: "scores".into(),
            parameters: HashMap::from([("classification".into(), int64(1))]),
        }];
        let answer = client.model_infer(one).await.unwrap().into_inner();
        let best = firebrick::best(&want, 1)[0];
        let text = format!("{}:{best}:{}", want[best], model().labels()[best]);
        assert_eq!(answer.raw_output_contents[0][4..], *text.as_bytes());
    });
    assert!(server.end());
}

#[test]
fn what_is_wrong_is_said() {
    let (server, address) = serve(local());
    let with = |change: fn(&mut ModelInferRequest)| {
        let mut one = request("UINT8", &[1, 2, 2, 3]);
        one.raw_input_contents = vec![vec![0; 12].into()];
        change(&mut one);
        one
    };
    let cases: Vec<(Code, &str, ModelInferRequest)> = vec![
        (
            Code::NotFound,
            "no model",
            with(|r| r.model_name = "x".into()),
        ),
        (
            Code::NotFound,
            "no version",
            with(|r| r.model_version = "2".into()),
        ),
        (
            Code::InvalidArgument,
            "one input",
            with(|r| r.inputs.clear()),
        ),
        (
            Code::InvalidArgument,
            "no input \"x\"",
            with(|r| r.inputs[0].name = "x".into()),
        ),
        (
            Code::InvalidArgument,
            "type \"FP32\"",
            with(|r| r.inputs[0].datatype = "FP32".into()),
        ),
        (
            Code::InvalidArgument,
            "values of UINT8",
            with(|r| r.inputs[0].shape[0] = 2),
        ),
        (
            Code::InvalidArgument,
            "none of pictures",
            with(|r| r.inputs[0].shape[1] = -2),
        ),
        (
            Code::InvalidArgument,
            "none of pictures",
            with(|r| r.inputs[0].shape = vec![i64::MAX; 4]),
        ),
        (
            Code::InvalidArgument,
            "8 dimensions",
            with(|r| r.inputs[0].shape = vec![1; 9]),
        ),
        (
            Code::InvalidArgument,
            "raw_input_contents for one",
            with(|r| {
                r.raw_input_contents.push(vec![0].into());
            }),
        ),
        (
            Code::InvalidArgument,
            "no output",
            with(|r| {
                r.outputs.push(InferRequestedOutputTensor {
                    name: "x".into(),
                    ..Default::default()
                });
            }),
        ),
        (
            Code::InvalidArgument,
            "classification",
            with(|r| {
                r.outputs.push(InferRequestedOutputTensor {
                    name: "scores".into(),
                    parameters: HashMap::from([("classification".into(), int64(-1))]),
                });
            }),
        ),
        (
            Code::InvalidArgument,
            "above 255",
            with(|r| {
                r.raw_input_contents.clear();
                r.inputs[0].contents = Some(InferTensorContents {
                    uint_contents: vec![256; 12],
                    ..InferTensorContents::default()
                });
            }),
        ),
        (
            Code::InvalidArgument,
            "parts",
            with(|r| {
                r.raw_input_contents = vec![vec![].into(); 20_000];
            }),
        ),
    ];
    with_client(address, async |mut client| {
        for (code, word, one) in cases {
            let status = client.model_infer(one).await.unwrap_err();
            assert_eq!(status.code(), code, "{word}: {status:?}");
            assert!(status.message().contains(word), "{word}: {status:?}");
        }
        // Larger than allowed.
        let mut one = request("UINT8", &[1, 4000, 4000, 3]);
        one.raw_input_contents = vec![vec![0; 48_000_000].into()];
        let status = client.model_infer(one).await.unwrap_err();
        assert_ne!(status.code(), Code::Unknown, "{status:?}");
        assert!(client.server_live(ServerLiveRequest {}).await.is_ok());
    });
    assert!(server.end());
}

#[test]
fn a_client_may_allow_less_time() {
    let told = Told::new(0);
    told.hold(true);
    let (server, address) = serve_on(scripted(&[&told]), local());
    with_client(address, async |mut client| {
        let mut one = request("UINT8", &[1, 2, 2, 3]);
        one.raw_input_contents = vec![vec![0; 12].into()];
        one.parameters = HashMap::from([("timeout".into(), int64(50_000))]);
        let status = client.model_infer(one.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
        one.parameters.clear();
        let mut timed = tonic::Request::new(one);
        timed.set_timeout(Duration::from_millis(50));
        let status = client.model_infer(timed).await.unwrap_err();
        assert!(
            matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled),
            "{status:?}"
        );
    });
    told.hold(false);
    assert!(server.end());
}

#[test]
fn a_token_is_asked_for() {
    let options = ServeOptions {
        token: Some(Token::new("secret").unwrap()),
        ..local()
    };
    let (server, address) = serve(options);
    with_client(address, async |mut client| {
        assert!(client.server_live(ServerLiveRequest {}).await.is_ok());
        let status = client.server_metadata(ServerMetadataRequest {}).await;
        assert_eq!(status.unwrap_err().code(), Code::Unauthenticated);
        let mut shown = tonic::Request::new(ServerMetadataRequest {});
        shown
            .metadata_mut()
            .insert("authorization", "Bearer secret".parse().unwrap());
        assert!(client.server_metadata(shown).await.is_ok());
    });
    assert!(server.end());
}
