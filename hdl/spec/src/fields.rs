//! Bit fields of 32-bit words: the form in which commands and registers are defined, so that
//! encoder, decoder, disassembler and documentation share one table.

/// A named run of bits within word `word` of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, as the documentation and the disassembler show it.
    pub name: &'static str,
    /// Index of the 32-bit word.
    pub word: usize,
    /// Least significant bit within the word.
    pub lsb: u32,
    /// Number of bits; `lsb + width` is at most 32.
    pub width: u32,
    /// One sentence on meaning, unit and range.
    pub doc: &'static str,
}

/// A value that its field cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} = {value} does not fit into {width} bits")]
pub struct FieldOverflow {
    /// Name of the field.
    pub field: &'static str,
    /// The value.
    pub value: u64,
    /// Width of the field.
    pub width: u32,
}

impl Field {
    /// Defines a field; used in constant tables.
    ///
    /// # Panics
    ///
    /// If `lsb + width` exceeds 32; at compile time when used in a constant.
    #[must_use]
    pub const fn new(
        name: &'static str,
        word: usize,
        lsb: u32,
        width: u32,
        doc: &'static str,
    ) -> Field {
        assert!(lsb + width <= 32);
        Field {
            name,
            word,
            lsb,
            width,
            doc,
        }
    }

    /// Largest value that the field can hold.
    #[must_use]
    pub const fn max(&self) -> u32 {
        if self.width == 32 {
            u32::MAX
        } else {
            (1 << self.width) - 1
        }
    }

    /// Reads the field from the words of a record.
    #[must_use]
    pub fn get(&self, words: &[u32]) -> u32 {
        (words[self.word] >> self.lsb) & self.max()
    }

    /// Writes the field and leaves its neighbours unchanged.
    ///
    /// # Errors
    ///
    /// If the value does not fit; the words are then unchanged.
    pub fn set(&self, words: &mut [u32], value: u64) -> Result<(), FieldOverflow> {
        if value > u64::from(self.max()) {
            return Err(FieldOverflow {
                field: self.name,
                value,
                width: self.width,
            });
        }
        let mask = self.max() << self.lsb;
        words[self.word] = (words[self.word] & !mask) | ((value as u32) << self.lsb);
        Ok(())
    }

    /// The position as text, as in `w1[19:0]`.
    #[must_use]
    pub fn position(&self) -> String {
        let (word, high, low) = (self.word, self.lsb + self.width - 1, self.lsb);
        if high == low {
            format!("w{word}[{low}]")
        } else {
            format!("w{word}[{high}:{low}]")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_keeps_its_neighbours() {
        let f = Field::new("f", 1, 4, 8, "");
        let mut words = [u32::MAX; 2];
        f.set(&mut words, 0x5a).unwrap();
        assert_eq!(words, [u32::MAX, 0xffff_f5af]);
        assert_eq!(f.get(&words), 0x5a);
        assert_eq!(f.position(), "w1[11:4]");
        assert!(f.set(&mut words, 256).is_err());
    }
}
