//! The driver's devices against `firebrick emulate`, a process of its own.
#![cfg(feature = "sim")]

#[path = "../common/mod.rs"]
mod common;

mod board;
mod clients;
mod faults;
mod lifecycle;
mod pool;
mod registers;
mod retries;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "serve")]
#[path = "../common/service.rs"]
mod service;
mod suite;
mod transfers;
