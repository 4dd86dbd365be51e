//! The program on a board that damages a result: what the user gets of each picture.

use crate::board::{Board, Kind};
use crate::common::{firebrick, picture, small_pack, text};

const PICTURES: usize = 9;

/// `classify --json` over a folder of pictures on a board that flips a bit of the fourth result.
#[test]
fn a_damaged_result_loses_no_picture() {
    let folder = tempfile::tempdir().unwrap();
    let model = small_pack(folder.path());
    let pictures = folder.path().join("pictures");
    std::fs::create_dir(&pictures).unwrap();
    for number in 0..PICTURES {
        picture(&pictures, &format!("{number}.png"), 40 + number as u32, 50);
    }
    std::fs::write(pictures.join("no.jpg"), "none").unwrap();
    let classify = [
        "classify",
        text(&pictures),
        "--json",
        "--model",
        text(&model),
    ];
    let want = firebrick(&classify).objects();
    for kind in [Kind::XdmaFifo, Kind::AxiDma] {
        let mut board = Board::start(kind, &[]);
        for (fired, retries) in [(1, "1"), (2, "0")] {
            board.tell("c2h-flip=700@transfer=5");
            let on = [
                "--device",
                &board.uri,
                "--deadline",
                "20",
                "--retries",
                retries,
            ];
            let run = firebrick(&[&classify[..], &on].concat());
            board.await_fired(fired);
            let got = run.objects();
            assert_eq!(got.len(), want.len(), "{kind:?} {}", run.stderr);
            let mut lost = 0;
            for want in &want {
                // What cannot be read is reported before the pictures that are under way.
                let mut same = got.iter().filter(|got| got["image"] == want["image"]);
                let (Some(got), None) = (same.next(), same.next()) else {
                    panic!("{want}: {got:?}");
                };
                match got["error"].as_str() {
                    None => assert_eq!(got["logits_sha256"], want["logits_sha256"]),
                    Some("picture") => {
                        assert_eq!(
                            (&got["attempt"], &got["image"]),
                            (&0.into(), &want["image"])
                        );
                    }
                    Some(kind) => {
                        assert_eq!((kind, &got["attempt"]), ("result-crc", &1.into()));
                        assert!(got["message"].as_str().unwrap().contains("damaged"));
                        lost += 1;
                    }
                }
            }
            match retries {
                "1" => {
                    assert_eq!(lost, 0, "{}", run.stderr);
                    assert!(run.stderr.contains("trying it again"), "{}", run.stderr);
                }
                // How many were under way depends on how fast the host is.
                _ => assert!((1..PICTURES).contains(&lost), "{lost}: {}", run.stderr),
            }
        }
    }
}
