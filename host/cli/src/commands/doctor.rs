//! `firebrick doctor`: the way to a device, step by step.

mod nodes;
mod registers;
mod report;

use std::path::Path;

use firebrick_driver::{DeviceError, Session, Uri};
use firebrick_model::Model;
use firebrick_network::random::{Builder, picture};
use firebrick_network::{Network, NodeId};
use firebrick_spec::HwConfig;

use crate::args::device::Doctor;
use crate::device::{self, AnyDevice, Behaviour, Carrier};
use crate::error::{CliError, Outcome};
use crate::output::Output;
use crate::progress::Style;
use crate::signals;
pub use report::Step;
use report::{Check, Report};

/// Side of the self test's picture, and the seed of its weights and pixels.
const SIDE: usize = 9;
const SEED: u64 = 1;

pub fn run(args: &Doctor, style: Style, output: &mut Output) -> Result<Outcome, CliError> {
    let uri = args.device.clone().or_else(|| {
        let found = device::transports()
            .devices(Path::new("/"))
            .into_iter()
            .next();
        found.map(|found| found.uri)
    });
    let mut report = Report::new(args.json.on, output);
    nodes::pci(uri.as_ref(), &mut report)?;
    match &uri {
        None => report.step("device", || {
            Check::failed(
                "no node of a device is there",
                match nodes::is_zynq(Path::new("/")) {
                    true => {
                        "load uio_pdrv_genirq and u-dma-buf and apply the device tree overlay \
                         (`generate --board` writes them below linux/); name a device that is \
                         elsewhere with --device"
                    }
                    false => {
                        "load the driver (modprobe xdma); name a device that is elsewhere with \
                         --device"
                    }
                },
            )
        })?,
        Some(uri) => nodes::nodes(uri, &mut report)?,
    }
    // Each engine of a board that has several, whatever the one before it did.
    let engines = uri.as_ref().map(Uri::engines).unwrap_or_default();
    if engines.len() < 2 {
        engine(args, uri.as_ref(), style, &mut report)?;
        return report.end();
    }
    let blocked = report.is_blocked();
    for uri in &engines {
        if !blocked {
            report.unblock();
        }
        report.step("engine", || Check::ok(uri))?;
        engine(args, Some(uri), style, &mut report)?;
    }
    report.end()
}

/// The steps of one engine.
fn engine(
    args: &Doctor,
    uri: Option<&Uri>,
    style: Style,
    report: &mut Report<'_>,
) -> Result<(), CliError> {
    let mut board = None;
    report.step("open and lock", || {
        let Some(uri) = uri else {
            return Check::skipped("no device");
        };
        match Carrier::at(uri)
            .map(|carrier| carrier.waiting(args.wait))
            .map_err(CliError::from)
            .and_then(|carrier| device::open(&carrier, &Behaviour::default(), style))
        {
            Ok(open) => {
                board = Some(open);
                Check::ok(uri.to_string())
            }
            Err(error) => {
                let advice = match &error {
                    CliError::Device(DeviceError::InUse { .. }) => {
                        "wait for the other program with --wait SECONDS, or end it"
                    }
                    _ => "what the error says; then run this again",
                };
                Check::failed(error, advice)
            }
        }
    })?;
    let config = registers::walk(board.as_mut(), args.preset.given.as_ref(), report)?;
    let mut interrupted = None;
    report.step("self test", || match (board.take(), &config) {
        (Some(board), Some(config)) => self_test(board, config, &mut interrupted),
        _ => Check::skipped("no device"),
    })?;
    match interrupted {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// One small layer with random weights on a random picture, and the integer model.
fn self_test(board: AnyDevice, config: &HwConfig, interrupted: &mut Option<CliError>) -> Check {
    let advice = "reset the board and reload its bitstream; if it stays, `firebrick verify --device` \
                  says where the engine differs";
    match try_self_test(board, config) {
        Ok((got, want)) if got == want => {
            Check::ok(format!("{} sums as the integer model's", got.len()))
        }
        Ok(_) => Check::failed("the sums are not the integer model's", advice),
        Err(error) if signals::is_interrupted() => {
            *interrupted = Some(error);
            Check::skipped("interrupted")
        }
        Err(error) => Check::failed(error, advice),
    }
}

fn try_self_test(board: AnyDevice, config: &HwConfig) -> Result<(Vec<i32>, Vec<i32>), CliError> {
    let network = tiny();
    let program = firebrick_driver::compile(
        &network,
        config,
        SIDE,
        SIDE,
        &firebrick_driver::CompileOptions::default(),
    )?;
    let picture = picture(SIDE, SIDE, SEED);
    let want = Model::new(&network)?.logits(&picture.view())?;
    let mut session = Session::open(board, config)?;
    let got = session.run(&program, &picture.view());
    let got = signals::in_order(&mut session, 0, got.map_err(CliError::from))?;
    Ok((got.logits, want))
}

fn tiny() -> Network {
    let mut builder = Builder::new(SEED);
    let conv = builder.conv("conv", NodeId::INPUT, 16, (3, 2, 0));
    let conv = builder.conv("classes", conv, 10, (1, 1, 0));
    builder.finish(conv, SIDE, SIDE)
}
