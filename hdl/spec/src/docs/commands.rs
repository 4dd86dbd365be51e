//! `docs/commands.md`.

use super::example::Example;
use super::{cell, constant_name, header};
use crate::BEAT_BYTES;
use crate::HwConfig;
use crate::command::{Command, ErrorCode, Opcode, common};
use crate::fields::Field;
use crate::resources::MemoryKind;
use std::fmt::Write as _;

/// The page on the command stream and the result packet.
#[must_use]
pub fn commands_page() -> String {
    let mut page = header("Commands and results");
    page.push_str(include_str!("text/commands_intro.md"));
    page.push_str("\n## Memories\n\n");
    memories(&mut page);
    page.push('\n');
    page.push_str(include_str!("text/commands_order.md"));
    page.push_str("\n## Records\n\n| Opcode | Record | Payload |\n|---:|---|---|\n");
    for &opcode in Opcode::ALL {
        let _ = writeln!(
            page,
            "| `{:#04x}` | `{}` | {} |",
            opcode as u8,
            opcode.mnemonic(),
            payload(opcode)
        );
    }
    page.push_str("\nFields of every record:\n\n");
    fields(
        &mut page,
        &[common::OPCODE, common::PAYLOAD_CRC, common::CRC],
    );
    for &opcode in Opcode::ALL {
        let _ = writeln!(
            page,
            "\n### {} (`{:#04x}`)\n",
            opcode.mnemonic(),
            opcode as u8
        );
        page.push_str(prose(opcode));
        page.push('\n');
        fields(&mut page, Command::fields(opcode));
    }
    page.push('\n');
    page.push_str(include_str!("text/commands_arithmetic.md"));
    page.push('\n');
    page.push_str(include_str!("text/commands_result.md"));
    page.push_str("\n## Errors\n\n| Code | Name | Meaning |\n|---:|---|---|\n");
    for &code in ErrorCode::ALL {
        let _ = writeln!(
            page,
            "| {} | `{}` | {} |",
            code as u8,
            constant_name(&format!("{code:?}")),
            cell(&code.to_string())
        );
    }
    page.push('\n');
    page.push_str(include_str!("text/commands_errors.md"));
    page.push('\n');
    if let Some(config) = HwConfig::preset(crate::config::DEFAULT_PRESET) {
        worked_example(&mut page, &config);
    }
    page
}

fn prose(opcode: Opcode) -> &'static str {
    match opcode {
        Opcode::Hello => include_str!("text/record_hello.md"),
        Opcode::LoadWeights => include_str!("text/record_load_weights.md"),
        Opcode::LoadSparse => include_str!("text/record_load_sparse.md"),
        Opcode::LoadParams => include_str!("text/record_load_params.md"),
        Opcode::Rows => include_str!("text/record_rows.md"),
        Opcode::Block => include_str!("text/record_block.md"),
        Opcode::Store => include_str!("text/record_store.md"),
        Opcode::End => include_str!("text/record_end.md"),
    }
}

fn payload(opcode: Opcode) -> &'static str {
    match opcode {
        Opcode::LoadWeights => "`count` x `tile` x `tile` bytes",
        Opcode::LoadSparse => "`beats` beats",
        Opcode::LoadParams => "`count` x `tile` x 8 bytes",
        Opcode::Rows => "`rows` x (3 x `width` bytes, rounded up to whole beats)",
        _ => "none",
    }
}

fn fields(page: &mut String, fields: &[Field]) {
    page.push_str("| Bits | Field | Meaning |\n|---|---|---|\n");
    for field in fields {
        let _ = writeln!(
            page,
            "| `{}` | `{}` | {} |",
            field.position(),
            field.name,
            cell(field.doc)
        );
    }
}

fn memories(page: &mut String) {
    page.push_str(include_str!("text/commands_memories.md"));
    page.push_str(
        "\n| Memory | Entry | Entries | Figure | In the default preset |\n|---|---|---|---|---:|\n",
    );
    let Some(c) = HwConfig::preset(crate::config::DEFAULT_PRESET) else {
        return;
    };
    for (memory, entry, entries, figure, value) in [
        (
            MemoryKind::Features.name(),
            "word: `tile` bytes",
            "one channel group of one pixel",
            "feature_words",
            c.feature_words,
        ),
        (
            MemoryKind::Weights.name(),
            "block: `tile` x `tile` bytes",
            "one pass of the array",
            "weight_blocks",
            c.weight_blocks,
        ),
        (
            MemoryKind::Parameters.name(),
            "group: `tile` x 8 bytes",
            "one output group",
            "param_groups",
            c.param_groups,
        ),
        (
            "accumulators (each of 2 banks)",
            "vector: `tile` x i32",
            "one pixel of a tile",
            "acc_depth",
            c.acc_depth,
        ),
        (
            MemoryKind::PoolingLines.name(),
            "word: `tile` bytes",
            "one column of a pooled row",
            "line_words",
            c.line_words,
        ),
        (
            MemoryKind::WindowRows.name(),
            "pixel: 3 bytes",
            "widest picture",
            "window_width",
            c.window_width,
        ),
        (
            "record queue",
            "record",
            "block, store, end",
            "block_queue",
            c.block_queue,
        ),
    ] {
        let _ = writeln!(
            page,
            "| {memory} | {entry} | {entries} | `{figure}` | {value} |"
        );
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn worked_example(page: &mut String, config: &HwConfig) {
    let example = Example::new(config);
    page.push_str(include_str!("text/commands_example.md"));
    page.push_str("\n```text\n");
    for (command, payload) in &example.records {
        let _ = writeln!(page, "# {command}");
        for beat in Example::record_bytes(command, payload).chunks(BEAT_BYTES) {
            let _ = writeln!(page, "{}", hex(beat));
        }
        for beat in payload.chunks(BEAT_BYTES) {
            let _ = writeln!(page, "{}", hex(beat));
        }
    }
    let _ = writeln!(
        page,
        "```\n\nThe answer is two beats. The first is the stored word:\n\n```text\n{}\n```\n\n\
         The second is the trailer: CRC `{:#010x}` (bytes `{}`), sequence number 0 after a reset, \
         tag `{:#x}`, and the cycle count, which is not fixed.",
        hex(&example.body),
        crate::result::packet_crc(&example.body),
        hex(&crate::result::packet_crc(&example.body).to_le_bytes()),
        Example::TAG,
    );
}
