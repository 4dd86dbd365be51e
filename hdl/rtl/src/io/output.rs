//! Output stage: the result packet on its way to the host.

use crate::common::words::{Beat, Word};
use firebrick_spec::BEAT_BITS;
pub use firebrick_spec::latency::{OUT_MARGIN, OUTPUT_QUEUE};
use rust_hdl::prelude::*;

use crate::common::mem::Fifo;
use crate::decode::crc::Crc32x128;

/// Queues beats from the drain and from stores (never both in one cycle), completes the trailer
/// with CRC, sequence number and cycle count, and sends them on `m_axis`.
///
/// Beats must not come faster than `room` allows: it promises [`OUT_MARGIN`] beats.
///
/// After a fault the results of the streams before the one at fault still come out, and what
/// comes after them is dropped, so that no result of a failed stream looks complete. Which stream
/// is at fault follows from where the fault was found, and from the ends that have come so far.
///
/// A soft reset drops what is queued, but breaks no rule of AXI4-Stream: a beat that is offered
/// stays until it is taken, and a packet of which a beat has been or will be taken is closed by
/// a beat of ones with `m_last`. `aborting` is high until then.
#[derive(LogicBlock)]
pub struct Output {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Restarts sequence numbers, drops what is queued.
    pub reset: Signal<In, Bit>,
    /// With `reset`: drops also what is offered, and closes no packet.
    pub hard: Signal<In, Bit>,
    /// An end record was accepted.
    pub end_accepted: Signal<In, Bit>,
    /// An end record went to the drain.
    pub end_begun: Signal<In, Bit>,
    /// A fault of the stream that is being decoded: the next one whose end is accepted.
    pub input_fault: Signal<In, Bit>,
    /// A fault of the stream that is being computed: the next one whose end goes to the drain.
    pub read_fault: Signal<In, Bit>,
    /// A fault of the stream that is being drained.
    pub drain_fault: Signal<In, Bit>,
    /// Beat from the drain.
    pub drain_valid: Signal<In, Bit>,
    /// The beat.
    pub drain_data: Signal<In, Beat>,
    /// It is the trailer.
    pub drain_last: Signal<In, Bit>,
    /// Beat from a store.
    pub store_valid: Signal<In, Bit>,
    /// The beat.
    pub store_data: Signal<In, Word>,
    /// Register CYCLES, bits 31:0.
    pub cycles: Signal<In, Bits<32>>,
    /// There was room a cycle ago.
    pub room: Signal<Out, Bit>,
    /// Trailers sent.
    pub results: Signal<Out, Bits<32>>,
    /// A trailer is accepted.
    pub trailer_sent: Signal<Out, Bit>,
    /// Something from before a soft reset is not yet accepted.
    pub aborting: Signal<Out, Bit>,
    /// After a fault: results of the streams before it have not been framed.
    pub owing: Signal<Out, Bit>,
    /// Beat offered.
    pub m_valid: Signal<Out, Bit>,
    /// Beat accepted.
    pub m_ready: Signal<In, Bit>,
    /// The beat.
    pub m_data: Signal<Out, Beat>,
    /// Last beat of the packet.
    pub m_last: Signal<Out, Bit>,
    queue: Fifo<129, 6, 7>,
    // What came, a cycle later.
    comes: DFF<Bit>,
    ends: DFF<Bit>,
    beat_1: DFF<Beat>,
    // What of it goes on.
    goes: DFF<Bit>,
    closes: DFF<Bit>,
    beat_2: DFF<Beat>,
    accepted_1: DFF<Bit>,
    begun_1: DFF<Bit>,
    input_fault_1: DFF<Bit>,
    read_fault_1: DFF<Bit>,
    drain_fault_1: DFF<Bit>,
    roomy: DFF<Bit>,
    crc: Crc32x128,
    crc_state: DFF<Bits<32>>,
    sequence: DFF<Bits<32>>,
    sent: DFF<Bits<32>>,
    // Streams whose end has been accepted, or gone to the drain, and whose trailer has not come. One
    // less, so that the top bit says that there are none.
    accepted: DFF<Bits<8>>,
    begun: DFF<Bits<8>>,
    failed: DFF<Bit>,
    // Trailers that still come, after a fault, less one.
    left: DFF<Bits<8>>,
    // A beat of the packet under way has been accepted.
    open: DFF<Bit>,
    closing: DFF<Bit>,
    stale: DFF<Bit>,
    crc_final: Signal<Local, Bits<32>>,
    trailer: Signal<Local, Beat>,
    beat: Signal<Local, Beat>,
    pushes: Signal<Local, Bit>,
    frames: Signal<Local, Bit>,
    leaves: Signal<Local, Bit>,
    last: Signal<Local, Bit>,
    stays: Signal<Local, Bit>,
    lessens: Signal<Local, Bit>,
    owed: Signal<Local, Bits<8>>,
    owed_next: Signal<Local, Bits<8>>,
    begun_next: Signal<Local, Bits<8>>,
    ones: Constant<Bits<32>>,
    abort: Constant<Bits<129>>,
    low_mark: Constant<Bits<7>>,
}

impl Default for Output {
    fn default() -> Self {
        block! {
            clock, reset, hard, end_accepted, end_begun, input_fault, read_fault, drain_fault,
            drain_valid, drain_data, drain_last, store_valid, store_data, cycles, room, results,
            trailer_sent, aborting, owing, m_valid, m_ready, m_data, m_last, queue, crc, crc_state,
            sequence, sent, accepted, begun, failed, left, open, closing, stale, crc_final, trailer,
            beat, pushes, frames, leaves, last, stays, comes, ends, beat_1, goes, closes, beat_2,
            accepted_1, begun_1, input_fault_1, read_fault_1, drain_fault_1, roomy, lessens, owed,
            owed_next, begun_next;
            ones: Constant::new(0xffff_ffff.into()),
            abort: Constant::new(Bits::<129>::mask()),
            low_mark: Constant::new(((OUTPUT_QUEUE - OUT_MARGIN) as u64).into()),
        }
    }
}

impl Logic for Output {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            crc_state,
            sequence,
            sent,
            accepted,
            begun,
            failed,
            left,
            open,
            closing,
            stale,
            comes,
            ends,
            beat_1,
            goes,
            closes,
            beat_2,
            accepted_1,
            begun_1,
            input_fault_1,
            read_fault_1,
            drain_fault_1,
            roomy
        );
        self.queue.clock.next = self.clock.val();
        self.last.next = self.queue.data.val().get_bit(128);
        self.leaves.next = self.queue.valid.val() & self.m_ready.val();

        // Everything waits a cycle, so that what belongs together stays together.
        self.comes.d.next = self.drain_valid.val() | self.store_valid.val();
        self.ends.d.next = self.drain_valid.val() & self.drain_last.val();
        self.beat_1.d.next = self.drain_data.val();
        if self.store_valid.val() {
            self.beat_1.d.next = self.store_data.val();
        }
        self.accepted_1.d.next = self.end_accepted.val();
        self.begun_1.d.next = self.end_begun.val();
        self.input_fault_1.d.next = self.input_fault.val();
        self.read_fault_1.d.next = self.read_fault.val();
        self.drain_fault_1.d.next = self.drain_fault.val();

        // What comes, unless it belongs to a stream at fault.
        self.pushes.next =
            self.comes.q.val() & ((!self.failed.q.val()) | (!self.left.q.val().get_bit(7)));
        self.frames.next = self.pushes.val() & self.ends.q.val();
        self.goes.d.next = self.pushes.val();
        self.closes.d.next = self.frames.val();
        self.beat_2.d.next = self.beat_1.q.val();
        self.crc_final.next = !self.crc_state.q.val();
        self.trailer.next = bit_cast::<BEAT_BITS, 32>(self.crc_final.val())
            | (bit_cast::<BEAT_BITS, 32>(self.sequence.q.val()) << 32)
            | (bit_cast::<BEAT_BITS, 32>(self.beat_2.q.val().get_bits::<32>(64)) << 64)
            | (bit_cast::<BEAT_BITS, 32>(self.cycles.val()) << 96);
        self.beat.next = self.beat_2.q.val();
        if self.closes.q.val() {
            self.beat.next = self.trailer.val();
        }
        self.crc.state.next = self.crc_state.q.val();
        self.crc.data.next = self.beat.val();
        self.crc.enable.next = self.goes.q.val();
        if self.goes.q.val() {
            self.crc_state.d.next = self.crc.result.val();
            if self.closes.q.val() {
                self.crc_state.d.next = self.ones.val();
                self.sequence.d.next = self.sequence.q.val() + 1;
            }
        }
        self.queue.push.next = self.goes.q.val() | self.closing.q.val();
        self.queue.push_data.next = bit_cast::<129, 128>(self.beat.val())
            | (bit_cast::<129, 1>(bit_cast::<1, 1>(self.closes.q.val().into())) << 128);
        if self.closing.q.val() {
            self.queue.push_data.next = self.abort.val();
        }
        self.roomy.d.next = self.queue.count.val() <= self.low_mark.val();
        self.room.next = self.roomy.q.val();

        // What leaves.
        self.m_valid.next = self.queue.valid.val();
        self.m_data.next = self.queue.data.val().get_bits::<BEAT_BITS>(0);
        self.m_last.next = self.last.val();
        self.queue.pop.next = self.m_ready.val();
        self.trailer_sent.next = false;
        if self.leaves.val() {
            self.open.d.next = !self.last.val();
            if self.last.val() {
                self.stale.d.next = false;
                if !self.stale.q.val() {
                    self.trailer_sent.next = true;
                    self.sent.d.next = self.sent.q.val() + 1;
                }
            }
        }
        self.results.next = self.sent.q.val();
        self.aborting.next = self.stale.q.val();
        self.owing.next = self.failed.q.val() & !self.left.q.val().get_bit(7);

        // Whose results still come after a fault.
        if self.accepted_1.q.val() & (!self.frames.val()) {
            self.accepted.d.next = self.accepted.q.val() + 1;
        }
        if (!self.accepted_1.q.val()) & self.frames.val() {
            self.accepted.d.next = self.accepted.q.val() - 1;
        }
        if self.begun_1.q.val() & (!self.frames.val()) {
            self.begun.d.next = self.begun.q.val() + 1;
        }
        if (!self.begun_1.q.val()) & self.frames.val() {
            self.begun.d.next = self.begun.q.val() - 1;
        }
        // Those owed, and those whose end has gone to the drain, each less a trailer that comes;
        // which of them counts is chosen last.
        self.owed.next = self.accepted.q.val();
        if self.failed.q.val() {
            self.owed.next = self.left.q.val();
        }
        self.owed_next.next = self.owed.val();
        if self.frames.val() & !self.owed.val().get_bit(7) {
            self.owed_next.next = self.owed.val() - 1;
        }
        self.begun_next.next = self.begun.q.val();
        if self.frames.val() & !self.begun.q.val().get_bit(7) {
            self.begun_next.next = self.begun.q.val() - 1;
        }
        // Both are -1 or more.
        self.lessens.next = self.read_fault_1.q.val()
            & (!self.owed.val().get_bit(7))
            & (self.begun.q.val().get_bit(7)
                | (self.begun.q.val().get_bits::<7>(0) < self.owed.val().get_bits::<7>(0)));
        self.left.d.next = self.owed_next.val();
        if self.lessens.val() {
            self.left.d.next = self.begun_next.val();
        }
        if self.drain_fault_1.q.val() {
            self.left.d.next = 0xff.into();
        }
        if self.input_fault_1.q.val() | self.read_fault_1.q.val() | self.drain_fault_1.q.val() {
            self.failed.d.next = true;
        }

        self.closing.d.next = false;
        self.stays.next = self.queue.valid.val() & (!self.m_ready.val()) & (!self.hard.val());
        self.queue.keep.next = self.stays.val();
        self.queue.reset.next = self.reset.val();
        if self.reset.val() {
            self.crc_state.d.next = self.ones.val();
            self.sequence.d.next = 0.into();
            self.sent.d.next = 0.into();
            self.accepted.d.next = 0xff.into();
            self.begun.d.next = 0xff.into();
            self.failed.d.next = false;
            self.left.d.next = 0xff.into();
            self.comes.d.next = false;
            self.goes.d.next = false;
            self.accepted_1.d.next = false;
            self.begun_1.d.next = false;
            self.input_fault_1.d.next = false;
            self.read_fault_1.d.next = false;
            self.drain_fault_1.d.next = false;
            self.roomy.d.next = true;
            self.stale.d.next = self.stays.val();
            if self.queue.valid.val() {
                if !self.last.val() {
                    self.closing.d.next = true;
                    self.stale.d.next = true;
                }
            } else if self.open.q.val() {
                self.closing.d.next = true;
                self.stale.d.next = true;
            }
            if self.hard.val() {
                self.open.d.next = false;
                self.closing.d.next = false;
                self.stale.d.next = false;
            }
        }
    }
}
