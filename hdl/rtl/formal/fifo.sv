// Queue: every shape that the core has. That a word comes out as it went in is shown for any one word that enters.
//: module fifo_(?P<WIDTH>\d+)x(?P<WORDS>\d+)
//: engine induction 2
//: depth 70
//: into lut_ram_\d+x\d+ wire [$bits(write_address)-1:0] looked_at; wire [$bits(write_data)-1:0] seen = cells[looked_at];

    reg started = 1'b0;
    always @(posedge clock) started <= 1'b1;
    // The first cycle is a reset without keep; what the registers held before it is unknown.
    always @(*) if (~started) assume (reset & ~keep);
    // A reset with keep leaves the oldest word, which must be there and not be taken in that cycle.
    always @(*) if (reset & keep) assume (level != 0 & ~pop);

    localparam BITS = $clog2(`WORDS);
    reg [BITS:0] level;
    wire enters = push & level < `WORDS;
    wire leaves = pop & level != 0;
    always @(posedge clock) begin
        level <= level + {{BITS{1'b0}}, enters} - {{BITS{1'b0}}, leaves};
        if (reset) level <= {{BITS{1'b0}}, keep};
    end

    // One word, chosen when it enters: how many are before it, and what it is.
    (* anyseq *) wire chosen;
    reg followed;
    reg [BITS:0] ahead;
    reg [`WIDTH-1:0] word;
    always @(posedge clock) begin
        if (followed & leaves) begin
            ahead <= ahead - 1'b1;
            if (ahead == 0) followed <= 1'b0;
        end
        if (~followed & enters & chosen) begin
            followed <= 1'b1;
            ahead <= level - {{BITS{1'b0}}, leaves};
            word <= push_data;
        end
        if (reset) followed <= followed & keep & ahead == 0;
    end
    (* hierconn *) wire [BITS-1:0] \memory.looked_at ;
    (* hierconn *) wire [`WIDTH-1:0] \memory.seen ;
    assign \memory.looked_at = head_q + ahead[BITS-1:0];

    always @(*) if (started) begin
        // The level counts the words inside: a push while full and a pop while empty change nothing.
        //: bug do_pop = pop & filled_q => do_pop = pop
        counts: assert (level_q == level);
        // The queue says that it is full exactly when it is.
        //: bug LAST_FREE))); => LAST_FREE + 1'b1)));
        full_exactly: assert (closed_q == (level == `WORDS));
        // A word is offered exactly when one is inside.
        //: bug filled_q <= do_push | several => filled_q <= several
        valid_exactly: assert (valid == (level != 0));
        // Words leave as they came, in their order; none is lost, none comes twice.
        //: bug tail_q <= tail_q + => tail_q <= head_q +
        order: assert (~(followed & ahead == 0) | (valid & data == word));
        step_level: assert (level <= `WORDS);
        step_pointers: assert (tail_q == head_q + level[BITS-1:0]);
        step_ahead: assert (~followed | ahead < level);
        step_inside: assert (~followed | \memory.seen == word);
    end

    always @(posedge clock) if (started && $past(valid & ~pop & (~reset | keep))) begin
        // The word that is offered stays, unchanged, until it is taken; also over a reset that keeps it.
        //: bug do_pop = pop & filled_q => do_pop = filled_q
        stays: assert (valid & $stable(data));
    end
