//! Writes the Verilog of one array to the standard output, for synthesis by itself: `Tile8` or `Tile16`,
//! or `TilePacked8`, `TilePacked16`, `TileTree8` or `TileTree16` and the family of parts whose slices it
//! is made of. The array's name is also the top module's.

use firebrick_rtl::array::tile::{Tile8, Tile16};
use firebrick_rtl::array::tile_packed::{TilePacked8, TilePacked16, TileTree8, TileTree16};
use firebrick_rtl::emit::{EmitError, emit_block};
use firebrick_spec::config::Family;

fn array(name: &str, family: Family) -> Option<Result<String, EmitError>> {
    Some(match name {
        "Tile8" => emit_block(Tile8::default(), name),
        "Tile16" => emit_block(Tile16::default(), name),
        "TilePacked8" => emit_block(TilePacked8::new(family), name),
        "TilePacked16" => emit_block(TilePacked16::new(family), name),
        "TileTree8" => emit_block(TileTree8::new(family), name),
        "TileTree16" => emit_block(TileTree16::new(family), name),
        _ => return None,
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let family = arguments.next().unwrap_or_else(|| "generic".to_owned());
    let family = Family::named(&family).ok_or("the family is generic, xc7 or xcup")?;
    let verilog = array(&name, family).ok_or(
        "name one of the arrays: Tile8, Tile16, TilePacked8, TilePacked16, TileTree8, TileTree16",
    )??;
    print!("{verilog}");
    Ok(())
}
