// Hand-over: sequencer, loader and job queue as the engine connects them. The delay of the array is any delay.
//: module engine
//: engine induction 8
//: depth 40
//: cut registers|counters|decoder|sparse|fifo_225x32|fifo_36x32|window|feature_buffer|lane|params|drain|output
//: cut delay_line_15|histogram_\d+|register_slice_129|ram_.*|lut_ram_.*

    reg [1:0] cycle = 2'd0;
    wire started = &cycle;
    always @(posedge aclk) if (~started) cycle <= cycle + 2'd1;
    // The first cycle is a reset; what the registers held before it is unknown. It arrives two cycles later, as do later ones.
    always @(*) if (cycle == 2'd0) assume (~aresetn);
    wire over = resets_reset_4;
    // Records have passed the decoder: they are blocks, stores and ends, and a block or store is not empty.
    always @(*) assume (queue_data[7:0] == 8'd16 | queue_data[7:0] == 8'd64 | queue_data[7:0] == 8'd80);
    always @(*) assume (~passes_block | \streamer.of_block_count != 13'd0);
    always @(*) assume (~passes_store | \streamer.of_store_count != 20'd0);
    // The drain finishes only what it was given, one a cycle.
    always @(*) assume (~finished | (draining != 5'd0 & ~(drain_drained & drain_ended)));
    // What follows a vector through the array leaves it once, in a later cycle.
    always @(*) assume (~late_tag[14] | in_array != 5'd0);
    // At most 15 strips are complete and not taken: the window unit waits for its record, and a record for its strips.
    always @(*) assume (strips != 5'd15 | ~window_strip_done);

    (* hierconn *) wire \streamer.running_q , \streamer.ends_tile_q , \streamer.takes_strip ;
    (* hierconn *) wire \streamer.occupied_q , \streamer.last_q , \streamer.storing_q , \streamer.engaged_q ;
    (* hierconn *) wire \loader.pending_q , \jobs.closed_q ;
    (* hierconn *) wire \loader.load_1_q , \loader.load_2_q , \loader.load_3_q ;
    (* hierconn *) wire \swaps.stage_0_q , \swaps.stage_1_q , \swaps.stage_2_q ;
    (* hierconn *) wire \settle.stage_0_q , \settle.stage_1_q , \settle.stage_2_q ;
    (* hierconn *) wire [3:0] \streamer.limit , \streamer.strips_q ;
    (* hierconn *) wire [4:0] \jobs.level_q ;
    (* hierconn *) wire [12:0] \streamer.of_block_count ;
    (* hierconn *) wire [19:0] \streamer.of_store_count ;

    // The array's shadow registers hold a block that is not active yet.
    reg shadow;
    // Jobs that the drain has; tags of finished tiles in the array; strips complete and not taken.
    reg [4:0] draining, in_array, strips;
    always @(posedge aclk) begin
        shadow <= ((shadow & ~swaps_q) | loader_load) & ~over;
        draining <= over ? 5'd0 : draining + {4'd0, job_goes} - {4'd0, finished};
        in_array <= over ? 5'd0 : in_array + {4'd0, streamer_tag_job} - {4'd0, late_tag[14]};
        strips <= over ? 5'd0 : strips + {4'd0, window_strip_done} - {4'd0, streamer_swap & \streamer.takes_strip };
    end
    wire [2:0] loads_coming = {2'd0, \loader.load_1_q } + {2'd0, \loader.load_2_q } + {2'd0, \loader.load_3_q };
    wire [2:0] swaps_coming = {2'd0, streamer_tag_swap} + {2'd0, \swaps.stage_0_q } + {2'd0, \swaps.stage_1_q } + {2'd0, swaps_q};
    wire [4:0] settling = {4'd0, \settle.stage_0_q } + {4'd0, \settle.stage_1_q } + {4'd0, \settle.stage_2_q };

    always @(*) if (started) begin
        // A swap reaches the array only after the weights of its pass: they were loaded in an earlier cycle, and no swap has used them.
        //: bug in loader: ready = pending_q & => ready = active_q &
        swap_after_load: assert (~swaps_q | shadow);
        // Weights are loaded only when the swap of the block before has reached the array, or in that cycle.
        //: bug in loader: start = active_q & ~reading_q & ~pending_q => start = active_q & ~reading_q & ~(pending_q & ~swap)
        load_after_swap: assert (~loader_load | ~shadow | swaps_q);
        // The first pass of a record begins only when no more tiles wait for the drain, or are in it, than the record allows.
        //: bug in streamer: tiles_q <= (limit + 4'd1) => tiles_q <= (limit + 4'd2)
        //: bug in streamer: settled_q <= ~taken => settled_q <= 1'b1
        waits_for_tiles: assert (~(streamer_swap & passes_first_pass) | {1'b0, \streamer.limit } >= draining + \jobs.level_q );
        // A store begins only when every tile has drained.
        //: bug in streamer: start_store = ~engaged_q & store & ~(|tiles_q) => start_store = ~engaged_q & store
        store_waits: assert (~(streamer_pass_pop & passes_store) | draining + \jobs.level_q == 5'd0);
        // A pass that takes a strip begins only when one is complete.
        //: bug in streamer: ~takes_strip | |strips_q | strip_done => ~takes_strip | |strips_q | strip_done | drained
        waits_for_strip: assert (~(streamer_swap & \streamer.takes_strip ) | strips != 5'd0);
        // The job queue has room for every job: at most eight tiles and ends are under way.
        //: bug in streamer: mark & (tiles_q <= 4'd7) => mark
        jobs_fit: assert (draining + \jobs.level_q <= 5'd8 & ~(streamer_job_push & \jobs.closed_q ));
        // The streamer's count is what waits for the drain and what is in it; it does not wrap.
        //: bug in streamer: if (adds_tile & ~drained) begin => if (adds_tile) begin
        outstanding_exact: assert ({1'b0, streamer_outstanding} == draining + \jobs.level_q );
        // The drain gets a job only when the last vector of its tile has left the array.
        //: bug if (~job_comes & job_goes) begin => if (job_goes) begin
        //: bug job_ready = jobs_valid & |released_q => job_ready = jobs_valid
        job_after_vectors: assert ({1'b0, released_q} + settling + in_array + {4'd0, \streamer.running_q & \streamer.ends_tile_q } == \jobs.level_q
            & (~job_goes | released_q != 5'd0));
        step_shadow: assert ({2'd0, shadow} + loads_coming == {2'd0, \loader.pending_q } + swaps_coming);
        step_runs: assert ((~\streamer.running_q | \streamer.occupied_q != \streamer.last_q ) & ~(\streamer.running_q & \streamer.storing_q )
            & \streamer.engaged_q == (\streamer.running_q | \streamer.storing_q ) & (~\streamer.storing_q | \streamer.occupied_q )
            & (\streamer.engaged_q | ~\streamer.occupied_q ));
        step_kind: assert ({1'b0, passes_block} + {1'b0, passes_store} + {1'b0, passes_mark} <= 2'd1);
        step_tiles: assert (~passes_block | passes_first_pass | streamer_outstanding <= 4'd7);
        step_strips: assert (strips == {1'b0, \streamer.strips_q });
        step_jobs: assert (draining <= 5'd8 & in_array <= 5'd8 & released_q <= 5'd8 & \jobs.level_q <= 5'd8 & jobs_valid == (\jobs.level_q != 5'd0) & ~\jobs.closed_q );
    end
