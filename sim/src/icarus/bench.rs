//! The generated test bench and its stimulus files.

use std::fmt::Write;

use super::Stimulus;

const BENCH: &str = include_str!("bench.v.in");
const LITE: &str = include_str!("lite.v.in");

/// The test bench in Verilog.
pub(super) fn source(verilog: &str, top: &str, stimulus: &Stimulus) -> String {
    // An input that nothing drives would spread undefined bits, so all that exist are driven.
    let used = verilog.contains("s_axil_awvalid") || !stimulus.writes.is_empty();
    let lite = |mark: &str| if used { part(mark) } else { "" };
    let mut ports = lite("PORTS").to_owned();
    for port in ["s_axil_awprot", "s_axil_arprot"] {
        if used && verilog.contains(port) {
            let _ = write!(ports, ",\n        .{port}(3'd0)");
        }
    }
    let mut text = BENCH.to_owned();
    for (mark, value) in [
        ("@LITE_SIGNALS@", lite("SIGNALS")),
        ("@LITE_PORTS@", ports.as_str()),
        ("@LITE_DRIVE@", lite("DRIVE")),
        ("@LITE_SAMPLE@", lite("SAMPLE")),
        ("@TOP@", top),
    ] {
        text = text.replace(mark, value);
    }
    for (mark, value) in [
        ("@WIDTH@", u64::from(stimulus.width)),
        ("@ADDRESS_WIDTH@", u64::from(stimulus.address_width)),
        ("@BEATS@", stimulus.beats.len() as u64),
        ("@WRITES@", stimulus.writes.len() as u64),
        ("@SEED@", u64::from(stimulus.seed & 0x7fff_ffff)),
        ("@IDLE@", u64::from(stimulus.idle)),
        ("@BACK_PRESSURE@", u64::from(stimulus.back_pressure)),
        ("@EXPECTED@", stimulus.expected_beats as u64),
        ("@CYCLE_LIMIT@", stimulus.cycle_limit.min(0x7fff_ffff)),
    ] {
        text = text.replace(mark, &value.to_string());
    }
    text
}

/// The lines between the marks `//NAME` and the next one.
fn part(name: &str) -> &'static str {
    let parts = LITE.split("//").skip(1);
    let bodies = parts.filter_map(|part| part.split_once('\n'));
    bodies
        .filter(|(title, _)| *title == name)
        .map(|(_, body)| body.trim_end())
        .next()
        .unwrap_or("")
}

/// Beats as lines of hexadecimal digits: last, then data.
pub(super) fn beats(stimulus: &Stimulus) -> String {
    let words = (stimulus.width / 32) as usize;
    let mut text = String::new();
    for (beat, last) in &stimulus.beats {
        let _ = write!(text, "{}", u8::from(*last));
        for index in (0..words).rev() {
            let _ = write!(text, "{:08x}", beat.get(index).copied().unwrap_or(0));
        }
        text.push('\n');
    }
    text
}

/// Register writes as lines of hexadecimal digits: address, then value.
pub(super) fn writes(stimulus: &Stimulus) -> String {
    let lines = stimulus.writes.iter();
    lines
        .map(|(address, value)| format!("{address:08x}{value:08x}\n"))
        .collect()
}
