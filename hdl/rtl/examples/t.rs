//! t
use firebrick_spec::HwConfig;
fn main() {
    match firebrick_rtl::top::generate(&HwConfig::preset("fb256").unwrap()) {
        Ok(t) => print!("{t}"),
        Err(e) => {
            eprintln!("ERR {e}");
            std::process::exit(1)
        }
    }
}
