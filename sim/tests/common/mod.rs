//! What the test files share.
#![allow(dead_code)] // Each test file uses its part.

use std::path::PathBuf;

use firebrick_sim::{Builder, Design, Model, Silent};

/// A builder with a cache in the build folder, which tests may share.
pub fn builder() -> Builder {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cache");
    Builder::new().cache_dir(dir).progress(Silent)
}

/// Builds and opens a small design.
pub fn open(design: &Design) -> Model {
    let built = builder()
        .build(&design.clone().optimise(1))
        .expect("the design builds");
    Model::load(&built, 1).expect("the model loads")
}
