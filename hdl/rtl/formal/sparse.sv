// Unit for sparse weights: its handshake with the decoder, and the addresses that it writes. Which weights it writes is not looked at.
//: module sparse
//: engine induction 5
//: depth 20

    reg started = 1'b0;
    always @(posedge clock) started <= 1'b1;
    // The first cycle is a reset; what the registers held before it is unknown.
    always @(*) if (~started) assume (reset);
    // It is started only while it is not busy.
    always @(*) assume (~start | ~busy);

    reg [23:0] wanted;
    always @(posedge clock) begin
        if (active_q) wanted <= wanted + 24'd1;
        if (start) wanted <= address;
    end

    always @(*) if (started) begin
        // It takes beats only while it is busy.
        //: bug busy = (state_q != SPARSESTATE_IDLE) | active_q => busy = active_q
        ready_while_busy: assert (~in_ready | busy);
        step_open: assert (in_ready == (state_q == SPARSESTATE_MASK | state_q == SPARSESTATE_VALUES) & sums_q == (state_q == SPARSESTATE_SUM));
        step_states: assert (state_q <= SPARSESTATE_FULL);
        step_address: assert (~busy | row_address_q == wanted);
    end

    always @(posedge clock) if (started && $past(started & ~reset)) begin
        // It is busy from the cycle after its start.
        //: bug if (start) begin => if (start & in_valid) begin
        busy_after_start: assert (~$past(start) | busy);
    end

    always @(posedge clock) if (started && $past(started & ~reset) && $past(started & ~reset, 2) && $past(started & ~reset, 3)) begin
        // Rows go to addresses that follow each other from the record's on, none twice and none left out.
        //: bug address_2_q <= address_1_q => address_2_q <= row_address_q
        //: bug row_address_q <= row_address_q + 24'd1 => row_address_q <= row_address_q + {20'd0, ones_0_q[3:0]}
        addresses_follow: assert (write_valid == $past(active_q, 3) & (~write_valid | write_address == $past(wanted, 3)));
    end
