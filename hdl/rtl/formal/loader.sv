// Loader: weight blocks go to the array one for each pass, whole, in order, as they lie in the buffer. What the buffer gives is free; `ram` says what it gives.
//: module loader
//: engine induction 5
//: depth 40
//: cut ram_.*

    reg started = 1'b0;
    always @(posedge clock) started <= 1'b1;
    // The first cycle is a reset; what the registers held before it is unknown.
    always @(*) if (~started) assume (reset);
    // A pass begins only if its weights are ready.
    always @(*) assume (ready | ~swap);
    // A job has a pass at least, and its first block lies in the buffer: the decoder refuses others.
    always @(*) assume (job_passes != 16'd0 & job_base <= LAST_BLOCK);

    // The block that is being read, its row in this cycle, and passes of its job that have not been read.
    wire begins = load_1_d & ~reset;
    reg unused;
    reg [3:0] row_now;
    reg [15:0] passes_left;
    reg [19:0] wanted;
    reg [2:0] since_swap;
    always @(posedge clock) begin
        unused <= (unused & ~swap) | begins;
        row_now <= begins ? 4'd1 : row_now == 4'd0 | row_now == LAST_ROW ? 4'd0 : row_now + 4'd1;
        if (row_now == LAST_ROW) begin
            passes_left <= passes_left - 16'd1;
            wanted <= wanted == LAST_BLOCK ? 20'd0 : wanted + 20'd1;
        end
        if (job_pop) begin
            passes_left <= job_passes;
            wanted <= job_base;
        end
        since_swap <= swap ? 3'd1 : since_swap + {2'd0, ~&since_swap};
        if (reset) begin
            unused <= 1'b0;
            row_now <= 4'd0;
            passes_left <= 16'd0;
            since_swap <= 3'd7;
        end
    end

    wire reading = begins | row_now != 4'd0;

    always @(*) if (started) begin
        // A block is begun only when all rows of the one before have been read.
        //: bug start = active_q & ~reading_q & ~pending_q => start = active_q & ~pending_q
        blocks_whole: assert (~(begins & row_now != 4'd0));
        // A block is begun only when a pass has used the one before.
        //: bug start = active_q & ~reading_q & ~pending_q => start = active_q & ~reading_q
        one_for_each_pass: assert (~(begins & unused));
        // A pass may begin only with a block that no pass has used.
        //: bug ready = pending_q & => ready = active_q &
        ready_with_block: assert (~ready | unused);
        // Passes begin at least PASS_INTERVAL = 4 cycles apart.
        //: bug ready = pending_q & ~swap_2_q & ~swap_3_q => ready = pending_q & ~swap_2_q
        pass_interval: assert (~ready | since_swap >= 3'd4);
        // A job gives as many blocks as it has passes, no more, and the next is taken only after the last of them.
        //: bug last_pass_q <= passes_q == 16'd65534 => last_pass_q <= passes_q == 16'd65533
        //: bug (~active_q | over) => (~active_q | reading_q)
        job_passes_exactly: assert ((~begins | passes_left != 16'd0)
            & (~job_pop | passes_left == 16'd0 | (passes_left == 16'd1 & row_now == LAST_ROW)));
        // The rows of a block are read in order, and blocks in theirs; block 0 follows the last.
        //: bug block_q == LAST_BLOCK => block_q == LAST_BLOCK - 20'd1
        //: bug block_d = job_base; => block_d = job_base + 20'd1;
        //: bug row_index = 4'd0; => row_index = rows_q;
        reads_in_order: assert (~reading | memory_read_address[11:0] == {wanted[9:0], row_now[2:1]});
        step_reading: assert (reading_q == (row_now != 4'd0) & (~reading_q | rows_q == row_now) & row_now <= LAST_ROW);
        step_pending: assert (pending_q == unused);
        step_active: assert (active_q == (passes_left != 16'd0) & passes_q == ~passes_left | ~active_q & passes_left == 16'd0);
        step_last: assert (row_now == 4'd0 | (active_q & last_pass_q == (passes_left == 16'd1)));
        step_block: assert (~active_q | block_q == wanted);
        step_range: assert (~active_q | wanted <= LAST_BLOCK);
        step_swaps: assert ((~swap_1_q | since_swap == 3'd1) & (swap_1_q | since_swap != 3'd1)
            & swap_2_q == (since_swap == 3'd2) & swap_3_q == (since_swap == 3'd3));
    end

    always @(posedge clock) if (started && $past(started & ~reset) && $past(started & ~reset, 2) && $past(started & ~reset, 3)) begin
        // `load` marks row 0 of each block, three cycles after its read began.
        //: bug load_2_d = load_1_q => load_2_d = load_1_d
        load_marks: assert (load == $past(begins, 3));
        // A row leaves as the buffer gave it two cycles before, the half that its number says.
        //: bug upper_1_q <= row_index[0] => upper_1_q <= rows_q[0]
        rows_unchanged: assert (~$past(reading, 3) | row[63:0] == ($past(row_now[0], 3) ? $past(memory_read_data[127:64], 2) : $past(memory_read_data[63:0], 2)));
    end
