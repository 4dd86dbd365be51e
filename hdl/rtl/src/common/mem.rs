//! Memories and queues: the leaves that give their own Verilog, so that tools infer block and
//! distributed RAM, and the queue built on them.

use std::collections::BTreeMap;

use firebrick_spec::resources::DISTRIBUTED_WORDS;
use rust_hdl::prelude::*;

/// Where a memory is to lie, for the synthesiser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RamStyle {
    /// As the synthesiser likes.
    #[default]
    Auto,
    /// In look-up tables.
    Distributed,
    /// In UltraRAM.
    Ultra,
}

impl RamStyle {
    /// Its value of the attribute `ram_style`.
    fn name(self) -> Option<&'static str> {
        match self {
            RamStyle::Auto => None,
            RamStyle::Distributed => Some("distributed"),
            RamStyle::Ultra => Some("ultra"),
        }
    }
}

/// Declaration of `words` words of `width` bits with the attribute that `style` asks for.
fn cells(width: usize, words: usize, style: RamStyle) -> String {
    let attribute = style
        .name()
        .map_or_else(String::new, |name| format!("(* ram_style = \"{name}\" *) "));
    format!(
        "{attribute}reg [{}:0] cells [0:{}];\n",
        width - 1,
        words - 1
    )
}

/// Simple dual-port memory of `W`-bit words: one synchronous read and one write per cycle.
///
/// `read_data` holds the word addressed in the previous cycle with `read_enable`; a word written
/// in the same cycle is not seen. Addresses are `A` bits wide, words beyond the depth read as
/// undefined. Becomes block RAM.
#[derive(LogicBlock)]
pub struct Ram<const W: usize, const A: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Read address.
    pub read_address: Signal<In, Bits<A>>,
    /// Updates `read_data`.
    pub read_enable: Signal<In, Bit>,
    /// Word read.
    pub read_data: Signal<Out, Bits<W>>,
    /// Write address.
    pub write_address: Signal<In, Bits<A>>,
    /// Word to write.
    pub write_data: Signal<In, Bits<W>>,
    /// Writes.
    pub write_enable: Signal<In, Bit>,
    _depth: usize,
    _width: usize,
    _style: RamStyle,
    _sim: BTreeMap<Bits<A>, Bits<W>>,
}

impl<const W: usize, const A: usize> Ram<W, A> {
    /// A memory that keeps the low `width` bits of its words; the others read as 0.
    #[must_use]
    pub fn narrow(depth: usize, width: usize) -> Self {
        assert!(
            (1..=W).contains(&width),
            "a word of {W} bits cannot be narrowed to {width}"
        );
        Self {
            _width: width,
            ..Self::new(depth)
        }
    }

    /// A memory of `depth` words; panics if `A` bits cannot address them.
    #[must_use]
    pub fn new(depth: usize) -> Self {
        assert!(
            depth >= 2 && depth <= 1 << A,
            "{depth} words need other than {A} address bits"
        );
        block! {
            clock, read_address, read_enable, read_data, write_address, write_data, write_enable;
            _depth: depth,
            _width: W,
            _style: if depth <= DISTRIBUTED_WORDS {
                RamStyle::Distributed
            } else {
                RamStyle::Auto
            },
            _sim: BTreeMap::default(),
        }
    }
}

impl<const W: usize, const A: usize> Ram<W, A> {
    /// Says where the memory is to lie; without, small ones are distributed RAM, since tools differ
    /// about them.
    pub fn place(&mut self, style: RamStyle) {
        self._style = style;
    }
}

/// As many words as the address reaches.
impl<const W: usize, const A: usize> Default for Ram<W, A> {
    fn default() -> Self {
        Self::new(1 << A)
    }
}

impl<const W: usize, const A: usize> Logic for Ram<W, A> {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self.read_enable.val() {
                self.read_data.next = self
                    ._sim
                    .get(&self.read_address.val())
                    .copied()
                    .unwrap_or_default();
            }
            if self.write_enable.val() {
                let mut word = self.write_data.val();
                for bit in self._width..W {
                    word = word.replace_bit(bit, false);
                }
                self._sim.insert(self.write_address.val(), word);
            }
        }
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        let (width, depth) = (self._width, self._depth);
        // Address bits beyond the memory are no part of it.
        let address = |port: &str| match clog2(depth) {
            bits if bits < A => format!("{port}[{}:0]", bits - 1),
            _ => port.to_owned(),
        };
        let (write_address, read_address) = (address("write_address"), address("read_address"));
        let (write, read) = if width == W {
            ("write_data".to_owned(), format!("cells[{read_address}]"))
        } else {
            (
                format!("write_data[{}:0]", width - 1),
                format!("{{{}'d0, cells[{read_address}]}}", W - width),
            )
        };
        let style = self._style.name().map(|name| format!("_{name}"));
        Verilog::Blackbox(BlackBox {
            name: format!("ram_{width}x{depth}{}", style.unwrap_or_default()),
            code: format!(
                "{}\
                 always @(posedge clock) begin\n\
                 \x20   if (write_enable) cells[{write_address}] <= {write};\n\
                 \x20   if (read_enable) read_data <= {read};\n\
                 end\n",
                cells(width, depth, self._style)
            ),
        })
    }
}

/// Small memory with asynchronous read; becomes distributed RAM.
#[derive(LogicBlock, Default)]
pub struct LutRam<const W: usize, const A: usize> {
    /// Clock of the write port.
    pub clock: Signal<In, Clock>,
    /// Read address.
    pub read_address: Signal<In, Bits<A>>,
    /// Word at `read_address`, in the same cycle.
    pub read_data: Signal<Out, Bits<W>>,
    /// Write address.
    pub write_address: Signal<In, Bits<A>>,
    /// Word to write.
    pub write_data: Signal<In, Bits<W>>,
    /// Writes.
    pub write_enable: Signal<In, Bit>,
    _sim: BTreeMap<Bits<A>, Bits<W>>,
}

impl<const W: usize, const A: usize> Logic for LutRam<W, A> {
    fn update(&mut self) {
        if self.clock.pos_edge() && self.write_enable.val() {
            self._sim
                .insert(self.write_address.val(), self.write_data.val());
        }
        self.read_data.next = self
            ._sim
            .get(&self.read_address.val())
            .copied()
            .unwrap_or_default();
    }

    fn connect(&mut self) {
        self.read_data.connect();
    }

    fn hdl(&self) -> Verilog {
        let words = 1 << A;
        Verilog::Blackbox(BlackBox {
            name: format!("lut_ram_{W}x{words}"),
            code: format!(
                "{}\
                 always @(posedge clock) begin\n\
                 \x20   if (write_enable) cells[write_address] <= write_data;\n\
                 end\n\
                 assign read_data = cells[read_address];\n",
                cells(W, words, RamStyle::Auto)
            ),
        })
    }
}

/// Queue of 2^`A` words with the oldest word visible at once.
///
/// A word enters when `push` and not `full`, leaves when `pop` and `valid`. `C` must be `A` + 1:
/// the width of `count`. A reset empties the queue; with `keep` it leaves the oldest word, which
/// must be there and not be taken in that cycle.
#[derive(LogicBlock)]
pub struct Fifo<const W: usize, const A: usize, const C: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Empties the queue.
    pub reset: Signal<In, Bit>,
    /// But for the oldest word.
    pub keep: Signal<In, Bit>,
    /// Word to enter.
    pub push_data: Signal<In, Bits<W>>,
    /// Enters it.
    pub push: Signal<In, Bit>,
    /// No room: `push` has no effect.
    pub full: Signal<Out, Bit>,
    /// Oldest word.
    pub data: Signal<Out, Bits<W>>,
    /// There is an oldest word.
    pub valid: Signal<Out, Bit>,
    /// Takes it.
    pub pop: Signal<In, Bit>,
    /// Words inside.
    pub count: Signal<Out, Bits<C>>,
    memory: LutRam<W, A>,
    head: DFF<Bits<A>>,
    tail: DFF<Bits<A>>,
    level: DFF<Bits<C>>,
    // What the level says, in registers of their own: whole units wait for these two.
    filled: DFF<Bit>,
    closed: DFF<Bit>,
    last_free: Constant<Bits<C>>,
    several: Signal<Local, Bit>,
    do_push: Signal<Local, Bit>,
    do_pop: Signal<Local, Bit>,
}

impl<const W: usize, const A: usize, const C: usize> Default for Fifo<W, A, C> {
    fn default() -> Self {
        assert_eq!(
            C,
            A + 1,
            "a queue's count needs one bit more than its address"
        );
        block! {
            clock, reset, keep, push_data, push, full, data, valid, pop, count, memory, head, tail,
            level, filled, closed, several, do_push, do_pop;
            last_free: Constant::new(((1u64 << A) - 1).into()),
        }
    }
}

impl<const W: usize, const A: usize, const C: usize> Logic for Fifo<W, A, C> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, head, tail, level, filled, closed);
        self.memory.clock.next = self.clock.val();
        self.full.next = self.closed.q.val();
        self.valid.next = self.filled.q.val();
        self.count.next = self.level.q.val();
        self.do_push.next = self.push.val() & !self.closed.q.val();
        self.do_pop.next = self.pop.val() & self.filled.q.val();
        self.memory.write_address.next = self.tail.q.val();
        self.memory.write_data.next = self.push_data.val();
        self.memory.write_enable.next = self.do_push.val();
        self.memory.read_address.next = self.head.q.val();
        self.data.next = self.memory.read_data.val();
        if self.do_push.val() {
            self.tail.d.next = self.tail.q.val() + 1;
        }
        if self.do_pop.val() {
            self.head.d.next = self.head.q.val() + 1;
        }
        if self.do_push.val() & !self.do_pop.val() {
            self.level.d.next = self.level.q.val() + 1;
        }
        if !self.do_push.val() & self.do_pop.val() {
            self.level.d.next = self.level.q.val() - 1;
        }
        self.several.next = (self.level.q.val() >> 1).any();
        self.filled.d.next =
            self.do_push.val() | self.several.val() | (self.filled.q.val() & !self.do_pop.val());
        self.closed.d.next = (!self.do_pop.val())
            & (self.closed.q.val()
                | (self.do_push.val() & (self.level.q.val() == self.last_free.val())));
        if self.reset.val() {
            self.filled.d.next = self.keep.val();
            self.closed.d.next = false;
            self.head.d.next = 0.into();
            self.tail.d.next = 0.into();
            self.level.d.next = 0.into();
            if self.keep.val() {
                self.head.d.next = self.head.q.val();
                self.tail.d.next = self.head.q.val() + 1;
                self.level.d.next = 1.into();
            }
        }
    }
}

/// Joins words of `W` bits to one of `P`, word 0 lowest; bits above the last word are zero.
#[derive(LogicBlock)]
pub struct Pack<const W: usize, const P: usize> {
    /// Words.
    pub words: Vec<Signal<In, Bits<W>>>,
    /// All of them.
    pub joined: Signal<Out, Bits<P>>,
}

impl<const W: usize, const P: usize> Pack<W, P> {
    /// Joins `count` words; panics if they do not fit.
    #[must_use]
    pub fn new(count: usize) -> Self {
        assert!(
            count >= 1 && count * W <= P,
            "{count} words of {W} bits do not fit in {P} bits"
        );
        Self {
            words: (0..count).map(|_| Signal::default()).collect(),
            joined: Default::default(),
        }
    }
}

impl<const W: usize, const P: usize> Logic for Pack<W, P> {
    fn update(&mut self) {
        let mut joined = Bits::<P>::default();
        for (i, word) in self.words.iter().enumerate() {
            joined.set_bits(i * W, word.val());
        }
        self.joined.next = joined;
    }

    fn connect(&mut self) {
        self.joined.connect();
    }

    fn hdl(&self) -> Verilog {
        let mut parts: Vec<String> = (0..self.words.len())
            .rev()
            .map(|i| format!("words${i}"))
            .collect();
        let rest = P - W * self.words.len();
        if rest > 0 {
            parts.insert(0, format!("{rest}'d0"));
        }
        Verilog::Custom(format!("assign joined = {{{}}};\n", parts.join(", ")))
    }
}
