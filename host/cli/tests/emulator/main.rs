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
mod suite;
mod transfers;
