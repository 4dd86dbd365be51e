//! Names the shared library as it is installed.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Until 1.0 each minor version may break programs that were linked with another.
    println!(
        "cargo::rustc-cdylib-link-arg=-Wl,-soname,libfirebrick.so.{}.{}",
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR")
    );
}
