//! What follows from the table of records: constants, structs, encoder, decoder, generators.

use super::codes::codes;
use super::{CommandError, ErrorCode, RECORD_WORDS};
use crate::fields::{Field, FieldOverflow};
use crate::record_table;

codes! {
    /// What becomes of a drained tile.
    #[derive(Default)]
    Mode {
        /// Write to the feature buffer.
        #[default]
        Write = 0,
        /// Max-pool 3x3/2, then write.
        Pool = 1,
        /// Sum each channel over the pixels.
        Sum = 2,
    }
}

/// What a field of a record can hold.
trait FieldValue: Sized {
    /// The bits of a record that say it.
    fn into_bits(self) -> u64;

    /// The value of some bits of the field's width, if they have a meaning.
    fn from_bits(bits: u32) -> Option<Self>;
}

impl FieldValue for bool {
    fn into_bits(self) -> u64 {
        self.into()
    }

    fn from_bits(bits: u32) -> Option<bool> {
        Some(bits != 0)
    }
}

impl FieldValue for u8 {
    fn into_bits(self) -> u64 {
        self.into()
    }

    fn from_bits(bits: u32) -> Option<u8> {
        u8::try_from(bits).ok()
    }
}

impl FieldValue for u32 {
    fn into_bits(self) -> u64 {
        self.into()
    }

    fn from_bits(bits: u32) -> Option<u32> {
        Some(bits)
    }
}

impl FieldValue for Mode {
    fn into_bits(self) -> u64 {
        self as u64
    }

    fn from_bits(bits: u32) -> Option<Mode> {
        Mode::from_bits(u8::try_from(bits).ok()?)
    }
}

/// Reads a field; fails when its bits have no meaning.
fn read<T: FieldValue>(field: Field, words: &[u32; RECORD_WORDS]) -> Result<T, CommandError> {
    T::from_bits(field.get(words)).ok_or(CommandError::at(ErrorCode::BadField, field))
}

/// Any value that a field can hold, from random words.
fn random<T: FieldValue>(field: Field, next: &mut impl FnMut() -> u32) -> T {
    loop {
        if let Some(value) = T::from_bits(next() & field.max()) {
            return value;
        }
    }
}

/// A field of the table as a constant.
macro_rules! field {
    ($name:ident = $word:literal[$bit:literal], $doc:expr) => {
        Field::new(stringify!($name), $word, $bit, 1, $doc)
    };
    ($name:ident = $word:literal[$high:literal : $low:literal], $doc:expr) => {
        Field::new(stringify!($name), $word, $low, $high + 1 - $low, $doc)
    };
    ($name:ident = same $module:ident :: $constant:ident) => {
        super::$module::$constant
    };
}

/// Makes of the table: a module of constants for each record and one for what all have in common;
/// a struct for each record; the enums [`Opcode`] and [`Command`] with what depends on the kind.
macro_rules! records {
    (
        opcodes {$(
            $(#[$opcode_doc:meta])*
            $opcode:ident = $number:literal, $mnemonic:literal, $flag:ident, $heads:ident;
        )*}
        common {$(
            $common:ident $common_name:ident: $common_type:ident
                = $common_word:literal [$($common_bits:tt)*], $common_doc:literal;
        )*}
        $(
            $(#[$record_doc:meta])*
            $record:ident in $module:ident, $split:ident {$(
                $constant:ident $($name:ident)? $(($alias:ident as $signal:ident))?: $type:ident
                    = $($word:literal [$($bits:tt)*], $doc:literal)?
                    $(same $other:ident :: $same:ident)?;
            )*}
        )*
    ) => {
        codes! {
            /// Operation of a record, see [`common::OPCODE`].
            Opcode {$(
                $(#[$opcode_doc])*
                $opcode = $number,
            )*}
        }

        impl Opcode {
            /// Mnemonic in the disassembly.
            #[must_use]
            pub fn mnemonic(self) -> &'static str {
                match self {
                    $(Opcode::$opcode => $mnemonic,)*
                }
            }
        }

        /// Fields that all records have.
        pub mod common {
            use super::Field;
            $(
                #[doc = $common_doc]
                pub const $common: Field =
                    field!($common_name = $common_word[$($common_bits)*], $common_doc);
            )*
        }

        $(
            #[doc = concat!("Fields of [`super::", stringify!($record), "`].")]
            pub mod $module {
                use super::Field;
                $(
                    $(#[doc = $doc])?
                    $(#[doc = concat!(
                        "See [`super::", stringify!($other), "::", stringify!($same), "`]."
                    )])?
                    pub const $constant: Field = field!(
                        $($name)?$($alias)? = $($word[$($bits)*], $doc)? $(same $other::$same)?
                    );
                )*
                /// All fields.
                pub const FIELDS: &[Field] = &[$($constant),*];
            }

            $(#[$record_doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
            pub struct $record {$(
                #[doc = concat!(
                    "See [`", stringify!($module), "::", stringify!($constant), "`]."
                )]
                pub $($name)?$($alias)?: $type,
            )*}

            impl $record {
                /// Values in the order of the fields.
                fn values(self) -> Vec<u64> {
                    vec![$(self.$($name)?$($alias)?.into_bits()),*]
                }

                /// Fails when a field's bits have no meaning.
                fn read(words: &[u32; RECORD_WORDS]) -> Result<$record, CommandError> {
                    Ok($record {$($($name)?$($alias)?: read($module::$constant, words)?,)*})
                }

                /// Any values that the fields can hold; `next` gives random words.
                #[must_use]
                pub fn random(next: &mut impl FnMut() -> u32) -> $record {
                    $record {$($($name)?$($alias)?: random($module::$constant, next),)*}
                }
            }

            impl HasFields for $record {
                const FIELDS: &'static [Field] = $module::FIELDS;
            }
        )*

        /// A decoded record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Command {$(
            $(#[$opcode_doc])*
            $opcode($heads),
        )*}

        impl Command {
            /// The operation.
            #[must_use]
            pub fn opcode(&self) -> Opcode {
                match self {
                    $(Command::$opcode(_) => Opcode::$opcode,)*
                }
            }

            /// Fields of an opcode, without the common ones.
            #[must_use]
            pub fn fields(opcode: Opcode) -> &'static [Field] {
                match opcode {
                    $(Opcode::$opcode => <$heads as HasFields>::FIELDS,)*
                }
            }

            /// Any record of an operation, in or out of a configuration's ranges; `next` gives
            /// random words.
            #[must_use]
            pub fn random(opcode: Opcode, next: &mut impl FnMut() -> u32) -> Command {
                match opcode {
                    $(Opcode::$opcode => Command::$opcode($heads::random(next)),)*
                }
            }

            /// Field values in the order of [`Command::fields`].
            fn values(&self) -> Vec<u64> {
                match *self {
                    $(Command::$opcode(record) => record.values(),)*
                }
            }

            /// Reads the fields of an operation; fails when bits of one have no meaning.
            pub(super) fn read(
                opcode: Opcode,
                words: &[u32; RECORD_WORDS],
            ) -> Result<Command, CommandError> {
                Ok(match opcode {
                    $(Opcode::$opcode => Command::$opcode($heads::read(words)?),)*
                })
            }
        }
    };
}

/// The fields of a record's struct.
trait HasFields {
    const FIELDS: &'static [Field];
}

record_table!(records);

impl Command {
    /// Writes opcode and fields; fails when a value does not fit its field.
    pub(super) fn write(&self, words: &mut [u32; RECORD_WORDS]) -> Result<(), FieldOverflow> {
        common::OPCODE.set(words, self.opcode() as u64)?;
        for (field, value) in self.field_values() {
            field.set(words, value)?;
        }
        Ok(())
    }

    /// Each field with its value.
    fn field_values(&self) -> impl Iterator<Item = (&'static Field, u64)> {
        Command::fields(self.opcode()).iter().zip(self.values())
    }
}

/// One line of disassembly, as in `block count=222 in_base=0x100 ...`; zero fields are left out.
impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.opcode().mnemonic())?;
        for (field, value) in self.field_values() {
            match (field.width, value) {
                (_, 0) => {}
                (1, _) => write!(f, " {}", field.name)?,
                (20 | 32, _) => write!(f, " {}={value:#x}", field.name)?,
                _ => write!(f, " {}={value}", field.name)?,
            }
        }
        Ok(())
    }
}
