//! Prints the messages, the service and the client of the protocol as Rust. The compiler is a crate: no `protoc` has
//! to be installed.

use std::path::Path;

const HEAD: &str = "\
//! Messages, service and client of `proto/inference.proto`. Written by scripts/serve-proto: change the protocol and run it
//! again.
#![allow(missing_docs, clippy::all, clippy::missing_errors_doc)]
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    let files = protox::compile([folder.join("inference.proto")], [&folder])?;
    let out = std::env::temp_dir().join(format!("firebrick-serve-proto-{}", std::process::id()));
    std::fs::create_dir_all(&out)?;
    let generated = tonic_prost_build::configure()
        .build_client(true)
        .build_transport(false)
        .bytes(".inference")
        // One that looks at a message before memory is spent on it.
        .codec_path("crate::grpc::codec::Codec")
        .out_dir(&out)
        .compile_fds(files);
    let text = generated.and_then(|()| std::fs::read_to_string(out.join("inference.rs")));
    std::fs::remove_dir_all(&out)?;
    print!("{HEAD}{}", text?);
    Ok(())
}
