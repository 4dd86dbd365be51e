//! Registers that are memory: the emulator shows values there, and looks for what somebody wrote.

use super::map::SharedMap;

/// A mapped block of registers and what was last shown in it.
#[derive(Debug)]
pub struct RegisterBlock {
    map: SharedMap,
    shown: Vec<u32>,
}

/// A value that somebody wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Byte offset of the register.
    pub offset: u32,
    /// The value.
    pub value: u32,
}

impl RegisterBlock {
    /// A window that shows zeros.
    pub fn new(map: SharedMap) -> RegisterBlock {
        let words = map.words();
        (0..words).for_each(|index| map.store(index, 0));
        RegisterBlock {
            map,
            shown: vec![0; words],
        }
    }

    /// What was written since the last look, in the order of the offsets.
    pub fn written(&self) -> Vec<Written> {
        let words = (0..).zip(&self.shown);
        words
            .filter_map(|(index, shown)| {
                let value = self.map.load(index);
                (value != *shown).then_some(Written {
                    offset: 4 * index as u32,
                    value,
                })
            })
            .collect()
    }

    /// The value shown at an offset.
    pub fn shown(&self, offset: u32) -> u32 {
        self.shown.get(offset as usize / 4).copied().unwrap_or(0)
    }

    /// Shows a value, unless somebody wrote there meanwhile: that is to be looked at first.
    pub fn update(&mut self, offset: u32, value: u32) {
        let index = offset as usize / 4;
        if let Some(shown) = self.shown.get_mut(index)
            && *shown != value
            && self.map.replace(index, *shown, value)
        {
            *shown = value;
        }
    }

    /// Shows a value in place of what was written.
    pub fn answer(&mut self, written: Written, value: u32) {
        let index = written.offset as usize / 4;
        // Somebody may have written again: then that is to be looked at, too.
        if let Some(shown) = self.shown.get_mut(index) {
            self.map.replace(index, written.value, value);
            *shown = value;
        }
    }

    /// Shows a value everywhere, whatever was written.
    pub fn fill(&mut self, value: u32) {
        for (index, shown) in self.shown.iter_mut().enumerate() {
            self.map.store(index, value);
            *shown = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_written_is_overlooked() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(64).unwrap();
        let other = SharedMap::new(&file).unwrap();
        let mut window = RegisterBlock::new(SharedMap::new(&file).unwrap());
        window.update(8, 5);
        assert_eq!((other.load(2), window.written()), (5, vec![]));
        other.store(2, 6);
        window.update(8, 7);
        let written = Written {
            offset: 8,
            value: 6,
        };
        assert_eq!((other.load(2), window.written()), (6, vec![written]));
        other.store(2, 9);
        window.answer(written, 7);
        assert_eq!(window.written()[0].value, 9);
        window.answer(window.written()[0], 7);
        assert_eq!((other.load(2), window.written()), (7, vec![]));
        window.fill(u32::MAX);
        assert_eq!((other.load(15), window.written()), (u32::MAX, vec![]));
    }
}
