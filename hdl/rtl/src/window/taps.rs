//! The window unit's registers: columns of the picture, and the windows that become words.

use crate::common::words::Word;
use firebrick_spec::HwConfig;
use rust_hdl::prelude::*;

/// Rows of a column on its way from the line memories.
const ROWS: usize = 7;
/// Bytes of a pixel.
const COLOURS: usize = 3;

/// Keeps the last `window_kernel` - 1 columns of pixels and those of the last step, and up to two
/// windows, taken from them with `load`, as bytes in the order row, column, colour.
///
/// With `shift` the columns of the next step enter: each of its pixels and the six above. `load`
/// takes the windows whose last columns are those of the step's pixels `first` and (in a unit of
/// four words) `second`; `kernel7` says which kernel. With `onward`, not beyond their last word,
/// the windows move on by the words that are shown: one of a window, or two.
/// `word` are words 0 and 1 of the first window, then of the second, zero-padded. Latency 1 from
/// `load` and `onward`.
///
/// Its own Verilog, for the order of bytes: it holds the columns as they were, and a multiplexer
/// before the output's registers takes one word after the other from them. `first` and `second`
/// must be among the pixels that [`WindowTaps::firsts`] and [`WindowTaps::seconds`] list.
#[derive(LogicBlock)]
pub struct WindowTaps {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A step's columns enter.
    pub shift: Signal<In, Bit>,
    /// Pixels of the six rows above each pixel of the step, the oldest row in the low bits.
    pub above: Vec<Signal<In, Bits<144>>>,
    /// The step's pixels.
    pub pixel: Vec<Signal<In, Bits<24>>>,
    /// What lies above the pixels of the next row: without the oldest row. No latency.
    pub below: Vec<Signal<Out, Bits<144>>>,
    /// Takes windows; wins over `onward`.
    pub load: Signal<In, Bit>,
    /// They are 7x7.
    pub kernel7: Signal<In, Bit>,
    /// Pixel of the step at which the first one ends.
    pub first: Signal<In, Bits<2>>,
    /// Pixel of the step at which the second one ends.
    pub second: Signal<In, Bits<2>>,
    /// On to the next words.
    pub onward: Signal<In, Bit>,
    /// Words of the feature buffer.
    pub word: Vec<Signal<Out, Word>>,
    _kernel: usize,
    _tile: usize,
    _columns: Vec<Vec<u8>>,
    _windows: Vec<Vec<u8>>,
}

impl WindowTaps {
    /// Registers for windows of up to `config.window_kernel` rows and columns.
    #[must_use]
    pub fn new(config: &HwConfig) -> Self {
        let (kernel, pixels) = (config.window_kernel, config.window_pixels());
        assert!(kernel == 3 || kernel == 7, "a window of 3 or 7 rows");
        let words = config.window_words();
        let windows = words.div_ceil(2);
        block! {
            clock, shift, load, kernel7, first, second, onward;
            above: (0..pixels).map(|_| Signal::default()).collect(),
            pixel: (0..pixels).map(|_| Signal::default()).collect(),
            below: (0..pixels).map(|_| Signal::default()).collect(),
            word: (0..words).map(|_| Signal::default()).collect(),
            _kernel: kernel,
            _tile: config.tile,
            _columns: vec![vec![0; COLOURS * kernel]; kernel - 1 + pixels],
            _windows: vec![vec![0; COLOURS * kernel * kernel]; windows],
        }
    }

    /// Pixels of a step that `first` may name.
    #[must_use]
    pub fn firsts(&self) -> Vec<usize> {
        match self._windows.len() {
            1 => (0..self.pixel.len()).collect(),
            // Windows begin at even columns, and go in pairs.
            _ => vec![0, 2],
        }
    }

    /// Pixels of a step that `second` may name.
    #[must_use]
    pub fn seconds(&self) -> Vec<usize> {
        match self._windows.len() {
            1 => Vec::new(),
            _ => vec![1, 2, 3],
        }
    }

    /// Words of a window that are shown together.
    fn group(&self) -> usize {
        self.word.len() / self._windows.len()
    }

    /// Groups of words that a window of `kernel` rows has behind the first one.
    fn later(&self, kernel: usize) -> usize {
        (COLOURS * kernel * kernel)
            .div_ceil(self._tile * self.group())
            .saturating_sub(1)
    }

    /// The first of the numbers by which the Verilog tells later groups apart: those of small
    /// windows lie before those of large ones.
    fn first_code(&self, kernel: usize) -> usize {
        if self._kernel == 7 && kernel == 7 {
            self.later(3)
        } else {
            0
        }
    }

    /// Bits of such a number.
    fn code_bits(&self) -> usize {
        let codes = self.first_code(self._kernel) + self.later(self._kernel);
        codes.next_power_of_two().ilog2() as usize
    }

    /// Kernels of the windows, the small one first.
    fn kernels(&self) -> Vec<usize> {
        if self._kernel == 7 {
            vec![3, 7]
        } else {
            vec![3]
        }
    }

    /// Where in the columns the bytes of a window of `kernel` rows that ends at pixel `end` lie.
    fn places(&self, kernel: usize, end: usize) -> Vec<usize> {
        let skip = self._kernel - kernel;
        (0..kernel)
            .flat_map(|row| (0..kernel).map(move |column| (end + skip + column, skip + row)))
            .flat_map(|(column, row)| {
                let first = COLOURS * (self._kernel * column + row);
                first..first + COLOURS
            })
            .collect()
    }

    /// Where the bytes of a window's word lie; none beyond its end.
    fn word_places(&self, kernel: usize, end: usize, word: usize) -> Vec<usize> {
        let places = self.places(kernel, end);
        let first = word * self._tile;
        places[first.min(places.len())..(first + self._tile).min(places.len())].to_vec()
    }

    /// Bytes of the window that ends at pixel `end`.
    fn window(&self, kernel7: bool, end: usize) -> Vec<u8> {
        let kernel = if kernel7 { self._kernel } else { 3 };
        let columns = self._columns.concat();
        let mut window: Vec<u8> = self
            .places(kernel, end)
            .into_iter()
            .map(|place| columns[place])
            .collect();
        window.resize(COLOURS * self._kernel * self._kernel, 0);
        window
    }

    /// Bytes of the columns that are held for later groups.
    fn held(&self) -> Vec<usize> {
        let mut held: Vec<usize> = [self.firsts(), self.seconds()]
            .concat()
            .into_iter()
            .flat_map(|end| self.kernels().into_iter().map(move |kernel| (end, kernel)))
            .flat_map(|(end, kernel)| {
                let first = self.group() * self._tile;
                self.places(kernel, end).into_iter().skip(first)
            })
            .collect();
        held.sort_unstable();
        held.dedup();
        held
    }

    /// Verilog for entry `entry` of the output: its register and what it takes.
    fn entry_text(&self, entry: usize, held: &[usize]) -> String {
        let (window, place) = (entry / self.group(), entry % self.group());
        let (ends, select) = match window {
            0 => (self.firsts(), "first"),
            _ => (self.seconds(), "second"),
        };
        let choice = |ends: &[usize], select: &str, word: &dyn Fn(usize) -> String| {
            let items = (0..4).map(|end| ends.contains(&end).then(|| word(end)));
            select_text(&items.collect::<Vec<_>>(), select)
        };
        let entering: Vec<String> = self
            .kernels()
            .into_iter()
            .map(|kernel| {
                choice(&ends, select, &|end| {
                    word_text("columns", &self.word_places(kernel, end, place))
                })
                .expect("a window ends in some pixel")
            })
            .collect();
        let entering = match &entering[..] {
            [small, large] => format!("kernel7 ? {large} : {small}"),
            _ => entering[0].clone(),
        };
        let mut codes = Vec::new();
        for kernel in self.kernels() {
            for group in 1..=self.later(kernel) {
                codes.push(choice(&ends, &format!("{select}_held"), &|end| {
                    let word = group * self.group() + place;
                    let places: Vec<usize> = self
                        .word_places(kernel, end, word)
                        .iter()
                        .map(|place| held.binary_search(place).expect("it is held"))
                        .collect();
                    word_text("held", &places)
                }));
            }
        }
        let taken = match select_text(&codes, "code") {
            Some(later) => format!("load ? ({entering}) : {later}"),
            None => entering,
        };
        format!(
            "reg [127:0] shown_{entry};\n\
             always @(posedge clock) if (load || onward) shown_{entry} <= {taken};\n\
             assign word${entry} = shown_{entry};\n"
        )
    }
}

/// Verilog that selects one of the items by the bits of `select`, the lowest bit at the leaves;
/// what is missing may be anything.
fn select_text(items: &[Option<String>], select: &str) -> Option<String> {
    fn tree(items: &[Option<String>], select: &str, bit: u32) -> Option<String> {
        if bit == 0 {
            return items.first().cloned().flatten();
        }
        let half = items.len().min(1 << (bit - 1));
        let low = tree(&items[..half], select, bit - 1);
        let high = tree(&items[half..], select, bit - 1);
        match (low, high) {
            (Some(low), Some(high)) => Some(format!("({select}[{}] ? {high} : {low})", bit - 1)),
            (low, high) => low.or(high),
        }
    }
    tree(items, select, items.len().next_power_of_two().ilog2())
}

/// Verilog for a word of sixteen bytes of `vector`, the first one in the low bits, and zeros.
fn word_text(vector: &str, places: &[usize]) -> String {
    if places.is_empty() {
        return "128'd0".into();
    }
    let zeros = 16 - places.len();
    let mut parts: Vec<String> = runs(places)
        .map(|(first, count)| format!("{vector}[{}:{}]", 8 * (first + count) - 1, 8 * first))
        .collect();
    if zeros > 0 {
        parts.push(format!("{}'d0", 8 * zeros));
    }
    parts.reverse();
    format!("{{{}}}", parts.join(", "))
}

/// First number and length of each run of numbers that follow each other.
fn runs(places: &[usize]) -> impl Iterator<Item = (usize, usize)> + '_ {
    places
        .chunk_by(|a, b| a + 1 == *b)
        .map(|run| (run[0], run.len()))
}

impl Logic for WindowTaps {
    fn update(&mut self) {
        if self.clock.pos_edge() {
            if self.load.val() {
                let ends = [self.first.val(), self.second.val()];
                for (i, end) in ends.into_iter().take(self._windows.len()).enumerate() {
                    self._windows[i] = self.window(self.kernel7.val(), end.index());
                }
            } else if self.onward.val() {
                let bytes = self.group() * self._tile;
                for window in &mut self._windows {
                    window.drain(..bytes.min(window.len()));
                    window.resize(COLOURS * self._kernel * self._kernel, 0);
                }
            }
            if self.shift.val() {
                self._columns.drain(..self.pixel.len());
                for (above, pixel) in self.above.iter().zip(&self.pixel) {
                    let (above, pixel) = (above.val(), pixel.val());
                    let column = (0..COLOURS * (ROWS - 1))
                        .map(|i| above.get_bits::<8>(8 * i).to_u64() as u8)
                        .chain((0..COLOURS).map(|i| pixel.get_bits::<8>(8 * i).to_u64() as u8))
                        .skip(COLOURS * (ROWS - self._kernel))
                        .collect();
                    self._columns.push(column);
                }
            }
        }
        for ((above, pixel), below) in self.above.iter().zip(&self.pixel).zip(&mut self.below) {
            below.next = (above.val() >> 24) | (bit_cast::<144, 24>(pixel.val()) << 120);
        }
        let (group, tile) = (self.group(), self._tile);
        for (i, word) in self.word.iter_mut().enumerate() {
            let window = &self._windows[i / group];
            let first = i % group * tile;
            word.next = window[first.min(window.len())..(first + tile).min(window.len())]
                .iter()
                .rev()
                .fold(Word::default(), |word, &byte| {
                    (word << 8) | Word::from(u64::from(byte))
                });
        }
    }

    fn connect(&mut self) {
        self.below.iter_mut().for_each(Logic::connect);
        self.word.iter_mut().for_each(Logic::connect);
    }

    fn hdl(&self) -> Verilog {
        let column = 8 * COLOURS * self._kernel;
        let high = column * self._columns.len() - 1;
        let entering: String = (0..self.pixel.len())
            .rev()
            .map(|i| format!("pixel${i}, above${i}[143:{}], ", 168 - column))
            .collect();
        let mut text = format!("reg [{high}:0] columns;\n");
        for i in 0..self.pixel.len() {
            text += &format!("assign below${i} = {{pixel${i}, above${i}[143:24]}};\n");
        }
        text += &format!(
            "always @(posedge clock) if (shift) columns <= {{{entering}columns[{high}:{}]}};\n",
            column * self.pixel.len(),
        );
        // The columns as they were when the windows were taken, without what left at once.
        let held = self.held();
        let mut loads = String::new();
        if !held.is_empty() {
            let mut parts: Vec<String> = runs(&held)
                .map(|(first, count)| format!("columns[{}:{}]", 8 * (first + count) - 1, 8 * first))
                .collect();
            parts.reverse();
            text += &format!("reg [{}:0] held;\n", 8 * held.len() - 1);
            loads += &format!("        held <= {{{}}};\n", parts.join(", "));
            for (select, ends) in [("first", self.firsts()), ("second", self.seconds())] {
                if ends.len() > 1 {
                    let bits = ends.iter().fold(0, |bits, end| bits | end);
                    let range = format!("[{}:{}]", bits.ilog2(), bits.trailing_zeros());
                    text += &format!("reg {range} {select}_held;\n");
                    loads += &format!("        {select}_held <= {select}{range};\n");
                }
            }
        }
        // Which group comes next.
        let bits = self.code_bits();
        let mut moves = String::new();
        if bits > 0 {
            let code = |kernel| format!("{bits}'d{}", self.first_code(kernel));
            let first = match self._kernel {
                7 => format!("kernel7 ? {} : {}", code(7), code(3)),
                _ => code(3),
            };
            text += &format!("reg [{}:0] code;\n", bits - 1);
            loads += &format!("        code <= {first};\n");
            moves = format!(" else if (onward) code <= code + {bits}'d1;");
        }
        if !loads.is_empty() {
            text += &format!(
                "always @(posedge clock) begin\n    if (load) begin\n{loads}    end{moves}\nend\n"
            );
        }
        for entry in 0..self.word.len() {
            text += &self.entry_text(entry, &held);
        }
        Verilog::Custom(text)
    }
}
