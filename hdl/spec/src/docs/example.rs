//! A complete stream that is small enough to print: one window of one picture.

use crate::HwConfig;
use crate::arith::{Requant, mac, offset};
use crate::command::{Block, Command, End, Hello, Load, Mode, Rows, Store};

/// The stream of `docs/commands.md` and what comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Records with their payloads.
    pub records: Vec<(Command, Vec<u8>)>,
    /// Result packet without its trailer.
    pub body: Vec<u8>,
}

impl Example {
    /// Tag of the end record.
    pub const TAG: u32 = 0x1234;

    /// Pixel bytes of the 3x3 picture, in order of row, column, colour.
    #[must_use]
    pub fn pixel(index: usize) -> u8 {
        (9 * index) as u8
    }

    /// Weight from tap `k` (row, column, colour flattened) to output channel `o`.
    #[must_use]
    pub fn weight(k: usize, o: usize) -> i8 {
        if k < 27 {
            ((7 * k + 4 * o) % 17) as i8 - 8
        } else {
            0
        }
    }

    /// Parameters of output channel `o`, as the convolution has them.
    #[must_use]
    pub fn params(o: usize) -> Requant {
        Requant {
            bias: 100 * o as i32 - 300,
            mult: 100 + o as u16,
            shift: 9,
        }
    }

    /// What the array's sum of output channel `o` lacks. The weights are few and small.
    #[must_use]
    pub fn offset(o: usize) -> i32 {
        offset((0..27).map(|k| Self::weight(k, o))).unwrap_or_default()
    }

    /// The stream for a configuration with a 3x3 window.
    #[must_use]
    pub fn new(config: &HwConfig) -> Example {
        let tile = config.tile;
        let groups = 27usize.div_ceil(tile);
        let mut weights = Vec::new();
        for k in 0..groups * tile {
            weights.extend((0..tile).map(|o| Self::weight(k, o) as u8));
        }
        let mut params = Vec::new();
        for o in 0..tile {
            let requant = Self::params(o);
            let bias = requant.bias + Self::offset(o);
            params.extend(bias.to_le_bytes());
            params.extend(requant.mult.to_le_bytes());
            params.extend([requant.shift, 0]);
        }
        let mut rows = Vec::new();
        for row in 0..3 {
            rows.extend((0..9).map(|i| Self::pixel(9 * row + i)));
            rows.resize((row + 1) * Rows::row_bytes(3), 0);
        }
        let body = (0..tile)
            .map(|o| {
                let acc = (0..27).fold(0, |acc, k| mac(acc, Self::pixel(k), Self::weight(k, o)));
                Self::params(o).apply(acc)
            })
            .collect();
        let load = |count: usize| Load {
            wait: 0,
            base: 0,
            count: count as u32,
        };
        let window = Rows {
            first: true,
            strip_end: true,
            wait: 0,
            base: 0,
            plane: 1,
            width: 3,
            rows: 3,
            kernel: 3,
            stride: 1,
            gap: 0,
            drains: 0,
        };
        let block = Block {
            first: true,
            last: true,
            take_strip: true,
            count: 1,
            groups: groups as u32,
            plane: 1,
            width: 1,
            height: 1,
            mode: Mode::Write,
            in_gap: config.lanes as u32 - 1,
            more_beats: 0,
            out_base: 100,
            ..Block::default()
        };
        Example {
            records: vec![
                (Command::Hello(Hello::for_config(config)), Vec::new()),
                (Command::LoadParams(load(1)), params),
                (Command::LoadWeights(load(groups)), weights),
                (Command::Rows(window), rows),
                (Command::Block(block), Vec::new()),
                (
                    Command::Store(Store {
                        base: 100,
                        count: 1,
                    }),
                    Vec::new(),
                ),
                (Command::End(End { tag: Self::TAG }), Vec::new()),
            ],
            body,
        }
    }

    /// A record as bytes. All fields of the example fit.
    #[must_use]
    pub fn record_bytes(command: &Command, payload: &[u8]) -> Vec<u8> {
        command
            .encode_with(payload)
            .map_or(Vec::new(), |words| words.map(u32::to_le_bytes).concat())
    }

    /// The whole transfer.
    #[must_use]
    pub fn transfer(&self) -> Vec<u8> {
        self.records
            .iter()
            .flat_map(|(command, payload)| {
                [Self::record_bytes(command, payload), payload.clone()].concat()
            })
            .collect()
    }
}
