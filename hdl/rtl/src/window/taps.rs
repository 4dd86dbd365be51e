//! The window unit's registers: columns of the picture, and the windows that become words.

use firebrick_spec::HwConfig;
use rust_hdl::prelude::*;

/// Rows of a column on its way from the line memories.
const ROWS: usize = 7;
/// Bytes of a pixel.
const COLOURS: usize = 3;

/// Keeps the last `window_kernel` - 1 columns of pixels and those of the last step, and up to two
/// windows, taken from them with `load`, as bytes in the order row, column, colour.
///
/// With `shift` the columns of the next step enter: each of its pixels and the six above. `load` takes the windows whose last columns are those of the step's pixels `first`
/// and (in a unit of four words) `second`; `kernel7` says which kernel. With `onward` the windows
/// move on by the words that are shown: one of a window, or two. `word` are words 0 and 1 of the
/// first window, then of the second, zero-padded. Latency 1 from `load` and `onward`.
///
/// Its own Verilog, for the order of bytes; `first` and `second` must be among the pixels that
/// [`WindowTaps::firsts`] and [`WindowTaps::seconds`] list.
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
    pub word: Vec<Signal<Out, Bits<128>>>,
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

    /// Column and row of each tap of a window of `kernel` rows that ends at pixel `end`.
    fn taps(&self, kernel: usize, end: usize) -> Vec<(usize, usize)> {
        let skip = self._kernel - kernel;
        (0..kernel)
            .flat_map(|row| (0..kernel).map(move |column| (end + skip + column, skip + row)))
            .collect()
    }

    /// Bytes of the window that ends at pixel `end`.
    fn window(&self, kernel7: bool, end: usize) -> Vec<u8> {
        let bytes = |kernel| -> Vec<u8> {
            self.taps(kernel, end)
                .into_iter()
                .flat_map(|(column, row)| {
                    self._columns[column][COLOURS * row..COLOURS * (row + 1)].to_vec()
                })
                .collect()
        };
        let mut window = bytes(self._kernel);
        if self._kernel == 7 && !kernel7 {
            // What lies beyond the last word stays.
            let small = bytes(3);
            window[..32].fill(0);
            window[..small.len()].copy_from_slice(&small);
        }
        window
    }

    /// Verilog for the window that ends at pixel `end`.
    fn window_text(&self, end: usize) -> String {
        let list = |kernel| {
            let taps = self.taps(kernel, end);
            let pixels: Vec<String> = taps
                .into_iter()
                .rev()
                .map(|(column, row)| {
                    let low = 8 * COLOURS * (self._kernel * column + row);
                    format!("columns[{}:{low}]", low + 8 * COLOURS - 1)
                })
                .collect();
            format!("{{{}}}", pixels.join(", "))
        };
        let bits = 8 * COLOURS * self._kernel * self._kernel;
        let mut text = format!(
            "wire [{}:0] all_{end} = {};\n",
            bits - 1,
            list(self._kernel)
        );
        if self._kernel == 7 {
            text += &format!(
                "wire [255:0] small_{end} = {{40'd0, {}}};\n\
                 wire [{high}:0] window_{end} = kernel7 ? all_{end} : \
                 {{all_{end}[{high}:256], small_{end}}};\n",
                list(3),
                high = bits - 1,
            );
        } else {
            text += &format!("wire [{}:0] window_{end} = all_{end};\n", bits - 1);
        }
        text
    }
}

/// Verilog that selects one of the windows in `ends` by `select`.
fn choice(ends: &[usize], select: &str) -> String {
    match ends {
        [] => String::new(),
        [end] => format!("window_{end}"),
        [end, rest @ ..] => format!(
            "({select} == 2'd{end}) ? window_{end} : {}",
            choice(rest, select)
        ),
    }
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
                .fold(Bits::<128>::default(), |word, &byte| {
                    (word << 8) | Bits::<128>::from(u64::from(byte))
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
        let last = 8 * COLOURS * self._kernel * self._kernel - 1;
        let step = 8 * self._tile * self.group();
        let entering: String = (0..self.pixel.len())
            .rev()
            .map(|i| format!("pixel${i}, above${i}[143:{}], ", 168 - column))
            .collect();
        let mut text = format!("reg [{high}:0] columns;\n");
        for i in 0..self.pixel.len() {
            text += &format!("assign below${i} = {{pixel${i}, above${i}[143:24]}};\n");
        }
        let mut ends = self.firsts();
        ends.extend(self.seconds());
        ends.sort_unstable();
        ends.dedup();
        for &end in &ends {
            text += &self.window_text(end);
        }
        let (mut loads, mut moves) = (String::new(), String::new());
        for i in 0..self._windows.len() {
            text += &format!("reg [{last}:0] held_{i};\n");
            let source = match i {
                0 => choice(&self.firsts(), "first"),
                _ => choice(&self.seconds(), "second"),
            };
            loads += &format!("        held_{i} <= {source};\n");
            moves += &format!("        held_{i} <= held_{i} >> {step};\n");
        }
        text += &format!(
            "\
always @(posedge clock) begin
    if (shift) columns <= {{{entering}columns[{high}:{}]}};
    if (load) begin
{loads}    end else if (onward) begin
{moves}    end
end
",
            column * self.pixel.len(),
        );
        for i in 0..self.word.len() {
            let low = i % self.group() * 8 * self._tile;
            let top = (low + 8 * self._tile - 1).min(last);
            let zeros = 128 - (top + 1 - low);
            let held = format!("held_{}[{top}:{low}]", i / self.group());
            text += &match zeros {
                0 => format!("assign word${i} = {held};\n"),
                _ => format!("assign word${i} = {{{zeros}'d0, {held}}};\n"),
            };
        }
        Verilog::Custom(text)
    }
}
