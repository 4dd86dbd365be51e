// AXI4-Lite: the register file behind `s_axil_*`. Nothing is assumed of the master: it may even break the protocol.
//: module registers
//: engine induction 3

    reg started = 1'b0;
    always @(posedge clock) started <= 1'b1;
    // The first cycle is a reset; what the registers held before it is unknown.
    always @(*) if (~started) assume (reset);

    // Requests that have been accepted and not answered.
    wire takes_address = awvalid & awready;
    wire takes_data = wvalid & wready;
    wire answers = bvalid & bready;
    wire asks = arvalid & arready;
    wire gives = rvalid & rready;
    reg [1:0] addresses, data;
    reg asked;
    reg [1:0] since;
    reg [4:0] waited;
    reg [11:0] of;
    always @(posedge clock) begin
        addresses <= addresses + {1'b0, takes_address} - {1'b0, answers};
        data <= data + {1'b0, takes_data} - {1'b0, answers};
        asked <= (asked & ~gives) | asks;
        if (asks) of <= araddr;
        since <= asked & ~counter_read ? since + {1'b0, ~&since} : 2'd0;
        if (asks) since <= 2'd0;
        waited <= counter_read ? waited + {4'd0, ~&waited} : 5'd0;
        if (reset) begin
            addresses <= 2'd0;
            data <= 2'd0;
            asked <= 1'b0;
            waited <= 5'd0;
        end
    end
    // A counter is found after at most 18 cycles (COUNTER_LATENCY).
    always @(*) assume (waited < 5'd18 | counter_done);

    // What the host wrote to SCRATCH, with a write that is answered: the first address and the first data are its.
    reg [11:0] address_0, address_1;
    reg [35:0] data_0, data_1;
    reg [31:0] scratch;
    wire [11:0] address_now = respond_q ? address_1 : address_0;
    wire [35:0] data_now = respond_q ? data_1 : data_0;
    always @(posedge clock) begin
        if (answers) begin
            address_0 <= address_1;
            data_0 <= data_1;
            if (address_0[11:2] == 10'd22 & &data_0[35:32]) scratch <= data_0[31:0];
        end
        if (takes_address & addresses == {1'b0, answers}) address_0 <= awaddr;
        if (takes_address & addresses == {1'b0, answers} + 2'd1) address_1 <= awaddr;
        if (takes_data & data == {1'b0, answers}) data_0 <= {wstrb, wdata};
        if (takes_data & data == {1'b0, answers} + 2'd1) data_1 <= {wstrb, wdata};
        if (reset) scratch <= 32'd0;
    end

    always @(*) if (started) begin
        // A write is answered only after its address and its data have come, and once.
        //: bug if (respond_q & bready) begin => if (1'b0) begin
        write_answers_match: assert (~bvalid | (addresses != 2'd0 & data != 2'd0));
        // At most two addresses and two data are accepted ahead of their answers.
        //: bug awready = ~have_address_q & ~reset => awready = ~reset
        write_bounded: assert (addresses <= 2'd2 & data <= 2'd2);
        // A read is answered only if one was asked for, and once; the next is accepted only after that.
        //: bug if (read_full_q & rready) begin => if (1'b0) begin
        read_answers_match: assert (~rvalid | asked);
        // One read is under way at a time.
        //: bug read_idle = ~(read_asked_q | read_looks_q | read_full_q) => read_idle = ~(read_asked_q | read_full_q)
        read_single: assert (~(asks & asked));
        // A read is answered within three cycles, that of a counter as soon as it is there.
        //: bug if (counter_done | ~is_counter_q | read_index_q[0]) begin => if (counter_done | ~is_counter_q) begin
        read_answered: assert (~asked | rvalid | since < 2'd3);
        // SCRATCH holds what the last answered write with all byte enables wrote to it.
        //: bug if (write_full_q & write_known_q) begin => if (write_known_q) begin
        scratch_written: assert (addresses != 2'd0 | data != 2'd0 | scratch_q == scratch);
        // An address above the register map reads as 0.
        //: bug is_known_d = ~(|read_index_q[9:5]) => is_known_d = ~(|read_index_q[8:5])
        unknown_zero: assert (~rvalid | of < 12'h100 | rdata == 32'd0);
        // The first register is the magic number.
        //: bug read_index_d = araddr[11:2]; => read_index_d = araddr[10:1];
        magic: assert (~rvalid | of[11:2] != 10'd0 | rdata == 32'h4b524246);
        // The interrupt is high exactly while a cause is set and enabled.
        //: bug irq = |(irq_status_q & irq_enable_q) => irq = |(irq_status_q | irq_enable_q)
        interrupt: assert (irq == |(irq_status_q & irq_enable_q));
        step_write: assert (addresses == {1'b0, have_address_q} + {1'b0, respond_q} & data == {1'b0, have_data_q} + {1'b0, respond_q});
        step_address: assert (~have_address_q | (write_address_q == address_now[6:2] & write_known_q == ~|address_now[11:7]));
        step_data: assert (~have_data_q | (write_data_q == data_now[31:0] & write_full_q == &data_now[35:32]));
        step_scratch: assert (scratch_q == (respond_q & address_0[11:2] == 10'd22 & &data_0[35:32] ? data_0[31:0] : scratch));
        step_read: assert (asked == {1'b0, read_asked_q} + {1'b0, read_looks_q} + {1'b0, read_full_q});
        step_of: assert (~asked | read_index_q == of[11:2]);
        step_looks: assert (~read_looks_q | (is_known_q == ~|of[11:7] & is_counter_q == (of[11:7] == 5'd1 & of[6:3] < COUNTERS)));
        step_since: assert ((~read_asked_q | since == 2'd0) & (~read_looks_q | since <= 2'd1) & (~(read_looks_q & ~counter_read) | since == 2'd1));
    end

    always @(posedge clock) if (started && $past(~reset & started)) begin
        // A write whose address and data are there is answered in the next cycle.
        //: bug does_write = have_address_q & have_data_q & => does_write = have_address_q & have_data_q & ~irq &
        write_answered: assert (~$past(addresses != 2'd0 & data != 2'd0 & ~bvalid) | bvalid);
        // An answer to a write stays until it is taken.
        //: bug if (respond_q & bready) begin => if (respond_q) begin
        write_answer_stays: assert (~$past(bvalid & ~bready) | bvalid);
        // An answer to a read stays, unchanged, until it is taken.
        //: bug if (read_full_q & rready) begin => if (read_full_q) begin
        //: bug if (read_looks_q) begin => if (read_looks_q | read_full_q) begin
        read_answer_stays: assert (~$past(rvalid & ~rready) | (rvalid & $stable(rdata)));
        // A cause that is set in the cycle in which it is cleared stays set.
        //: bug (irq_status_q & ~clears) | events => (irq_status_q | events) & ~clears
        cause_wins: assert (~$past(done & ~forget) | irq_status_q[0]);
        // Only the first error is held, until it is forgotten.
        //: bug if (error_set & ~held_q) begin => if (error_set) begin
        first_error: assert (~$past(halted & ~forget) | (halted & $stable(error_q)));
        // A reset of the engine is asked for in a single cycle, after a write.
        //: bug reset_pulse_d = 1'b0; => reset_pulse_d = reset_pulse_q;
        reset_is_a_pulse: assert (~soft_reset | ($past(~bvalid | bready) & bvalid));
    end
