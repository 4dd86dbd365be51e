//! The blocks that split records, in Verilog: every field of every record where the specification
//! has it, and every operation under its number.

use std::fmt::Write as _;

use firebrick_rtl::decode::record::{
    BlockFields, EndFields, HelloFields, LoadFields, LoadSparseFields, RecordKind, RowsFields,
    StoreFields,
};
use firebrick_rtl::emit::emit_block;
use firebrick_sim::{Builder, Model};
use firebrick_spec::command::{
    Command, Opcode, RECORD_WORDS, block, common, end, hello, load, load_sparse, rows, store,
};
use firebrick_spec::fields::Field;
use rand::Rng;
use rust_hdl::prelude::Block;

use crate::support::{design, random};

/// One module with all of them side by side, an output for each of theirs.
#[derive(Default)]
struct Wrapper {
    modules: String,
    ports: String,
    body: String,
}

impl Wrapper {
    fn add<B: Block>(&mut self, name: &str, leaf: B, outputs: &[(String, u32)]) {
        self.modules += &emit_block(leaf, name).expect("the block can be emitted");
        let mut pins = String::new();
        for (output, width) in outputs {
            let _ = write!(
                self.ports,
                ",\n    output wire [{}:0] {name}_{output}",
                width - 1
            );
            let _ = write!(pins, ", .{output}({name}_{output})");
        }
        let _ = writeln!(
            self.body,
            "    {name} {name}_split (.record(record){pins});"
        );
    }

    fn text(&self) -> String {
        format!(
            "{}\nmodule all_records (\n    input wire [223:0] record{}\n);\n{}endmodule\n",
            self.modules, self.ports, self.body
        )
    }
}

/// The output that holds a field: `wait` is a keyword in Verilog.
fn output(field: &Field) -> &'static str {
    match field.name {
        "wait" => "limit",
        name => name,
    }
}

fn outputs(fields: &[Field]) -> Vec<(String, u32)> {
    fields
        .iter()
        .map(|field| (output(field).to_owned(), field.width))
        .collect()
}

/// The operation's own output.
fn flag(opcode: Opcode) -> String {
    format!("is_{}", opcode.mnemonic())
}

#[test]
fn every_field_is_where_the_specification_has_it() {
    let all: [(&str, &[Field]); 7] = [
        ("hello", hello::FIELDS),
        ("load", load::FIELDS),
        ("load_sparse", load_sparse::FIELDS),
        ("rows", rows::FIELDS),
        ("tile", block::FIELDS),
        ("store", store::FIELDS),
        ("last", end::FIELDS),
    ];
    let mut wrapper = Wrapper::default();
    wrapper.add("hello", HelloFields::default(), &outputs(all[0].1));
    wrapper.add("load", LoadFields::default(), &outputs(all[1].1));
    wrapper.add(
        "load_sparse",
        LoadSparseFields::default(),
        &outputs(all[2].1),
    );
    wrapper.add("rows", RowsFields::default(), &outputs(all[3].1));
    wrapper.add("tile", BlockFields::default(), &outputs(all[4].1));
    wrapper.add("store", StoreFields::default(), &outputs(all[5].1));
    wrapper.add("last", EndFields::default(), &outputs(all[6].1));
    let mut kinds: Vec<_> = Opcode::ALL.iter().map(|&o| (flag(o), 1)).collect();
    kinds.push(("known".into(), 1));
    kinds.push(("payload_crc".into(), common::PAYLOAD_CRC.width));
    wrapper.add("kind", RecordKind::default(), &kinds);

    let built = Builder::new()
        .build(&design("all_records", wrapper.text()))
        .expect("the blocks build");
    let mut model = Model::load(&built, 1).expect("loads");
    let record = model.port("record").expect("a port");
    let mut rng = random(14);
    for round in 0..2000 {
        // Records, their neighbours by a bit, and noise.
        let opcode = Opcode::ALL[rng.random_range(0..Opcode::ALL.len())];
        let command = Command::random(opcode, &mut || rng.random());
        let mut words = command.encode().expect("fields fit");
        match round % 4 {
            0 => words = rng.random(),
            1 => words[rng.random_range(0..RECORD_WORDS)] ^= 1 << rng.random_range(0..32),
            _ => {}
        }
        model.set_words(record, &words[..RECORD_WORDS - 1]);
        model.eval().expect("evaluates");
        let get = |name: String| {
            let port = model.port(&name).expect("a port");
            model.get(port)
        };
        for (name, fields) in all {
            for field in fields {
                let got = get(format!("{name}_{}", output(field)));
                let want = u64::from(field.get(&words));
                assert_eq!(got, want, "{name} {} of {words:x?}", field.name);
            }
        }
        let kind = Opcode::from_bits(common::OPCODE.get(&words) as u8);
        for &opcode in Opcode::ALL {
            let got = get(format!("kind_{}", flag(opcode))) != 0;
            assert_eq!(got, kind == Some(opcode), "{opcode:?} in {words:x?}");
        }
        assert_eq!(get("kind_known".into()) != 0, kind.is_some(), "{words:x?}");
        let payload_crc = u64::from(common::PAYLOAD_CRC.get(&words));
        assert_eq!(get("kind_payload_crc".into()), payload_crc, "{words:x?}");
    }
}
