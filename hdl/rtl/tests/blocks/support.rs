//! What the block tests share: seeds, chances, and a handle on a block under test.

use firebrick_rtl::emit::emit_block;
use firebrick_sim::{Builder, Design, Model, VerilatedModel};
use firebrick_spec::arith::WEIGHT_MAX;
use rand::{Rng, SeedableRng, rngs::StdRng};
use rust_hdl::prelude::Block;

/// Random numbers from `FIREBRICK_SEED`, or from a seed of the test's own; says which.
pub fn random(default: u64) -> StdRng {
    StdRng::seed_from_u64(firebrick_sim::bus::seed_or(default))
}

/// True in `chance` of a hundred cases.
pub fn percent(rng: &mut StdRng, chance: u32) -> bool {
    rng.random_range(0..100) < chance
}

/// A chance in percent: often all or little.
pub fn chance(rng: &mut StdRng) -> u32 {
    match rng.random_range(0..3) {
        0 => 100,
        1 => rng.random_range(5..30),
        _ => rng.random_range(30..100),
    }
}

/// A u8, extremes more often than others.
pub fn byte(rng: &mut StdRng) -> u8 {
    match rng.random_range(0..4) {
        0 => [0, 1, 127, 128, 254, 255][rng.random_range(0..6)],
        _ => rng.random(),
    }
}

/// An i8, extremes more often than others.
pub fn signed_byte(rng: &mut StdRng) -> i8 {
    match rng.random_range(0..4) {
        0 => [0, 1, -1, 127, -127, -128][rng.random_range(0..6)],
        _ => rng.random(),
    }
}

/// Bits of a tile's sum.
pub const PSUM_BITS: usize = 19;
/// A tile's sum, as bits.
pub const PSUM: u32 = (1 << PSUM_BITS) - 1;

/// A weight, extremes more often than others.
pub fn weight(rng: &mut StdRng) -> i8 {
    signed_byte(rng).max(-WEIGHT_MAX)
}

/// A block's design: state without an initial value is random.
pub fn design(top: &str, verilog: String) -> Design {
    Design::new(top, verilog)
        .primitives()
        .clock("clock")
        .random_reset(true)
        .optimise(1)
}

/// Emits a block and builds it.
pub fn build<B: Block>(block: B, top: &str) -> VerilatedModel {
    let verilog = emit_block(block, top).expect("the block can be emitted");
    Builder::new()
        .build(&design(top, verilog))
        .expect("the block builds")
}

/// Emits, builds and opens a block.
pub fn open<B: Block>(block: B, top: &str) -> Model {
    Model::load(&build(block, top), 1).expect("the block loads")
}

/// Four words as one value.
pub fn join(words: [u32; 4]) -> u128 {
    words
        .iter()
        .rev()
        .fold(0, |all, &word| all << 32 | u128::from(word))
}

/// One value as four words.
pub fn words(value: u128) -> [u32; 4] {
    [0, 32, 64, 96].map(|at| (value >> at) as u32)
}

/// The 24-bit sum of a column in an array's output.
pub fn column(psums: &[u32], column: usize) -> u32 {
    let at = PSUM_BITS * column;
    let high = psums.get(at / 32 + 1).copied().unwrap_or(0);
    let pair = u64::from(high) << 32 | u64::from(psums[at / 32]);
    (pair >> (at % 32)) as u32 & PSUM
}

/// Sums as an array's output of 304 bits.
pub fn columns(sums: impl IntoIterator<Item = i32>) -> [u32; 10] {
    let mut words = [0; 10];
    for (index, sum) in sums.into_iter().enumerate() {
        let at = PSUM_BITS * index;
        let sum = u64::from(sum as u32 & PSUM) << (at % 32);
        words[at / 32] |= sum as u32;
        if let Some(next) = words.get_mut(at / 32 + 1) {
            *next |= (sum >> 32) as u32;
        }
    }
    words
}

/// Defines a handle on a block: its model and its ports by name.
macro_rules! dut {
    ($name:ident: $($port:ident),* $(,)?) => {
        struct $name {
            model: firebrick_sim::Model,
            $($port: firebrick_sim::Port,)*
        }

        #[allow(dead_code, reason = "not every block needs every method")]
        impl $name {
            fn new(model: firebrick_sim::Model) -> Self {
                $(let $port = model.port(stringify!($port)).expect("a port");)*
                Self { model, $($port,)* }
            }
            fn set(&mut self, port: firebrick_sim::Port, value: u64) {
                self.model.set(port, value);
            }
            fn put(&mut self, port: firebrick_sim::Port, value: bool) {
                self.model.set(port, u64::from(value));
            }
            fn set_wide(&mut self, port: firebrick_sim::Port, value: u128) {
                self.model.set_words(port, &crate::support::words(value));
            }
            fn get(&self, port: firebrick_sim::Port) -> u64 {
                self.model.get(port)
            }
            fn bit(&self, port: firebrick_sim::Port) -> bool {
                self.model.get(port) != 0
            }
            fn get_wide(&self, port: firebrick_sim::Port) -> u128 {
                let mut words = [0; 4];
                self.model.read_words(port, &mut words);
                crate::support::join(words)
            }
            fn eval(&mut self) {
                self.model.eval().expect("the model evaluates");
            }
            fn tick(&mut self) {
                self.model.tick().expect("the model ticks");
            }
        }
    };
}
