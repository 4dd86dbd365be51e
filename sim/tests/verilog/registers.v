// Four registers on AXI4-Lite. Addresses from 0x100 answer with SLVERR. `BUG` selects a known
// mistake.
`ifndef BUG
`define BUG 0
`endif

module registers (
    input  wire        aclk,
    input  wire        aresetn,
    input  wire [11:0] s_axil_awaddr,
    input  wire [2:0]  s_axil_awprot,
    input  wire        s_axil_awvalid,
    output wire        s_axil_awready,
    input  wire [31:0] s_axil_wdata,
    input  wire [3:0]  s_axil_wstrb,
    input  wire        s_axil_wvalid,
    output wire        s_axil_wready,
    output reg  [1:0]  s_axil_bresp,
    output reg         s_axil_bvalid,
    input  wire        s_axil_bready,
    input  wire [11:0] s_axil_araddr,
    input  wire [2:0]  s_axil_arprot,
    input  wire        s_axil_arvalid,
    output wire        s_axil_arready,
    output wire [31:0] s_axil_rdata,
    output reg  [1:0]  s_axil_rresp,
    output reg         s_axil_rvalid,
    input  wire        s_axil_rready
);
    reg [31:0] file [0:3];
    reg [31:0] rdata;
    reg [3:0]  age;

    // Waits for address and data before it accepts both in one cycle.
    wire go = s_axil_awvalid && s_axil_wvalid && (!s_axil_bvalid || s_axil_bready) && (`BUG != 5);
    assign s_axil_awready = go;
    assign s_axil_wready  = go;
    assign s_axil_arready = !s_axil_rvalid;
    // 3: the data changes while it waits.
    assign s_axil_rdata = rdata + (`BUG == 3 ? age : 0);

    wire [31:0] mask = {{8{s_axil_wstrb[3]}}, {8{s_axil_wstrb[2]}},
                        {8{s_axil_wstrb[1]}}, {8{s_axil_wstrb[0]}}};

    always @(posedge aclk) begin
        if (!aresetn) begin
            s_axil_bvalid <= 0;
            s_axil_rvalid <= 0;
            age <= 0;
        end else begin
            if (s_axil_bready) s_axil_bvalid <= 0;
            if (go) begin
                s_axil_bvalid <= 1;
                s_axil_bresp  <= s_axil_awaddr >= 12'h100 ? 2'd2 : 2'd0;
                if (s_axil_awaddr < 12'h100)
                    file[s_axil_awaddr[3:2]] <=
                        (file[s_axil_awaddr[3:2]] & ~mask) | (s_axil_wdata & mask);
            end
            age <= s_axil_rvalid ? age + 1 : 0;
            if (s_axil_rready) s_axil_rvalid <= 0;
            if (s_axil_arvalid && s_axil_arready) begin
                s_axil_rvalid <= 1;
                s_axil_rresp  <= s_axil_araddr >= 12'h100 ? 2'd3 : 2'd0;
                rdata <= file[s_axil_araddr[3:2]];
            end
            // 1: answers before the data came. 2: takes an answer back. 4: answers unasked.
            if (`BUG == 1 && s_axil_awvalid && !s_axil_wvalid) s_axil_bvalid <= 1;
            if (`BUG == 2 && age == 1) s_axil_rvalid <= 0;
            if (`BUG == 4 && s_axil_wvalid) s_axil_rvalid <= 1;
        end
    end
endmodule
