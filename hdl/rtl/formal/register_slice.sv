// Register slice: a queue of two words between a stream and its reader.
//: module register_slice_(?P<WIDTH>\d+)
//: engine induction 2

    reg started = 1'b0;
    always @(posedge clock) started <= 1'b1;
    // The first cycle is a reset; what the registers held before it is unknown.
    always @(*) if (~started) assume (reset);

    wire enters = in_valid & in_ready;
    wire leaves = out_valid & out_ready;
    reg [1:0] held;
    reg [`WIDTH-1:0] first, second;
    always @(posedge clock) begin
        held <= held + {1'b0, enters} - {1'b0, leaves};
        if (leaves) first <= second;
        if (enters & held - {1'b0, leaves} == 2'd0) first <= in_data;
        if (enters & held - {1'b0, leaves} == 2'd1) second <= in_data;
        if (reset) held <= 2'd0;
    end

    always @(*) if (started) begin
        // A word is taken exactly while fewer than two are held: none is lost, and it never holds up the stream needlessly.
        //: bug empty_q <= 1'b0; => empty_q <= 1'b1;
        ready: assert (in_ready == (held < 2'd2));
        // A word is offered exactly while one is held: none is given twice.
        //: bug valid_q <= accepts; => valid_q <= 1'b1;
        offers: assert (out_valid == (held != 2'd0));
        // Words leave as they came, in their order.
        //: bug if (empty_q) begin => if (~empty_q) begin
        order: assert (~out_valid | out_data == first);
        step_held: assert (held <= 2'd2);
        step_spare: assert (held != 2'd2 | spare_q == second);
    end

    always @(posedge clock) if (started && $past(out_valid & ~out_ready & ~reset)) begin
        // A word that is offered stays, unchanged, until it is taken.
        //: bug moves = out_ready | ~valid_q => moves = 1'b1
        stays: assert (out_valid & $stable(out_data));
    end
