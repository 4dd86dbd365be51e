//! The program's tests, in one binary since linking each of them takes longer than most of them run. The emulator's
//! have a binary of their own.

mod common;

#[cfg(feature = "sim")]
#[path = "emulator/board.rs"]
#[allow(dead_code)]
mod board;
#[cfg(feature = "sim")]
#[path = "common/changed.rs"]
mod changed;
#[path = "common/html.rs"]
mod page;
#[cfg(feature = "serve")]
#[path = "common/service.rs"]
mod service;
#[path = "common/pages.rs"]
mod shown;
#[cfg(feature = "sim")]
#[path = "common/waves.rs"]
mod waves;

mod bad_input;
mod bad_models;
mod boards;
mod classify;
mod compile;
mod deploy;
mod devices;
mod features;
mod generate;
mod html;
mod import;
mod importable;
mod information;
mod interrupts;
mod json;
mod live;
mod manners;
mod outputs;
mod pages;
mod photographs;
mod planted;
mod preparation;
mod recovery;
mod report;
mod screens;
mod serve;
mod simulator;
mod train;
mod verify;
mod without_simulator;
