//! Firebrick as a service that speaks the Open Inference Protocol, version 2, over REST and gRPC:
//! several models on a pool of engines, behind one bounded queue.
//!
//! ```
//! use firebrick::{Cancel, Model};
//! use firebrick_serve::pool::Engines;
//! use firebrick_serve::{ServeOptions, Served, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = Model::builtin();
//! let cancel = Cancel::default();
//! let names = ["model".to_owned()]; // or "xdma:/dev/xdma0", "sim:fb256"
//! let sources = Engines::sources(&names, &[model.clone()], None, &cancel)?;
//! let options = ServeOptions {
//!     listen: vec!["127.0.0.1:0".parse()?],
//!     ..ServeOptions::default()
//! };
//! let server = Server::start(vec![Served::new(None, model)?], sources, options, cancel)?;
//! println!("http://{}", server.addresses()[0]);
//! assert!(server.end());
//! # Ok(())
//! # }
//! ```
//!
//! [`pool`] knows engines only by two traits, so that other machines than those of the library can
//! be behind it. `docs/serve.md` describes the service itself.

#![warn(clippy::missing_errors_doc)]
#![deny(clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod auth;
mod error;
pub mod grpc;
mod guard;
mod metrics;
mod options;
pub mod pool;
mod rest;
mod server;
mod service;

pub use auth::Token;
pub use error::{Kind, Refusal};
pub use metrics::Metrics;
pub use options::{Limits, ServeOptions};
pub use server::{Server, StartError};
pub use service::{Served, Service};
