//! Output stage of the drain unit: what goes to the host, and when a job is over.

use rust_hdl::prelude::*;

use crate::drain_job::DrainJob;

/// Sends tapped vectors, sums and the frame of the result trailer, and reports finished jobs.
///
/// `valid` brings a vector of `job` that has passed the requantisers, never in two consecutive
/// cycles, and after the `last` vector of a tile whose sums are sent not for another five cycles.
/// All outputs are registers: a tapped vector and a trailer appear one cycle later, the sums from
/// two cycles later on, one beat a cycle; `select` asks for their beats.
///
/// The trailer beat has the tag in word 2 and 0 elsewhere, and `out_last`.
///
/// `drained` (tiles) and `ended` (ends of images) come once for each job: three cycles after the
/// last vector, or with the last beat of its sums. No back-pressure.
#[derive(LogicBlock, Default)]
pub struct DrainSend {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset.
    pub reset: Signal<In, Bit>,
    /// A vector is there.
    pub valid: Signal<In, Bit>,
    /// It is the last of its job.
    pub last: Signal<In, Bit>,
    /// Its job.
    pub job: Signal<In, DrainJob>,
    /// The vector, sixteen u8.
    pub vector: Signal<In, Bits<128>>,
    /// Which four sums are wanted.
    pub select: Signal<Out, Bits<2>>,
    /// These four sums.
    pub beat: Signal<In, Bits<128>>,
    /// A beat for the host.
    pub out_valid: Signal<Out, Bit>,
    /// The beat.
    pub out_data: Signal<Out, Bits<128>>,
    /// It is the trailer.
    pub out_last: Signal<Out, Bit>,
    /// A tile is finished.
    pub drained: Signal<Out, Bit>,
    /// An end of image is finished.
    pub ended: Signal<Out, Bit>,
    left: DFF<Bits<3>>,
    index: DFF<Bits<2>>,
    beat_valid: DFF<Bit>,
    beat_last: DFF<Bit>,
    data: DFF<Bits<128>>,
    tile_1: DFF<Bit>,
    tile_2: DFF<Bit>,
    tile_3: DFF<Bit>,
    end_1: DFF<Bit>,
    end_2: DFF<Bit>,
    end_3: DFF<Bit>,
    tile_over: Signal<Local, Bit>,
    sends_sums: Signal<Local, Bit>,
}

impl Logic for DrainSend {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, left, index, beat_valid, beat_last, data, tile_1, tile_2, tile_3, end_1,
            end_2, end_3
        );
        self.tile_over.next = self.valid.val() & self.last.val() & !self.job.val().end_image;
        self.sends_sums.next = (self.job.val().mode == 2) & self.job.val().sum_last;

        self.beat_valid.d.next = false;
        self.beat_last.d.next = false;
        if self.left.q.val().any() {
            self.left.d.next = self.left.q.val() - 1;
            self.index.d.next = self.index.q.val() + 1;
            self.data.d.next = self.beat.val();
            self.beat_valid.d.next = true;
        }
        if self.valid.val() {
            if self.job.val().end_image {
                self.data.d.next = (bit_cast::<128, 20>(self.job.val().out_base) << 64)
                    | (bit_cast::<128, 12>(self.job.val().line_base) << 84);
                self.beat_valid.d.next = true;
                self.beat_last.d.next = true;
            } else {
                if self.job.val().tap {
                    self.data.d.next = self.vector.val();
                    self.beat_valid.d.next = true;
                }
            }
        }
        if self.tile_over.val() & self.sends_sums.val() {
            self.left.d.next = self.job.val().beats;
            self.index.d.next = 0.into();
        }

        self.tile_1.d.next = self.tile_over.val() & !self.sends_sums.val();
        self.tile_2.d.next = self.tile_1.q.val();
        self.tile_3.d.next = self.tile_2.q.val() | (self.left.q.val() == 1);
        self.end_1.d.next = self.valid.val() & self.job.val().end_image;
        self.end_2.d.next = self.end_1.q.val();
        self.end_3.d.next = self.end_2.q.val();
        if self.reset.val() {
            self.left.d.next = 0.into();
            self.beat_valid.d.next = false;
            self.beat_last.d.next = false;
            self.tile_1.d.next = false;
            self.tile_2.d.next = false;
            self.tile_3.d.next = false;
            self.end_1.d.next = false;
            self.end_2.d.next = false;
            self.end_3.d.next = false;
        }

        self.select.next = self.index.q.val();
        self.out_valid.next = self.beat_valid.q.val();
        self.out_data.next = self.data.q.val();
        self.out_last.next = self.beat_last.q.val();
        self.drained.next = self.tile_3.q.val();
        self.ended.next = self.end_3.q.val();
    }
}
