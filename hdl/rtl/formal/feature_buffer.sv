// Feature buffer: of four lanes, so that there are banks to collide in. What is said of a word or a lane holds for any word and lane. What the banks give is free; `ram` says what they give.
//: module feature_buffer fb1024
//: engine induction 4
//: depth 10
//: cut ram_.*

    reg started = 1'b0;
    always @(posedge clock) started <= 1'b1;
    // The first cycle is a reset; what the registers held before it is unknown.
    always @(*) if (~started) assume (reset);
    // The words of the drain that come in one cycle lie in different banks.
    always @(*) assume (~(drain_valid_0 & drain_valid_1) | drain_address_0[1:0] != drain_address_1[1:0]);
    // The drain does not write beyond the depth, which it compares itself; the window unit says what lies beyond it.
    always @(*) assume ((~drain_valid_0 | drain_address_0 <= LAST) & (~drain_valid_1 | drain_address_1 <= LAST)
        & (~window_valid_0 | window_beyond_0 == (window_address_0 > LAST))
        & (~window_valid_1 | window_beyond_1 == (window_address_1 > LAST)));
    // Rings begin and end at a multiple of the lanes.
    always @(*) assume (&ring_mask[1:0] & ~|ring_base[1:0]);
    // Without a read the masks are low.
    always @(*) assume (read_valid | ~(read_mask_0 | read_mask_1 | read_mask_2 | read_mask_3));

    // Any word, any lane.
    (* anyconst *) wire [15:0] place;
    (* anyconst *) wire [1:0] lane;
    wire [3:0] masks = {read_mask_3, read_mask_2, read_mask_1, read_mask_0};
    wire [511:0] reads = {read_data_3, read_data_2, read_data_1, read_data_0};
    wire [127:0] read = reads >> {lane, 7'd0};
    wire [19:0] lane_address = ((read_address + {18'd0, lane}) & ring_mask) | ring_base;

    // Who writes it, what, and what comes to its bank in the next cycle.
    wire [3:0] writers = {
        window_valid_1 & window_taken_1 & window_address_1 == {4'd0, place},
        window_valid_0 & window_taken_0 & window_address_0 == {4'd0, place},
        drain_valid_1 & drain_address_1 == {4'd0, place},
        drain_valid_0 & drain_address_0 == {4'd0, place}};
    wire [127:0] written = writers[0] ? drain_data_0 : writers[1] ? drain_data_1 : writers[2] ? window_data_0 : window_data_1;
    wire [3:0] writes = {writes_1_3_q, writes_1_2_q, writes_1_1_q, writes_1_0_q};
    wire [79:0] rows = {write_row_1_3_q, write_row_1_2_q, write_row_1_1_q, write_row_1_0_q};
    wire [19:0] row_of = rows >> (place[1:0] * 7'd20);
    wire [511:0] words = {write_word_1_3_q, write_word_1_2_q, write_word_1_1_q, write_word_1_0_q};
    wire [127:0] word_of = words >> {place[1:0], 7'd0};
    wire arrives = writes[place[1:0]] & row_of[13:0] == place[15:2];
    // A read of it by the lane, and what its bank is asked for and gives.
    wire hit = masks[lane] & lane_address == {4'd0, place};
    wire [79:0] asked = {bank_3_read_address, bank_2_read_address, bank_1_read_address, bank_0_read_address};
    wire [19:0] asked_of = asked >> (place[1:0] * 7'd20);
    wire [511:0] given = {bank_3_read_data, bank_2_read_data, bank_1_read_data, bank_0_read_data};
    wire [127:0] given_of = given >> {place[1:0], 7'd0};
    reg [1:0] age;
    always @(posedge clock) age <= ~started ? 2'd0 : age + {1'd0, ~&age};

    always @(*) if (started) begin
        // No word has two writers in a cycle.
        //: bug if (drain_valid_0 & (((drain_address_0 ^ window_address_1) => if (1'b0 & (((drain_address_0 ^ window_address_1)
        //: bug if (window_valid_0 & (NUMBER_0 < NUMBER_1) => if (window_valid_0 & (NUMBER_1 < NUMBER_0)
        one_writer: assert (writers == 4'd0 | writers == 4'd1 | writers == 4'd2 | writers == 4'd4 | writers == 4'd8);
        // A word of the window unit waits only for the drain, or for an earlier word, that needs its bank.
        //: bug takes_1 = window_valid_1; => takes_1 = window_valid_1 & ~window_valid_0;
        waits_for_bank: assert (~window_valid_1 | window_taken_1
            | (drain_valid_0 & drain_address_0[1:0] == window_address_1[1:0])
            | (drain_valid_1 & drain_address_1[1:0] == window_address_1[1:0])
            | (window_valid_0 & window_address_0[1:0] == window_address_1[1:0]));
        // A lane's read goes to the bank and the row where its word lies.
        //: bug read_row_2 = row + 20'd1; => read_row_2 = row;
        read_goes: assert (~hit | asked_of[13:0] == place[15:2]);
    end

    always @(posedge clock) if (started && $past(started)) begin
        // A word that the drain or the window unit writes comes to its bank and row in the next cycle, whoever wrote it, and nothing else does.
        //: bug write_row_1_2_q <= drain_address_1 >> SHIFT => write_row_1_2_q <= drain_address_0 >> SHIFT
        //: bug writes_1_1_q <= ~window_beyond_1; => writes_1_1_q <= ~window_beyond_0;
        write_arrives: assert (arrives == $past(|writers) & (~arrives | word_of == $past(written)));
    end

    always @(posedge clock) if (started && age == 2'd3) begin
        // A lane gets, three cycles later, the word that its bank gave.
        //: bug amount_2_q <= amount_1_q => amount_2_q <= {1'b0, read_address[1:0]}
        read_data: assert (~$past(hit, 3) | read == $past(given_of, 2));
        // A lane that is masked reads zero.
        //: bug if (outside_2_3_q) begin => if (outside_1_3_q) begin
        masked_zero: assert ($past(masks[lane], 3) | read == 128'd0);
    end

    always @(posedge clock) if (started && $past(started & ~reset) && $past(started & ~reset, 2)) begin
        // An unmasked read beyond the depth is reported two cycles later, and nothing else is.
        //: bug beyond_1_3_q <= lane_address_3 > LAST => beyond_1_3_q <= read_address > LAST
        range_reported: assert (range_error == (
              ($past(read_mask_0, 2) & $past((read_address & ring_mask) | ring_base, 2) > LAST)
            | ($past(read_mask_1, 2) & $past(((read_address + 20'd1) & ring_mask) | ring_base, 2) > LAST)
            | ($past(read_mask_2, 2) & $past(((read_address + 20'd2) & ring_mask) | ring_base, 2) > LAST)
            | ($past(read_mask_3, 2) & $past(((read_address + 20'd3) & ring_mask) | ring_base, 2) > LAST)));
    end
