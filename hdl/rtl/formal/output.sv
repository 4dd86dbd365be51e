// AXI4-Stream, results: `m_axis` behind the output unit and its queue. The CRC may be any value.
//: module output
//: engine induction 2
//: depth 90
//: cut crc32x128
//: into lut_ram_129x64 wire [5:0] looked_at, next; wire [128:0] seen = cells[looked_at], behind = cells[next];

    reg started = 1'b0;
    always @(posedge clock) started <= 1'b1;
    // The first cycle is a hard reset; what the registers held before it is unknown. Later ones may be soft.
    always @(*) if (~started) assume (reset & hard);
    // A hard reset comes together with a reset.
    always @(*) assume (reset | ~hard);
    // Drain and store never give a beat in the same cycle.
    always @(*) assume (~(drain_valid & store_valid));
    // After `room` has fallen, at most 28 beats come before it rises again (`OUT_MARGIN` less the way of a beat to `room`).
    always @(*) assume (room | since_room < 6'd28 | ~(drain_valid | store_valid));

    (* hierconn *) wire \queue.closed_q ;
    (* hierconn *) wire [6:0] \queue.level_q ;
    (* hierconn *) wire [5:0] \queue.head_q ;
    (* hierconn *) wire [5:0] \queue.tail_q ;
    (* hierconn *) wire [5:0] \queue.memory.looked_at ;
    (* hierconn *) wire [128:0] \queue.memory.seen ;
    (* hierconn *) wire [5:0] \queue.memory.next ;
    (* hierconn *) wire [128:0] \queue.memory.behind ;
    assign \queue.memory.next = \queue.head_q + 6'd1;
    wire [6:0] level = \queue.level_q ;

    // Beats since room was high; beats in the queue or on their way to it.
    reg [5:0] since_room;
    wire comes = drain_valid | store_valid;
    wire [6:0] coming = level + {6'd0, goes_q} + {6'd0, comes_q};
    always @(posedge clock) begin
        since_room <= room ? 6'd0 : since_room + {5'd0, comes};
        if (reset) since_room <= 6'd0;
    end

    // One beat, chosen when it comes, on its way to the host.
    (* anyseq *) wire chosen;
    reg at_1, at_2, inside, kept;
    reg [6:0] ahead;
    reg [127:0] beat_of;
    reg last_of;
    reg [31:0] number, number_of;
    always @(posedge clock) begin
        at_1 <= 1'b0;
        at_2 <= 1'b0;
        if (comes & chosen & ~at_1 & ~at_2 & ~inside) begin
            at_1 <= 1'b1;
            beat_of <= drain_valid ? drain_data : store_data;
            last_of <= drain_valid & drain_last;
        end
        if (at_1) at_2 <= pushes;
        if (at_2) begin
            inside <= 1'b1;
            kept <= 1'b0;
            ahead <= level - {6'd0, leaves};
            number_of <= number;
        end
        if (inside & leaves) begin
            ahead <= ahead - 7'd1;
            if (ahead == 7'd0) inside <= 1'b0;
        end
        if (goes_q & closes_q) number <= number + 32'd1;
        if (reset) begin
            at_1 <= 1'b0;
            at_2 <= 1'b0;
            kept <= 1'b1;
            inside <= inside & ahead == 7'd0 & ~m_ready & ~hard;
            number <= 32'd0;
        end
    end
    assign \queue.memory.looked_at = \queue.head_q + ahead[5:0];

    // A packet that a soft reset has cut and that has not been closed.
    reg open, debt;
    always @(posedge clock) begin
        if (m_valid & m_ready) begin
            open <= ~m_last;
            if (m_last) debt <= 1'b0;
        end
        if (reset) debt <= ~hard & (m_valid ? ~(m_ready & m_last) : open);
        if (reset & hard) open <= 1'b0;
    end

    always @(*) if (started) begin
        // The queue has room for every beat that comes to it: none is lost.
        //: bug LOW_MARK = 7'd32 => LOW_MARK = 7'd33
        never_full: assert (~(queue_push & \queue.closed_q ));
        // A beat from the drain or a store leaves as it came, in its order; a trailer keeps its tag, and has the number of results before it.
        //: bug beat_1_q <= store_data; => beat_1_q <= drain_data;
        //: bug sequence_d = sequence_q + 32'd1 => sequence_d = sequence_q + 32'd2
        //: bug queue_push = goes_q | closing_q => queue_push = (goes_q & ~m_valid) | closing_q
        order: assert (~(inside & ahead == 7'd0) | (m_valid & m_last == last_of
            & (last_of ? m_data[95:64] == beat_of[95:64] & m_data[63:32] == number_of : m_data == beat_of)));
        // The beat that a soft reset sends to close a packet is there, or comes in the next cycle.
        //: bug end else if (open_q) begin => end else if (1'b0) begin
        cut_packet_closed: assert (~debt | m_valid | closing_q);
        // After a soft reset no beat joins a packet that was cut: the closing beat comes before it.
        //: bug closing_d = 1'b1; => closing_d = 1'b0;
        new_packet: assert (~(inside & ahead == 7'd0 & ~kept & debt));
        // A trailer is counted when the host has taken it, and the beat that closes a cut packet is not.
        //: bug if (~stale_q) begin => if (1'b1) begin
        counted: assert (trailer_sent == (m_valid & m_ready & m_last & ~aborting));
        step_level: assert (level <= 7'd64 & \queue.closed_q == (level == 7'd64) & queue_valid == (level != 7'd0));
        step_room: assert (coming <= 7'd36 + {1'b0, since_room} & since_room <= 6'd28);
        step_high: assert (~room | (level <= 7'd33 & coming <= 7'd35));
        step_closing: assert (~closing_q | coming <= 7'd1);
        step_debt: assert (~debt | closing_q | (m_valid & (m_last | (level >= 7'd2 & \queue.memory.behind [128]))));
        step_behind: assert (~(debt & inside & ~kept) | ahead > {6'd0, ~m_last});
        step_clean: assert (~closing_q | ~(at_1 | at_2 | inside & ~kept));
        step_kept: assert (~(inside & kept) | ahead == 7'd0);
        step_pointers: assert (\queue.tail_q == \queue.head_q + level[5:0]);
        step_at_1: assert (~at_1 | (comes_q & ends_q == last_of & (beat_1_q == beat_of)));
        step_at_2: assert (~at_2 | (goes_q & closes_q == last_of & (beat_2_q == beat_of)));
        step_number: assert (sequence_q == number);
        step_ahead: assert (~inside | ahead < level);
        step_inside: assert (~inside | (\queue.memory.seen [128] == last_of & (last_of
            ? \queue.memory.seen [95:64] == beat_of[95:64] & \queue.memory.seen [63:32] == number_of
            : \queue.memory.seen [127:0] == beat_of)));
        step_one: assert (at_1 + at_2 + inside <= 2'd1);
        step_open: assert (open == open_q & (~debt | aborting));
    end

    always @(posedge clock) if (started && $past(m_valid & ~m_ready & ~hard)) begin
        // A beat that is offered stays, unchanged, until it is taken; also over a soft reset.
        //: bug stays = queue_valid & ~m_ready & ~hard => stays = 1'b0
        offer_stays: assert (m_valid & $stable(m_data) & $stable(m_last));
    end
