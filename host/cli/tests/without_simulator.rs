//! A program without the simulator says so.
#![cfg(not(feature = "sim"))]

use crate::common::{firebrick, picture, text};

#[test]
fn what_needs_the_simulator_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let image = picture(dir.path(), "a.png", 40, 50);
    let what = "built without the simulator";
    firebrick(&["classify", "--backend", "sim", text(&image)]).fails(what);
    firebrick(&["verify", text(&image)]).fails(what);
    firebrick(&["generate", "-o", text(dir.path())]).fails(what);
    firebrick(&["classify", text(&image)]).good();
}
