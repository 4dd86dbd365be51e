//! Records split into their fields, as the table in `firebrick_spec` has them: no other block knows
//! where a field lies or which number an operation has.

use firebrick_spec::command::{Opcode, common};
use firebrick_spec::fields::Field;
use firebrick_spec::record_table;
use rust_hdl::prelude::*;

/// Bits of words 0 to 6, which are all of a record but its CRC.
pub const RECORD_BITS: usize = 32 * common::CRC.word;

/// First bit of a field in a record.
const fn first_bit(field: Field) -> usize {
    32 * field.word + field.lsb as usize
}

/// The Verilog of one output: some bits of `record`.
fn slice(name: &str, field: Field) -> String {
    let low = first_bit(field);
    match field.width {
        1 => format!("assign {name} = record[{low}];\n"),
        width => format!(
            "assign {name} = record[{}:{low}];\n",
            low + width as usize - 1
        ),
    }
}

/// The type of a field's signal.
macro_rules! wire {
    ($word:literal [$bit:literal]) => { Bit };
    ($word:literal [$high:literal : $low:literal]) => { Bits<{ $high + 1 - $low }> };
    (same $module:ident :: $constant:ident) => {
        Bits<{ firebrick_spec::command::$module::$constant.width as usize }>
    };
}

/// A field's value in a record.
macro_rules! value {
    ($record:expr, $field:expr, $word:literal [$bit:literal]) => {
        $record.get_bit(first_bit($field))
    };
    ($record:expr, $field:expr, $word:literal [$high:literal : $low:literal]) => {
        $record.get_bits::<{ $high + 1 - $low }>(first_bit($field))
    };
    ($record:expr, $field:expr, same $module:ident :: $constant:ident) => {
        $record.get_bits::<{ firebrick_spec::command::$module::$constant.width as usize }>(
            first_bit($field),
        )
    };
}

/// A block for each record that splits it, and one that tells the operations apart.
macro_rules! splits {
    (
        opcodes {$(
            $(#[$opcode_doc:meta])*
            $opcode:ident = $number:literal, $mnemonic:literal, $flag:ident, $heads:ident;
        )*}
        common {$($common:tt)*}
        $(
            $(#[$record_doc:meta])*
            $record:ident in $module:ident, $split:ident {$(
                $constant:ident $($name:ident)? $(($alias:ident as $signal:ident))?: $type:ident
                    = $($word:literal [$($bits:tt)*], $doc:literal)?
                    $(same $other:ident :: $same:ident)?;
            )*}
        )*
    ) => {
        /// What a record is, and what is common to all.
        #[derive(LogicBlock, Default)]
        pub struct RecordKind {
            /// Record, words 0 to 6.
            pub record: Signal<In, Bits<RECORD_BITS>>,
            $(
                $(#[$opcode_doc])*
                pub $flag: Signal<Out, Bit>,
            )*
            /// It is one of these.
            pub known: Signal<Out, Bit>,
            /// The payload's CRC-32, if there is a payload.
            pub payload_crc: Signal<Out, Bits<{ common::PAYLOAD_CRC.width as usize }>>,
        }

        impl Logic for RecordKind {
            fn update(&mut self) {
                let record = self.record.val();
                let opcode = record
                    .get_bits::<{ common::OPCODE.width as usize }>(first_bit(common::OPCODE))
                    .to_u64();
                $(self.$flag.next = opcode == Opcode::$opcode as u64;)*
                self.known.next = Opcode::from_bits(opcode as u8).is_some();
                self.payload_crc.next = record.get_bits(first_bit(common::PAYLOAD_CRC));
            }

            fn connect(&mut self) {
                $(self.$flag.connect();)*
                self.known.connect();
                self.payload_crc.connect();
            }

            fn hdl(&self) -> Verilog {
                let (low, width) = (first_bit(common::OPCODE), common::OPCODE.width as usize);
                let mut body = String::new();
                $(
                    body += &format!(
                        "assign {} = record[{}:{low}] == {width}'d{};\n",
                        stringify!($flag),
                        low + width - 1,
                        Opcode::$opcode as u8
                    );
                )*
                let flags = [$(stringify!($flag)),*];
                body += &format!("assign known = {};\n", flags.join(" | "));
                body += &slice("payload_crc", common::PAYLOAD_CRC);
                Verilog::Custom(body)
            }
        }

        $(
            #[doc = concat!("Fields of [`firebrick_spec::command::", stringify!($record), "`].")]
            #[derive(LogicBlock, Default)]
            pub struct $split {
                /// Record, words 0 to 6.
                pub record: Signal<In, Bits<RECORD_BITS>>,
                $(
                    #[doc = concat!(
                        "See [`firebrick_spec::command::",
                        stringify!($module), "::", stringify!($constant), "`]."
                    )]
                    pub $($name)?$($signal)?: Signal<
                        Out,
                        wire!($($word [$($bits)*])? $(same $other::$same)?),
                    >,
                )*
            }

            impl Logic for $split {
                fn update(&mut self) {
                    let record = self.record.val();
                    $(
                        self.$($name)?$($signal)?.next = value!(
                            record,
                            firebrick_spec::command::$module::$constant,
                            $($word [$($bits)*])? $(same $other::$same)?
                        );
                    )*
                }

                fn connect(&mut self) {
                    $(self.$($name)?$($signal)?.connect();)*
                }

                fn hdl(&self) -> Verilog {
                    let mut body = String::new();
                    $(body += &slice(
                        stringify!($($name)?$($signal)?),
                        firebrick_spec::command::$module::$constant,
                    );)*
                    Verilog::Custom(body)
                }
            }
        )*
    };
}

record_table!(splits);
