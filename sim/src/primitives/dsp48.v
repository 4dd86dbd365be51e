// DSP slices for simulation: what the packed array uses of them, after AMD's UG479 (DSP48E1) and UG579 (DSP48E2).
// The registers A1, A2, B, M and P, the multiplier, and the adder with P = Z + A * B, where Z is C or PCIN. Any
// other use ends the simulation, so that a tool that rewrites a slice is noticed.
/* verilator lint_off DECLFILENAME */
/* verilator lint_off UNUSEDSIGNAL */
/* verilator lint_off UNUSEDPARAM */
`default_nettype none

// Both slices: they differ in the bits of A that are multiplied.
module firebrick_dsp48 #(
    parameter FACTOR = 25, REGISTERS = 0
) (
    input wire clock,
    input wire [29:0] a, input wire [17:0] b, input wire [47:0] c, input wire [47:0] pcin,
    input wire [6:0] opmode,
    input wire cea1, input wire cea2, input wire ceb, input wire cem, input wire cep,
    output wire [47:0] p
);
    reg signed [FACTOR-1:0] a1, a2;
    reg signed [17:0] b2;
    reg signed [FACTOR+17:0] m;
    reg [47:0] sum;
    wire [47:0] product = {{(30 - FACTOR){m[FACTOR+17]}}, m};
    wire [47:0] z = opmode[6:4] == 3'b011 ? c : pcin;
    always @(posedge clock) begin
        if (cea1) a1 <= a[FACTOR-1:0];
        if (cea2) a2 <= a1;
        if (ceb) b2 <= b;
        if (cem) m <= a2 * b2;
        if (cep) sum <= z + product;
    end
    assign p = sum;
    initial
        if (REGISTERS != 21101) begin
            $display("a DSP slice with AREG, BREG, MREG, CREG, PREG %d has no model", REGISTERS);
            $finish;
        end
    // X and Y are the product; Z is C or PCIN.
    always @(posedge clock)
        if (opmode[3:0] != 4'b0101 || (opmode[6:4] != 3'b011 && opmode[6:4] != 3'b001)) begin
            $display("a DSP slice with OPMODE %b has no model", opmode);
            $finish;
        end
endmodule

module DSP48E1 #(
    parameter AREG = 1, ACASCREG = 1, BREG = 1, BCASCREG = 1, CREG = 1, DREG = 1, ADREG = 1, MREG = 1,
    PREG = 1, INMODEREG = 1, OPMODEREG = 1, ALUMODEREG = 1, CARRYINREG = 1, CARRYINSELREG = 1,
    USE_MULT = "MULTIPLY", USE_DPORT = "FALSE"
) (
    input wire CLK,
    input wire [29:0] A, input wire [17:0] B, input wire [47:0] C, input wire [24:0] D,
    input wire [47:0] PCIN, input wire [29:0] ACIN, input wire [17:0] BCIN, input wire CARRYCASCIN,
    input wire MULTSIGNIN, input wire [4:0] INMODE, input wire [6:0] OPMODE, input wire [3:0] ALUMODE,
    input wire CARRYIN, input wire [2:0] CARRYINSEL,
    input wire CEA1, input wire CEA2, input wire CEB1, input wire CEB2, input wire CEM, input wire CEP,
    input wire CEC, input wire CED, input wire CEAD, input wire CEINMODE, input wire CECTRL,
    input wire CEALUMODE, input wire CECARRYIN,
    input wire RSTA, input wire RSTB, input wire RSTC, input wire RSTD, input wire RSTM, input wire RSTP,
    input wire RSTINMODE, input wire RSTCTRL, input wire RSTALUMODE, input wire RSTALLCARRYIN,
    output wire [47:0] P, output wire [47:0] PCOUT
);
    firebrick_dsp48 #(
        .FACTOR(25), .REGISTERS(10000 * AREG + 1000 * BREG + 100 * MREG + 10 * CREG + PREG)
    ) slice (
        .clock(CLK), .a(A), .b(B), .c(C), .pcin(PCIN), .opmode(OPMODE), .cea1(CEA1), .cea2(CEA2),
        .ceb(CEB2), .cem(CEM), .cep(CEP), .p(P)
    );
    assign PCOUT = P;
endmodule

module DSP48E2 #(
    parameter AREG = 1, ACASCREG = 1, BREG = 1, BCASCREG = 1, CREG = 1, DREG = 1, ADREG = 1, MREG = 1,
    PREG = 1, INMODEREG = 1, OPMODEREG = 1, ALUMODEREG = 1, CARRYINREG = 1, CARRYINSELREG = 1,
    USE_MULT = "MULTIPLY", AMULTSEL = "A", BMULTSEL = "B", PREADDINSEL = "A"
) (
    input wire CLK,
    input wire [29:0] A, input wire [17:0] B, input wire [47:0] C, input wire [26:0] D,
    input wire [47:0] PCIN, input wire [29:0] ACIN, input wire [17:0] BCIN, input wire CARRYCASCIN,
    input wire MULTSIGNIN, input wire [4:0] INMODE, input wire [8:0] OPMODE, input wire [3:0] ALUMODE,
    input wire CARRYIN, input wire [2:0] CARRYINSEL,
    input wire CEA1, input wire CEA2, input wire CEB1, input wire CEB2, input wire CEM, input wire CEP,
    input wire CEC, input wire CED, input wire CEAD, input wire CEINMODE, input wire CECTRL,
    input wire CEALUMODE, input wire CECARRYIN,
    input wire RSTA, input wire RSTB, input wire RSTC, input wire RSTD, input wire RSTM, input wire RSTP,
    input wire RSTINMODE, input wire RSTCTRL, input wire RSTALUMODE, input wire RSTALLCARRYIN,
    output wire [47:0] P, output wire [47:0] PCOUT
);
    firebrick_dsp48 #(
        .FACTOR(27), .REGISTERS(10000 * AREG + 1000 * BREG + 100 * MREG + 10 * CREG + PREG)
    ) slice (
        .clock(CLK), .a(A), .b(B), .c(C), .pcin(PCIN), .opmode(OPMODE[6:0]), .cea1(CEA1), .cea2(CEA2),
        .ceb(CEB2), .cem(CEM), .cep(CEP), .p(P)
    );
    assign PCOUT = P;
endmodule

`default_nettype wire
/* verilator lint_on UNUSEDPARAM */
/* verilator lint_on UNUSEDSIGNAL */
/* verilator lint_on DECLFILENAME */
