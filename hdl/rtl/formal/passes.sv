// Passes: a block record gives one pass for each channel group and tap, as many as the loader was told.
//: module passes
//: engine induction 3
//: depth 30

    reg started = 1'b0;
    always @(posedge clock) started <= 1'b1;
    // The first cycle is a reset; what the registers held before it is unknown.
    always @(*) if (~started) assume (reset);
    // Records have passed the decoder: blocks with a group at least, stores and ends; it says which have a single pass.
    always @(*) assume ((kind_is_block & coming_groups != 12'd0) | kind_is_store | kind_is_end);
    always @(*) assume (record_single == (~kind_is_block | (~coming_kernel3 & coming_groups == 12'd1)));
    // A pass is taken only if one is offered.
    always @(*) assume (block | store | mark | ~pass_pop);

    // Passes of the record that have not been taken.
    wire [15:0] groups = {4'd0, coming_groups};
    reg [15:0] left;
    reg [3:0] tap;
    reg first;
    always @(posedge clock) begin
        if (pass_pop) begin
            left <= left - 16'd1;
            first <= 1'b0;
            tap <= ~now_kernel3 | tap == 4'd8 ? 4'd0 : tap + 4'd1;
        end
        if (record_pop) begin
            left <= ~kind_is_block ? 16'd1 : coming_kernel3 ? {groups[12:0], 3'd0} + groups : groups;
            first <= 1'b1;
            tap <= 4'd0;
        end
        if (reset) left <= 16'd0;
    end
    wire [15:0] groups_left = {4'd0, ~groups_q};

    always @(*) if (started) begin
        // Something is offered exactly while passes are left.
        //: bug if (pass_pop & is_final_q) begin => if (pass_pop) begin
        offered: assert ((block | store | mark) == (left != 16'd0));
        // A block, a store and an end are never offered together.
        //: bug is_store_d = kind_is_store => is_store_d = ~kind_is_end
        one_kind: assert ({1'b0, block} + {1'b0, store} + {1'b0, mark} <= 2'd1);
        // The last pass is marked, and no other.
        //: bug (column_q == 2'd1) & (groups_q == 12'd4094) => (column_q == 2'd0) & (groups_q == 12'd4094)
        //: bug is_final_d = groups_q == 12'd4093 => is_final_d = groups_q == 12'd4092
        last_marked: assert (left == 16'd0 | final_pass == (left == 16'd1));
        // The first pass is marked, and no other.
        //: bug fresh_d = 1'b0; => fresh_d = fresh_q;
        first_marked: assert (left == 16'd0 | first_pass == first);
        // The taps of a 3x3 kernel come row by row, those of a 1x1 kernel are its middle.
        //: bug row_d = row_q + 2'd1; => row_d = row_q;
        taps_in_order: assert (~block | (now_kernel3 ? {2'd0, tap_row} * 4'd3 + {2'd0, tap_column} == tap & tap_row != 2'd3 & tap_column != 2'd3
            : tap_row == 2'd1 & tap_column == 2'd1));
        // A record is taken from the queue only when the passes of the one before have been taken.
        //: bug take = record_valid & (~have_q | (pass_pop & is_final_q)) => take = record_valid & (~have_q | pass_pop)
        takes_in_turn: assert (~record_pop | (record_valid & (left == 16'd0 | (left == 16'd1 & pass_pop))));
        step_left: assert (~block | left == (now_kernel3 ? {groups_left[12:0], 3'd0} + groups_left - {12'd0, tap} : groups_left));
        step_have: assert (have_q == (left != 16'd0) & (~block | (tap <= 4'd8 & groups_left != 16'd0)) & (block | left <= 16'd1));
    end

    always @(posedge clock) if (started && $past(started & ~reset & (block | store | mark) & ~pass_pop)) begin
        // An offered pass and its record stay until the pass is taken.
        //: bug if (pass_pop) begin => if (1'b1) begin
        stays: assert ((block | store | mark) & $stable(record) & $stable(address) & $stable(tap_row) & $stable(tap_column));
    end
