//! The service within another program, here until standard input ends:
//!
//! ```text
//! cargo run --release -p firebrick-serve --example embed -- [ENGINE...]
//! ```
//!
//! Each engine is named as the library names it, `model` by itself; the network is SqueezeNet v1.1.

use std::error::Error;
use std::io::Read;

use firebrick::{Cancel, Model};
use firebrick_serve::pool::Engines;
use firebrick_serve::{ServeOptions, Served, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let mut engines: Vec<String> = std::env::args().skip(1).collect();
    if engines.is_empty() {
        engines.push("model".into());
    }
    let model = Model::builtin();
    let cancel = Cancel::default();
    let sources = Engines::sources(&engines, std::slice::from_ref(&model), None, &cancel)?;
    let options = ServeOptions {
        listen: vec!["127.0.0.1:0".parse()?],
        ..ServeOptions::default()
    };
    let server = Server::start(vec![Served::new(None, model)?], sources, options, cancel)?;
    for address in server.addresses() {
        println!("http://{address}");
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    match server.end() {
        true => Ok(()),
        false => Err("not everything was answered in time".into()),
    }
}
