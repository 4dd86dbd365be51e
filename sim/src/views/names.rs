//! Numbers with names, each table made of the enum that gives the numbers.

use firebrick_rtl::decode::decoder::DecoderState;
use firebrick_spec::command::{ErrorCode, Mode, Opcode};
use firebrick_spec::regs;

/// Which table a signal's values are looked up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// States of the decoder.
    State,
    /// Operations of records.
    Opcode,
    /// Why a stream was refused.
    Error,
    /// What becomes of a tile.
    Mode,
    /// Why the array takes no vector.
    Cause,
}

/// A table of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What the viewers call it: a word, which is also the name of its file.
    pub name: &'static str,
    /// Width of the values in bits.
    pub bits: u32,
    /// Values and their names, which are words.
    pub values: Vec<(u64, String)>,
}

impl Names {
    const ALL: [Names; 5] = [
        Names::State,
        Names::Opcode,
        Names::Error,
        Names::Mode,
        Names::Cause,
    ];

    /// What such a value is.
    pub fn label(self) -> &'static str {
        self.name().trim_start_matches("firebrick_")
    }

    /// What the viewers call the table.
    pub fn name(self) -> &'static str {
        match self {
            Names::State => "firebrick_state",
            Names::Opcode => "firebrick_opcode",
            Names::Error => "firebrick_error",
            Names::Mode => "firebrick_mode",
            Names::Cause => "firebrick_cause",
        }
    }

    /// Width of the values in bits.
    pub fn bits(self) -> u32 {
        match self {
            Names::State | Names::Cause => 4,
            Names::Opcode | Names::Error => 8,
            Names::Mode => 2,
        }
    }

    fn values(self) -> Vec<(u64, String)> {
        match self {
            Names::State => (0..).zip(DecoderState::names()).collect(),
            Names::Opcode => {
                let all = Opcode::ALL.iter();
                all.map(|code| (*code as u64, code.mnemonic().to_owned()))
                    .collect()
            }
            Names::Error => {
                let all = ErrorCode::ALL.iter();
                let codes = all.map(|code| (*code as u64, format!("{code:?}")));
                std::iter::once((0, "none".to_owned()))
                    .chain(codes)
                    .collect()
            }
            Names::Mode => {
                let all = Mode::ALL.iter();
                all.map(|mode| (*mode as u64, format!("{mode:?}")))
                    .collect()
            }
            Names::Cause => {
                let named = |index: usize| {
                    let name = regs::COUNTERS[index].name.trim_end_matches("_LO");
                    (index as u64, name.to_lowercase())
                };
                regs::CAUSES.map(named).collect()
            }
        }
    }
}

/// All tables.
pub fn all() -> impl Iterator<Item = Table> {
    Names::ALL.into_iter().map(|names| Table {
        name: names.name(),
        bits: names.bits(),
        values: names.values(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_fit() {
        for table in all() {
            assert!(table.values.len() > 2, "{table:?}");
            for (value, name) in &table.values {
                assert_eq!(value >> table.bits, 0, "{table:?}");
                assert!(!name.contains(char::is_whitespace) && !name.is_empty());
            }
        }
        let states = Names::State.values();
        assert_eq!(states[DecoderState::Dead as usize].1, "Dead");
        assert_eq!(Names::Opcode.values()[0], (1, "hello".into()));
        assert_eq!(Names::Cause.values()[0], (1, "busy".into()));
    }
}
