// Stream designs for the tests of the bus models. `BUG` selects a known mistake.
`ifndef BUG
`define BUG 0
`endif

// A FIFO of 8 beats with registered outputs.
module fifo #(parameter W = 128) (
    input  wire         aclk,
    input  wire         aresetn,
    input  wire [W-1:0] s_axis_tdata,
    input  wire         s_axis_tvalid,
    output wire         s_axis_tready,
    input  wire         s_axis_tlast,
    output wire [W-1:0] m_axis_tdata,
    output wire         m_axis_tvalid,
    input  wire         m_axis_tready,
    output wire         m_axis_tlast
);
    reg [W:0] store [0:7];
    reg [3:0] head, tail;
    reg [4:0] age;
    wire [3:0] used = tail - head;
    wire       empty = used == 0;

    assign s_axis_tready = aresetn && (used != 8) && (`BUG != 5);
    // 2: valid falls after a while. 5: never ready. 6: never valid.
    assign m_axis_tvalid = !empty && !(`BUG == 2 && age[4:1] == 7) && (`BUG != 6);
    wire [W:0] front = store[head[2:0]];
    // 3: the data changes while it waits. 4: last changes while it waits.
    assign m_axis_tdata = front[W-1:0] ^ ((`BUG == 3 && age > 2) ? 1 << 100 : 0);
    assign m_axis_tlast = front[W] ^ (`BUG == 4 && age == 3);

    always @(posedge aclk) begin
        if (!aresetn) begin
            head <= 0;
            tail <= 0;
            age  <= 0;
        end else begin
            age <= (empty || m_axis_tready) ? 0 : age + 1;
            if (s_axis_tvalid && s_axis_tready) begin
                store[tail[2:0]] <= {s_axis_tlast, s_axis_tdata};
                tail <= tail + 1;
            end
            if (m_axis_tvalid && m_axis_tready) head <= head + 1;
        end
    end
endmodule

// Nothing but wires: ready and valid pass without a register. Adds one to the data.
module wires #(parameter W = 40) (
    input  wire         aclk,
    input  wire [W-1:0] s_axis_tdata,
    input  wire         s_axis_tvalid,
    output wire         s_axis_tready,
    output wire [W-1:0] m_axis_tdata,
    output wire         m_axis_tvalid,
    input  wire         m_axis_tready
);
    assign s_axis_tready = m_axis_tready;
    assign m_axis_tvalid = s_axis_tvalid;
    assign m_axis_tdata  = s_axis_tdata + 1;
endmodule
