//! What `predict` says, against what the command stream itself has to do.

mod common;

use firebrick::{Engine, HwConfig, Model, Options};

#[test]
fn a_forecast_is_cycles_over_the_clock() {
    let model = Model::builtin();
    let forecast = model.predict("fb256", 200.0).unwrap();
    let prediction = &forecast.prediction;
    assert_eq!(prediction.macs, 349_151_936);
    assert_eq!(prediction.mac_peak_per_cycle, 256);
    // Every cycle has one cause.
    let stalls: u64 = prediction.stall_cycles.values().sum();
    assert_eq!(prediction.busy_cycles + stalls, prediction.cycles);
    assert!((0.95..1.0).contains(&prediction.utilization));
    assert!((forecast.latency_ms - prediction.cycles as f64 / 200e3).abs() < 1e-9);
    let back_to_back = forecast.images_per_second * prediction.run.cycles_per_image;
    assert!((back_to_back - 200e6).abs() < 1.0);
    let double = model.predict("fb256", 400.0).unwrap();
    assert!((double.images_per_second / forecast.images_per_second - 2.0).abs() < 1e-9);
    // An engine says the same of itself.
    let engine = Engine::open_with("software:fb256", Options::new().model(&model)).unwrap();
    assert_eq!(engine.predict(200.0).unwrap().unwrap(), forecast);
    let reference = Engine::open("model").unwrap();
    assert!(reference.predict(200.0).unwrap().is_none());
}

#[test]
fn what_cannot_be_predicted_is_said() {
    let model = common::model();
    for clock in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(model.predict("fb64", clock).unwrap_err().kind(), "clock");
    }
    let error = model.predict("fb65", 100.0).unwrap_err();
    assert_eq!(error.kind(), "preset", "{error}");
    let error = Model::builtin().at(1000, 1000).unwrap();
    assert_eq!(error.predict("fb64", 100.0).unwrap_err().kind(), "fit");
}

#[cfg(feature = "sim")]
#[test]
fn a_build_script_gets_verilog() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("engine.v");
    firebrick::verilog::write("fb64", &file).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(&format!("module {}", firebrick::verilog::TOP)));
    let config = HwConfig::preset("fb64").unwrap();
    assert_eq!(text, firebrick::verilog::text(&config).unwrap());
    let error = firebrick::verilog::write("fb65", &file).unwrap_err();
    assert_eq!(error.kind(), "preset");
    let error = firebrick::verilog::write("fb64", dir.path()).unwrap_err();
    assert_eq!(error.kind(), "write", "{error}");
}

#[cfg(not(feature = "sim"))]
#[test]
fn without_the_simulator_there_is_an_error() {
    assert!(HwConfig::preset("fb64").is_some());
    let error = Engine::open("sim:fb64").unwrap_err();
    assert_eq!(error.kind(), "simulator", "{error}");
}
