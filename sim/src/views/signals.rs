//! Which signals are shown, and how. A test looks for all of them in the Verilog of every preset.

use firebrick_rtl::top;

use super::names::Names;

/// How a value is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// A bit, or hexadecimal digits.
    Plain,
    /// A number.
    Number,
    /// A number of a counter that is held inverted.
    Inverted,
    /// A name.
    Named(Names),
    /// Its lowest bits alone, as a name, where the viewer can take them out.
    Low(Names),
}

/// A signal and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// Path of instances from the top module down.
    path: &'static str,
    /// As in the block's source; registers of the Verilog end in `_q`.
    name: &'static str,
    pub shown: Shown,
}

/// What Verilator calls the scope around the top module.
const SCOPE: &str = "TOP";

impl Signal {
    /// Names that it may have in the waveform.
    pub fn paths(&self) -> Vec<String> {
        let Signal { path, name, .. } = self;
        let dot = if path.is_empty() { "" } else { "." };
        ["_q", ""]
            .map(|end| format!("{SCOPE}.{}{dot}{path}.{name}{end}", top::TOP))
            .into()
    }
}

/// Signals of an instance, with how they are shown.
macro_rules! signals {
    ($($path:literal { $($name:literal $(as $shown:expr)?),* $(,)? })*) => {
        &[$($(Signal { path: $path, name: $name, shown: signals!(@ $($shown)?) },)*)*]
    };
    (@) => { Shown::Plain };
    (@ $shown:expr) => { $shown };
}

use Shown::{Inverted, Low, Named, Number};

/// The groups, each with a name of one word, and their signals.
pub const GROUPS: &[(&str, &[Signal])] = &[
    (
        "streams",
        signals! {
            "" {
                "aclk",
                "s_axis_tvalid", "s_axis_tready", "s_axis_tlast", "s_axis_tdata",
                "m_axis_tvalid", "m_axis_tready", "m_axis_tlast", "m_axis_tdata",
                "irq",
            }
            "core.output_stage.queue" { "level" as Number }
        },
    ),
    (
        "decoder",
        signals! {
            "core.decoder" {
                "state" as Named(Names::State),
                "index" as Number,
                "low" as Low(Names::Opcode),
                "is_hello", "is_weights", "is_sparse", "is_params", "is_rows", "is_block", "is_store", "is_end",
                "beats" as Inverted,
                "reads" as Number,
                "drains" as Number,
                "free", "queue_push", "error",
                "error_code" as Named(Names::Error),
            }
            "core.registers" { "error" as Low(Names::Error) }
            "core.window" { "busy", "strip_done", "out_valid_0", "out_address_0" as Number, "out_data_0" }
            "core.window.unpack" { "rows_in" as Inverted }
        },
    ),
    (
        "sequencer",
        signals! {
            "core.queue" { "level" as Number }
            "core.passes" {
                "have",
                "held" as Low(Names::Opcode),
                "is_block", "is_store", "is_end",
                "groups" as Inverted,
                "row" as Number,
                "column" as Number,
            }
            "core.streamer" {
                "cause" as Named(Names::Cause),
                "layer" as Number,
                "running", "storing",
                "not_remaining" as Inverted,
                "x_0" as Number,
                "y_0" as Number,
                "read_valid",
                "read_address" as Number,
                "swap", "strips" as Number,
                "tiles" as Number,
            }
            "core.weight_jobs" { "level" as Number }
            "core.loader" { "active", "reading", "pending", "block" as Number, "passes" as Inverted }
        },
    ),
    (
        "lane_0",
        signals! {
            "core.lanes_0" {
                "x_in", "swap_in", "load_in", "w_in",
                "tag_valid", "tag_first", "tag_bank", "tag_address" as Number,
                "psums",
                "drain_read", "drain_bank", "drain_address" as Number, "drain_grant",
                "drain_words_0",
            }
        },
    ),
    (
        "drain",
        signals! {
            "core.jobs" { "level" as Number }
            "core" {
                "released" as Number,
                "job_block_mode" as Named(Names::Mode),
            }
            "core.drain.reader" {
                "active",
                "not_remaining" as Inverted,
                "fire", "first", "last",
            }
            "core.drain" {
                "param_raddr" as Number,
                "gather_vector_0",
                "place_valid",
                "fw_valid_0", "fw_addr_0" as Number, "fw_data_0",
                "out_room", "out_valid", "out_last", "out_data",
                "drained", "range_error",
            }
        },
    ),
];
