// Behaviour of the 7-series block RAMs in the modes in which Yosys uses them here: one port writes,
// the other reads, READ_FIRST, no output register. Yosys brings no model of its own. Anything else
// names a module that does not exist.
`define BRAM(NAME, KBITS, AW, PARAMS) \
module NAME #(parameter RAM_MODE = "TDP", \
    parameter integer READ_WIDTH_A = 0, READ_WIDTH_B = 0, WRITE_WIDTH_A = 0, WRITE_WIDTH_B = 0, \
    parameter integer DOA_REG = 0, DOB_REG = 0, \
    parameter WRITE_MODE_A = "READ_FIRST", WRITE_MODE_B = "READ_FIRST", \
    parameter [0:0] IS_CLKARDCLK_INVERTED = 0, IS_CLKBWRCLK_INVERTED = 0, IS_ENARDEN_INVERTED = 0, \
    IS_ENBWREN_INVERTED = 0, IS_RSTRAMARSTRAM_INVERTED = 0, IS_RSTRAMB_INVERTED = 0, \
    IS_RSTREGARSTREG_INVERTED = 0, IS_RSTREGB_INVERTED = 0, \
    parameter RAM_EXTENSION_A = "NONE", RAM_EXTENSION_B = "NONE", SIM_DEVICE = "7SERIES", \
    RDADDR_COLLISION_HWCONFIG = "", SIM_COLLISION_CHECK = "", RSTREG_PRIORITY_A = "", \
    RSTREG_PRIORITY_B = "", INIT_FILE = "", \
    parameter [71:0] INIT_A = 0, INIT_B = 0, SRVAL_A = 0, SRVAL_B = 0 PARAMS) ( \
    input CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB, \
    input REGCEAREGCE, REGCEB, CASCADEINA, CASCADEINB, INJECTDBITERR, INJECTSBITERR, \
    output CASCADEOUTA, CASCADEOUTB, SBITERR, DBITERR, output [7:0] ECCPARITY, \
    output [8:0] RDADDRECC, \
    input [AW-1:0] ADDRARDADDR, ADDRBWRADDR, \
    input [KBITS-1:0] DIADI, DIBDI, input [KBITS/8-1:0] DIPADIP, DIPBDIP, \
    output [KBITS-1:0] DOADO, DOBDO, output [KBITS/8-1:0] DOPADOP, DOPBDOP, \
    input [KBITS/8-1:0] WEA, input [KBITS/4-1:0] WEBWE); \
    localparam SDP = RAM_MODE == "SDP"; \
    localparam USED = SDP ? READ_WIDTH_A : READ_WIDTH_B; \
    localparam WIDTH = USED == 0 ? 9 : USED; \
    localparam BITS = WIDTH < 9 ? WIDTH : WIDTH / 9 * 8; \
    localparam PARITY = WIDTH < 9 ? 1 : WIDTH / 9; \
    localparam LOW = $clog2(BITS); \
    localparam WORDS = KBITS * 1024 / BITS; \
    reg [BITS-1:0] data [0:WORDS-1]; \
    reg [PARITY-1:0] parity [0:WORDS-1]; \
    reg [BITS-1:0] out; \
    reg [PARITY-1:0] out_parity; \
    wire [2*KBITS-1:0] in = {DIBDI, DIADI}; \
    wire [KBITS/4-1:0] in_parity = {DIPBDIP, DIPADIP}; \
    wire [AW-1:0] read_address = SDP ? ADDRARDADDR : ADDRBWRADDR; \
    wire [AW-1:0] write_address = SDP ? ADDRBWRADDR : ADDRARDADDR; \
    wire [$clog2(WORDS)-1:0] read_word = read_address[$clog2(KBITS * 1024)-1:LOW]; \
    wire [$clog2(WORDS)-1:0] write_word = write_address[$clog2(KBITS * 1024)-1:LOW]; \
    wire write_clock = SDP ? CLKBWRCLK : CLKARDCLK; \
    wire read_clock = SDP ? CLKARDCLK : CLKBWRCLK; \
    wire read = SDP ? ENARDEN : ENBWREN; \
    wire writes = SDP ? ENBWREN : ENARDEN; \
    wire [KBITS/4-1:0] enable = SDP ? WEBWE : WEA; \
    integer i; \
    generate \
        if ((USED != 0 || WRITE_WIDTH_A != 0 || WRITE_WIDTH_B != 0) \
                && (SDP ? WRITE_WIDTH_B != WIDTH || READ_WIDTH_B != 0 || WRITE_WIDTH_A != 0 \
                    : WRITE_WIDTH_A != WIDTH || READ_WIDTH_A != 0 || WRITE_WIDTH_B != 0 \
                    || DOA_REG != 0 || DOB_REG != 0 || WRITE_MODE_A != "READ_FIRST")) \
            block_ram_mode_without_a_model refused(); \
    endgenerate \
    always @(posedge read_clock) if (read) begin \
        out <= data[read_word]; \
        out_parity <= parity[read_word]; \
    end \
    always @(posedge write_clock) if (writes) begin \
        for (i = 0; i < (BITS + 7) / 8; i = i + 1) if (enable[i]) begin \
            if (BITS < 8) data[write_word] <= in[BITS-1:0]; \
            else data[write_word][8*i +: (BITS < 8 ? 1 : 8)] <= in[8*i +: (BITS < 8 ? 1 : 8)]; \
            if (WIDTH >= 9) parity[write_word][i] <= in_parity[i]; \
        end \
    end \
    wire [2*KBITS-1:0] both = out; \
    wire [KBITS/4-1:0] both_parity = out_parity; \
    assign DOADO = both[KBITS-1:0]; \
    assign DOBDO = SDP ? both[2*KBITS-1:KBITS] : both[KBITS-1:0]; \
    assign DOPADOP = both_parity[KBITS/8-1:0]; \
    assign DOPBDOP = SDP ? both_parity[KBITS/4-1:KBITS/8] : both_parity[KBITS/8-1:0]; \
endmodule

`BRAM(RAMB36E1, 32, 16, )
`BRAM(RAMB18E1, 16, 14, )
