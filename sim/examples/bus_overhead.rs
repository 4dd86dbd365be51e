//! Measures what the bus models cost per cycle, on a design that itself costs little: 128-bit
//! streams at full rate in both directions, and an idle register bus.

use std::hint::black_box;
use std::time::Instant;

use firebrick_sim::bus::{BusError, Testbench};
use firebrick_sim::{Builder, Design, Model, ModelError};

/// A pipeline of one register between the streams, and registers that nobody uses.
const VERILOG: &str = "
module slice (
    input wire aclk, input wire aresetn,
    input wire [127:0] s_axis_tdata, input wire s_axis_tvalid, output wire s_axis_tready,
    input wire s_axis_tlast,
    output reg [127:0] m_axis_tdata, output reg m_axis_tvalid, input wire m_axis_tready,
    output reg m_axis_tlast,
    input wire [11:0] s_axil_awaddr, input wire s_axil_awvalid, output wire s_axil_awready,
    input wire [31:0] s_axil_wdata, input wire [3:0] s_axil_wstrb, input wire s_axil_wvalid,
    output wire s_axil_wready, output wire [1:0] s_axil_bresp, output wire s_axil_bvalid,
    input wire s_axil_bready,
    input wire [11:0] s_axil_araddr, input wire s_axil_arvalid, output wire s_axil_arready,
    output wire [31:0] s_axil_rdata, output wire [1:0] s_axil_rresp, output wire s_axil_rvalid,
    input wire s_axil_rready
);
    assign s_axis_tready = aresetn && (m_axis_tready || !m_axis_tvalid);
    assign {s_axil_awready, s_axil_wready, s_axil_bresp, s_axil_bvalid, s_axil_arready} = 0;
    assign {s_axil_rdata, s_axil_rresp, s_axil_rvalid} = 0;
    always @(posedge aclk) begin
        if (s_axis_tready) begin
            m_axis_tdata <= s_axis_tdata;
            m_axis_tlast <= s_axis_tlast;
            m_axis_tvalid <= s_axis_tvalid;
        end
        if (!aresetn) m_axis_tvalid <= 0;
    end
endmodule
";

const CYCLES: u64 = 2_000_000;

fn main() -> Result<(), BusError> {
    let built = Builder::new()
        .build(&Design::new("slice", VERILOG))
        .map_err(ModelError::from)?;
    let ns = |start: Instant| start.elapsed().as_secs_f64() * 1e9 / CYCLES as f64;

    for _ in 0..3 {
        let mut model = Model::load(&built, 0)?;
        for name in ["aresetn", "m_axis_tready", "s_axis_tvalid"] {
            model.poke(name, 1)?;
        }
        let data = model.input("s_axis_tdata")?;
        let start = Instant::now();
        for i in 0..CYCLES {
            model.set(data, i);
            model.step()?;
        }
        let bare = ns(start);

        let (mut bench, source, sink, _) = Testbench::engine(Model::load(&built, 0)?, 1)?;
        let bytes: Vec<u8> = (0..CYCLES * 16).map(|i| i as u8).collect();
        bench.source_mut(source).push_packet(&bytes);
        let start = Instant::now();
        bench.run(CYCLES)?;
        let full = ns(start);
        assert!(bench.sink(sink).taken() + 2 >= CYCLES);
        black_box(bench.sink(sink).words());

        bench.sink_mut(sink).clear();
        let start = Instant::now();
        bench.run(CYCLES)?;
        let quiet = ns(start);

        bench.set_disturbance(0.3, 0.3, 0.3);
        bench.source_mut(source).push_packet(&bytes);
        let start = Instant::now();
        bench.run(CYCLES)?;
        let random = ns(start);
        println!(
            "bare model {bare:.1} ns a cycle; with bus models: full rate {full:.1}, \
             nothing to send {quiet:.1}, 30 % idle and back-pressure {random:.1}"
        );
    }
    Ok(())
}
