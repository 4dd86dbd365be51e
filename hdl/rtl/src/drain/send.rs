//! Output stage of the drain unit: what goes to the host, and when a job is over.

use crate::common::words::{Beat, Word};
use firebrick_spec::BEAT_BITS;
use firebrick_spec::latency::{sums_latency, tap_delay};
use rust_hdl::prelude::*;

use crate::drain::step::DrainStep;

/// Sends tapped words, sums and the frame of the result trailer, and reports finished jobs.
///
/// `valid` brings a step; `word` with `word_valid` is sent a cycle later, as is the trailer: the
/// tag in word 2 and 0 elsewhere, with `out_last`. The sums follow from [`sums_latency`] cycles
/// after the last step of a tile with `sends_sums` on, one beat a cycle; `turn` asks for the next
/// beat, always four times. Nothing else may be there to send meanwhile. All outputs are registers.
///
/// `drained` (tiles) and `ended` (ends of images) come once for each job: three cycles after the
/// last step ([`tap_delay`] more with taps), or with the last beat of its sums. No back-pressure.
#[derive(LogicBlock)]
pub struct DrainSend {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset.
    pub reset: Signal<In, Bit>,
    /// A step is there.
    pub valid: Signal<In, Bit>,
    /// The step.
    pub step: Signal<In, DrainStep>,
    /// A tapped word is there.
    pub word_valid: Signal<In, Bit>,
    /// The word, sixteen u8.
    pub word: Signal<In, Word>,
    /// Sums are wanted from the next cycle on.
    pub clear: Signal<Out, Bit>,
    /// The next four sums are wanted.
    pub turn: Signal<Out, Bit>,
    /// Four sums.
    pub beat: Signal<In, Beat>,
    /// A beat for the host.
    pub out_valid: Signal<Out, Bit>,
    /// The beat.
    pub out_data: Signal<Out, Beat>,
    /// It is the trailer.
    pub out_last: Signal<Out, Bit>,
    /// A tile is finished.
    pub drained: Signal<Out, Bit>,
    /// An end of image is finished.
    pub ended: Signal<Out, Bit>,
    pause: DFF<Bits<3>>,
    beats: DFF<Bits<3>>,
    left: DFF<Bits<3>>,
    turns: DFF<Bits<3>>,
    beat_valid: DFF<Bit>,
    beat_last: DFF<Bit>,
    data: DFF<Beat>,
    late: DFF<Bits<3>>,
    tile_1: DFF<Bit>,
    tile_2: DFF<Bit>,
    tile_3: DFF<Bit>,
    end_1: DFF<Bit>,
    end_2: DFF<Bit>,
    end_3: DFF<Bit>,
    over: Signal<Local, Bit>,
    ends: Signal<Local, Bit>,
    sends_sums: Signal<Local, Bit>,
    taps_late: Signal<Local, Bit>,
    sums_wait: Constant<Bits<3>>,
    tap_wait: Constant<Bits<3>>,
    others: Constant<Beat>,
}

impl DrainSend {
    /// For vectors of `lanes` positions.
    #[must_use]
    pub fn new(lanes: usize) -> Self {
        block! {
            clock, reset, valid, step, word_valid, word, clear, turn, beat, out_valid, out_data,
            out_last, drained, ended, pause, beats, left, turns, beat_valid, beat_last, data, late,
            tile_1, tile_2, tile_3, end_1, end_2, end_3, over, ends, sends_sums, taps_late;
            tap_wait: Constant::new((tap_delay(lanes) as u64).into()),
            others: Constant::new((!(u128::from(u32::MAX) << 64)).to_bits()),
            sums_wait: Constant::new((sums_latency(lanes) as u64 - 2).into()),
        }
    }
}

impl Logic for DrainSend {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, pause, beats, left, turns, beat_valid, beat_last, data, late, tile_1,
            tile_2, tile_3, end_1, end_2, end_3
        );
        self.over.next = self.valid.val() & self.step.val().last & !self.step.val().end_image;
        self.ends.next = self.valid.val() & self.step.val().last & self.step.val().end_image;
        self.sends_sums.next = self.step.val().sends_sums;

        self.beat_valid.d.next = false;
        self.beat_last.d.next = false;
        if self.left.q.val().any() {
            self.left.d.next = self.left.q.val() - 1;
            self.data.d.next = self.beat.val();
            self.beat_valid.d.next = true;
        }
        if self.turns.q.val().any() {
            self.turns.d.next = self.turns.q.val() - 1;
        }
        if self.word_valid.val() {
            self.data.d.next = self.word.val();
            self.beat_valid.d.next = true;
        }
        if self.ends.val() {
            // Of the trailer, the output stage takes these bits only.
            self.data.d.next = (self.word.val() & self.others.val())
                | (bit_cast::<BEAT_BITS, 32>(self.step.val().word) << 64);
            self.beat_valid.d.next = true;
            self.beat_last.d.next = true;
        }
        if self.pause.q.val().any() {
            self.pause.d.next = self.pause.q.val() - 1;
            if self.pause.q.val() == 1 {
                self.left.d.next = self.beats.q.val();
                self.turns.d.next = 4.into();
            }
        }
        if self.over.val() & self.sends_sums.val() {
            self.pause.d.next = self.sums_wait.val();
            self.beats.d.next = bit_cast::<3, 2>(self.step.val().more_beats) + 1;
        }

        // A tile with taps is over with the last of them.
        self.taps_late.next = self.step.val().tap & self.tap_wait.val().any();
        if self.late.q.val().any() {
            self.late.d.next = self.late.q.val() - 1;
        }
        if self.over.val() & !self.sends_sums.val() & self.taps_late.val() {
            self.late.d.next = self.tap_wait.val();
        }
        self.tile_1.d.next = (self.over.val() & !self.sends_sums.val() & !self.taps_late.val())
            | (self.late.q.val() == 1);
        self.tile_2.d.next = self.tile_1.q.val();
        self.tile_3.d.next = self.tile_2.q.val() | (self.left.q.val() == 1);
        self.end_1.d.next = self.ends.val();
        self.end_2.d.next = self.end_1.q.val();
        self.end_3.d.next = self.end_2.q.val();
        if self.reset.val() {
            self.pause.d.next = 0.into();
            self.left.d.next = 0.into();
            self.turns.d.next = 0.into();
            self.late.d.next = 0.into();
            self.beat_valid.d.next = false;
            self.beat_last.d.next = false;
            self.tile_1.d.next = false;
            self.tile_2.d.next = false;
            self.tile_3.d.next = false;
            self.end_1.d.next = false;
            self.end_2.d.next = false;
            self.end_3.d.next = false;
        }

        self.clear.next = self.pause.q.val() == 1;
        self.turn.next = self.turns.q.val().any();
        self.out_valid.next = self.beat_valid.q.val();
        self.out_data.next = self.data.q.val();
        self.out_last.next = self.beat_last.q.val();
        self.drained.next = self.tile_3.q.val();
        self.ended.next = self.end_3.q.val();
    }
}
