//! The window unit's output: which words are offered, and to which banks.

use std::collections::VecDeque;

use firebrick_spec::HwConfig;
use firebrick_spec::command::Rows;
use firebrick_spec::latency::SLICE_WORDS;

/// Most words offered together.
const ENTRIES: usize = 4;

/// Mirrors `window_place.rs` of the hardware, with the feature buffer's choice.
#[derive(Clone, Debug)]
pub(super) struct WindowPlace {
    tile: u32,
    /// Entries.
    entries: usize,
    /// Words of a window offered together.
    group: u32,
    bank_mask: u32,
    /// Entries offered.
    pending: [bool; ENTRIES],
    address: [u32; ENTRIES],
    /// Words in the register slices behind, by their addresses.
    slices: [VecDeque<u32>; ENTRIES],
    /// Words of a window from this group on, and of a whole one.
    left: u32,
    words: u32,
    paired: bool,
    /// Address of word 0 of the next window.
    ahead: u32,
    plane: u32,
    gap: u32,
}

/// What becomes of the words on offer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// Entries that stay, as their slice is full.
    stays: [bool; ENTRIES],
    /// Slices whose word goes into the feature buffer.
    leaves: [bool; ENTRIES],
    /// On to the next group.
    onward: bool,
    /// The next windows may come.
    pub free: bool,
}

impl WindowPlace {
    pub fn new(config: &HwConfig) -> WindowPlace {
        let entries = config.window_words();
        WindowPlace {
            tile: config.tile as u32,
            entries,
            group: entries.min(2) as u32,
            bank_mask: config.lanes as u32 - 1,
            pending: [false; ENTRIES],
            address: [0; ENTRIES],
            slices: Default::default(),
            left: 0,
            words: 0,
            paired: false,
            ahead: 0,
            plane: 0,
            gap: 0,
        }
    }

    pub fn start(&mut self, rows: &Rows) {
        self.words = (3 * rows.kernel * rows.kernel).div_ceil(self.tile);
        (self.ahead, self.plane, self.gap) = (rows.base, rows.plane, rows.gap);
    }

    /// Words are there, or on their way out.
    pub fn busy(&self) -> bool {
        self.any() || self.offers()
    }

    /// Words are offered to the feature buffer.
    pub fn offers(&self) -> bool {
        self.slices.iter().any(|slice| !slice.is_empty())
    }

    fn any(&self) -> bool {
        self.pending != [false; ENTRIES]
    }

    /// Which words are taken, if the drain writes to the banks `written`: those of other banks,
    /// one for each bank.
    pub fn take(&self, written: u8) -> Taken {
        let mut used = written;
        let (mut stays, mut leaves) = ([false; ENTRIES], [false; ENTRIES]);
        for (entry, slice) in self.slices.iter().enumerate() {
            stays[entry] = self.pending[entry] && slice.len() == SLICE_WORDS;
            if let Some(address) = slice.front() {
                let bank = 1 << (address & self.bank_mask);
                leaves[entry] = used & bank == 0;
                used |= bank;
            }
        }
        let waits = stays != [false; ENTRIES];
        let last_group = self.left <= self.group;
        Taken {
            stays,
            leaves,
            onward: self.any() && !waits && !last_group,
            free: !self.any() || (!waits && last_group),
        }
    }

    /// One cycle: `load` begins with the next window, or with the next two.
    pub fn step(&mut self, taken: Taken, load: Option<bool>, row_end: bool) {
        for (entry, slice) in self.slices.iter_mut().enumerate() {
            if taken.leaves[entry] {
                slice.pop_front();
            }
            if self.pending[entry] && !taken.stays[entry] {
                slice.push_back(self.address[entry]);
            }
        }
        self.pending = taken.stays;
        if taken.onward {
            self.left -= self.group;
            for address in &mut self.address {
                *address = address.wrapping_add(self.group * self.plane);
            }
            self.offer(self.left);
        }
        if let Some(pair) = load {
            self.left = self.words;
            self.paired = pair;
            let second = self.ahead.wrapping_add(self.plane);
            self.address = [
                self.ahead,
                second,
                self.ahead.wrapping_add(1),
                second.wrapping_add(1),
            ];
            self.offer(self.words);
            self.ahead = self.ahead.wrapping_add(1 + u32::from(pair));
        }
        if row_end {
            self.ahead = self.ahead.wrapping_add(self.gap);
        }
    }

    /// Offers a group of windows that have `left` words left.
    fn offer(&mut self, left: u32) {
        let second = self.entries >= 2 && left >= 2;
        let pair = self.entries == 4 && self.paired;
        self.pending = [true, second, pair, pair && second];
    }
}
