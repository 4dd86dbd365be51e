//! Feature buffer: all feature maps of an image, one channel group of one pixel a word.

use rust_hdl::prelude::*;

use crate::mem::Ram;

/// Cycles from a read address to its word.
pub const FEATURE_LATENCY: usize = 2;

/// One read and one write per cycle.
///
/// Reads: `read_data` is the word at `read_address` two cycles later, or zero if `read_mask` was
/// low; a masked address may be anything. Writes: the drain's always go through; the window
/// unit's are taken when `window_ready`. An unmasked access beyond the depth raises
/// `range_error` for a cycle; such a write is dropped. A word written in cycle t is seen by a
/// read whose address comes in cycle t + 1 or later.
#[derive(LogicBlock)]
pub struct FeatureBuffer {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Read address.
    pub read_address: Signal<In, Bits<20>>,
    /// Low for a pixel outside the map.
    pub read_mask: Signal<In, Bit>,
    /// Word read, channel 0 lowest.
    pub read_data: Signal<Out, Bits<128>>,
    /// The drain writes.
    pub drain_valid: Signal<In, Bit>,
    /// At this address.
    pub drain_address: Signal<In, Bits<20>>,
    /// This word.
    pub drain_data: Signal<In, Bits<128>>,
    /// The window unit writes.
    pub window_valid: Signal<In, Bit>,
    /// And may.
    pub window_ready: Signal<Out, Bit>,
    /// At this address.
    pub window_address: Signal<In, Bits<20>>,
    /// This word.
    pub window_data: Signal<In, Bits<128>>,
    /// An access beyond the depth.
    pub range_error: Signal<Out, Bit>,
    memory: Ram<128, 20>,
    mask_1: DFF<Bit>,
    data_2: DFF<Bits<128>>,
    error: DFF<Bit>,
    depth: Constant<Bits<21>>,
    writes: Signal<Local, Bit>,
    address: Signal<Local, Bits<20>>,
    read_wide: Signal<Local, Bits<21>>,
    write_wide: Signal<Local, Bits<21>>,
    read_high: Signal<Local, Bit>,
    write_high: Signal<Local, Bit>,
}

impl FeatureBuffer {
    /// A buffer of `depth` words, at most 2^20.
    #[must_use]
    pub fn new(depth: usize) -> Self {
        Self {
            clock: Default::default(),
            read_address: Default::default(),
            read_mask: Default::default(),
            read_data: Default::default(),
            drain_valid: Default::default(),
            drain_address: Default::default(),
            drain_data: Default::default(),
            window_valid: Default::default(),
            window_ready: Default::default(),
            window_address: Default::default(),
            window_data: Default::default(),
            range_error: Default::default(),
            memory: Ram::new(depth),
            mask_1: Default::default(),
            data_2: Default::default(),
            error: Default::default(),
            depth: Constant::new((depth as u64).into()),
            writes: Default::default(),
            address: Default::default(),
            read_wide: Default::default(),
            write_wide: Default::default(),
            read_high: Default::default(),
            write_high: Default::default(),
        }
    }
}

impl Logic for FeatureBuffer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, mask_1, data_2, error);
        self.memory.clock.next = self.clock.val();
        self.read_wide.next = bit_cast::<21, 20>(self.read_address.val());
        self.read_high.next = self.read_wide.val() >= self.depth.val();
        self.memory.read_address.next = self.read_address.val();
        self.memory.read_enable.next = self.read_mask.val();
        self.mask_1.d.next = self.read_mask.val();
        if self.mask_1.q.val() {
            self.data_2.d.next = self.memory.read_data.val();
        } else {
            self.data_2.d.next = 0.into();
        }
        self.read_data.next = self.data_2.q.val();

        self.window_ready.next = !self.drain_valid.val();
        self.address.next = self.window_address.val();
        self.memory.write_data.next = self.window_data.val();
        if self.drain_valid.val() {
            self.address.next = self.drain_address.val();
            self.memory.write_data.next = self.drain_data.val();
        }
        self.writes.next = self.drain_valid.val() | self.window_valid.val();
        self.write_wide.next = bit_cast::<21, 20>(self.address.val());
        self.write_high.next = self.write_wide.val() >= self.depth.val();
        self.memory.write_address.next = self.address.val();
        self.memory.write_enable.next = self.writes.val() & (!self.write_high.val());
        self.error.d.next = (self.writes.val() & self.write_high.val())
            | (self.read_mask.val() & self.read_high.val());
        self.range_error.next = self.error.q.val();
    }
}
