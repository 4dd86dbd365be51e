//! The blocks of the drain path that bring their own Verilog: the Rust description beside it
//! must do the same.

use firebrick_rtl::array::accumulators::AccAdder;
use firebrick_rtl::drain::byte_max::ByteMax;
use firebrick_rtl::drain::gather::DrainGather;
use firebrick_rtl::drain::requant::Requantiser;
use firebrick_rtl::drain::spread::DrainSpread;
use firebrick_rtl::drain::sum::GlobalSum;
use firebrick_rtl::drain::tap::DrainTap;
use firebrick_rtl::emit::emit;
use firebrick_sim::{Design, Model};
use firebrick_spec::HwConfig;
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

/// A word for a port of `width` bits.
fn random_words(rng: &mut StdRng, width: u32) -> Vec<u32> {
    let mut words: Vec<u32> = (0..width.div_ceil(32)).map(|_| rng.random()).collect();
    let cut = width % 32;
    if cut != 0 {
        *words.last_mut().expect("a word") &= (1 << cut) - 1;
    }
    words
}

/// Runs a block and its Verilog side by side with random inputs, `some` of one width each and
/// `all` signals of lists. Outputs are compared once both have seen every register written, which
/// takes `settling` cycles in which all flags of `bits` are set.
macro_rules! compare {
    ($uut:expr, settling: $settling:literal, bits: [$($bit:ident),*], some: [$($wide:ident),*],
     all: [$($list:ident),*], outputs: [$($out:ident),*], output_lists: [$($outs:ident),*]) => {{
        let mut uut = $uut;
        $(uut.$bit.connect();)*
        $(uut.$wide.connect();)*
        $(uut.$list.iter_mut().for_each(Logic::connect);)*
        uut.clock.connect();
        uut.connect_all();
        let verilog = emit(&uut, "leaf").expect("the block can be emitted");
        let design = Design::new("leaf", verilog).clock("clock").optimise(1);
        let mut model = Model::open(&design).expect("the block builds");
        let mut rng = StdRng::seed_from_u64(11);
        for cycle in 0..400 {
            $(
                let value = cycle < $settling || rng.random();
                uut.$bit.next = value;
                let port = model.input(stringify!($bit)).expect("input");
                model.set(port, value.into());
            )*
            $(
                let port = model.input(stringify!($wide)).expect("input");
                let words = random_words(&mut rng, port.width());
                uut.$wide.next = to_bits(&words);
                model.set_words(port, &words);
            )*
            $(
                for (i, signal) in uut.$list.iter_mut().enumerate() {
                    let name = format!("{}_{i}", stringify!($list));
                    let port = model.input(&name).expect("input");
                    let words = random_words(&mut rng, port.width());
                    signal.next = FromWords::from_words(&words);
                    model.set_words(port, &words);
                }
            )*
            settle(&mut uut);
            uut.clock.next = !uut.clock.val();
            settle(&mut uut);
            model.tick().expect("tick");
            uut.clock.next = !uut.clock.val();
            settle(&mut uut);
            model.eval().expect("eval");
            if cycle >= $settling {
                $(
                    let port = model.output(stringify!($out)).expect("output");
                    let rust = IntoWords::into_words(uut.$out.val());
                    assert_eq!(rust, model.get_words(port), "{}, cycle {cycle}", stringify!($out));
                )*
                $(
                    for (i, signal) in uut.$outs.iter().enumerate() {
                        let name = format!("{}_{i}", stringify!($outs));
                        let port = model.output(&name).expect("output");
                        let rust = IntoWords::into_words(signal.val());
                        assert_eq!(rust, model.get_words(port), "{name}, cycle {cycle}");
                    }
                )*
            }
        }
    }};
}

/// A signal's value from words, least significant first.
trait FromWords {
    fn from_words(words: &[u32]) -> Self;
}

impl FromWords for bool {
    fn from_words(words: &[u32]) -> bool {
        words[0] != 0
    }
}

impl<const N: usize> FromWords for Bits<N> {
    fn from_words(words: &[u32]) -> Bits<N> {
        to_bits(words)
    }
}

/// The other way round.
trait IntoWords {
    fn into_words(self) -> Vec<u32>;
}

impl IntoWords for bool {
    fn into_words(self) -> Vec<u32> {
        vec![self.into()]
    }
}

impl<const N: usize> IntoWords for Bits<N> {
    fn into_words(self) -> Vec<u32> {
        to_words(self)
    }
}

/// A configuration of each kind: one lane with either tile, several lanes.
fn shapes() -> [HwConfig; 4] {
    ["fb64", "fb256", "fb512", "fb2048"].map(|name| HwConfig::preset(name).expect("a preset"))
}

#[test]
fn requantisers_of_every_width() {
    for (bits, slices) in crate::drain_requant::KINDS {
        compare!(
            Requantiser::new(bits, slices), settling: 8, bits: [now, bank],
            some: [now_0, now_1, later_0, later_1, bias, mult, factor, coarse, fine], all: [],
            outputs: [y], output_lists: []
        );
    }
}

#[test]
fn adders_of_every_width() {
    for bits in 24..=32 {
        compare!(
            AccAdder::new(bits), settling: 2, bits: [first, bank], some: [psum, word_0, word_1],
            all: [], outputs: [sum], output_lists: []
        );
    }
}

#[test]
fn byte_max() {
    compare!(
        ByteMax::default(), settling: 4, bits: [enable, bypass, first], some: [a, b], all: [],
        outputs: [q], output_lists: []
    );
}

#[test]
fn global_sum() {
    for pixels in [1, 2, 4] {
        compare!(
            GlobalSum::new(pixels), settling: 4, bits: [restart, add, clear, turn], some: [],
            all: [vector], outputs: [beat], output_lists: []
        );
    }
}

#[test]
fn drain_spread() {
    for config in shapes() {
        let mut uut = DrainSpread::new(&config);
        uut.words.iter_mut().for_each(Logic::connect);
        uut.connect_all();
        let verilog = emit(&uut, "leaf").expect("the block can be emitted");
        let mut model = Model::open(&Design::new("leaf", verilog)).expect("the block builds");
        let mut rng = StdRng::seed_from_u64(14);
        for _ in 0..10 {
            for (i, signal) in uut.words.iter_mut().enumerate() {
                let words = random_words(&mut rng, 512);
                signal.next = to_bits(&words);
                let port = model.input(&format!("words_{i}")).expect("input");
                model.set_words(port, &words);
            }
            settle(&mut uut);
            model.eval().expect("eval");
            for (name, list) in [("now", &uut.now), ("later", &uut.later)] {
                for (i, signal) in list.iter().enumerate() {
                    let port = model.output(&format!("{name}_{i}")).expect("output");
                    assert_eq!(to_words(signal.val()), model.get_words(port), "{name} {i}");
                }
            }
        }
    }
}

#[test]
fn drain_gather() {
    for config in shapes() {
        compare!(
            DrainGather::new(&config), settling: 4, bits: [low, high], some: [], all: [keep, y],
            outputs: [], output_lists: [vector]
        );
    }
}

/// Vectors come as the drain unit sends them: two steps, then a pause.
#[test]
fn drain_tap() {
    for lanes in [1usize, 2, 4, 8] {
        let mut uut = DrainTap::new(lanes);
        uut.clock.connect();
        uut.reset.connect();
        uut.load.connect();
        uut.second.connect();
        uut.vector.iter_mut().for_each(Logic::connect);
        uut.keep.iter_mut().for_each(Logic::connect);
        uut.connect_all();
        let verilog = emit(&uut, "leaf").expect("the block can be emitted");
        let design = Design::new("leaf", verilog).clock("clock").optimise(1);
        let mut model = Model::open(&design).expect("the block builds");
        let mut rng = StdRng::seed_from_u64(12);
        let steps = lanes.min(2);
        let (mut seen, mut due, mut since) = (0, std::collections::VecDeque::new(), lanes.max(2));
        for cycle in 0..1200 {
            // Both start from an empty unit.
            let reset = cycle < 2;
            let starts = !reset && since + 1 >= lanes.max(2) && rng.random();
            since = if starts { 0 } else { since + 1 };
            let load = since < steps;
            let second = since == 1;
            uut.reset.next = reset;
            uut.load.next = load;
            uut.second.next = second;
            for (name, value) in [("reset", reset), ("load", load), ("second", second)] {
                let port = model.input(name).expect("input");
                model.set(port, value.into());
            }
            for i in 0..uut.vector.len() {
                let words = random_words(&mut rng, 128);
                let keep = rng.random();
                uut.vector[i].next = to_bits(&words);
                uut.keep[i].next = keep;
                let port = model.input(&format!("vector_{i}")).expect("input");
                model.set_words(port, &words);
                let port = model.input(&format!("keep_{i}")).expect("input");
                model.set(port, u64::from(keep));
                if load && keep {
                    due.push_back(words);
                }
            }
            settle(&mut uut);
            model.eval().expect("eval");
            let [valid, word] = ["word_valid", "word"].map(|n| model.output(n).expect("output"));
            if cycle >= 2 {
                assert_eq!(
                    u64::from(uut.word_valid.val()),
                    model.get(valid),
                    "cycle {cycle}"
                );
                if uut.word_valid.val() {
                    assert_eq!(to_words(uut.word.val()), model.get_words(word));
                    assert_eq!(
                        Some(model.get_words(word)),
                        due.pop_front(),
                        "cycle {cycle}"
                    );
                    seen += 1;
                }
            }
            uut.clock.next = !uut.clock.val();
            settle(&mut uut);
            model.tick().expect("tick");
            uut.clock.next = !uut.clock.val();
            settle(&mut uut);
        }
        assert!(seen > 100, "{seen} words");
        assert!(due.len() <= lanes, "{} words are missing", due.len());
    }
}
