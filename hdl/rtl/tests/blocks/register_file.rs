//! Registers over AXI4-Lite and the counters behind them, against the specification's map.

use firebrick_rtl::emit::emit_block;
use firebrick_rtl::io::counters::{COUNTERS, Counters};
use firebrick_rtl::io::registers::{Registers, STATS_LATENCY};
use firebrick_sim::bus::{LiteId, Operation, Testbench, WriteOrder};
use firebrick_sim::{Builder, Design, Model, VerilatedModel};
use firebrick_spec::HwConfig;
use firebrick_spec::latency::COUNTER_LATENCY;
use firebrick_spec::regs::{self, Access, Register};
use rand::{Rng, rngs::StdRng};

use crate::support::{open, percent, random};

dut!(Sweep: clear, reset, ragged, read, index, done, value, clear_cycles, cycle, cycles);

/// A counter is what happened until five cycles before it is shown, whenever it is asked for and
/// however many events came and clears went by; the cycles are shown at once.
#[test]
fn counters_count_events_and_clear() {
    let mut rng = random(50);
    let Sweep {
        mut model,
        clear,
        reset,
        ragged,
        read,
        index,
        done,
        value,
        clear_cycles,
        cycle,
        cycles,
    } = Sweep::new(open(Counters::default(), "counters"));
    let adds: Vec<_> = (0..COUNTERS)
        .map(|i| model.port(&format!("adds_{i}")).expect("a port"))
        .collect();
    // What each counter was at the beginning of each cycle.
    let mut history = vec![[0u64; COUNTERS]];
    let mut all_cycles = 0u32;
    let mut asked: Option<(usize, usize)> = None;
    let (mut shown, mut slowest) = (0, 0);
    for now in 0..60_000 {
        let clears = now == 0 || rng.random_ratio(1, 3000);
        let mut count = *history.last().expect("the beginning");
        model.set(clear, clears.into());
        model.set(reset, u64::from(now == 0));
        for (i, count) in count.iter_mut().enumerate() {
            let event = percent(&mut rng, 6 * i as u32 + 5);
            let amount = match i {
                regs::RAGGED_INDEX => u64::from(event) * rng.random_range(1..=8),
                _ => u64::from(event),
            };
            match i {
                regs::RAGGED_INDEX => model.set(ragged, amount),
                _ => model.set(adds[i], amount),
            }
            *count = if clears { 0 } else { *count + amount };
        }
        history.push(count);
        let (counts, starts) = (percent(&mut rng, 80), now == 0 || rng.random_ratio(1, 9000));
        model.set(cycle, counts.into());
        model.set(clear_cycles, starts.into());
        if asked.is_none() && now > 0 && percent(&mut rng, 20) {
            asked = Some((now, rng.random_range(0..COUNTERS)));
        }
        model.set(read, u64::from(asked.is_some()));
        model.set(index, asked.map_or(0, |(_, counter)| counter as u64));
        model.eval().expect("eval");
        if now > 0 {
            assert_eq!(model.get(cycles), u64::from(all_cycles), "cycle {now}");
            if model.get(done) != 0 {
                let (since, counter) = asked.take().expect("an answer without a question");
                let want = history[now - 4][counter];
                assert_eq!(model.get(value), want, "counter {counter}, cycle {now}");
                slowest = slowest.max(now - since);
                shown += 1;
            }
        }
        all_cycles = match (starts, counts) {
            (true, _) => 0,
            (_, counts) => all_cycles + u32::from(counts),
        };
        model.tick().expect("tick");
    }
    assert!(shown > 2_000, "{shown} counters were shown");
    assert_eq!(slowest, COUNTER_LATENCY);
}

/// Carries pass from part to part: of the cycles at 16 bits, of a counter at 24.
#[test]
fn counters_carry() {
    let Sweep {
        mut model,
        clear,
        reset,
        ragged,
        read,
        index,
        done,
        value,
        clear_cycles,
        cycle,
        cycles,
    } = Sweep::new(open(Counters::default(), "counters"));
    for (port, on) in [(clear, 1), (reset, 1), (clear_cycles, 1)] {
        model.set(port, on);
    }
    model.tick().expect("tick");
    for port in [clear, reset, clear_cycles] {
        model.set(port, 0);
    }
    model.set(cycle, 1);
    model.set(ragged, 8);
    model.set(index, regs::RAGGED_INDEX as u64);
    // RAGGED passes 24 bits after 2^21 cycles.
    let mut last = 0;
    for now in 1..(1 << 21) + 200 {
        model.set(read, u64::from(now % 64 < 40));
        model.eval().expect("eval");
        assert_eq!(model.get(cycles), now - 1);
        if model.get(done) != 0 {
            last = model.get(value);
            assert_eq!(last, 8 * (now - 5), "cycle {now}");
        }
        model.tick().expect("tick");
    }
    assert!(last > 1 << 24, "{last}");
}

fn config() -> HwConfig {
    HwConfig::preset("fb256").expect("a preset")
}

/// The registers with the port names of the bus, and counters to play with.
fn wires() -> String {
    let chosen: Vec<String> = (0..COUNTERS)
        .map(|i| format!("        {i}: chosen = counter_{i};"))
        .collect();
    let inputs: Vec<String> = (0..COUNTERS).map(|i| format!("counter_{i}")).collect();
    format!(
        "module registers_bench (
    input wire aclk, reset,
    input wire [11:0] s_awaddr, s_araddr,
    input wire s_awvalid, s_wvalid, s_bready, s_arvalid, s_rready,
    output wire s_awready, s_wready, s_bvalid, s_arready, s_rvalid,
    input wire [31:0] s_wdata,
    input wire [3:0] s_wstrb,
    output wire [31:0] s_rdata,
    output wire [1:0] s_bresp, s_rresp,
    input wire busy, aborting, owing, error_set, done,
    input wire [7:0] queued, draining, error_code,
    input wire [23:0] error_record,
    input wire [31:0] results, stats,
    output wire [9:0] stats_index,
    input wire [63:0] {inputs},
    output wire soft_reset, clear_counters, halted, irq
);
    assign s_bresp = 0;
    assign s_rresp = 0;
    registers registers (
        .clock(aclk), .reset(reset), .awvalid(s_awvalid), .awready(s_awready), .awaddr(s_awaddr),
        .wvalid(s_wvalid), .wready(s_wready), .wdata(s_wdata), .wstrb(s_wstrb),
        .bvalid(s_bvalid), .bready(s_bready), .arvalid(s_arvalid), .arready(s_arready),
        .araddr(s_araddr), .rvalid(s_rvalid), .rready(s_rready), .rdata(s_rdata), .busy(busy),
        .aborting(aborting), .owing(owing), .queued(queued), .draining(draining), .error_set(error_set), .error_code(error_code),
        .error_record(error_record), .done(done), .results(results), .forget(tree[1]),
        .stats(stats), .stats_index(stats_index),
        .soft_reset(soft_reset), .clear_counters(clear_counters), .halted(halted), .irq(irq),
        .counter_read(counter_read), .counter_index(counter_index), .counter_done(counter_done),
        .counter(counter)
    );
    // The engine's reset comes back two cycles later.
    reg [1:0] tree;
    always @(posedge aclk) tree <= {{tree[0], soft_reset | reset}};
    // Counters that answer after some cycles.
    wire counter_read;
    wire [3:0] counter_index;
    reg [63:0] chosen, counter;
    reg [2:0] waited;
    wire counter_done = waited == 5;
    always @* case (counter_index)
{chosen}
        default: chosen = 64'd0;
    endcase
    always @(posedge aclk) begin
        waited <= counter_read & ~counter_done & ~reset ? waited + 3'd1 : 3'd0;
        if (reset) counter <= 64'd0;
        else if (counter_read && waited == 2) counter <= chosen;
    end
endmodule
",
        inputs = inputs.join(", "),
        chosen = chosen.join("\n"),
    )
}

fn built() -> VerilatedModel {
    let registers = emit_block(Registers::new(&config()), "registers").expect("emitted");
    let design = Design::new("registers_bench", wires())
        .source("registers.v", registers)
        .random_reset(true)
        .optimise(1);
    Builder::new().build(&design).expect("the registers build")
}

struct Bench {
    bench: Testbench,
    lite: LiteId,
}

impl Bench {
    fn new(built: &VerilatedModel, rng: &mut StdRng) -> Bench {
        let mut model = Model::load(built, 1).expect("loads");
        for i in 0..COUNTERS {
            model.poke(&format!("counter_{i}"), 0).expect("an input");
        }
        for name in [
            "busy",
            "aborting",
            "owing",
            "error_set",
            "done",
            "queued",
            "draining",
            "results",
            "stats",
        ] {
            model.poke(name, 0).expect("an input");
        }
        let mut bench = Testbench::new(model, rng.random()).expect("a bench");
        let lite = bench.add_lite("s").expect("the bus");
        bench.lite_mut(lite).set_order(WriteOrder::Random);
        let mut bench = Bench { bench, lite };
        bench.pulse("reset");
        bench
    }

    fn poke(&mut self, name: &str, value: u64) {
        self.bench.model_mut().poke(name, value).expect("an input");
    }

    fn peek(&mut self, name: &str) -> u64 {
        self.bench.model_mut().eval().expect("eval");
        self.bench.model().peek(name).expect("a port")
    }

    /// One cycle with an input high.
    fn pulse(&mut self, name: &str) {
        self.poke(name, 1);
        self.bench.cycle().expect("a cycle");
        self.poke(name, 0);
    }

    fn error(&mut self, code: u64, record: u64) {
        self.poke("error_code", code);
        self.poke("error_record", record);
        self.pulse("error_set");
    }

    fn read(&mut self, register: Register) -> u32 {
        self.read_at(register.offset)
    }

    fn read_at(&mut self, address: u32) -> u32 {
        self.bench.read(self.lite, address).expect("an answer")
    }

    fn write(&mut self, register: Register, data: u32) {
        self.bench
            .write(self.lite, register.offset, data)
            .expect("an answer");
    }

    /// Queues a write and counts the cycles in which an output is high until long after it.
    fn write_watching(&mut self, register: Register, data: u32, output: &str) -> u32 {
        let operation = Operation::Write {
            address: register.offset,
            data,
            strobes: 15,
        };
        self.bench.submit(self.lite, operation).expect("an address");
        let mut high = 0;
        for _ in 0..200 {
            self.bench.cycle().expect("a cycle");
            high += self.peek(output) as u32;
        }
        high
    }
}

/// Each register's value after reset, side inputs at rest.
fn reset_value(register: Register) -> u32 {
    let identity = regs::identity(&config());
    identity
        .iter()
        .find(|(r, _)| *r == register)
        .map_or(0, |(_, value)| *value)
}

#[test]
fn every_register_has_its_place_reset_value_and_access() {
    let mut rng = random(51);
    let built = built();
    for wait in [0.0, 0.6] {
        let mut b = Bench::new(&built, &mut rng);
        b.bench.set_disturbance(0.0, 0.0, wait);
        for &register in regs::ALL {
            assert_eq!(
                b.read(register),
                reset_value(register),
                "{} after reset",
                register.name
            );
        }
        // Writes to everything, in any order.
        let mut order: Vec<Register> = regs::ALL.to_vec();
        rand::seq::SliceRandom::shuffle(&mut order[..], &mut rng);
        let mut written: Vec<(Register, u32)> = Vec::new();
        for register in order {
            let data = if register == regs::CTRL {
                0
            } else {
                rng.random()
            };
            b.write(register, data);
            written.push((register, data));
        }
        let index = |(register, data): &(Register, u32)| {
            (*register == regs::STATS_INDEX).then_some(data & 0x3ff)
        };
        let shown = written.iter().find_map(index).expect("written above");
        for (register, data) in written {
            // What the named bits hold; a register without names is one value.
            let mask = register.bits.iter().fold(0, |mask, bits| {
                mask | (((1u64 << bits.width) - 1) as u32) << bits.lsb
            });
            let mask = if register.bits.is_empty() {
                u32::MAX
            } else {
                mask
            };
            let want = match register.access {
                Access::ReadWrite => data & mask,
                _ if register == regs::STATS_AT => shown,
                _ => reset_value(register),
            };
            assert_eq!(
                b.read(register),
                want,
                "{} after writing {data:#x}",
                register.name
            );
        }
        b.pulse("reset");
        for &register in regs::ALL {
            assert_eq!(
                b.read(register),
                reset_value(register),
                "{} after reset",
                register.name
            );
        }
    }
}

#[test]
fn unknown_addresses_read_zero_and_take_no_writes() {
    let mut rng = random(52);
    let mut b = Bench::new(&built(), &mut rng);
    b.write(regs::SCRATCH, 0x1234_5678);
    b.write(regs::IRQ_ENABLE, 3);
    let known: Vec<u32> = regs::ALL.iter().map(|r| r.offset).collect();
    for address in (0..regs::SPACE).step_by(4).filter(|a| !known.contains(a)) {
        b.bench.write(b.lite, address, u32::MAX).expect("an answer");
        assert_eq!(b.read_at(address), 0, "{address:#x}");
        assert_eq!(
            b.peek("soft_reset") + b.peek("clear_counters"),
            0,
            "{address:#x}"
        );
    }
    assert_eq!(b.read(regs::SCRATCH), 0x1234_5678);
    assert_eq!(b.read(regs::IRQ_ENABLE), 3);
}

#[test]
fn partial_writes_are_answered_and_ignored() {
    let mut rng = random(53);
    let mut b = Bench::new(&built(), &mut rng);
    b.bench.set_disturbance(0.0, 0.0, 0.3);
    let mut scratch = 0;
    for _ in 0..200 {
        let (data, strobes) = (rng.random(), rng.random_range(0..16));
        let operation = Operation::Write {
            address: regs::SCRATCH.offset,
            data,
            strobes,
        };
        let answer = b.bench.access(b.lite, operation).expect("an answer");
        assert_eq!(answer.response, 0);
        if strobes == 15 {
            scratch = data;
        }
        assert_eq!(b.read(regs::SCRATCH), scratch, "strobes {strobes:#b}");
    }
}

#[test]
fn address_and_data_of_a_write_come_in_any_order() {
    let mut rng = random(54);
    let built = built();
    for order in [
        WriteOrder::Together,
        WriteOrder::AddressFirst,
        WriteOrder::DataFirst,
        WriteOrder::Random,
    ] {
        for wait in [0.0, 0.5] {
            let mut b = Bench::new(&built, &mut rng);
            b.bench.lite_mut(b.lite).set_order(order);
            b.bench.set_disturbance(0.0, 0.0, wait);
            for _ in 0..50 {
                let data = rng.random();
                b.write(regs::SCRATCH, data);
                if rng.random() {
                    assert_eq!(b.read(regs::SCRATCH), data, "{order:?}");
                }
            }
        }
    }
}

#[test]
fn status_shows_the_engine() {
    let mut rng = random(55);
    let mut b = Bench::new(&built(), &mut rng);
    for _ in 0..50 {
        let (busy, aborting, owing, queued, draining): (bool, bool, bool, u8, u8) = rng.random();
        b.poke("aborting", aborting.into());
        b.poke("owing", owing.into());
        let results = rng.random::<u32>();
        b.poke("busy", busy.into());
        b.poke("queued", queued.into());
        b.poke("draining", draining.into());
        b.poke("results", results.into());
        let want = u32::from(busy)
            | u32::from(aborting) << 2
            | u32::from(owing) << 3
            | u32::from(queued) << 8
            | u32::from(draining) << 16;
        assert_eq!(b.read(regs::STATUS), want);
        assert_eq!(b.read(regs::RESULTS), results);
    }
}

#[test]
fn a_statistic_is_shown_by_its_index() {
    let mut rng = random(62);
    let mut b = Bench::new(&built(), &mut rng);
    for _ in 0..50 {
        let (layer, counter) = (rng.random_range(0..64), rng.random_range(0..16));
        let count = rng.random::<u32>();
        b.write(regs::STATS_INDEX, regs::stats_index(layer, counter));
        b.poke("stats", count.into());
        assert_eq!(
            b.peek("stats_index"),
            u64::from(layer) << 4 | counter as u64
        );
        assert_eq!(b.read(regs::STATS_DATA), count);
        assert_eq!(
            b.read(regs::STATS_AT),
            regs::stats_index(layer, counter),
            "the statistic belongs to the index"
        );
    }
}

/// Whenever it is read, STATS_AT is what the index was `STATS_LATENCY` cycles before.
#[test]
fn the_index_shown_is_as_late_as_the_statistic() {
    let mut rng = random(63);
    let mut model = Model::load(&built(), 1).expect("loads");
    let port = |name: &str| model.port(name).expect("a port");
    let (reset, index) = (port("reset"), port("stats_index"));
    let [awvalid, awaddr, wvalid, wdata, wstrb, bready] =
        ["awvalid", "awaddr", "wvalid", "wdata", "wstrb", "bready"]
            .map(|name| port(&format!("s_{name}")));
    let [arvalid, arready, araddr, rvalid, rready, rdata] =
        ["arvalid", "arready", "araddr", "rvalid", "rready", "rdata"]
            .map(|name| port(&format!("s_{name}")));
    model.set(reset, 1);
    model.step().expect("step");
    model.set(reset, 0);
    model.set(awaddr, regs::STATS_INDEX.offset.into());
    model.set(araddr, regs::STATS_AT.offset.into());
    for (port, value) in [(wstrb, 15), (bready, 1), (arvalid, 1), (rready, 1)] {
        model.set(port, value);
    }
    let mut indices = Vec::new();
    let mut asked = None;
    let mut changes = 0;
    for cycle in 0..2_000 {
        let writes = u64::from(percent(&mut rng, 30));
        model.set(awvalid, writes);
        model.set(wvalid, writes);
        model.set(wdata, rng.random_range(0..1024));
        model.eval().expect("eval");
        indices.push(model.get(index));
        if model.get(rvalid) != 0 {
            let at: usize = asked.expect("an answer without a question");
            if let Some(before) = at.checked_sub(STATS_LATENCY) {
                assert_eq!(model.get(rdata), indices[before], "cycle {cycle}");
                changes += u32::from(indices[before] != indices[at]);
            }
        }
        if model.get(arready) != 0 {
            // Its address is taken, told apart, and then looked up.
            asked = Some(cycle + 2);
        }
        model.tick().expect("tick");
    }
    assert!(changes > 50, "{changes} reads soon after a change");
}

#[test]
fn the_first_error_is_kept_until_a_soft_reset() {
    let mut rng = random(56);
    let mut b = Bench::new(&built(), &mut rng);
    for round in 0..10 {
        let (code, record) = (rng.random_range(1..256), rng.random_range(0..1 << 24));
        assert_eq!(b.read(regs::ERROR), 0, "round {round}");
        assert_eq!(b.peek("halted"), 0);
        b.error(code, record);
        b.error(rng.random_range(1..256), rng.random_range(0..1 << 24));
        assert_eq!(b.peek("halted"), 1);
        assert_eq!(u64::from(b.read(regs::ERROR)), code | record << 8);
        assert_eq!(b.read(regs::STATUS) & 2, 2);
        assert_eq!(b.read(regs::IRQ_STATUS), 2);
        // Clearing the cause leaves the error.
        b.write(regs::IRQ_STATUS, 2);
        assert_eq!(b.read(regs::IRQ_STATUS), 0);
        assert_eq!(u64::from(b.read(regs::ERROR)), code | record << 8);
        assert_eq!(b.write_watching(regs::CTRL, 1, "soft_reset"), 1);
        assert_eq!(b.read(regs::STATUS) & 2, 0);
        assert_eq!(b.peek("halted"), 0);
    }
}

#[test]
fn control_bits_are_pulses_of_one_cycle() {
    let mut rng = random(57);
    let mut b = Bench::new(&built(), &mut rng);
    for data in [0, 1, 2, 3, u32::MAX, u32::MAX - 3] {
        assert_eq!(
            b.write_watching(regs::CTRL, data, "soft_reset"),
            data & 1,
            "{data:#x}"
        );
        assert_eq!(
            b.write_watching(regs::CTRL, data, "clear_counters"),
            data >> 1 & 1,
            "{data:#x}"
        );
        assert_eq!(b.read(regs::CTRL), 0);
    }
}

#[test]
fn interrupts_follow_cause_and_enable() {
    let mut rng = random(58);
    let mut b = Bench::new(&built(), &mut rng);
    let (mut enable, mut status) = (0, 0);
    for step in 0..400 {
        match rng.random_range(0..5) {
            0 => {
                enable = rng.random_range(0..4);
                // Bits in no field are ignored.
                b.write(regs::IRQ_ENABLE, enable | rng.random::<u32>() << 2);
                assert_eq!(b.read(regs::IRQ_ENABLE), enable);
            }
            1 => {
                let clear = rng.random::<u32>();
                b.write(regs::IRQ_STATUS, clear);
                status &= !clear;
            }
            2 => {
                b.pulse("done");
                status |= 1;
            }
            3 => {
                b.error(1, 0);
                status |= 2;
            }
            _ => assert_eq!(b.read(regs::IRQ_STATUS), status, "step {step}"),
        }
        assert_eq!(
            b.peek("irq"),
            u64::from(enable & status != 0),
            "step {step}"
        );
    }
}

/// Starts to clear a pending cause.
fn clearing(built: &VerilatedModel, rng: &mut StdRng) -> Bench {
    let mut b = Bench::new(built, rng);
    b.write(regs::IRQ_ENABLE, 1);
    b.bench.lite_mut(b.lite).set_order(WriteOrder::Together);
    b.pulse("done");
    let clear = Operation::Write {
        address: regs::IRQ_STATUS.offset,
        data: 1,
        strobes: 15,
    };
    b.bench.submit(b.lite, clear).expect("an address");
    b
}

#[test]
fn a_cause_that_comes_while_it_is_cleared_stays() {
    let mut rng = random(59);
    let built = built();
    // The last cycle with the interrupt high is that in which the cause is cleared.
    let mut b = clearing(&built, &mut rng);
    let mut last = 0;
    for cycle in 0..20 {
        if b.peek("irq") == 1 {
            last = cycle;
        }
        b.bench.cycle().expect("a cycle");
    }
    assert!((1..10).contains(&last), "{last}");
    for cycle in 0..20 {
        let mut b = clearing(&built, &mut rng);
        b.bench.run(cycle).expect("cycles");
        b.pulse("done");
        b.bench.run(20).expect("cycles");
        // Earlier ones are cleared with the first.
        let stays = u32::from(cycle >= last);
        assert_eq!(b.read(regs::IRQ_STATUS), stays, "cycle {cycle} of {last}");
    }
}

#[test]
fn reading_the_low_half_latches_the_high_half() {
    let mut rng = random(60);
    let mut b = Bench::new(&built(), &mut rng);
    let mut latched = 0;
    for step in 0..300 {
        let i = rng.random_range(0..COUNTERS);
        let (low, value) = (regs::COUNTERS[i], rng.random::<u64>());
        b.poke(&format!("counter_{i}"), value);
        if rng.random() {
            assert_eq!(b.read(low), value as u32, "{}, step {step}", low.name);
            latched = (value >> 32) as u32;
        }
        // The counter goes on.
        b.poke(&format!("counter_{i}"), rng.random());
        assert_eq!(
            b.read_at(low.offset + 4),
            latched,
            "{}, step {step}",
            low.name
        );
    }
}

#[test]
fn reads_and_writes_go_side_by_side() {
    let mut rng = random(61);
    let mut model = Model::load(&built(), 1).expect("loads");
    let port = |name: &str| model.port(name).expect("a port");
    let [
        awvalid,
        awready,
        awaddr,
        wvalid,
        wready,
        wdata,
        wstrb,
        bvalid,
        bready,
    ] = [
        "awvalid", "awready", "awaddr", "wvalid", "wready", "wdata", "wstrb", "bvalid", "bready",
    ]
    .map(|name| port(&format!("s_{name}")));
    let [arvalid, arready, araddr, rvalid, rready, rdata] =
        ["arvalid", "arready", "araddr", "rvalid", "rready", "rdata"]
            .map(|name| port(&format!("s_{name}")));
    let reset = port("reset");
    model.set(reset, 1);
    model.step().expect("step");
    model.set(reset, 0);
    model.set(awaddr, regs::SCRATCH.offset.into());
    model.set(araddr, regs::SCRATCH.offset.into());
    model.set(wstrb, 15);
    // Writes count up, so every value read must be one that was written not long before.
    let (mut addresses, mut data, mut answers) = (0u64, 0u64, 0u64);
    let mut asked: Option<u64> = None;
    let mut reads = 0;
    for cycle in 0..20_000 {
        model.set(awvalid, u64::from(percent(&mut rng, 70)));
        model.set(wvalid, u64::from(percent(&mut rng, 70)));
        model.set(wdata, data + 1);
        model.set(bready, u64::from(percent(&mut rng, 50)));
        model.set(arvalid, u64::from(percent(&mut rng, 50)));
        model.set(rready, u64::from(percent(&mut rng, 50)));
        model.eval().expect("eval");
        let passes = |model: &Model, valid, ready| model.get(valid) & model.get(ready) != 0;
        if passes(&model, rvalid, rready) {
            let least = asked.take().expect("an answer without a question");
            let value = model.get(rdata);
            assert!(
                (least..=data).contains(&value),
                "cycle {cycle}: {value} of {least}..={data}"
            );
            reads += 1;
        }
        if passes(&model, arvalid, arready) {
            assert_eq!(asked, None);
            asked = Some(answers);
        }
        addresses += u64::from(passes(&model, awvalid, awready));
        data += u64::from(passes(&model, wvalid, wready));
        answers += u64::from(passes(&model, bvalid, bready));
        assert!(answers <= addresses.min(data), "cycle {cycle}");
        assert!(addresses.max(data) - answers <= 2, "cycle {cycle}");
        model.tick().expect("tick");
    }
    assert!(
        answers > 4_000 && reads > 2_000,
        "{answers} writes, {reads} reads"
    );
}
