//! Test benches for simulators that this crate does not drive: a self-checking one in plain
//! Verilog-2001, and one for cocotb that is written from the documents alone.

use firebrick_driver::hex;
use firebrick_spec::BEAT_BYTES;
use firebrick_spec::config::Family;
use firebrick_spec::{ABI_VERSION, HwConfig, MAGIC, regs};

use crate::primitives::DSP48;

/// Folder of the test bench below that of the generated files.
const FOLDER: &str = "testbench";
/// Folder of the bench for cocotb.
const COCOTB: &str = "cocotb";
/// Models of the DSP slices that a family's core instantiates, in the folder of the test bench.
const MODELS: &str = "dsp48.v";
/// Cycles that the bench allows for each one predicted, by default.
const PATIENCE: u64 = 20;

/// What the bench runs.
#[derive(Clone, Debug)]
pub struct Vectors<'a> {
    /// The transfer, in whole beats.
    pub transfer: &'a [u8],
    /// The result packet that it must give, in whole beats. The cycle count in its trailer is not
    /// compared.
    pub expect: &'a [u8],
    /// Cycles that this takes without idle cycles.
    pub cycles: u64,
}

/// The files of both benches, path and text. That in Verilog comes with its vectors and a Makefile for
/// Icarus and Verilator, and for a packed array of a family's slices with models of these. `list` is
/// the name of the list of Verilog files, in the folder above.
#[must_use]
pub fn testbench(
    config: &HwConfig,
    top: &str,
    list: &str,
    vectors: &Vectors<'_>,
) -> Vec<(String, String)> {
    let (transfer, expect) = ("transfer.hex", "expect.hex");
    let title = |what: &str| format!("Firebrick, configuration {}: {what}", config.name);
    let bench = include_str!("testbench/firebrick_tb.v.in");
    let hash = config.hash();
    let beats = vectors.transfer.len().max(vectors.expect.len()) / BEAT_BYTES;
    let offset = |register: regs::Register| format!("{:03x}", register.offset);
    let models = (config.packed && config.family != Family::Generic).then_some(MODELS);
    let marks = [
        ("@CONFIG@", config.name.clone()),
        ("@TOP@", top.to_owned()),
        ("@LIST@", list.to_owned()),
        ("@MODELS@", models.unwrap_or_default().to_owned()),
        ("@LIMIT@", (PATIENCE * vectors.cycles).to_string()),
        // Room for larger vectors of the user's own.
        (
            "@MOST@",
            (beats + 1).next_power_of_two().max(1 << 18).to_string(),
        ),
        ("@TRANSFER@", transfer.to_owned()),
        ("@EXPECT@", expect.to_owned()),
        ("@MAGIC_VALUE@", format!("{:08x}", MAGIC)),
        ("@ABI_VALUE@", format!("{ABI_VERSION:08x}")),
        ("@HASH_LO_VALUE@", format!("{:08x}", hash as u32)),
        ("@HASH_HI_VALUE@", format!("{:08x}", hash >> 32)),
        ("@MAGIC@", offset(regs::MAGIC)),
        ("@ABI@", offset(regs::ABI)),
        ("@HASH_LO@", offset(regs::HASH_LO)),
        ("@HASH_HI@", offset(regs::HASH_HI)),
        ("@STATUS@", offset(regs::STATUS)),
        ("@ERROR@", offset(regs::ERROR)),
    ];
    let fill = |text: &str| {
        (marks.iter()).fold(text.to_owned(), |text, (mark, with)| {
            text.replace(mark, with)
        })
    };
    let beats = |what, bytes| hex::beats(&title(what), bytes, BEAT_BYTES);
    let files = [
        ("firebrick_tb.v", fill(bench)),
        ("Makefile", fill(include_str!("testbench/Makefile.in"))),
        (transfer, beats("a transfer", vectors.transfer)),
        (expect, beats("the result of transfer.hex", vectors.expect)),
    ];
    let models = models.map(|name| (name, DSP48.to_owned()));
    let files = files.into_iter().chain(models);
    let files = files.map(|(name, text)| (format!("{FOLDER}/{name}"), text));
    let cocotb = cocotb().into_iter();
    let cocotb = cocotb.map(|(name, text)| (format!("{COCOTB}/{name}"), text));
    files.chain(cocotb).collect()
}

/// The bench for cocotb, with the page that it reads.
fn cocotb() -> [(&'static str, String); 6] {
    [
        ("Makefile", include_str!("../cocotb/Makefile").into()),
        ("commands.md", firebrick_spec::docs::commands_page()),
        (
            "documents.py",
            include_str!("../cocotb/documents.py").into(),
        ),
        ("engine.py", include_str!("../cocotb/engine.py").into()),
        ("streams.py", include_str!("../cocotb/streams.py").into()),
        (
            "test_firebrick.py",
            include_str!("../cocotb/test_firebrick.py").into(),
        ),
    ]
}
