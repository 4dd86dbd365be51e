//! t
use firebrick_spec::HwConfig;
fn main(){ let mut p = firebrick_rtl::engine::Engine::new(&HwConfig::preset("fb256").unwrap()).unwrap(); p.connect_inputs();  match firebrick_rtl::emit::emit(&p, "firebrick_core") { Ok(t) => println!("{t}"), Err(e) => println!("ERR {e}") } }
