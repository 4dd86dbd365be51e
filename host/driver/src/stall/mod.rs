//! An engine that stands still: at which record, and which unit is to blame.

mod place;
mod registers;

pub use place::{At, Places, Queues, UnitWork, records_of};
pub use registers::Registers;

use crate::program::Program;
use std::fmt;
use std::ops::Range;

/// One unit of the engine and the state it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Which one: `decoder`, `record queue`, `loader` and so on.
    pub name: &'static str,
    /// Its queue and state, in words.
    pub state: String,
}

/// What is known of a run that was given up, because it stood still or took far too long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stall {
    /// How that was noticed.
    pub reason: String,
    /// Bytes of the transfer that the engine took.
    pub sent: usize,
    /// Bytes of the transfer.
    pub transfer: usize,
    /// Bytes of the result.
    pub want: usize,
    /// The part of the result that came.
    pub partial: Vec<u8>,
    /// The unit that should go on and does not, and what it should do.
    pub suspect: Option<String>,
    /// What the registers say.
    pub registers: Registers,
    /// The records that the units are at.
    pub places: Places,
    /// State of each unit, if it can be looked into.
    pub units: Vec<Unit>,
    /// The cycles since power-up in which it came to a halt, if there is a simulated clock.
    pub cycles: Option<Range<u64>>,
}

impl Stall {
    /// Gives the layers their names, unless the transfer is not one of the program's pictures.
    pub(crate) fn name_layers(&mut self, program: &Program) {
        if self.transfer == program.input_bytes() {
            self.places.name_layers(program);
        }
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} of {} bytes sent, {} of {} received",
            self.reason,
            self.sent,
            self.transfer,
            self.partial.len(),
            self.want
        )?;
        if let Some(suspect) = &self.suspect {
            write!(f, "\n  suspect: {suspect}")?;
        }
        if let Some(cause) = self.registers.cause {
            write!(f, "\n  stall cause: {cause}")?;
        }
        write!(f, "{}\n  registers: {}", self.places, self.registers)?;
        for unit in &self.units {
            write!(f, "\n  {}: {}", unit.name, unit.state)?;
        }
        Ok(())
    }
}
