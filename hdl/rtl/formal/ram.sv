// Memory: every shape that the core has. What is said of a word holds for any word.
//: module ram_(?P<WIDTH>\d+)x(?P<WORDS>\d+)(_distributed)?
//: engine induction 2
//: depth 8

    reg started = 1'b0;
    always @(posedge clock) started <= 1'b1;

    (* anyconst *) wire [$bits(read_address)-1:0] place;
    reg known;
    reg [`WIDTH-1:0] word;
    always @(posedge clock) begin
        if (write_enable & write_address == place) word <= write_data;
        known <= started & (known | (write_enable & write_address == place));
    end

    always @(*) step_cell: assert (~started | ~known | cells[place] == word);

    always @(posedge clock) if (started && $past(started & known & read_enable & read_address == place)) begin
        // A read gives what was written last to its word before this cycle.
        //: bug if (write_enable) cells[write_address] => if (write_enable) cells[write_address ^ 1'b1]
        written_last: assert (read_data[`WIDTH-1:0] == $past(word));
    end

    always @(posedge clock) if (started && $past(started & ~read_enable)) begin
        // What was read stays until the next read.
        //: bug if (read_enable) => if (read_enable | write_enable)
        stays: assert ($stable(read_data));
    end
