//! t
use rust_hdl::prelude::*;
use firebrick_rtl::tile::*;
fn main(){ let mut p = Tile16::default(); p.clock.connect(); p.x_in.connect(); p.swap_in.connect();p.load_in.connect();p.w_in.connect(); p.connect_all(); match firebrick_rtl::emit::emit(&p, "tile16") { Ok(t) => println!("{t}"), Err(e) => println!("ERR {e}") } }
