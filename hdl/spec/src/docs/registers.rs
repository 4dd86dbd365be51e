//! `docs/registers.md`.

use super::ports::{PORTS, TOP};
use super::{cell, header};
use crate::config::PRESETS;
use crate::regs::{self, Access, Register};
use crate::{ABI_VERSION, HwConfig};
use std::fmt::Write as _;

/// The page on ports and registers, with the values of the default preset as an example.
#[must_use]
pub fn registers_page() -> String {
    let mut page = header("Ports and registers");
    page.push_str(include_str!("text/registers_intro.md"));
    page.push_str("\n## Ports\n\n");
    let _ = writeln!(page, "Top module `{TOP}`.\n");
    page.push_str("| Port | Direction | Bits | Meaning |\n|---|---|---:|---|\n");
    for port in PORTS {
        let direction = if port.output { "out" } else { "in" };
        let _ = writeln!(
            page,
            "| `{}` | {direction} | {} | {} |",
            port.name,
            port.width,
            cell(port.doc)
        );
    }
    page.push('\n');
    page.push_str(include_str!("text/registers_ports.md"));
    page.push_str("\n## Registers\n\n");
    page.push_str(include_str!("text/registers_access.md"));
    page.push('\n');
    summary(&mut page);
    for register in regs::ALL
        .iter()
        .filter(|register| !register.bits.is_empty())
    {
        divided(&mut page, register);
    }
    page.push_str("\n## Counters\n\n");
    page.push_str(include_str!("text/registers_counters.md"));
    page.push('\n');
    identity(&mut page);
    page.push('\n');
    page.push_str(include_str!("text/registers_drive.md"));
    page
}

fn access(access: Access) -> &'static str {
    match access {
        Access::ReadOnly => "read",
        Access::ReadWrite => "read, write",
        Access::Trigger => "write 1 to trigger, reads 0",
        Access::WriteOneToClear => "read, write 1 to clear",
    }
}

fn summary(page: &mut String) {
    page.push_str("| Offset | Name | Access | Meaning |\n|---:|---|---|---|\n");
    for register in regs::ALL {
        let _ = writeln!(
            page,
            "| `{:#05x}` | `{}` | {} | {} |",
            register.offset,
            register.name,
            access(register.access),
            cell(register.doc)
        );
    }
}

fn divided(page: &mut String, register: &Register) {
    let _ = writeln!(
        page,
        "\n### {} (`{:#05x}`)\n\n| Bits | Name | Meaning |\n|---:|---|---|",
        register.name, register.offset
    );
    for bits in register.bits {
        let high = bits.lsb + bits.width - 1;
        let range = if bits.width == 1 {
            high.to_string()
        } else {
            format!("{high}:{}", bits.lsb)
        };
        let _ = writeln!(page, "| {range} | `{}` | {} |", bits.name, cell(bits.doc));
    }
}

fn identity(page: &mut String) {
    let Some(config) = HwConfig::preset(crate::config::DEFAULT_PRESET) else {
        return;
    };
    let _ = writeln!(
        page,
        "## Identity\n\nWith ABI version {}.{}, preset `{}` reads:\n\n\
         | Offset | Name | Value |\n|---:|---|---:|",
        ABI_VERSION >> 16,
        ABI_VERSION & 0xffff,
        config.name
    );
    for (register, value) in regs::identity(&config) {
        let _ = writeln!(
            page,
            "| `{:#05x}` | `{}` | `{value:#010x}` |",
            register.offset, register.name
        );
    }
    let _ = writeln!(
        page,
        "\nThe hash is the first eight bytes, little-endian, of the SHA-256 of this text (each \
         line ends with a line feed):\n\n```text\n{}```",
        config.canonical()
    );
    page.push_str(
        "\nOf all presets:\n\n| Preset | `HASH_HI` | `HASH_LO` | `SHAPE` |\n|---|---:|---:|---:|\n",
    );
    for preset in PRESETS {
        for option in [
            "",
            "-packed",
            "-resident",
            "-packed-resident",
            "-wide",
            "-packed-wide",
            "-packed-xc7",
            "-packed-resident-xc7",
            "-packed-xcup",
            "-packed-resident-xcup",
        ] {
            let Some(config) = HwConfig::preset(&format!("{preset}{option}")) else {
                continue;
            };
            let value = |wanted: Register| {
                let found = regs::identity(&config).into_iter();
                found
                    .filter(|(register, _)| register.offset == wanted.offset)
                    .map(|(_, value)| value)
                    .sum::<u32>()
            };
            let _ = writeln!(
                page,
                "| `{}` | `{:#010x}` | `{:#010x}` | `{:#010x}` |",
                config.name,
                value(regs::HASH_HI),
                value(regs::HASH_LO),
                value(regs::SHAPE)
            );
        }
    }
}
