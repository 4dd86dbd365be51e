//! Two processing elements in one DSP slice: against products, and the Verilog against the Rust beside it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use firebrick_rtl::array::pe::PE_LATENCY;
use firebrick_rtl::array::pe_pair::{JoinWeights, PePair, TakeApart};
use firebrick_rtl::array::tile::Tile8;
use firebrick_rtl::array::tile_packed::{TilePacked8, TileTree8};
use firebrick_rtl::emit::{emit, emit_block};
use firebrick_sim::Model;
use firebrick_spec::arith::WEIGHT_MAX;
use firebrick_spec::config::Family;
use rand::Rng;
use rust_hdl::prelude::*;

use crate::support::{design, open, percent, random, weight};

/// A chain of one pair, with its weights joined and its sum taken apart.
#[derive(LogicBlock)]
struct Chain {
    clock: Signal<In, Clock>,
    x_in: Signal<In, Bits<8>>,
    swap_in: Signal<In, Bit>,
    load_in: Signal<In, Bit>,
    w_in: Signal<In, Bits<16>>,
    low: Signal<Out, Bits<19>>,
    high: Signal<Out, Bits<19>>,
    joiner: JoinWeights,
    pair: PePair,
    apart: TakeApart,
}

impl Chain {
    fn new(family: Family) -> Chain {
        Chain {
            clock: Default::default(),
            x_in: Default::default(),
            swap_in: Default::default(),
            load_in: Default::default(),
            w_in: Default::default(),
            low: Default::default(),
            high: Default::default(),
            joiner: JoinWeights::new(family),
            pair: PePair::new(family, true),
            apart: TakeApart::new(family),
        }
    }
}

impl Logic for Chain {
    #[hdl_gen]
    fn update(&mut self) {
        self.pair.clock.next = self.clock.val();
        self.joiner.weights.next = self.w_in.val();
        self.pair.x_in.next = self.x_in.val();
        self.pair.swap_in.next = self.swap_in.val();
        self.pair.load_in.next = self.load_in.val();
        self.pair.w_in.next = self.joiner.joined.val();
        self.pair.sum_in.next = 0.into();
        self.apart.sum.next = self.pair.sum.val();
        self.low.next = self.apart.low.val();
        self.high.next = self.apart.high.val();
    }
}

dut!(Pairs: x_in, swap_in, load_in, w_in, low, high);

/// Every weight of column `varied` meets every activation, while the other column's weight is random.
/// Most cycles swap in a new pair of weights and load the next.
fn every_weight_and_activation(family: Family, varied: usize, seed: u64) {
    let mut rng = random(seed);
    let mut dut = Pairs::new(open(
        Chain::new(family),
        &format!("chain_{}", family.name()),
    ));
    let mut cases =
        (-WEIGHT_MAX..=WEIGHT_MAX).flat_map(|w| (i8::MIN..=i8::MAX).map(move |x| (w, x)));
    let mut met = 0;
    // Activation and active weights of each cycle.
    let mut past: Vec<(i8, Option<[i8; 2]>)> = Vec::new();
    // Weights in the shadow register with the activation that they are for.
    let mut loaded: Option<([i8; 2], i8)> = None;
    let mut active = None;
    let (mut done, mut tail) = (false, 2 * PE_LATENCY);
    while tail > 0 {
        let t = past.len();
        let idle = percent(&mut rng, 10);
        let (swap, x) = match loaded {
            Some((weights, x)) if !idle => {
                active = Some(weights);
                loaded = None;
                (true, x)
            }
            _ => (false, rng.random()),
        };
        let mut next = None;
        if loaded.is_none() && !percent(&mut rng, 10) {
            next = cases.next();
            done = next.is_none();
        }
        let mut weights = [weight(&mut rng), weight(&mut rng)];
        if let Some((w, x)) = next {
            weights[varied] = w;
            loaded = Some((weights, x));
        }
        tail -= usize::from(done);
        dut.set(dut.x_in, u64::from(x as u8));
        dut.put(dut.swap_in, swap);
        dut.put(dut.load_in, next.is_some());
        dut.set(
            dut.w_in,
            u16::from_le_bytes(weights.map(|w| w as u8)).into(),
        );
        dut.eval();
        if let Some(&(x, Some(weights))) = t.checked_sub(PE_LATENCY).map(|i| &past[i]) {
            let half = 1i64 << (family.field_bits() - 1);
            let got = [dut.get(dut.low), dut.get(dut.high)].map(|field| field as i64 - half);
            let want = weights.map(|w| i64::from(x) * i64::from(w));
            assert_eq!(got, want, "{x} * {weights:?}, cycle {t}");
            met += usize::from(swap);
        }
        past.push((x, active));
        dut.tick();
    }
    assert!(met > 50_000, "{met}");
}

#[test]
fn both_columns_of_a_pair_give_every_product() {
    for family in Family::ALL {
        every_weight_and_activation(family, 0, 51);
        every_weight_and_activation(family, 1, 52);
    }
}

#[test]
fn every_two_weights_are_joined_exactly() {
    for family in [Family::Generic, Family::Xc7] {
        let mut uut = JoinWeights::new(family);
        uut.weights.connect();
        uut.connect_all();
        let verilog = emit_block(JoinWeights::new(family), "join_weights").expect("emitted");
        let mut model =
            Model::open(&firebrick_sim::Design::new("join_weights", verilog)).expect("builds");
        let (weights, joined) = (
            model.input("weights").expect("an input"),
            model.output("joined").expect("an output"),
        );
        let all = -i64::from(WEIGHT_MAX)..=i64::from(WEIGHT_MAX);
        for (w0, w1) in all
            .clone()
            .flat_map(|w0| all.clone().map(move |w1| (w0, w1)))
        {
            let both = (w0 as u8 as u64) | u64::from(w1 as u8) << 8;
            let want = ((w1 << family.field_bits()) + w0) as u64 & 0x7ff_ffff;
            model.set(weights, both);
            model.eval().expect("eval");
            assert_eq!(model.get(joined), want, "{w0} and {w1}");
            uut.weights.next = both.into();
            assert!(simulate(&mut uut, 20), "the block settles");
            assert_eq!(uut.joined.val().to_u64(), want, "in Rust, {w0} and {w1}");
        }
    }
}

fn settle(uut: &mut PePair) {
    assert!(simulate(uut, 20), "the block settles");
}

/// Any bits at the ports that a slice of the family multiplies.
fn rust_and_verilog(family: Family, first: bool) {
    let mut rng = random(53);
    let mut uut = PePair::new(family, first);
    uut.clock.connect();
    uut.x_in.connect();
    uut.swap_in.connect();
    uut.load_in.connect();
    uut.w_in.connect();
    uut.sum_in.connect();
    uut.connect_all();
    let verilog = emit(&uut, "pair").expect("the block can be emitted");
    let mut model = Model::open(&design("pair", verilog)).expect("the block builds");
    let [x, swap, load, w, above] = ["x_in", "swap_in", "load_in", "w_in", "sum_in"]
        .map(|name| model.input(name).expect("an input"));
    let [x_out, swap_out, load_out, sum_out, sum] =
        ["x_out", "swap_out", "load_out", "sum_out", "sum"]
            .map(|name| model.output(name).expect("an output"));
    let (factor, width) = match family {
        Family::Generic => (27, 38),
        Family::Xc7 => (25, 48),
        Family::Xcup => (27, 48),
    };
    let mut kinds = std::collections::HashSet::new();
    for cycle in 0..4000 {
        // The first cycles write every register.
        let start = cycle < 5;
        let bits = [start || rng.random(), start || rng.random()];
        // Sign-extended to 27 bits, as the joined weights are.
        let weight = (rng.random::<i64>() >> (64 - factor)) as u64 & 0x7ff_ffff;
        let values = [
            rng.random_range(0..1u64 << 8),
            weight,
            rng.random_range(0..1u64 << width),
        ];
        for (port, value) in [(x, values[0]), (w, values[1]), (above, values[2])] {
            model.set(port, value);
        }
        model.set(swap, bits[0].into());
        model.set(load, bits[1].into());
        uut.swap_in.next = bits[0];
        uut.load_in.next = bits[1];
        uut.x_in.next = values[0].into();
        uut.w_in.next = values[1].into();
        uut.sum_in.next = values[2].into();
        settle(&mut uut);
        uut.clock.next = !uut.clock.val();
        settle(&mut uut);
        model.tick().expect("tick");
        uut.clock.next = !uut.clock.val();
        settle(&mut uut);
        model.eval().expect("eval");
        if cycle >= 5 {
            let rust = [
                uut.x_out.val().to_u64(),
                uut.swap_out.val().into(),
                uut.load_out.val().into(),
                uut.sum_out.val().to_u64(),
                uut.sum.val().to_u64(),
            ];
            let verilog = [x_out, swap_out, load_out, sum_out, sum].map(|port| model.get(port));
            assert_eq!(rust, verilog, "cycle {cycle}, {family:?}, {first}");
            kinds.insert(verilog);
        }
    }
    assert!(kinds.len() > 3000, "the outputs vary");
}

#[test]
fn the_pair_does_the_same_in_rust_and_in_verilog() {
    for family in Family::ALL {
        rust_and_verilog(family, true);
        rust_and_verilog(family, false);
    }
}

/// Cells of a kind after synthesis for a family of parts, or `None` without Yosys.
fn synthesised(verilog: &str, top: &str, family: &str, cell: &str) -> Option<usize> {
    let found = Command::new("yosys")
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_err() {
        return None;
    }
    let file = std::env::temp_dir().join(format!("firebrick-{}-{top}.v", std::process::id()));
    std::fs::write(&file, verilog).expect("a file can be written");
    let script = format!(
        "read_verilog {}; synth_xilinx -family {family} -flatten -noiopad -top {top}; \
         tee -o /dev/stdout stat",
        file.display()
    );
    let output = Command::new("yosys")
        .args(["-q", "-p", &script])
        .output()
        .expect("yosys runs");
    std::fs::remove_file(&file).expect("the file can be removed");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "yosys fails: {text}");
    let count = text.lines().find_map(|line| {
        let (name, count) = line.trim().split_once(' ')?;
        (name == cell).then(|| count.trim().parse().expect("a count"))
    });
    Some(count.unwrap_or(0))
}

#[test]
fn a_packed_tile_of_8_takes_half_the_dsp_slices() {
    let plain = emit_block(Tile8::default(), "plain8").expect("emitted");
    let Some(slices) = synthesised(&plain, "plain8", "xc7", "DSP48E1") else {
        // Past the capture of a test that passes.
        let _ = writeln!(std::io::stderr(), "skipped: yosys is not installed");
        return;
    };
    assert_eq!(slices, 64);
    let packed = emit_block(TilePacked8::new(Family::Generic), "packed8").expect("emitted");
    assert_eq!(synthesised(&packed, "packed8", "xcup", "DSP48E2"), Some(32));
    let slices = emit_block(TileTree8::new(Family::Xc7), "tree8").expect("emitted");
    assert_eq!(synthesised(&slices, "tree8", "xc7", "DSP48E1"), Some(32));
}
