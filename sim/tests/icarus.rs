//! Icarus runs the same text with the same result.

mod common;

use std::time::Duration;

use common::open;
use firebrick_sim::bus::{Random, Testbench};
use firebrick_sim::icarus::{IcarusError, Stimulus, run_icarus};
use firebrick_sim::{Design, Environment};

const STREAMS: &str = include_str!("verilog/stream.v");

/// Adds the value of a register to each beat; with streams and registers like the engine's.
const ADDER: &str = "
module adder (
    input wire aclk, input wire aresetn,
    input wire [127:0] s_axis_tdata, input wire s_axis_tvalid, output wire s_axis_tready,
    input wire s_axis_tlast,
    output reg [127:0] m_axis_tdata, output reg m_axis_tvalid, input wire m_axis_tready,
    output reg m_axis_tlast,
    input wire [11:0] s_axil_awaddr, input wire [2:0] s_axil_awprot, input wire s_axil_awvalid,
    output wire s_axil_awready, input wire [31:0] s_axil_wdata, input wire [3:0] s_axil_wstrb,
    input wire s_axil_wvalid, output wire s_axil_wready, output reg [1:0] s_axil_bresp,
    output reg s_axil_bvalid, input wire s_axil_bready,
    input wire [11:0] s_axil_araddr, input wire s_axil_arvalid, output wire s_axil_arready,
    output wire [31:0] s_axil_rdata, output wire [1:0] s_axil_rresp, output wire s_axil_rvalid,
    input wire s_axil_rready, output wire irq
);
    reg [31:0] addend;
    assign irq = 0;
    wire go = s_axil_awvalid && s_axil_wvalid && !s_axil_bvalid;
    assign s_axil_awready = go;
    assign s_axil_wready = go;
    assign s_axil_arready = 0;
    assign s_axil_rdata = 0;
    assign s_axil_rresp = 0;
    assign s_axil_rvalid = 0;
    assign s_axis_tready = aresetn && (m_axis_tready || !m_axis_tvalid);
    always @(posedge aclk) begin
        if (s_axil_bready) s_axil_bvalid <= 0;
        if (go) begin
            s_axil_bvalid <= 1;
            s_axil_bresp <= s_axil_awaddr == 8 ? 0 : 2;
            addend <= s_axil_wdata;
        end
        if (s_axis_tready) begin
            m_axis_tdata <= s_axis_tdata + addend;
            m_axis_tlast <= s_axis_tlast;
            m_axis_tvalid <= s_axis_tvalid;
        end
        if (!aresetn) begin
            m_axis_tvalid <= 0;
            s_axil_bvalid <= 0;
        end
    end
endmodule
";

fn stimulus(beats: usize, seed: u32) -> Stimulus {
    println!("seed {seed}");
    let mut random = Random::new(u64::from(seed), 0);
    let beat = |random: &mut Random| (0..4).map(|_| random.next_u32()).collect();
    Stimulus {
        beats: (0..beats)
            .map(|i| (beat(&mut random), i % 7 == 6))
            .collect(),
        expected_beats: beats,
        cycle_limit: 10_000,
        seed,
        limit: Duration::from_secs(120),
        ..Stimulus::default()
    }
}

#[test]
fn verilator_and_icarus_agree() {
    for (seed, idle, back_pressure) in [(1, 0, 0), (2, 100, 100), (3, 0, 200)] {
        let mut stimulus = stimulus(100, seed);
        (stimulus.idle, stimulus.back_pressure) = (idle, back_pressure);
        stimulus.writes = vec![(8, 5), (8, 0x8000_0001)];
        let environment = Environment::from_process();
        let outcome = run_icarus(ADDER, "adder", &stimulus, &environment).expect("icarus");

        let model = open(&Design::new("adder", ADDER));
        let (mut bench, source, sink, lite) = Testbench::engine(model, 1).expect("bench");
        bench.write(lite, 8, 0x8000_0001).expect("write");
        for (words, last) in &stimulus.beats {
            bench.source_mut(source).push(words, *last);
        }
        bench.run_until_beats(sink, 100, 1000).expect("beats");
        let beats: Vec<_> = bench
            .sink(sink)
            .beats()
            .map(|b| (b.words.to_vec(), b.last))
            .collect();
        assert_eq!(outcome.beats, beats);
        if idle == 0 && back_pressure == 0 {
            assert!((100..120).contains(&outcome.cycles), "{}", outcome.cycles);
        } else {
            assert!(outcome.cycles > 140, "{}", outcome.cycles);
        }
    }
}

#[test]
fn a_design_without_registers_and_bytes() {
    let environment = Environment::from_process();
    let mut stimulus = stimulus(0, 4);
    let bytes: Vec<u8> = (0..50).collect();
    stimulus.push_packet(&bytes);
    stimulus.expected_beats = 4;
    let outcome = run_icarus(STREAMS, "fifo", &stimulus, &environment).expect("icarus");
    assert_eq!(outcome.bytes()[..50], bytes);
    assert_eq!(
        outcome.beats.iter().map(|b| b.1).collect::<Vec<_>>(),
        [false, false, false, true]
    );
}

#[test]
fn errors() {
    let environment = Environment::from_process();
    let run = |text: &str, top: &str, stimulus: &Stimulus| {
        let error = run_icarus(text, top, stimulus, &environment).expect_err("an error");
        println!("{error}");
        error
    };
    let good = stimulus(3, 5);
    let none = Environment {
        path: "/nonexistent".into(),
        ..Environment::default()
    };
    let missing = run_icarus(ADDER, "adder", &good, &none).expect_err("no iverilog");
    assert!(
        missing.to_string().contains("apt-get install iverilog"),
        "{missing}"
    );

    let broken = ADDER.replace("assign irq = 0;", "assign irq = ;");
    let IcarusError::Verilog { messages, .. } = run(&broken, "adder", &good) else {
        panic!()
    };
    assert!(messages.contains("design.v:17"), "{messages}");

    // Two beats more than ever come.
    let more = Stimulus {
        expected_beats: 5,
        cycle_limit: 200,
        ..good.clone()
    };
    let IcarusError::CycleLimit {
        got: 3,
        sent: 3,
        cycles: 200,
        ..
    } = run(ADDER, "adder", &more)
    else {
        panic!("not the expected error")
    };
    let refused = Stimulus {
        writes: vec![(8, 1), (12, 1)],
        ..good.clone()
    };
    assert!(
        run(ADDER, "adder", &refused)
            .to_string()
            .contains("write 2 was answered with an error")
    );
    let undefined = ADDER.replace("if (!aresetn) begin", "if (0) begin");
    assert!(
        run(&undefined, "adder", &good)
            .to_string()
            .contains("undefined")
    );
    // Beats that depend on a register that was never written.
    assert!(
        run(ADDER, "adder", &good)
            .to_string()
            .contains("undefined bits")
    );

    let wide = Stimulus {
        beats: vec![(vec![0; 5], true)],
        ..good.clone()
    };
    assert!(
        run(ADDER, "adder", &wide)
            .to_string()
            .contains("more than 4 words")
    );
    assert!(
        run(ADDER, "a b", &good)
            .to_string()
            .contains("plain identifier")
    );
    let odd = Stimulus {
        width: 100,
        ..good.clone()
    };
    assert!(matches!(
        run(ADDER, "adder", &odd),
        IcarusError::Stimulus(_)
    ));

    let endless = ADDER.replace(
        "assign irq = 0;",
        "initial while (1) addend = 0; assign irq = 0;",
    );
    let short = Stimulus {
        limit: Duration::from_secs(1),
        ..good
    };
    assert!(matches!(
        run(&endless, "adder", &short),
        IcarusError::Deadline { program: "vvp", .. }
    ));
}
