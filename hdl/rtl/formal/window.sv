// Window unit: its handshake with the decoder and with the feature buffer. Which words it makes is not looked at.
//: module window
//: engine bounded 14
//: depth 14
//: cut ram_.*|window_taps

    reg started = 1'b0;
    always @(posedge clock) started <= 1'b1;
    // The first cycle is a reset; what the registers held before it is unknown.
    always @(*) if (~started) assume (reset);
    // It is started only while it is not busy, with a row at least, of a pixel at least.
    always @(*) assume (~start | (~busy & fields_rows != 10'd0 & fields_width != 10'd0));

    always @(*) if (started) begin
        // It takes beats only while it is busy.
        //: bug working = leaving | unpack_active | => working = leaving |
        ready_while_busy: assert (~in_ready | busy);
        // It offers words only while it is busy.
        //: bug working = leaving | => working = 1'b0 |
        offers_while_busy: assert (~out_valid_0 | busy);
    end

    always @(posedge clock) if (started && $past(started & ~reset)) begin
        // It is busy from the cycle after its start.
        //: bug in window_unpack: rows_out_q <= ~rows; => rows_out_q <= rows;
        busy_after_start: assert (~$past(start) | busy);
        // A word that is offered stays, unchanged, until it is taken.
        //: bug in register_slice_149: moves = out_ready | ~valid_q => moves = 1'b1
        word_stays: assert (~$past(out_valid_0 & ~out_taken_0) | (out_valid_0 & $stable(out_address_0) & $stable(out_data_0) & $stable(out_beyond_0)));
        // A strip is reported once, when its last word has been taken.
        //: bug strip_done = strip_end_q & ~working => strip_done = strip_end_q
        strip_reported: assert (~strip_done | (~busy & ~$past(strip_done) & $past(busy)));
    end
