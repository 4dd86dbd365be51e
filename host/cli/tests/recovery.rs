//! A corrupt stream leaves the simulated engine in a reported error state, from which a soft
//! reset recovers; pictures before and after it are right.
#![cfg(feature = "sim")]

use firebrick_spec::BEAT_BYTES;
use std::time::Duration;

use firebrick_driver::{CompileOptions, Device, DeviceError, Session, compile};
use firebrick_model::Model;
use firebrick_sim::{Builder, SimDevice, SimOptions};
use firebrick_spec::HwConfig;
use firebrick_spec::command::ErrorCode;
use firebrick_spec::config::DEFAULT_PRESET;
use ndarray::Array3;

#[test]
fn a_soft_reset_recovers_from_corrupt_streams() {
    let config = HwConfig::preset(DEFAULT_PRESET).unwrap();
    let network = crate::common::small_network();
    let program = compile(&network, &config, 21, 23, &CompileOptions::default()).unwrap();
    let image = Array3::from_shape_fn((21, 23, 3), |(y, x, c)| (y * 11 + x * 5 + c * 70) as u8);
    let want = Model::new(&network).unwrap().logits(&image.view()).unwrap();
    let options = SimOptions {
        seed: 5,
        idle: 0.2,
        back_pressure: 0.2,
        ..SimOptions::default()
    };
    let device = SimDevice::open(&config, &Builder::new(), &options).unwrap();
    let mut session = Session::open(device, &config).unwrap();
    let transfer = program.transfer(&image.view()).unwrap();
    let record = program.records()[2].offset;
    let corrupt = |at: usize, bytes: usize| {
        let mut transfer = transfer[..bytes].to_vec();
        transfer[at] ^= 0x40;
        transfer
    };
    let whole = transfer.len();
    for (stream, code) in [
        (corrupt(record + 4, whole), ErrorCode::BadCrc),
        (
            transfer[..record + 2 * BEAT_BYTES].to_vec(),
            ErrorCode::EarlyEnd,
        ),
        (
            [&transfer[..], &[0; BEAT_BYTES]].concat(),
            ErrorCode::LateEnd,
        ),
    ] {
        assert_eq!(session.run(&program, &image.view()).unwrap().logits, want);
        let deadline = Duration::from_secs(60);
        match session
            .device()
            .run(&stream, program.output_bytes(), deadline)
        {
            Err(DeviceError::Engine { fault, .. }) => assert_eq!(fault.code, code),
            other => panic!("{code:?}: {other:?}"),
        }
        // Without the reset nothing else runs.
        let again = session
            .device()
            .run(&transfer, program.output_bytes(), deadline);
        assert!(
            matches!(again, Err(DeviceError::Engine { .. })),
            "{code:?}: {again:?}"
        );
        session.reset().unwrap();
    }
    assert_eq!(session.run(&program, &image.view()).unwrap().logits, want);
}
