// Decoder: its state machine and its counters. The CRC may be any value, so that any record may be good or bad.
//: module decoder
//: engine induction 6
//: depth 40
//: cut crc32x128

    reg started = 1'b0;
    always @(posedge clock) started <= 1'b1;
    // The first cycle is a reset; what the registers held before it is unknown.
    always @(*) if (~started) assume (reset);
    // The window unit and the unit for sparse weights are busy from the cycle after their start, and take beats only while busy.
    always @(*) assume (window_busy | ~window_ready);
    always @(*) assume (sparse_busy | ~sparse_ready);
    always @(posedge clock) if (started) assume ((~$past(window_start & ~reset) | window_busy) & (~$past(sparse_start & ~reset) | sparse_busy));
    // What a block, a tile or a store finishes has been given to the queue before.
    always @(*) assume ((reads != 9'd0 | ~reads_done) & (drains != 9'd0 | ~drained) & (stores != 7'd0 | ~store_done));
    // At most 63 stores and 255 blocks are under way: the queues hold 32 records, and 16 jobs.
    always @(*) assume (reads < 9'd255 & drains < 9'd255 & stores < 7'd63);

    reg [8:0] reads, drains;
    reg [6:0] stores;
    wire is_block = queue_push & queue_block;
    always @(posedge clock) begin
        reads <= reads + {8'd0, is_block} - {8'd0, reads_done};
        drains <= drains + {8'd0, is_block & of_block_last} - {8'd0, drained};
        stores <= stores + {6'd0, queue_push & record[7:0] == 8'd64} - {6'd0, store_done};
        if (reset) begin
            reads <= 9'd0;
            drains <= 9'd0;
            stores <= 7'd0;
        end
    end

    // Cycles since the first beat of a record was taken, without those in which something is awaited.
    wire waits = (state_q == DECODERSTATE_HEADER1 & ~s_valid) | (state_q == DECODERSTATE_PUSH & queue_full)
        | (state_q == DECODERSTATE_HOLD & ~free_q) | (state_q >= DECODERSTATE_WEIGHTS & state_q <= DECODERSTATE_PICTURE);
    wire at_rest = state_q == DECODERSTATE_HEADER0 | state_q == DECODERSTATE_DEAD;
    reg [3:0] age;
    always @(posedge clock) age <= at_rest | reset ? 4'd0 : age + {3'd0, ~waits & ~&age};

    // The CRC of the current record was right, and a hello came before.
    reg good, greeted;
    always @(posedge clock) begin
        if (state_q == DECODERSTATE_HEADER0) good <= 1'b0;
        if (state_q == DECODERSTATE_CHECK) good <= crc_state_q == RESIDUE;
        if (queue_end | reset) greeted <= 1'b0;
        else if (state_q == DECODERSTATE_DECIDE & state_d == DECODERSTATE_HEADER0) greeted <= good & record[7:0] == 8'd1;
    end
    wire accepted = state_q >= DECODERSTATE_HOLD & state_q <= DECODERSTATE_PUSH;
    wire copies = state_q == DECODERSTATE_WEIGHTS | state_q == DECODERSTATE_PARAMS;
    wire acts = queue_push | weight_valid | param_valid | sparse_start | window_start;

    always @(*) if (started) begin
        // The decoder is in one of its twelve states.
        //: bug state_d = DECODERSTATE_JUDGE; => state_d = 4'd13;
        states: assert (state_q <= DECODERSTATE_DEAD);
        // From the first beat of a record it is back at the next header, or has stopped, within five cycles, if it waits for nothing and copies no payload.
        //: bug state_d = DECODERSTATE_DECIDE; => state_d = DECODERSTATE_CHECK;
        comes_back: assert (age <= 4'd5);
        // While it copies weights or parameters, beats of the record are left; it takes one whenever one comes.
        //: bug nothing_1_q <= ~(|count20) => nothing_1_q <= 1'b0
        payload_left: assert (~copies | (s_ready & ~beats_q != 24'd0));
        // A record has an effect only if its CRC was right and a hello came before it.
        //: bug if (bad_crc_1_q) begin => if (1'b0) begin
        //: bug is_hello_q == greeted_q => is_hello_q & greeted_q
        checked_first: assert (~acts | (good & greeted));
        // Beats of weights lie in the weight buffer, parameters in theirs.
        //: bug load_end_1_q > load_limit_1_q => load_end_1_q[19:0] > load_limit_1_q[19:0]
        addresses: assert ((~weight_valid | weight_address < {1'b0, WEIGHT_BLOCKS, 2'd0})
            & (~param_valid | {9'd0, param_address} < {1'b0, PARAM_GROUPS, 2'd0}));
        // The three counters are what is under way, and do not wrap.
        //: bug if (adds_read & ~reads_done) begin => if (adds_read) begin
        //: bug drains_d = drains_q - 8'd1 => drains_d = drains_q - 8'd2
        //: bug if (~adds_store & store_done) begin => if (store_done) begin
        counters: assert (reads_q == reads[7:0] & drains_q == drains[7:0] & stores_q == stores[5:0]);
        // After it has stopped it takes every beat, and nothing has an effect.
        //: bug queue_push = 1'b0; => queue_push = state_q == DECODERSTATE_DEAD;
        dead_is_deaf: assert (state_q != DECODERSTATE_DEAD | (s_ready & ~acts & ~sparse_valid & ~window_valid & ~queue_end));
        // Nothing enters the queue when it is full.
        //: bug if (~queue_full) begin => if (1'b1) begin
        push_with_room: assert (~(queue_push & queue_full));
        step_age: assert ((state_q != DECODERSTATE_HEADER1 | age == 4'd0) & (state_q != DECODERSTATE_CHECK | age == 4'd1)
            & (state_q != DECODERSTATE_JUDGE | age == 4'd2) & (state_q != DECODERSTATE_DECIDE | age == 4'd3)
            & (~(state_q == DECODERSTATE_HOLD | state_q == DECODERSTATE_PUSH) | age == 4'd4));
        step_kinds: assert (~accepted | (is_weights_q == kind_is_load_weights & is_sparse_q == kind_is_load_sparse
            & is_params_q == kind_is_load_params & is_rows_q == kind_is_rows & is_block_q == kind_is_block
            & is_store_q == kind_is_store & is_end_q == kind_is_end));
        step_good: assert (~accepted | (good & greeted));
        step_greeted: assert (~greeted_q | greeted | state_q == DECODERSTATE_DEAD);
        step_load: assert (~(accepted & (is_weights_q | is_params_q)) | (load_end <= (is_weights_q ? WEIGHT_BLOCKS : PARAM_GROUPS) & count20 != 20'd0));
        step_states: assert ((state_q != DECODERSTATE_WEIGHTS | is_weights_q) & (state_q != DECODERSTATE_PARAMS | is_params_q));
        step_left: assert (~copies | (~beats_q <= row_count & ~beats_q != 24'd0 & address_q + ~beats_q == {1'b0, load_end, 2'd0}));
    end

    always @(posedge clock) if (started && $past(started & ~reset)) begin
        // Once stopped, it stays so until a reset; an error elsewhere stops it in the next cycle.
        //: bug if (halt) begin => if (1'b0) begin
        halts: assert (~$past(halt | state_q == DECODERSTATE_DEAD) | state_q == DECODERSTATE_DEAD);
        // An error is reported once, with a code, and stops it.
        //: bug error_1_d = fails; => error_1_d = fails | error_1_q;
        error_stops: assert (~error | (state_q == DECODERSTATE_DEAD & error_code != 8'd0 & ~$past(error)));
    end
