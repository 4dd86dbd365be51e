//! Engines with one line of their Verilog changed: each run ends soon, and the error names the
//! unit and its record.

#[path = "../../host/driver/tests/common/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use firebrick_driver::{
    CompileOptions, Device, DeviceError, Program, Session, SessionError, Weights, compile,
};
use firebrick_model::Model;
use firebrick_network::{Network, NodeId};
use firebrick_rtl::top;
use firebrick_sim::{Builder, SimDevice, SimOptions, design_of};
use firebrick_spec::HwConfig;
use support::{Builder as NetworkBuilder, picture};

/// Far more than any of the runs takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// One line of a block, changed.
struct Change {
    name: &'static str,
    /// What only this block's module contains.
    module: &'static [&'static str],
    from: &'static str,
    to: &'static str,
    /// What the error calls the suspect.
    unit: &'static str,
}

const CHANGES: &[Change] = &[
    Change {
        name: "window-strip",
        module: &["strip_end_q"],
        from: "strip_done = strip_end_q & ~working",
        to: "strip_done = 1'b0",
        unit: "the window unit",
    },
    Change {
        name: "window-busy",
        module: &["strip_end_q"],
        from: "assign busy = working",
        to: "assign busy = 1'b1",
        unit: "the window unit",
    },
    Change {
        name: "decoder-wait",
        module: &["greeted_q"],
        from: "waited <= limit",
        to: "waited < limit",
        unit: "the decoder",
    },
    Change {
        name: "decoder-push",
        module: &["greeted_q"],
        from: "if (~queue_full)",
        to: "if (queue_full)",
        unit: "the record queue or the decoder",
    },
    Change {
        name: "queue-valid",
        module: &["[224:0] push_data", "[5:0] count"],
        from: "valid = filled_q",
        to: "valid = level_q > 6'd1",
        unit: "the record queue",
    },
    Change {
        name: "loader-start",
        module: &["upper_2_q"],
        from: "start = active_q & ~reading_q & ~pending_q",
        to: "start = active_q & ~reading_q & pending_q",
        unit: "the loader",
    },
    Change {
        name: "sequencer-settled",
        module: &["finishing_q"],
        from: "settled_q <= ~taken",
        to: "settled_q <= taken",
        unit: "the sequencer",
    },
    Change {
        name: "drain-end",
        module: &["sends_sums_q"],
        from: "final_one = (remaining == 14'd1)",
        to: "final_one = (remaining == 14'd0)",
        unit: "the drain",
    },
    Change {
        name: "drain-drained",
        module: &["tile_3_q"],
        from: "drained = tile_3_q",
        to: "drained = 1'b0",
        unit: "the drain",
    },
    Change {
        name: "output-trailer",
        module: &["sequence_q"],
        from: "m_valid = queue_valid",
        to: "m_valid = queue_valid & ~queue_data[128]",
        unit: "the output stage",
    },
];

fn brief<T, E: std::fmt::Display>(result: &Result<T, E>) -> String {
    match result {
        Ok(_) => "a result".into(),
        Err(error) => error.to_string(),
    }
}

fn config() -> HwConfig {
    HwConfig::preset("fb64").unwrap()
}

fn network() -> Network {
    let mut b = NetworkBuilder::new(7);
    let x = b.conv("conv1", NodeId::INPUT, 12, (3, 2, 0));
    let x = b.pool("pool1", x, true);
    let x = b.fire("fire2", x, 9, 10, 20);
    let x = b.conv("conv10", x, 20, (1, 1, 0));
    b.finish(x, 33, 35)
}

fn program(network: &Network) -> Program {
    let options = CompileOptions {
        check: true,
        weights: Weights::Streamed,
        ..CompileOptions::default()
    };
    compile(network, &config(), 33, 35, &options).unwrap()
}

impl Change {
    /// The engine's Verilog with the line changed.
    fn apply(&self, verilog: &str) -> String {
        let modules = verilog.split_inclusive("\nendmodule\n");
        let (mut out, mut changed) = (String::new(), 0);
        for module in modules {
            let found =
                self.module.iter().all(|part| module.contains(part)) && module.contains(self.from);
            changed += usize::from(found);
            match found {
                true => out.push_str(&module.replacen(self.from, self.to, 1)),
                false => out.push_str(module),
            }
        }
        assert_eq!(changed, 1, "{}: the emitted text is another", self.name);
        out
    }

    /// The error of a run, and how long that took.
    fn run(&self, network: &Network) -> (DeviceError, Duration) {
        let verilog = self.apply(&top::generate(&config()).unwrap());
        let options = SimOptions {
            quick_build: true,
            ..SimOptions::default()
        };
        let design = design_of(verilog, &options);
        let device = SimDevice::open_design(&config(), &design, &Builder::new(), &options).unwrap();
        let begin = Instant::now();
        let mut error = match Session::open(device, &config()) {
            Err(SessionError::Device(error)) => error,
            Err(error) => panic!("{}: {error}", self.name),
            Ok(mut session) => {
                session.deadline = DEADLINE;
                let image = picture(1, 33, 35);
                match session.run(&program(network), &image.view()) {
                    Err(SessionError::Device(error)) => error,
                    other => panic!("{}: no hang: {}", self.name, brief(&other)),
                }
            }
        };
        let took = begin.elapsed();
        if let DeviceError::Hang { device, .. } = &mut error {
            device.push_str(&format!(" with {}", self.name));
        }
        (error, took)
    }

    fn check(&self, network: &Network) -> String {
        let (error, took) = self.run(network);
        let text = error.to_string();
        let DeviceError::Hang { stall, .. } = &error else {
            panic!("{}: {text}", self.name);
        };
        assert!(took < DEADLINE, "{}: {took:?}", self.name);
        let suspect = stall.suspect.as_deref().unwrap_or("none");
        assert!(suspect.starts_with(self.unit), "{}:\n{text}", self.name);
        assert!(
            stall.places.of("decoder").is_some() && text.contains("record "),
            "{}:\n{text}",
            self.name
        );
        assert!(stall.units.len() >= 7, "{}:\n{text}", self.name);
        assert!(!text.contains('?'), "{}: unknown state\n{text}", self.name);
        text
    }
}

#[test]
fn a_window_unit_that_announces_no_strip_is_named_with_its_record() {
    let text = CHANGES[0].check(&network());
    assert!(text.contains("conv1, tile 1 of "), "{text}");
    assert!(text.contains("stall cause: "), "{text}");
}

#[test]
fn what_came_before_a_hang_is_decoded_and_right() {
    let network = network();
    let change = &CHANGES[9];
    let (error, _) = change.run(&network);
    let DeviceError::Hang { stall, .. } = error else {
        panic!("{error}");
    };
    let image = picture(1, 33, 35);
    let want = Model::new(&network).unwrap().run(&image.view()).unwrap();
    let program = program(&network);
    // All but the trailer comes; then all but half.
    for (length, whole) in [(usize::MAX, true), (stall.partial.len() / 2, false)] {
        let came = &stall.partial[..length.min(stall.partial.len())];
        let partial = program.decode_partial(came);
        let mut missing = 0;
        for map in &partial.maps {
            let want = want.map(map.node).unwrap();
            for ((at, value), came) in map.values.indexed_iter().zip(&map.came) {
                match came {
                    0 => missing += 1,
                    _ => assert_eq!(*value, want[at], "{:?} at {at:?}", map.node),
                }
            }
        }
        assert_eq!(missing == 0, whole, "{missing} missing");
        assert_eq!(partial.logits.iter().all(Option::is_some), whole);
        for (logit, want) in partial.logits.iter().zip(&want.logits) {
            assert!(logit.is_none_or(|logit| logit == *want));
        }
    }
}

#[test]
fn an_engine_that_was_given_up_runs_again() {
    let network = network();
    let options = SimOptions {
        quick_build: true,
        ..SimOptions::default()
    };
    let device = SimDevice::open(&config(), &Builder::new(), &options).unwrap();
    let mut session = Session::open(device, &config()).unwrap();
    let program = program(&network);
    let image = picture(1, 33, 35);
    let good = session.run(&program, &image.view()).unwrap();
    // Half a transfer is not an error to the engine: it waits for the rest.
    let transfer = program.transfer(&image.view()).unwrap();
    let error = session
        .device()
        .run(&transfer[..transfer.len() / 2], 16, DEADLINE);
    match error {
        // TLAST comes where no record ends, or the records do not end.
        Err(DeviceError::Engine { .. }) => {}
        other => panic!("{other:?}"),
    }
    session.reset().unwrap();
    // A deadline that passes leaves the engine as it is, and the next picture finds it reset.
    session.deadline = Duration::ZERO;
    match session.run(&program, &image.view()) {
        Err(SessionError::Device(DeviceError::Hang { stall, .. })) => {
            assert!(stall.reason.contains("within"), "{}", stall.reason);
        }
        other => panic!("{other:?}"),
    }
    session.deadline = DEADLINE;
    let again = session.run(&program, &image.view()).unwrap();
    assert_eq!(again.logits, good.logits);
    assert_eq!(again.maps, good.maps);
}

/// Run by `scripts/hangs`, which names a file for the report.
#[test]
#[ignore = "builds ten engines; run by scripts/hangs"]
fn every_change_is_named() {
    let network = network();
    let mut report = String::from(HEADING);
    // All of them before the first that fails is told.
    let mut failed = Vec::new();
    for change in CHANGES {
        let checked = std::panic::catch_unwind(|| change.check(&network));
        let Ok(text) = checked else {
            failed.push(change.name);
            continue;
        };
        let _ = writeln!(
            report,
            "\n## {}\n\n`{}` became `{}`:\n\n```\n{text}\n```",
            change.name, change.from, change.to
        );
    }
    if let Some(path) = std::env::var_os("FIREBRICK_REPORT") {
        std::fs::write(path, report).unwrap();
    }
    assert!(failed.is_empty(), "{failed:?}");
}

const HEADING: &str = "<!-- Written by scripts/hangs. -->
# Hangs

What a simulated engine that stands still says: ten engines, each with one line of the emitted
Verilog changed, run a small network on `fb64`. Each run ends by itself within seconds, and the
error names the unit and its record. A test checks that, for some of them in every run of
`scripts/test`, for all in `scripts/hangs`, which writes this page.

`suspect` is the unit that has what it needs and does not go on. It is found by following the
oldest work from unit to unit, from the output backwards. Records are written as `firebrick disasm`
does. The states of the units are read from registers inside the simulated engine; a board has only
its AXI registers, and its time-outs say what those tell: stall cause, records, beats.
";

#[test]
fn the_changed_lines_are_there() {
    let verilog = top::generate(&config()).unwrap();
    for change in CHANGES {
        change.apply(&verilog);
    }
}
