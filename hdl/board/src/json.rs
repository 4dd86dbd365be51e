//! The description in JSON: what the header has, for programs that read no C.

use firebrick_spec::board::{Limits, Link};
use firebrick_spec::command::{Command, ErrorCode, Opcode, RECORD_BYTES, common};
use firebrick_spec::docs::ports::{PORTS, TOP};
use firebrick_spec::fields::Field;
use firebrick_spec::regs::{self, Access};
use firebrick_spec::{ABI_VERSION, HwConfig};
use serde::Serialize;
use serde_json::{Value, json};

use crate::vivado::{DMA_RANGE, Settings};
use crate::{BoardFolder, VIVADO, hash, share};

fn access(access: Access) -> &'static str {
    match access {
        Access::ReadOnly => "read",
        Access::ReadWrite => "read-write",
        Access::Trigger => "write-1-to-trigger",
        Access::WriteOneToClear => "write-1-to-clear",
    }
}

fn field(field: &Field) -> Value {
    json!({
        "name": field.name, "word": field.word, "lsb": field.lsb, "width": field.width,
        "doc": field.doc,
    })
}

fn registers(config: &HwConfig) -> Vec<Value> {
    let identity = regs::identity(config);
    let one = |register: &regs::Register| {
        let bits: Vec<Value> = register
            .bits
            .iter()
            .map(|b| json!({"name": b.name, "lsb": b.lsb, "width": b.width, "doc": b.doc}))
            .collect();
        let fixed = identity.iter().find(|(other, _)| other == register);
        json!({
            "name": register.name, "offset": register.offset, "access": access(register.access),
            "doc": register.doc, "bits": bits, "value": fixed.map(|(_, value)| value),
        })
    };
    regs::ALL.iter().map(one).collect()
}

fn records() -> Vec<Value> {
    let one = |&opcode: &Opcode| {
        let fields: Vec<Value> = Command::fields(opcode).iter().map(field).collect();
        json!({"name": opcode.mnemonic(), "opcode": opcode as u8, "fields": fields})
    };
    Opcode::ALL.iter().map(one).collect()
}

#[derive(Serialize)]
struct Description<'a> {
    generator: &'a str,
    board: Value,
    vivado: &'a str,
    preset: &'a str,
    hash: String,
    abi: String,
    macs_per_cycle: usize,
    packed: bool,
    predicted: Value,
    top: &'a str,
    sources: &'a [String],
    ports: Vec<Value>,
    addresses: Value,
    /// Of several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    engines: Vec<Value>,
    registers: Vec<Value>,
    record_bytes: usize,
    record_fields: [Value; 2],
    records: Vec<Value>,
    errors: Vec<Value>,
}

/// One of several engines: its number is that of its channels and of its interrupt.
fn one(engine: usize, settings: &Settings) -> Value {
    let (registers, dma) = settings.addresses(engine);
    json!({"engine": engine, "registers": registers, "dma": dma})
}

/// The whole description.
pub fn json(
    board: &BoardFolder,
    config: &HwConfig,
    settings: &Settings,
    sources: &[String],
) -> String {
    let ports: Vec<Value> = PORTS
        .iter()
        .map(|p| {
            let direction = if p.output { "output" } else { "input" };
            json!({"name": p.name, "width": p.width, "direction": direction, "doc": p.doc})
        })
        .collect();
    let errors: Vec<Value> = ErrorCode::ALL
        .iter()
        .map(|&code| json!({"name": format!("{code:?}"), "code": code as u8, "doc": code.to_string()}))
        .collect();
    let share = share(board, settings.engines);
    let predicted = config.resources(&share);
    let limits = Limits::default();
    let description = Description {
        generator: concat!("firebrick ", env!("CARGO_PKG_VERSION")),
        board: json!({
            "name": board.name, "part": board.part, "lut": board.lut, "ff": board.ff,
            "dsp": board.dsp, "bram": board.bram, "uram": board.uram,
            "core_mhz": board.core_mhz,
            "limits": {
                "LUT": limits.lut, "FF": limits.ff, "DSP": limits.dsp, "BRAM": limits.bram,
                "URAM": limits.uram,
            },
            "link": match board.board().link { Link::Pcie => "xdma", Link::Zynq => "axi-dma" },
        }),
        vivado: VIVADO,
        preset: &config.name,
        hash: hash(config),
        abi: firebrick_spec::version(ABI_VERSION),
        macs_per_cycle: config.macs_per_cycle(),
        packed: config.packed,
        predicted: json!({
            "lut": predicted.lut, "ff": predicted.ff,
            "dsp": predicted.dsp, "bram": predicted.bram, "uram": predicted.uram,
            "uram_shared": predicted.uram_shared,
            "fabric_terms": config.fabric_terms(&config.ultra_memories(&share)),
        }),
        top: TOP,
        sources,
        ports,
        addresses: json!({
            "registers": settings.register_base, "register_bytes": regs::SPACE,
            "dma": settings.dma_base, "dma_bytes": settings.dma_base.map(|_| DMA_RANGE),
        }),
        engines: match settings.engines {
            1 => Vec::new(),
            engines => (0..engines).map(|engine| one(engine, settings)).collect(),
        },
        registers: registers(config),
        record_bytes: RECORD_BYTES,
        record_fields: [field(&common::OPCODE), field(&common::CRC)],
        records: records(),
        errors,
    };
    let text = serde_json::to_string_pretty(&description);
    text.expect("names and numbers can always be written") + "\n"
}
