//! Max-pool 3x3/2 datapath.

use rust_hdl::prelude::*;

use crate::byte_max::ByteMax;
use crate::mem::Ram;

/// Cycles from `vector` to `pooled`.
pub const POOL_LATENCY: usize = 2;

/// Running maximum along a row, then down the rows through a line memory of `2^A` words.
///
/// A vector (sixteen u8, channel 0 in the low byte) arrives with `valid`, never in two
/// consecutive cycles; it and the flags that describe it must hold in the cycle after as well.
/// [`POOL_LATENCY`] cycles later `pooled` is the maximum of the window that ends in it, or the
/// vector itself if `plain`; it means something where both a row's and a column's window end,
/// and holds for two cycles.
///
/// `column_end` marks a vector in which a window ends horizontally (columns 2, 4, ..., and with
/// cut windows an odd last one); the word `line_address` of the line memory then carries the
/// maximum down the rows. An even row restarts it for the window below, so row 0 needs no mark.
/// Consecutive uses of one word must lie three vectors apart. No back-pressure.
#[derive(LogicBlock, Default)]
pub struct Pool<const A: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A vector arrives.
    pub valid: Signal<In, Bit>,
    /// The vector.
    pub vector: Signal<In, Bits<128>>,
    /// Passes the vector as it is.
    pub plain: Signal<In, Bit>,
    /// Its column is even.
    pub x_even: Signal<In, Bit>,
    /// Its row is even.
    pub y_even: Signal<In, Bit>,
    /// A window ends in its column.
    pub column_end: Signal<In, Bit>,
    /// Word of the line memory.
    pub line_address: Signal<In, Bits<A>>,
    /// Result.
    pub pooled: Signal<Out, Bits<128>>,
    horizontal: ByteMax,
    vertical: ByteMax,
    line: Ram<128, A>,
    run: DFF<Bits<128>>,
    valid_1: DFF<Bit>,
    store_1: DFF<Bit>,
    store_2: DFF<Bit>,
    y_even_2: DFF<Bit>,
    address_2: DFF<Bits<A>>,
}

impl<const A: usize> Logic for Pool<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, run, valid_1, store_1, store_2, y_even_2, address_2
        );
        self.horizontal.clock.next = self.clock.val();
        self.vertical.clock.next = self.clock.val();
        self.line.clock.next = self.clock.val();
        self.line.read_enable.next = true;

        // Cycle 0: along the row; the line memory is read.
        self.horizontal.enable.next = self.valid.val();
        self.horizontal.bypass.next = self.plain.val();
        self.horizontal.a.next = self.run.q.val();
        self.horizontal.b.next = self.vector.val();
        self.line.read_address.next = self.line_address.val();
        self.valid_1.d.next = self.valid.val();
        self.store_1.d.next = self.valid.val() & self.column_end.val();

        // Cycle 1: down the rows. An even column ends a window and starts the next.
        self.vertical.enable.next = self.valid_1.q.val();
        self.vertical.bypass.next = self.plain.val();
        self.vertical.a.next = self.line.read_data.val();
        self.vertical.b.next = self.horizontal.q.val();
        if self.valid_1.q.val() {
            self.run.d.next = self.horizontal.q.val();
            if self.x_even.val() {
                self.run.d.next = self.vector.val();
            }
        }
        self.store_2.d.next = self.store_1.q.val();
        self.y_even_2.d.next = self.y_even.val();
        self.address_2.d.next = self.line_address.val();

        // Cycle 2: the line memory is written. An even row ends a window and starts the next.
        self.line.write_enable.next = self.store_2.q.val();
        self.line.write_address.next = self.address_2.q.val();
        self.line.write_data.next = self.vertical.q.val();
        if self.y_even_2.q.val() {
            self.line.write_data.next = self.horizontal.q.val();
        }
        self.pooled.next = self.vertical.q.val();
    }
}
