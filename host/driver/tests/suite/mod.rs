//! What every device has to do, whatever is behind it. Other crates include this file by its path
//! and add devices of their own.
#![allow(dead_code)]

use firebrick_driver::{
    Cancel, CompileOptions, Device, DeviceError, Next, Program, Session, SessionError, Weights,
    compile,
};
use firebrick_model::Model;
use firebrick_network::{Network, random};
use firebrick_spec::BEAT_BYTES;
use firebrick_spec::command::{ErrorCode, Opcode, RECORD_BYTES};
use firebrick_spec::{HwConfig, regs};
use ndarray::Array3;
use std::ops::ControlFlow;
use std::time::Duration;

/// Edge of the pictures.
pub const EDGE: usize = 30;

/// A device under test, and what can be asked of it.
pub struct Subject<'a, D: Device> {
    /// Opens the device, anew each time; the one opened before is gone.
    pub open: &'a mut dyn FnMut() -> D,
    /// What it was built for.
    pub config: HwConfig,
    /// Pictures in a row without a reset.
    pub pictures: u64,
    /// Whether it looks at a cancellation flag while it waits.
    pub cancels: bool,
}

/// A network with a layer of each kind, and its model.
pub struct Case {
    pub network: Network,
    pub program: Program,
    model: Model,
}

impl Case {
    pub fn new(config: &HwConfig, weights: Weights) -> Case {
        let network = random::small();
        let options = CompileOptions {
            weights,
            ..CompileOptions::default()
        };
        Case {
            program: compile(&network, config, EDGE, EDGE, &options).unwrap(),
            model: Model::new(&network).unwrap(),
            network,
        }
    }

    pub fn picture(seed: u64) -> Array3<u8> {
        random::picture(EDGE, EDGE, seed)
    }

    pub fn want(&self, seed: u64) -> Vec<i32> {
        self.model.logits(&Case::picture(seed).view()).unwrap()
    }

    /// Runs one picture, which must be right.
    pub fn right<D: Device>(&self, session: &mut Session<D>, seed: u64) {
        let picture = Case::picture(seed);
        let result = session.run(&self.program, &picture.view()).unwrap();
        assert_eq!(result.logits, self.want(seed), "picture {seed}");
    }

    /// Streams pictures from a seed on, which must all be right.
    pub fn stream<D: Device>(&self, session: &mut Session<D>, first: u64, count: u64) {
        let mut seen = 0;
        let results = session
            .stream_iter(
                &self.program,
                (first..first + count).map(Case::picture),
                &mut |answer| {
                    assert_eq!(answer.index, seen);
                    assert_eq!(answer.result.logits, self.want(first + seen), "{seen}");
                    seen += 1;
                    ControlFlow::Continue(())
                },
            )
            .unwrap();
        assert_eq!((results, seen), (count, count));
    }
}

/// All of it.
pub fn all<D: Device>(mut subject: Subject<'_, D>) {
    recognises_the_engine(&mut subject);
    registers_keep_what_is_written(&mut subject);
    pictures_in_a_row_are_right(&mut subject);
    resident_weights_are_loaded_once(&mut subject);
    a_corrupt_stream_is_reported_and_the_next_picture_is_right(&mut subject);
    a_batch_can_be_broken_off(&mut subject);
    counters_and_statistics_agree(&mut subject);
    if subject.cancels {
        a_cancelled_batch_leaves_a_clean_engine(&mut subject);
    }
}

fn session<D: Device>(subject: &mut Subject<'_, D>) -> Session<D> {
    Session::open((subject.open)(), &subject.config).unwrap()
}

fn recognises_the_engine<D: Device>(subject: &mut Subject<'_, D>) {
    let mut other = subject.config.clone();
    other.param_groups *= 2;
    match Session::open((subject.open)(), &other).map(|_| ()) {
        Err(SessionError::Hash { got, .. }) => assert_eq!(got, subject.config.hash()),
        other => panic!("{other:?}"),
    }
    session(subject);
}

fn registers_keep_what_is_written<D: Device>(subject: &mut Subject<'_, D>) {
    let mut device = (subject.open)();
    for value in [0, 0x1234_5678, 0xaaaa_5555, 0x5555_aaaa] {
        device.write_reg(regs::SCRATCH.offset, value).unwrap();
        assert_eq!(device.read_reg(regs::SCRATCH.offset).unwrap(), value);
    }
}

fn pictures_in_a_row_are_right<D: Device>(subject: &mut Subject<'_, D>) {
    let case = Case::new(&subject.config, Weights::Streamed);
    let mut session = session(subject);
    let first = session
        .run(&case.program, &Case::picture(0).view())
        .unwrap();
    assert_eq!(first.logits, case.want(0));
    case.stream(&mut session, 1, subject.pictures);
    let pictures: Vec<_> = (0..3).map(Case::picture).collect();
    let views: Vec<_> = pictures.iter().map(|picture| picture.view()).collect();
    let many = session.run_many(&case.program, &views).unwrap();
    for (seed, result) in many.iter().enumerate() {
        assert_eq!(result.logits, case.want(seed as u64));
        let number = subject.pictures as u32 + 1 + seed as u32;
        let since = result.trailer.sequence.wrapping_sub(first.trailer.sequence);
        assert_eq!(since, number, "no result is lost, no reset in between");
    }
}

fn resident_weights_are_loaded_once<D: Device>(subject: &mut Subject<'_, D>) {
    let case = Case::new(&subject.config, Weights::Resident);
    let mut session = session(subject);
    session.set_up(&case.program).unwrap();
    let before = session.counter(&regs::BEATS_IN_LO).unwrap();
    case.stream(&mut session, 5, 4);
    case.right(&mut session, 9);
    let beats = session.counter(&regs::BEATS_IN_LO).unwrap() - before;
    let picture = case.program.input_bytes() / BEAT_BYTES;
    assert_eq!(beats, 5 * picture as u64, "five pictures, no weights");
}

fn a_corrupt_stream_is_reported_and_the_next_picture_is_right<D: Device>(
    subject: &mut Subject<'_, D>,
) {
    let case = Case::new(&subject.config, Weights::Streamed);
    let mut session = session(subject);
    let good = case.program.transfer(&Case::picture(0).view()).unwrap();
    let records = case.program.records();
    // A bit of a record, or of its payload: weights, parameters, pixels.
    let mut flips: Vec<_> = [0, 3, records.len() - 1]
        .map(|record| (record, records[record].offset + 5, ErrorCode::BadCrc))
        .into();
    for kind in [Opcode::LoadWeights, Opcode::LoadParams, Opcode::Rows] {
        let index = records.iter().position(|r| r.command.opcode() == kind);
        let index = index.expect("the program has one");
        let byte = records[index].offset + RECORD_BYTES + 21;
        flips.push((index, byte, ErrorCode::BadPayload));
    }
    for (record, byte, code) in flips {
        let mut bad = good.clone();
        bad[byte] ^= 4;
        let bytes = case.program.output_bytes();
        let limit = Duration::from_secs(60);
        match session.device().run(&bad, bytes, limit) {
            Err(DeviceError::Engine { fault, .. }) => {
                assert_eq!(fault.code, code);
                assert_eq!(fault.record as usize, record);
            }
            other => panic!("record {record}: {other:?}"),
        }
        case.right(&mut session, record as u64);
    }
}

fn a_batch_can_be_broken_off<D: Device>(subject: &mut Subject<'_, D>) {
    let case = Case::new(&subject.config, Weights::Auto);
    let mut session = session(subject);
    let mut seen = 0;
    let results = session.stream_iter(&case.program, (0..100).map(Case::picture), &mut |answer| {
        assert_eq!(answer.result.logits, case.want(answer.index));
        seen += 1;
        match seen {
            3 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    assert_eq!((results.unwrap(), seen), (3, 3));
    case.stream(&mut session, 50, 3);
}

fn counters_and_statistics_agree<D: Device>(subject: &mut Subject<'_, D>) {
    let case = Case::new(&subject.config, Weights::Streamed);
    let mut session = session(subject);
    let layers = case.program.layers().iter().map(|layer| layer.layer as u32);
    let layers: Vec<u32> = layers.collect();
    let busy = regs::CAUSES.start;
    let of_layers = |session: &mut Session<D>| -> u64 {
        let all = layers
            .iter()
            .map(|layer| session.statistic(*layer, busy).unwrap());
        all.map(u64::from).sum()
    };
    let before = (
        session.counter(&regs::BUSY_LO).unwrap(),
        of_layers(&mut session),
    );
    case.right(&mut session, 1);
    let after = (
        session.counter(&regs::BUSY_LO).unwrap(),
        of_layers(&mut session),
    );
    assert_eq!(after.0 - before.0, case.program.prediction().busy_cycles);
    assert_eq!(after.0 - before.0, after.1 - before.1);
}

fn a_cancelled_batch_leaves_a_clean_engine<D: Device>(subject: &mut Subject<'_, D>) {
    let case = Case::new(&subject.config, Weights::Auto);
    let mut device = (subject.open)();
    let cancel = Cancel::new();
    device.set_cancel(cancel.clone());
    let mut session = Session::open(device, &subject.config).unwrap();
    // From another thread, while pictures are waited for.
    let mut pictures = (0..2).map(Case::picture);
    let mut right = 0;
    let canceller = std::thread::spawn({
        let cancel = cancel.clone();
        move || {
            std::thread::sleep(Duration::from_millis(300));
            cancel.cancel();
        }
    });
    let cancelled = session.stream(
        &case.program,
        &mut || pictures.next().map_or(Next::Pending, Next::Picture),
        &mut |answer| {
            assert_eq!(answer.result.logits, case.want(answer.index));
            right += 1;
            ControlFlow::Continue(())
        },
    );
    canceller.join().unwrap();
    assert!(
        matches!(
            cancelled,
            Err(SessionError::Device(DeviceError::Cancelled { .. }))
        ),
        "{cancelled:?}"
    );
    assert!(right <= 2);
    // As long as the flag is up, nothing runs.
    assert!(
        session
            .run(&case.program, &Case::picture(0).view())
            .is_err()
    );
    cancel.clear();
    case.stream(&mut session, 7, 3);
}
