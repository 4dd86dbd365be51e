//! `verify` on the software engine.

use crate::common::{firebrick, picture, small_pack, text};

#[test]
fn every_layer_is_compared() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    let args = [
        "verify",
        "--backend",
        "software",
        "--model",
        text(&pack),
        text(&image),
    ];
    let run = firebrick(&[&args[..], &["--json"]].concat()).good();
    let objects = run.objects();
    let kinds: Vec<&str> = objects
        .iter()
        .map(|o| o["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "layer", "layer", "layer", "layer", "layer", "image", "summary"
        ]
    );
    assert_eq!(objects[0]["layer"], "conv1");
    assert_eq!(objects[0]["elements"], 10 * 11 * 16);
    assert!(
        objects[..5]
            .iter()
            .all(|o| o["mismatches"] == 0 && o["received"] == true)
    );
    assert_eq!(objects[5]["bit_exact"], true);
    let summary = &objects[6];
    assert_eq!(summary["bit_exact"], true);

    let run = firebrick(&args).good();
    assert!(!run.stdout.contains('|'), "{run:?}");
    assert!(run.stdout.contains("a.png: bit-exact: 5 layers"), "{run:?}");
    assert!(run.stdout.contains("1 of 1 pictures bit-exact"), "{run:?}");
    let run = firebrick(&[&args[..], &["--table"]].concat()).good();
    assert!(run.stdout.contains("| conv2 "), "{run:?}");
    assert!(run.stdout.contains("bit-exact: 5 layers"), "{run:?}");
    assert!(run.stdout.contains("1 of 1 pictures bit-exact"), "{run:?}");
}

#[test]
fn a_picture_without_a_result_is_not_verified() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    let args = [
        "verify",
        "--backend",
        "software",
        "--json",
        "--model",
        text(&pack),
    ];
    let run = firebrick(&[&args[..], &["/nowhere.jpg", text(&image)]].concat());
    let run = run.fails("/nowhere.jpg");
    let objects = run.objects();
    let summary = objects.last().unwrap();
    assert_eq!(summary["bit_exact"], false);
    assert_eq!(
        (&summary["images_exact"], &summary["images_failed"]),
        (&1.into(), &1.into())
    );
}
