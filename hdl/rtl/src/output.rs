//! Output stage: the result packet on its way to the host.

use rust_hdl::prelude::*;

use crate::crc::Crc32x128;
use crate::drain::OUT_MARGIN;
use crate::mem::Fifo;

/// Beats that the output queue holds.
pub const OUTPUT_QUEUE: usize = 64;

/// Queues beats from the drain and from stores (never both in one cycle), completes the trailer
/// with CRC, sequence number and cycle count, and sends them on `m_axis`.
///
/// Beats must not come faster than `room` allows: it promises [`OUT_MARGIN`] beats. After `halt`
/// new beats are dropped, so that no result of a failed stream looks complete.
#[derive(LogicBlock)]
pub struct Output {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Empties the queue, restarts sequence numbers.
    pub reset: Signal<In, Bit>,
    /// Drops what comes.
    pub halt: Signal<In, Bit>,
    /// Beat from the drain.
    pub drain_valid: Signal<In, Bit>,
    /// The beat.
    pub drain_data: Signal<In, Bits<128>>,
    /// It is the trailer.
    pub drain_last: Signal<In, Bit>,
    /// Beat from a store.
    pub store_valid: Signal<In, Bit>,
    /// The beat.
    pub store_data: Signal<In, Bits<128>>,
    /// Register CYCLES, bits 31:0.
    pub cycles: Signal<In, Bits<32>>,
    /// There is room.
    pub room: Signal<Out, Bit>,
    /// Trailers sent.
    pub results: Signal<Out, Bits<32>>,
    /// A trailer is accepted.
    pub trailer_sent: Signal<Out, Bit>,
    /// Beat offered.
    pub m_valid: Signal<Out, Bit>,
    /// Beat accepted.
    pub m_ready: Signal<In, Bit>,
    /// The beat.
    pub m_data: Signal<Out, Bits<128>>,
    /// Last beat of the packet.
    pub m_last: Signal<Out, Bit>,
    queue: Fifo<129, 6, 7>,
    crc: Crc32x128,
    crc_state: DFF<Bits<32>>,
    sequence: DFF<Bits<32>>,
    sent: DFF<Bits<32>>,
    crc_final: Signal<Local, Bits<32>>,
    trailer: Signal<Local, Bits<128>>,
    beat: Signal<Local, Bits<128>>,
    pushes: Signal<Local, Bit>,
    ones: Constant<Bits<32>>,
    low_mark: Constant<Bits<7>>,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            clock: Default::default(),
            reset: Default::default(),
            halt: Default::default(),
            drain_valid: Default::default(),
            drain_data: Default::default(),
            drain_last: Default::default(),
            store_valid: Default::default(),
            store_data: Default::default(),
            cycles: Default::default(),
            room: Default::default(),
            results: Default::default(),
            trailer_sent: Default::default(),
            m_valid: Default::default(),
            m_ready: Default::default(),
            m_data: Default::default(),
            m_last: Default::default(),
            queue: Default::default(),
            crc: Default::default(),
            crc_state: Default::default(),
            sequence: Default::default(),
            sent: Default::default(),
            crc_final: Default::default(),
            trailer: Default::default(),
            beat: Default::default(),
            pushes: Default::default(),
            ones: Constant::new(0xffff_ffff.into()),
            low_mark: Constant::new(((OUTPUT_QUEUE - OUT_MARGIN) as u64).into()),
        }
    }
}

impl Logic for Output {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, crc_state, sequence, sent);
        self.queue.clock.next = self.clock.val();
        self.queue.reset.next = self.reset.val();
        self.crc_final.next = !self.crc_state.q.val();
        self.trailer.next = bit_cast::<128, 32>(self.crc_final.val())
            | (bit_cast::<128, 32>(self.sequence.q.val()) << 32)
            | (bit_cast::<128, 32>(self.drain_data.val().get_bits::<32>(64)) << 64)
            | (bit_cast::<128, 32>(self.cycles.val()) << 96);
        self.pushes.next = (self.drain_valid.val() | self.store_valid.val()) & (!self.halt.val());
        self.beat.next = self.drain_data.val();
        if self.store_valid.val() {
            self.beat.next = self.store_data.val();
        }
        if self.drain_valid.val() & self.drain_last.val() {
            self.beat.next = self.trailer.val();
        }
        self.crc.state.next = self.crc_state.q.val();
        self.crc.data.next = self.beat.val();
        self.crc.enable.next = self.pushes.val();
        if self.pushes.val() {
            self.crc_state.d.next = self.crc.result.val();
            if self.drain_valid.val() & self.drain_last.val() {
                self.crc_state.d.next = self.ones.val();
                self.sequence.d.next = self.sequence.q.val() + 1;
            }
        }
        self.queue.push.next = self.pushes.val();
        self.queue.push_data.next = bit_cast::<129, 128>(self.beat.val())
            | (bit_cast::<129, 1>(bit_cast::<1, 1>(
                (self.drain_valid.val() & self.drain_last.val()).into(),
            )) << 128);
        self.room.next = self.queue.count.val() <= self.low_mark.val();
        self.m_valid.next = self.queue.valid.val();
        self.m_data.next = self.queue.data.val().get_bits::<128>(0);
        self.m_last.next = self.queue.data.val().get_bit(128);
        self.queue.pop.next = self.m_ready.val();
        self.trailer_sent.next =
            self.queue.valid.val() & self.m_ready.val() & self.queue.data.val().get_bit(128);
        if self.queue.valid.val() & self.m_ready.val() & self.queue.data.val().get_bit(128) {
            self.sent.d.next = self.sent.q.val() + 1;
        }
        self.results.next = self.sent.q.val();
        if self.reset.val() {
            self.crc_state.d.next = self.ones.val();
            self.sequence.d.next = 0.into();
            self.sent.d.next = 0.into();
        }
    }
}
