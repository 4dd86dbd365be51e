//! The blocks of the drain path that bring their own Verilog: the Rust description beside it
//! must do the same.

use firebrick_rtl::byte_max::ByteMax;
use firebrick_rtl::drain_gather::DrainGather;
use firebrick_rtl::drain_spread::DrainSpread;
use firebrick_rtl::emit::emit;
use firebrick_rtl::mul::MulU32U15;
use firebrick_rtl::sum::GlobalSum;
use firebrick_sim::{Design, Model};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rust_hdl::prelude::*;

/// `N` bits from words, least significant first.
pub fn to_bits<const N: usize>(words: &[u32]) -> Bits<N> {
    let mut value = Bits::<N>::default();
    for i in 0..N {
        value = value.replace_bit(i, words[i / 32] >> (i % 32) & 1 != 0);
    }
    value
}

pub fn to_words<const N: usize>(value: Bits<N>) -> Vec<u32> {
    let mut words = vec![0; N.div_ceil(32)];
    for i in 0..N {
        words[i / 32] |= u32::from(value.get_bit(i)) << (i % 32);
    }
    words
}

/// Lets a block settle and clocks it.
pub fn settle<B: Block>(uut: &mut B) {
    assert!(simulate(uut, 20), "the block settles");
}

/// Runs a block and its Verilog side by side with random inputs. Outputs are compared once both
/// have seen every register written.
macro_rules! compare {
    ($test:ident, $block:ty, bits: [$($bit:ident),*], wide: [$($wide:ident $(.$index:literal)?),*],
     outputs: [$($out:ident $(.$out_index:literal)?),*]) => {
        #[test]
        fn $test() {
            let mut uut = <$block>::default();
            uut.clock.connect();
            $(uut.$bit.connect();)*
            $(uut.$wide$([$index])?.connect();)*
            uut.connect_all();
            let top = stringify!($test);
            let verilog = emit(&uut, top).expect("the block can be emitted");
            let design = Design::new(top, verilog).clock("clock").optimise(1);
            let mut model = Model::open(&design).expect("the block builds");
            let mut rng = StdRng::seed_from_u64(11);
            for cycle in 0..400 {
                // The first cycles write every register.
                $(
                    let value = cycle < 4 || rng.random();
                    uut.$bit.next = value;
                    let port = model.input(stringify!($bit)).expect("input");
                    model.set(port, value.into());
                )*
                $(
                    let name = concat!(stringify!($wide) $(, "_", stringify!($index))?);
                    let port = model.input(name).expect("input");
                    let words: Vec<u32> = (0..port.words()).map(|_| rng.random()).collect();
                    uut.$wide$([$index])?.next = to_bits(&words);
                    let cut = port.width() % 32;
                    let mut words = words;
                    if cut != 0 {
                        *words.last_mut().expect("a word") &= (1 << cut) - 1;
                    }
                    model.set_words(port, &words);
                )*
                settle(&mut uut);
                uut.clock.next = !uut.clock.val();
                settle(&mut uut);
                model.tick().expect("tick");
                uut.clock.next = !uut.clock.val();
                settle(&mut uut);
                model.eval().expect("eval");
                if cycle >= 4 {
                    $(
                        let name = concat!(stringify!($out) $(, "_", stringify!($out_index))?);
                        let port = model.output(name).expect("output");
                        let rust = to_words(uut.$out$([$out_index])?.val());
                        assert_eq!(rust, model.get_words(port), "{name}, cycle {cycle}");
                    )*
                }
            }
        }
    };
}

compare!(mul_u32_u15, MulU32U15, bits: [], wide: [a, b], outputs: [product]);
compare!(byte_max, ByteMax, bits: [enable, bypass], wide: [a, b], outputs: [q]);
compare!(global_sum, GlobalSum, bits: [restart, add], wide: [vector, select], outputs: [beat]);
compare!(
    drain_spread, DrainSpread, bits: [load, advance], wide: [data],
    outputs: [acc.0, acc.1, acc.2, acc.3, acc.4, acc.5, acc.6, acc.7]
);
compare!(
    drain_gather, DrainGather, bits: [low, high],
    wide: [y.0, y.1, y.2, y.3, y.4, y.5, y.6, y.7], outputs: [vector]
);
