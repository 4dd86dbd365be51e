//! The C header: registers, record fields, opcodes and error codes, from the one definition.

use std::fmt::Write as _;

use firebrick_spec::command::{Command, ErrorCode, Opcode, PARAM_BYTES, RECORD_BYTES, common};
use firebrick_spec::fields::Field;
use firebrick_spec::regs::{self, BitRange};
use firebrick_spec::{ABI_VERSION, HwConfig, MAGIC};

use crate::vivado::{DMA_RANGE, Settings};

/// `BadCrc` or `load_weights` as a C constant has it.
fn constant(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            out.push('_');
        }
        out.extend(c.to_uppercase());
    }
    out
}

fn define(out: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = writeln!(out, "#define FIREBRICK_{name} {value}");
}

fn comment(out: &mut String, text: &str) {
    let plain: Vec<&str> = text.split_whitespace().collect();
    let _ = writeln!(out, "\n/* {} */", plain.join(" "));
}

fn bits(out: &mut String, register: &str, bits: &BitRange) {
    let name = format!("{register}_{}", constant(bits.name));
    define(out, &format!("{name}_SHIFT"), bits.lsb);
    let mask = ((1u64 << bits.width) - 1) << bits.lsb;
    define(out, &format!("{name}_MASK"), format_args!("{mask:#010x}u"));
}

fn field(out: &mut String, record: &str, field: &Field) {
    let name = format!("{record}_{}", constant(field.name));
    define(out, &format!("{name}_WORD"), field.word);
    define(out, &format!("{name}_SHIFT"), field.lsb);
    define(out, &format!("{name}_WIDTH"), field.width);
}

/// The header; `settings` adds the addresses of a board.
pub fn header(settings: Option<&Settings>, config: &HwConfig) -> String {
    let mut out = String::from(
        "/* Firebrick: registers and commands, written by `firebrick generate`.\n \
         *\n \
         * Their meaning is in docs/registers.md and docs/commands.md of the repository. Needs\n \
         * nothing but a C preprocessor. */\n\
         #ifndef FIREBRICK_H\n#define FIREBRICK_H\n",
    );
    comment(&mut out, "What the core was generated for.");
    define(&mut out, "PRESET", format_args!("\"{}\"", config.name));
    define(&mut out, "MAGIC_VALUE", format_args!("{MAGIC:#010x}u"));
    define(
        &mut out,
        "ABI_VERSION",
        format_args!("{ABI_VERSION:#010x}u"),
    );
    define(&mut out, "HASH", format_args!("{:#018x}ull", config.hash()));
    for (register, value) in regs::identity(config) {
        define(
            &mut out,
            &format!("{}_RESET", register.name),
            format_args!("{value:#010x}u"),
        );
    }
    if let Some(settings) = settings {
        comment(
            &mut out,
            "Physical addresses of the block design; on PCIe, offsets in BAR 0.",
        );
        define(
            &mut out,
            "BASE",
            format_args!("{:#010x}u", settings.register_base),
        );
        if let Some(base) = settings.dma_base {
            define(&mut out, "DMA_BASE", format_args!("{base:#010x}u"));
            define(&mut out, "DMA_SPACE", format_args!("{DMA_RANGE:#x}u"));
        }
        if settings.engines > 1 {
            comment(
                &mut out,
                "Engines side by side, and bytes from the registers of one to those of the next.",
            );
            define(&mut out, "ENGINES", settings.engines);
            let stride = format_args!("{:#x}u", regs::ENGINE_STRIDE);
            define(&mut out, "ENGINE_STRIDE", stride);
        }
    }
    comment(&mut out, "Bytes of the register space.");
    define(&mut out, "SPACE", format_args!("{:#x}u", regs::SPACE));
    for register in regs::ALL {
        comment(&mut out, register.doc);
        define(
            &mut out,
            &format!("REG_{}", register.name),
            format_args!("{:#05x}u", register.offset),
        );
        for range in register.bits {
            bits(&mut out, register.name, range);
        }
    }
    comment(
        &mut out,
        "Records: eight 32-bit words, little-endian, some followed by a payload.",
    );
    define(&mut out, "RECORD_BYTES", RECORD_BYTES);
    define(&mut out, "PARAM_BYTES", PARAM_BYTES);
    for common in [common::OPCODE, common::CRC] {
        field(&mut out, "RECORD", &common);
    }
    for &opcode in Opcode::ALL {
        let name = constant(opcode.mnemonic());
        out.push('\n');
        define(
            &mut out,
            &format!("OP_{name}"),
            format_args!("{:#04x}u", opcode as u8),
        );
        for each in Command::fields(opcode) {
            field(&mut out, &name, each);
        }
    }
    comment(&mut out, "Error codes: field `code` of register ERROR.");
    for &code in ErrorCode::ALL {
        define(
            &mut out,
            &format!("ERR_{}", constant(&format!("{code:?}"))),
            code as u8,
        );
    }
    out.push_str("\n#endif\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_constants() {
        assert_eq!(constant("BadCrc"), "BAD_CRC");
        assert_eq!(constant("load_weights"), "LOAD_WEIGHTS");
    }
}
