//! Writes the Verilog of one array to the standard output, for synthesis by itself: `Tile8`,
//! `Tile16`, `TilePacked8` or `TilePacked16`, which is also the top module's name.

use firebrick_rtl::array::tile::{Tile8, Tile16};
use firebrick_rtl::array::tile_packed::{TilePacked8, TilePacked16};
use firebrick_rtl::emit::{EmitError, emit_block};

fn array(name: &str) -> Option<Result<String, EmitError>> {
    Some(match name {
        "Tile8" => emit_block(Tile8::default(), name),
        "Tile16" => emit_block(Tile16::default(), name),
        "TilePacked8" => emit_block(TilePacked8::default(), name),
        "TilePacked16" => emit_block(TilePacked16::default(), name),
        _ => return None,
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let verilog = array(&name)
        .ok_or("name one of the arrays: Tile8, Tile16, TilePacked8, TilePacked16")??;
    print!("{verilog}");
    Ok(())
}
