//! All records and their fields, once. What follows from the table is made by [`super::records`]
//! (constants, structs, encoder, decoder, generators, the tables of docs/commands.md) and by the
//! blocks that split a record into its fields in Verilog (hdl/rtl).

/// Hands the table to the macro named `$then`.
///
/// `opcodes` lists each operation with its number, its mnemonic, its signal in Verilog and the
/// record that it heads. `common` lists the fields of every record, and each further section those
/// of one record, with the module that holds their constants and the block that splits it:
///
/// ```text
/// CONSTANT name: type = word[bits], "meaning, unit and range";
/// CONSTANT name: type = same module::CONSTANT;
/// CONSTANT (name as signal): type = word[bits], "where the name is a keyword in Verilog";
/// ```
///
/// To move a field, change its word or bits here; to change an operation's number, change it here.
#[macro_export]
macro_rules! record_table {
    ($then:ident) => {
        $then! {
        opcodes {
            /// First record of every stream: says for which core it was compiled.
            Hello = 0x01, "hello", is_hello, Hello;
            /// Writes blocks of weights into the weight buffer.
            LoadWeights = 0x20, "load_weights", is_load_weights, Load;
            /// Writes blocks of weights whose zeros are left out.
            LoadSparse = 0x22, "load_sparse", is_load_sparse, LoadSparse;
            /// Writes requantisation parameters.
            LoadParams = 0x21, "load_params", is_load_params, Load;
            /// Feeds picture rows to the window unit.
            Rows = 0x30, "rows", is_rows, Rows;
            /// Computes one tile of pixels for one group of output channels.
            Block = 0x10, "block", is_block, Block;
            /// Sends words of the feature buffer to the host.
            Store = 0x40, "store", is_store, Store;
            /// Ends the image: sends the result trailer.
            End = 0x50, "end", is_end, End;
        }
        common {
            OPCODE opcode: u8 = 0[7:0], "Operation.";
            CRC crc: u32 = 7[31:0], "CRC-32 (IEEE 802.3) of words 0 to 6, little-endian.";
            PAYLOAD_CRC payload_crc: u32 = 5[31:0],
                "Records with a payload: its CRC-32, whole beats as sent.";
        }
        /// Says for which core a stream was compiled. The core refuses any other.
        Hello in hello, HelloFields {
            MAGIC magic: u32 = 1[31:0], "0x4B524246, \"FBRK\".";
            ABI abi: u32 = 2[31:0], "ABI version, equal to register ABI.";
            HASH_LO hash_lo: u32 = 3[31:0], "Configuration hash, equal to register HASH_LO.";
            HASH_HI hash_hi: u32 = 4[31:0], "Configuration hash, equal to register HASH_HI.";
        }
        /// Writes `count` weight blocks or parameter groups from `base` on.
        Load in load, LoadFields {
            WAIT (wait as limit): u8 = 0[23:16],
                "Holds the payload back until at most this many earlier records are pending; 255 \
waits for nothing. load_weights and load_sparse count blocks that have not yet \
read all their pixels (and so may still need their weights), load_params blocks \
marked `last` that have not drained.";
            BASE base: u32 = 1[19:0],
                "First entry: weight blocks (tile x tile bytes) or parameter groups (tile \
channels).";
            COUNT count: u32 = 2[19:0], "Number of entries in the payload, from 1.";
        }
        /// Writes `count` weight blocks from `base` on, whose zeros the payload leaves out, coded
        /// as [`crate::sparse`] says.
        LoadSparse in load_sparse, LoadSparseFields {
            WAIT (wait as limit): u8 = same load::WAIT;
            BASE base: u32 = same load::BASE;
            COUNT count: u32 = same load::COUNT;
            BEATS beats: u32 = 3[19:0],
                "load_sparse: beats of the payload, exactly as many as its masks ask for.";
        }
        /// Feeds picture rows to the window unit.
        Rows in rows, RowsFields {
            FIRST first: bool = 0[8], "These rows are the first of a picture: row counter to 0.";
            STRIP_END strip_end: bool = 0[9],
                "After these rows the strip is complete: one block with `take_strip` may start.";
            WAIT (wait as limit): u8 = 0[23:16],
                "Holds the payload back until at most this many earlier blocks have not yet read \
all their pixels; 255 waits for nothing.";
            BASE base: u32 = 1[19:0],
                "Feature word of channel group 0 of the first output pixel of these rows; each \
further output pixel takes the next word.";
            PLANE plane: u32 = 2[19:0], "Feature words from one channel group to the next.";
            WIDTH width: u32 = 3[9:0], "Pixels of a row, from `kernel`.";
            ROWS rows: u32 = 3[19:10], "Rows in the payload, from 1.";
            KERNEL kernel: u32 = 4[3:0], "Edge of the window, 3 or 7, at most `window_kernel`.";
            STRIDE stride: u32 = 4[7:4], "Stride of the window, 1 or 2.";
            GAP gap: u32 = 4[11:8], "Words left out after each row of output pixels.";
            DRAINS drains: u8 = 4[19:12],
                "Holds the payload back until at most this many earlier blocks marked `last` have \
not drained; 255 waits for nothing.";
        }
        /// Computes one tile for one group of output channels.
        Block in block, BlockFields {
            KERNEL3 kernel3: bool = 0[8],
                "0: 1x1, one pass per channel group. 1: 3x3 with a zero border of 1, stride 1: \
nine passes per channel group, rows of taps from top to bottom, taps from left to \
right.";
            FIRST first: bool = 0[9], "The first pass overwrites the accumulators.";
            LAST last: bool = 0[10], "After the last pass the tile drains as `mode` says.";
            TAKE_STRIP take_strip: bool = 0[11],
                "Waits until a further strip of the window unit is complete.";
            TAP tap: bool = 0[12],
                "Also sends every requantised word (before pooling or summing) to the host, in \
pixel order.";
            PARTIAL partial: bool = 0[13],
                "mode pool: windows cut by the right or lower edge count (ceil mode).";
            SUM_FIRST sum_first: bool = 0[14], "mode sum: the sums start from 0 with this tile.";
            SUM_LAST sum_last: bool = 0[15], "mode sum: the sums are sent after this tile.";
            OUTSTANDING outstanding: u8 = 0[18:16],
                "Starts once at most this many earlier tiles are still draining or waiting to.";
            COUNT count: u32 = 0[31:19],
                "Positions of the tile, from 1: pixels in raster order, gaps included. They take \
`ceil(count / lanes)` accumulator vectors.";
            IN_BASE in_base: u32 = 1[19:0],
                "Feature word of the tile's first pixel in the first channel group.";
            GROUPS groups: u32 = 1[31:20], "Input channel groups, from 1.";
            PLANE plane: u32 = 2[19:0],
                "Feature words from one input channel group to the next, modulo 2^20.";
            ACC_BASE acc_base: u32 = 2[30:20],
                "Accumulator vector of the tile's first `lanes` positions.";
            ACC_BANK acc_bank: u8 = 2[31], "Accumulator bank.";
            WIDTH width: u32 = 3[9:0], "Width of the map in pixels.";
            HEIGHT height: u32 = 3[19:10], "Height of the map in pixels.";
            MODE mode: Mode = 3[21:20],
                "What becomes of the requantised tile: 0 write to the feature buffer, 1 max-pool \
3x3/2 and write (the map must be at least 3 pixels wide, with `pairs` and `partial` 2), 2 sum each channel over \
the pixels.";
            LAYER layer: u32 = 3[27:22],
                "Number under which the layer's statistics are kept; changes nothing else.";
            IN_GAP in_gap: u32 = 3[31:28],
                "Positions between the end of a row and the start of the next, in the input map \
and in the tile. Their outputs are dropped.";
            Y0 y0: u32 = 4[9:0], "Row of the tile's first pixel.";
            X0 x0: u32 = 4[19:10],
                "Column of the tile's first pixel; 0 in mode pool, where a tile is whole rows.";
            LINE_BASE line_base: u32 = 4[29:20],
                "mode pool: first word of the pooling line memory for this channel group; it \
takes `ceil((width + in_gap) / max(2, lanes / 2))` words and keeps them from one \
tile of the group to the next.";
            MORE_BEATS more_beats: u32 = 4[31:30],
                "mode sum with `sum_last`: beats of four i32 sums to send, less 1.";
            WEIGHT_BASE weight_base: u32 = 5[19:0],
                "Weight block of the first pass; the passes' blocks follow each other and wrap at \
the end of the weight buffer.";
            PARAM param: u32 = 5[29:20], "Requantisation parameter group.";
            DATA data: bool = 5[30],
                "For the statistics: `outstanding` is what the block's inputs need, not its \
accumulators.";
            PAIRS pairs: bool = 5[31],
                "mode pool: windows of 2x2, which leave out the column and the row that completes \
them; with `partial`, max-pool 2x2/2.";
            OUT_BASE out_base: u32 = 6[19:0],
                "Feature word of the first output pixel (modes write and pool); the others \
follow.";
            OUT_GAP out_gap: u32 = 6[23:20],
                "Words left out between the end of an output row and the start of the next.";
            IN_RING in_ring: u32 = 6[27:24],
                "0: none. n: each plane of the input is a ring, the aligned 2^(n + 4) words in \
which its base lies; addresses wrap within.";
            OUT_RING out_ring: u32 = 6[31:28], "The same for the output and `out_base`.";
        }
        /// Sends feature words to the host, after everything before it has drained.
        Store in store, StoreFields {
            BASE base: u32 = 1[19:0], "First feature word.";
            COUNT count: u32 = 2[19:0], "Feature words to send, from 1.";
        }
        /// Ends an image.
        End in end, EndFields {
            TAG tag: u32 = 1[31:0], "Returned in the result trailer.";
        }
        }
    };
}
