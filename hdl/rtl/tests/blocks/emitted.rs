//! The emitted text: the same every time, plain names, clean under lint with exactly the waivers
//! that it needs.

use std::time::Duration;

use firebrick_rtl::emit::emit_block;
use firebrick_rtl::streamer::Streamer;
use firebrick_rtl::tile::Tile8;
use firebrick_rtl::top::{TOP, WAIVERS, generate};
use firebrick_rtl::window::Window;
use firebrick_sim::lint::{LintWarning, lint};
use firebrick_sim::{Design, Environment};
use firebrick_spec::HwConfig;

#[test]
fn blocks_are_emitted_alike_every_time() {
    let config = HwConfig::preset("fb256").expect("a preset");
    let window = || emit_block(Window::new(&config), "window").expect("emitted");
    assert_eq!(window(), window());
    let tile = || emit_block(Tile8::default(), "tile").expect("emitted");
    assert_eq!(tile(), tile());
    let streamer = || emit_block(Streamer::new(&config), "streamer").expect("emitted");
    assert_eq!(streamer(), streamer());
}

/// Places of `$` that are not `$signed` or `$unsigned`.
fn odd_dollars(text: &str) -> Vec<&str> {
    text.match_indices('$')
        .map(|(at, _)| &text[at..])
        .filter(|rest| !rest.starts_with("$signed(") && !rest.starts_with("$unsigned("))
        .map(|rest| rest.lines().next().unwrap_or(rest))
        .collect()
}

fn warnings(verilog: &str) -> Vec<LintWarning> {
    lint(
        &Design::new(TOP, verilog),
        &Environment::from_process(),
        Duration::from_secs(300),
    )
    .expect("lint runs")
}

#[test]
fn every_preset_is_generated_alike_and_clean() {
    for config in HwConfig::presets() {
        let verilog = generate(&config).expect("the preset can be generated");
        assert!(
            verilog == generate(&config).expect("again"),
            "{}",
            config.name
        );
        assert_eq!(odd_dollars(&verilog), [""; 0], "{}", config.name);
        assert!(verilog.is_ascii(), "{}", config.name);
        let left: Vec<String> = warnings(&verilog).iter().map(ToString::to_string).collect();
        assert_eq!(left, [""; 0], "{}", config.name);
        every_waiver_is_needed(&verilog);
    }
}

/// Without one of the waivers there are warnings of that rule and no other.
fn every_waiver_is_needed(verilog: &str) {
    for waiver in WAIVERS {
        let pragma = waiver.pragma();
        assert!(verilog.contains(&pragma), "{}", waiver.rule);
        let warnings = warnings(&verilog.replace(&pragma, ""));
        assert!(
            !warnings.is_empty(),
            "the waiver of {} is not needed",
            waiver.rule
        );
        assert!(
            warnings.iter().all(|w| w.rule == waiver.rule),
            "{}: {}",
            waiver.rule,
            warnings[0]
        );
    }
}
