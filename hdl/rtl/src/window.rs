//! Window unit: turns rows of raw RGB pixels into the vectors of the first convolution.

use firebrick_spec::HwConfig;
use rust_hdl::prelude::*;

use crate::mem::Ram;

/// Takes the payload of a rows record and writes, for each output pixel, the bytes of its 3x3
/// window in the order (row, column, colour), zero-padded to two words of 16.
///
/// `start` takes the record at `record`. Beats enter when `in_valid` and `in_ready`; each row
/// begins on a beat. Words leave when `out_valid` and `out_ready`. `busy` falls, with a pulse on
/// `strip_done` if asked for, once the last word of the rows has left. One pixel enters every
/// cycle but one in six, unless the output waits.
#[derive(LogicBlock)]
pub struct Window {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Stops.
    pub reset: Signal<In, Bit>,
    /// Begins with the rows of `record`.
    pub start: Signal<In, Bit>,
    /// Rows record, words 0 to 6.
    pub record: Signal<In, Bits<224>>,
    /// Not done.
    pub busy: Signal<Out, Bit>,
    /// The strip is complete.
    pub strip_done: Signal<Out, Bit>,
    /// Beat offered.
    pub in_valid: Signal<In, Bit>,
    /// Beat taken.
    pub in_ready: Signal<Out, Bit>,
    /// Beat: the next 16 bytes of the row.
    pub in_data: Signal<In, Bits<128>>,
    /// Word offered.
    pub out_valid: Signal<Out, Bit>,
    /// Word taken.
    pub out_ready: Signal<In, Bit>,
    /// Feature address.
    pub out_address: Signal<Out, Bits<20>>,
    /// Word.
    pub out_data: Signal<Out, Bits<128>>,
    lines: Ram<48, 10>,
    active: DFF<Bit>,
    strip_end: DFF<Bit>,
    stride2: DFF<Bit>,
    width: DFF<Bits<10>>,
    rows: DFF<Bits<10>>,
    plane: DFF<Bits<20>>,
    address: DFF<Bits<20>>,
    // Bytes of the beat that no pixel has taken.
    bytes: DFF<Bits<144>>,
    fill: DFF<Bits<5>>,
    // Stage 0: the pixel that enters.
    x: DFF<Bits<10>>,
    y: DFF<Bits<10>>,
    // Stage 1: the pixel beside the two above it.
    valid_1: DFF<Bit>,
    pixel_1: DFF<Bits<24>>,
    x_1: DFF<Bits<10>>,
    emit_1: DFF<Bit>,
    // Window columns.
    left: DFF<Bits<72>>,
    middle: DFF<Bits<72>>,
    right: DFF<Bits<72>>,
    emit_2: DFF<Bit>,
    // Words on their way out.
    words: DFF<Bits<256>>,
    pending: DFF<Bits<2>>,
    column: Signal<Local, Bits<72>>,
    advance: Signal<Local, Bit>,
    enters: Signal<Local, Bit>,
    row_done: Signal<Local, Bit>,
    sends: Signal<Local, Bit>,
    takes_window: Signal<Local, Bit>,
    x_next: Signal<Local, Bits<10>>,
    emits: Signal<Local, Bit>,
    above: Signal<Local, Bits<48>>,
    taps: Signal<Local, Bits<256>>,
    wide: Signal<Local, Bits<144>>,
    last_pixel: Signal<Local, Bit>,
    zero: Constant<Bits<10>>,
}

impl Window {
    /// A window unit for pictures up to `config.window_width` pixels wide.
    ///
    /// Panics unless the kernel is 3.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        assert_eq!(config.window_kernel, 3, "this window unit has a 3x3 kernel");
        Self {
            clock: Default::default(),
            reset: Default::default(),
            start: Default::default(),
            record: Default::default(),
            busy: Default::default(),
            strip_done: Default::default(),
            in_valid: Default::default(),
            in_ready: Default::default(),
            in_data: Default::default(),
            out_valid: Default::default(),
            out_ready: Default::default(),
            out_address: Default::default(),
            out_data: Default::default(),
            lines: Ram::new(config.window_width),
            active: Default::default(),
            strip_end: Default::default(),
            stride2: Default::default(),
            width: Default::default(),
            rows: Default::default(),
            plane: Default::default(),
            address: Default::default(),
            bytes: Default::default(),
            fill: Default::default(),
            x: Default::default(),
            y: Default::default(),
            valid_1: Default::default(),
            pixel_1: Default::default(),
            x_1: Default::default(),
            emit_1: Default::default(),
            left: Default::default(),
            middle: Default::default(),
            right: Default::default(),
            emit_2: Default::default(),
            words: Default::default(),
            pending: Default::default(),
            column: Default::default(),
            advance: Default::default(),
            enters: Default::default(),
            row_done: Default::default(),
            sends: Default::default(),
            takes_window: Default::default(),
            x_next: Default::default(),
            emits: Default::default(),
            above: Default::default(),
            taps: Default::default(),
            wide: Default::default(),
            last_pixel: Default::default(),
            zero: Constant::new(0.into()),
        }
    }
}

impl Logic for Window {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, active, strip_end, stride2, width, rows, plane, address, bytes, fill, x,
            y, valid_1, pixel_1, x_1, emit_1, left, middle, right, emit_2, words, pending
        );
        self.lines.clock.next = self.clock.val();

        // Output: word 0, then word 1 a plane further.
        self.out_valid.next = self.pending.q.val().any();
        self.out_data.next = self.words.q.val().get_bits::<128>(0);
        self.out_address.next = self.address.q.val();
        self.sends.next = self.pending.q.val().any() & self.out_ready.val();
        if self.sends.val() {
            self.pending.d.next = self.pending.q.val() - 1;
            self.words.d.next = self.words.q.val() >> 128;
            if self.pending.q.val() == 2 {
                self.address.d.next = self.address.q.val() + self.plane.q.val();
            } else {
                self.address.d.next = (self.address.q.val() - self.plane.q.val()) + 1;
            }
        }

        // A finished window moves on when the words before it have left.
        self.takes_window.next = self.emit_2.q.val()
            & ((!self.pending.q.val().any())
                | ((self.pending.q.val() == 1) & self.out_ready.val()));
        self.advance.next = (!self.emit_2.q.val()) | self.takes_window.val();

        // Stage 2: columns shift; bytes go out row by row.
        self.taps.next = (bit_cast::<256, 24>(self.left.q.val().get_bits::<24>(0)))
            | (bit_cast::<256, 24>(self.middle.q.val().get_bits::<24>(0)) << 24)
            | (bit_cast::<256, 24>(self.right.q.val().get_bits::<24>(0)) << 48)
            | (bit_cast::<256, 24>(self.left.q.val().get_bits::<24>(24)) << 72)
            | (bit_cast::<256, 24>(self.middle.q.val().get_bits::<24>(24)) << 96)
            | (bit_cast::<256, 24>(self.right.q.val().get_bits::<24>(24)) << 120)
            | (bit_cast::<256, 24>(self.left.q.val().get_bits::<24>(48)) << 144)
            | (bit_cast::<256, 24>(self.middle.q.val().get_bits::<24>(48)) << 168)
            | (bit_cast::<256, 24>(self.right.q.val().get_bits::<24>(48)) << 192);
        if self.takes_window.val() {
            self.words.d.next = self.taps.val();
            self.pending.d.next = 2.into();
        }
        self.above.next = self.lines.read_data.val();
        self.column.next =
            bit_cast::<72, 48>(self.above.val()) | (bit_cast::<72, 24>(self.pixel_1.q.val()) << 48);
        if self.advance.val() {
            self.emit_2.d.next = self.valid_1.q.val() & self.emit_1.q.val();
            if self.valid_1.q.val() {
                self.left.d.next = self.middle.q.val();
                self.middle.d.next = self.right.q.val();
                self.right.d.next = self.column.val();
            }
        }
        // The line memory keeps the two rows above: drop the older, add the new.
        self.lines.write_enable.next = self.advance.val() & self.valid_1.q.val();
        self.lines.write_address.next = self.x_1.q.val();
        self.lines.write_data.next = self.column.val().get_bits::<48>(24);

        // Stage 0: three bytes become a pixel.
        self.enters.next = self.advance.val() & self.active.q.val() & (self.fill.q.val() >= 3);
        self.lines.read_address.next = self.x.q.val();
        self.lines.read_enable.next = self.advance.val();
        self.x_next.next = self.x.q.val() + 1;
        self.row_done.next = self.enters.val() & (self.x_next.val() == self.width.q.val());
        self.last_pixel.next = self.row_done.val() & (self.rows.q.val() == 1);
        self.emits.next = (self.x.q.val() >= 2)
            & (self.y.q.val() >= 2)
            & ((!self.stride2.q.val())
                | ((!self.x.q.val().get_bit(0)) & (!self.y.q.val().get_bit(0))));
        if self.advance.val() {
            self.valid_1.d.next = self.enters.val();
            self.pixel_1.d.next = self.bytes.q.val().get_bits::<24>(0);
            self.x_1.d.next = self.x.q.val();
            self.emit_1.d.next = self.emits.val();
        }
        if self.enters.val() {
            self.bytes.d.next = self.bytes.q.val() >> 24;
            self.fill.d.next = self.fill.q.val() - 3;
            self.x.d.next = self.x_next.val();
            if self.row_done.val() {
                // The rest of the beat is padding.
                self.fill.d.next = 0.into();
                self.x.d.next = 0.into();
                self.y.d.next = self.y.q.val() + 1;
                self.rows.d.next = self.rows.q.val() - 1;
                if self.last_pixel.val() {
                    self.active.d.next = false;
                }
            }
        }
        self.in_ready.next = self.active.q.val() & (self.fill.q.val() < 3);
        self.wide.next = bit_cast::<144, 128>(self.in_data.val());
        if self.in_valid.val() & self.active.q.val() & (self.fill.q.val() < 3) {
            self.fill.d.next = self.fill.q.val() + 16;
            if self.fill.q.val() == 0 {
                self.bytes.d.next = self.wide.val();
            } else if self.fill.q.val() == 1 {
                self.bytes.d.next = bit_cast::<144, 8>(self.bytes.q.val().get_bits::<8>(0))
                    | (self.wide.val() << 8);
            } else {
                self.bytes.d.next = bit_cast::<144, 16>(self.bytes.q.val().get_bits::<16>(0))
                    | (self.wide.val() << 16);
            }
        }

        self.busy.next = self.active.q.val()
            | self.valid_1.q.val()
            | self.emit_2.q.val()
            | self.pending.q.val().any();
        // The last word leaves: everything before it is empty.
        self.strip_done.next = false;
        if (!self.active.q.val())
            & (!self.valid_1.q.val())
            & (!self.emit_2.q.val())
            & self.strip_end.q.val()
            & (!self.pending.q.val().any())
        {
            self.strip_done.next = true;
            self.strip_end.d.next = false;
        }

        if self.start.val() {
            self.active.d.next = true;
            self.strip_end.d.next = self.record.val().get_bit(9);
            self.address.d.next = self.record.val().get_bits::<20>(32);
            self.plane.d.next = self.record.val().get_bits::<20>(64);
            self.width.d.next = self.record.val().get_bits::<10>(96);
            self.rows.d.next = self.record.val().get_bits::<10>(106);
            self.stride2.d.next = self.record.val().get_bits::<4>(132) == 2;
            self.fill.d.next = 0.into();
            self.x.d.next = 0.into();
            if self.record.val().get_bit(8) {
                self.y.d.next = self.zero.val();
            }
        }
        if self.reset.val() {
            self.active.d.next = false;
            self.valid_1.d.next = false;
            self.emit_2.d.next = false;
            self.strip_end.d.next = false;
            self.pending.d.next = 0.into();
            self.fill.d.next = 0.into();
        }
    }
}
