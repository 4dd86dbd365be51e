//! SqueezeNet v1.1 on ten photographic pictures: the same sums by the integer model, the simulated
//! engine, and emulated boards of every kind in processes of their own. Small pictures, to be soon
//! done; `scripts/soak` does it at full size.
#![cfg(feature = "sim")]

use std::collections::BTreeSet;
use std::path::Path;

use crate::board::{Board, Kind, PRESET};
use crate::common::{firebrick, text};
use image::DynamicImage;

/// Side of the network's input.
const SIDE: &str = "64";

/// The sample photograph, and parts and views of it.
fn photographs(folder: &Path) {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../weights/samples/cat.png");
    let whole = image::open(sample).unwrap();
    let (width, height) = (whole.width(), whole.height());
    let part =
        |x: u32, y: u32| whole.crop_imm(x * width / 4, y * height / 4, width / 2, height / 2);
    let all: [DynamicImage; 10] = [
        whole.clone(),
        whole.fliph(),
        whole.flipv(),
        whole.rotate90(),
        part(0, 0),
        part(2, 0),
        part(0, 2),
        part(1, 1),
        whole.brighten(40),
        whole.blur(3.0),
    ];
    for (number, picture) in all.iter().enumerate() {
        picture.save(folder.join(format!("{number}.png"))).unwrap();
    }
}

#[test]
fn ten_photographs_have_the_same_sums_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    photographs(folder.path());
    let sums = |on: &[&str]| -> Vec<String> {
        let args = [
            "classify",
            text(folder.path()),
            "--json",
            "--size",
            SIDE,
            "-q",
        ];
        let objects = firebrick(&[&args[..], on].concat()).good().objects();
        let sums = objects.iter().map(|o| o["logits_sha256"].to_string());
        sums.collect()
    };
    let want = sums(&[]);
    assert_eq!(want.iter().collect::<BTreeSet<_>>().len(), 10);
    assert_eq!(sums(&["--device", &format!("sim:{PRESET}")]), want);
    for kind in Kind::all() {
        let board = Board::start(kind, &[]);
        assert_eq!(sums(&["--device", &board.uri]), want, "{kind:?}");
        board.stop();
    }
}
