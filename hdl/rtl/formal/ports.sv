// Ports of the core: AXI4-Stream and AXI4-Lite at the engine's own ports, through soft resets too. Of the engine, the register file, the input's register slice, the output unit and the resets are there; all other units are free.
//: module engine
//: engine induction 6
//: depth 16
//: cut counters|decoder|sparse|fifo_225x32|fifo_36x32|fifo_224x16|window|feature_buffer|lane|params|drain|passes|streamer|loader
//: cut delay_line_\d+|histogram_\d+|crc32x128|ram_.*

    reg [1:0] cycle = 2'd0;
    wire started = &cycle;
    always @(posedge aclk) if (~started) cycle <= cycle + 2'd1;
    // The first cycle is a reset; what the registers held before it is unknown. Later ones come at any time, from `aresetn` or from the register.
    always @(*) if (cycle == 2'd0) assume (~aresetn);

    (* hierconn *) wire \output_stage.queue.closed_q ;
    (* hierconn *) wire [6:0] \output_stage.queue.level_q ;
    (* hierconn *) wire [5:0] \output_stage.queue.head_q ;
    (* hierconn *) wire [5:0] \output_stage.queue.tail_q ;
    (* hierconn *) wire \registers.read_asked_q , \registers.read_looks_q , \registers.read_full_q ;
    wire accepts = s_axis_tvalid & s_axis_tready;

    always @(*) if (started) begin
        // A beat that the core takes at `s_axis` goes into its register slice, and no other does.
        //: bug arrival_in_valid = s_axis_tvalid & takes => arrival_in_valid = s_axis_tvalid
        beats_enter: assert (accepts == (arrival_in_valid & arrival_in_ready));
        step_queue: assert (\output_stage.queue.level_q <= 7'd64 & \output_stage.queue.closed_q == (\output_stage.queue.level_q == 7'd64)
            & output_stage_m_valid == (\output_stage.queue.level_q != 7'd0)
            & \output_stage.queue.tail_q == \output_stage.queue.head_q + \output_stage.queue.level_q [5:0]);
        step_read: assert ({1'b0, \registers.read_asked_q } + {1'b0, \registers.read_looks_q } + {1'b0, \registers.read_full_q } <= 2'd1);
        step_resets: assert (resets_reset_10 == resets_reset_12 & (resets_reset_10 | ~hard_resets_reset_0));
    end

    always @(posedge aclk) if (started) begin
        // `m_axis`: a beat that is offered stays, unchanged, until it is taken; only `aresetn` takes it back, two cycles after it fell.
        //: bug hard_resets_request = ~aresetn => hard_resets_request = asks
        m_axis_stays: assert (~$past(m_axis_tvalid & ~m_axis_tready) | ~$past(aresetn, 3)
            | (m_axis_tvalid & $stable(m_axis_tdata) & $stable(m_axis_tlast)));
        // `s_axis`: no beat is taken that a reset, asked for before, would drop.
        //: bug takes = ~resets_under_way & => takes = ~resets_reset_12 &
        no_beat_into_reset: assert (~resets_reset_12 | ~(accepts | $past(accepts) | $past(accepts, 2)));
        // `s_axil`: the answer to a write stays until it is taken, also that of the write which resets the engine.
        //: bug registers_reset = ~aresetn => registers_reset = asks
        write_answer_stays: assert (~$past(s_axil_bvalid & ~s_axil_bready & aresetn) | s_axil_bvalid);
        // `s_axil`: the answer to a read stays, unchanged, until it is taken.
        //: bug registers_reset = ~aresetn => registers_reset = ~aresetn | resets_reset_0
        read_answer_stays: assert (~$past(s_axil_rvalid & ~s_axil_rready & aresetn) | (s_axil_rvalid & $stable(s_axil_rdata)));
    end
