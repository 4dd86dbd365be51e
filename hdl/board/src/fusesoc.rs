//! The FuseSoC core file, in its CAPI2 format.

use std::fmt::Write as _;

use firebrick_spec::HwConfig;
use firebrick_spec::docs::ports::TOP;

use crate::{BoardFolder, hash};

pub fn core(board: &BoardFolder, config: &HwConfig, sources: &[String]) -> String {
    let mut text = String::new();
    let files: String = sources
        .iter()
        .map(|path| format!("\n      - {path}"))
        .collect();
    let _ = write!(
        text,
        "CAPI=2:
# Firebrick: core file for FuseSoC, written by `firebrick generate`.
name: ::firebrick-{board}:{version}
description: SqueezeNet accelerator for {board}, preset {preset}, configuration {hash}

filesets:
  rtl:
    files:{files}
    file_type: verilogSource
  header:
    files:
      - firebrick.h: {{is_include_file: true}}
    file_type: cSource

targets:
  # The core alone, for designs that depend on it.
  default:
    filesets: [rtl]
    toplevel: {TOP}

  lint:
    description: Verilator's lint; the rules that the file itself switches off say why
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wall]
    filesets: [rtl]
    toplevel: {TOP}

  synth:
    description: Yosys for the part's family
    flow: generic
    flow_options:
      tool: yosys
      arch: xilinx
      yosys_synth_options: [-family, {family}, -flatten, -noiopad]
    filesets: [rtl]
    toplevel: {TOP}
",
        board = board.name,
        version = env!("CARGO_PKG_VERSION"),
        preset = config.name,
        hash = hash(config),
        family = board.family().name(),
    );
    text
}
