//! The emitted text: the same every time, plain names, clean under lint with exactly the waivers
//! that it needs.

use std::collections::HashSet;
use std::process::Command;
use std::time::Duration;

use firebrick_rtl::array::tile::Tile8;
use firebrick_rtl::decode::streamer::Streamer;
use firebrick_rtl::emit::{EmitError, emit_block};
use firebrick_rtl::top::{TOP, WAIVERS, generate, generate_with};
use firebrick_rtl::window::Window;
use firebrick_sim::lint::{LintWarning, lint};
use firebrick_sim::{Design, Environment};
use firebrick_spec::HwConfig;
use firebrick_spec::resources::MemoryKind;
use rust_hdl::prelude::*;

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

/// The text of a module within others.
fn module<'a>(verilog: &'a str, name: &str) -> &'a str {
    let start = verilog
        .find(&format!("module {name} ("))
        .unwrap_or_else(|| panic!("there is no module {name}"));
    let end = verilog[start..].find("endmodule").expect("an end");
    &verilog[start..start + end]
}

#[test]
fn two_presets_lie_in_one_design() {
    let config = |name| HwConfig::preset(name).expect("a preset");
    let one = generate_with(&config("fb64"), &[], "one").expect("fb64");
    let two = generate_with(&config("fb256"), &[], "two").expect("fb256");
    let names: HashSet<&str> = one.names().collect();
    assert_eq!(two.names().filter(|name| names.contains(name)).count(), 0);
    let text = module(&one.single_file(), "one").to_owned();
    // A top that has the ports of both, each with a number behind its name.
    let ports: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.trim().split_once("put wire"))
        .map(|(kind, rest)| {
            let rest = rest.trim().trim_end_matches(',');
            let (range, name) = rest.rsplit_once(' ').unwrap_or(("", rest));
            (format!("{kind}put wire {range}"), name.to_owned())
        })
        .collect();
    assert!(ports.len() > 20);
    let (mut header, mut pins) = (Vec::new(), [Vec::new(), Vec::new()]);
    for (i, pins) in pins.iter_mut().enumerate() {
        for (kind, name) in &ports {
            header.push(format!("{kind} {name}_{i}"));
            pins.push(format!(".{name}({name}_{i})"));
        }
    }
    let both = format!(
        "module both ({});\n    one first ({});\n    two second ({});\nendmodule\n",
        header.join(", "),
        pins[0].join(", "),
        pins[1].join(", ")
    );
    let mut design = Design::new("both", both.clone());
    let dir = std::env::temp_dir().join(format!("firebrick-two-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder");
    let mut paths = vec![dir.join("both.v")];
    std::fs::write(&paths[0], &both).expect("written");
    for (name, text) in one.files().into_iter().chain(two.files()) {
        paths.push(dir.join(&name));
        std::fs::write(dir.join(&name), &text).expect("written");
        design = design.source(name, text);
    }
    let left = lint(
        &design,
        &Environment::from_process(),
        Duration::from_secs(300),
    );
    let icarus = Command::new("iverilog")
        .args(["-g2005", "-Wall", "-t", "null", "-s", "both"])
        .args(&paths)
        .output();
    std::fs::remove_dir_all(&dir).expect("removed");
    let left: Vec<String> = left
        .expect("lint runs")
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(left, [""; 0]);
    match icarus {
        Ok(run) => assert_eq!(String::from_utf8_lossy(&run.stderr), "", "Icarus"),
        Err(_) => eprintln!("skipped: iverilog is not installed"),
    }
}

#[test]
fn modules_say_what_they_are() {
    let config = HwConfig::preset("fb64-packed").expect("a preset");
    let core = generate_with(&config, &[], TOP).expect("the preset can be generated");
    let files = core.files();
    for (name, text) in &files {
        let module = name.strip_suffix(".v").expect("a Verilog file");
        assert_eq!(text.matches("\nendmodule\n").count(), 1, "{name}");
        let before = text.split(&format!("\nmodule {module} (")).next();
        let comment = before.and_then(|text| text.lines().last());
        assert!(comment.is_some_and(|l| l.starts_with("// ")), "{name}");
        assert!(text.contains("\n`default_nettype none\n"), "{name}");
        assert!(text.ends_with("\n`default_nettype wire\n"), "{name}");
        // Each rule that is switched off is switched on again.
        for waiver in WAIVERS {
            let off = waiver.pragma();
            let on = off.replace("lint_off", "lint_on");
            let [off, on] = [off, on].map(|pragma| text.matches(&pragma).count());
            assert_eq!(off, on, "{name}, {}", waiver.rule);
        }
    }
    let names: HashSet<&str> = core.names().collect();
    for name in [
        "requantiser",
        "pe_pair_generic",
        "pe_pair_generic_first",
        "ram_128x4096",
        "fifo_225x32",
    ] {
        let name = format!("fb64_packed_{name}");
        assert!(names.contains(name.as_str()), "{name} of {names:?}");
    }
    let all = core.single_file();
    assert!(all.contains("    // Activation, i8.\n    input wire [7:0] x_in,"));
    assert!(all.contains("    fb64_packed_pe_pair_generic pair_r1_p2 ("));
    // As wide as the memory.
    assert!(all.contains("    input wire [11:0] read_address,"));
}

#[test]
fn ultra_ram_is_asked_for_where_it_is_wanted() {
    let config = HwConfig::preset("fb256").expect("a preset");
    let text = |ultra: &[_]| {
        let core = generate_with(&config, ultra, TOP).expect("the preset can be generated");
        core.single_file()
    };
    let asked = "(* ram_style = \"ultra\" *)";
    assert!(!text(&[]).contains(asked));
    let memories = config.memories();
    let of = |kind| *memories.iter().find(|m| m.kind == kind).expect("a memory");
    let weights = text(&[of(MemoryKind::Weights)]);
    assert_eq!(weights.matches(asked).count(), 1);
    let both = text(&[of(MemoryKind::Weights), of(MemoryKind::Features)]);
    assert_eq!(both.matches(asked).count(), 2);
}

#[test]
fn what_reaches_no_output_is_left_out() {
    let tile = emit_block(Tile8::default(), "tile").expect("emitted");
    // Column c of 8 is delayed by 7 - c registers.
    let registers = tile
        .lines()
        .filter(|line| line.trim_start().starts_with("reg [18:0] deskew_"))
        .count();
    assert_eq!(registers, 28);
}

/// Casts, shifts and masks, which become wires.
#[derive(LogicBlock, Default)]
struct Wires {
    high: Signal<In, Bits<4>>,
    low: Signal<In, Bits<8>>,
    joined: Signal<Out, Bits<12>>,
    masked: Signal<Out, Bits<8>>,
    inverted: Signal<Out, Bits<8>>,
    grouped: Signal<Out, Bit>,
    unread: Signal<Local, Bits<8>>,
}

impl Logic for Wires {
    #[hdl_gen]
    fn update(&mut self) {
        self.joined.next =
            (bit_cast::<12, 4>(self.high.val()) << 8) | bit_cast::<12, 8>(self.low.val());
        self.masked.next = (self.low.val() >> 2) & 7;
        self.inverted.next = bit_cast::<8, 4>(!self.high.val());
        // Rust binds `&` closer than `==`, Verilog does not.
        self.grouped.next = (self.low.val() & 0x18 == 8) | (self.low.val() + 1 == 0);
        self.unread.next = self.low.val();
    }
}

#[test]
fn casts_and_shifts_are_concatenations() {
    let verilog = emit_block(Wires::default(), "wires").expect("emitted");
    for line in [
        "assign joined = {high, low};",
        "assign masked = {5'd0, low[4:2]};",
        "assign inverted = {4'd0, ~high};",
        "assign grouped = ((low & 8'd24) == 8'd8) | ((low + 8'd1) == 8'd0);",
    ] {
        assert!(verilog.contains(line), "{line} in {verilog}");
    }
    assert!(!verilog.contains("unread"));
}

/// A cast of what is no wire to fewer bits.
#[derive(LogicBlock, Default)]
struct CutShift {
    by: Signal<In, Bits<8>>,
    a: Signal<In, Bits<8>>,
    q: Signal<Out, Bits<4>>,
}

impl Logic for CutShift {
    #[hdl_gen]
    fn update(&mut self) {
        self.q.next = bit_cast::<4, 8>(self.a.val() >> self.by.val());
    }
}

#[test]
fn what_has_no_place_in_verilog_is_an_error() {
    let error = emit_block(CutShift::default(), "cut").expect_err("a cut of a shift");
    let EmitError::Unreadable { module, reason } = &error else {
        panic!("{error}")
    };
    assert_eq!(module, "CutShift");
    assert!(
        reason.contains("a >> by") && reason.contains("name it first"),
        "{reason}"
    );
}
