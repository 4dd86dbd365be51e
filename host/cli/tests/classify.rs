//! `classify` on the integer model and on the software engine.

use crate::common::{builtin_pack, firebrick, picture, small_network, small_pack, text};
use firebrick_model::Model;
use firebrick_network::{Network, Picture, Scores};
use sha2::{Digest, Sha256};

#[test]
fn the_json_has_the_documented_fields() {
    let dir = tempfile::tempdir().unwrap();
    let image = picture(dir.path(), "a.png", 300, 200);
    let run = firebrick(&["classify", "--json", "--top", "3", text(&image)]).good();
    assert_eq!(run.stderr, "");
    let [object] = &run.objects()[..] else {
        panic!("{run:?}")
    };
    assert_eq!(object["image"], text(&image));
    assert_eq!(object["backend"], "model");
    assert_eq!(object["preset"], firebrick_spec::config::DEFAULT_PRESET);
    let hash = object["logits_sha256"].as_str().unwrap();
    assert!(hash.len() == 64 && hash.bytes().all(|b| b"0123456789abcdef".contains(&b)));
    let top = object["top"].as_array().unwrap();
    assert_eq!(top.len(), 3);
    let scores: Vec<f64> = top.iter().map(|c| c["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.iter().sum::<f64>() <= 1.0);
    assert!(top.iter().all(|c| c["class"].as_u64().unwrap() < 1000));
    assert!(top.iter().all(|c| !c["label"].as_str().unwrap().is_empty()));
    assert!(object.get("cycles").is_none());
}

#[test]
fn independent_classes_have_probabilities_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let image = picture(dir.path(), "a.png", 40, 50);
    let mut network = small_network();
    let scores = |network: &Network| -> Vec<f64> {
        let pack = dir.path().join("own.fb");
        network.save(&pack).unwrap();
        let args = [
            "classify",
            text(&image),
            "--json",
            "--top",
            "12",
            "--model",
            text(&pack),
        ];
        let object = &firebrick(&args).good().objects()[0];
        let top = object["top"].as_array().unwrap().iter();
        top.map(|class| class["score"].as_f64().unwrap()).collect()
    };
    let shares = scores(&network);
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    network.scores = Scores::Sigmoid { raised: 0.0 };
    let own = scores(&network);
    // No score lies below 0, so that each class is at least as likely as not.
    assert!(own.iter().all(|p| (0.5..=1.0).contains(p)), "{own:?}");
    assert!(own.is_sorted_by(|a, b| a >= b));
}

#[test]
fn the_hash_and_the_scores_are_of_the_models_logits() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    let network = small_network();
    let input = Picture::open(&image)
        .unwrap()
        .to_input(&network.input)
        .unwrap();
    let logits = Model::new(&network).unwrap().logits(&input.view()).unwrap();
    let bytes: Vec<u8> = logits.iter().flat_map(|l| l.to_le_bytes()).collect();
    let hash: String = Sha256::digest(&bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    // The last map has 5x5 pixels, of scale 0.1.
    let power: Vec<f64> = logits
        .iter()
        .map(|&l| (f64::from(l) * 0.1 / 25.0).exp())
        .collect();
    let sum: f64 = power.iter().sum();
    for backend in ["model", "software"] {
        let args = [
            "classify",
            "--json",
            "--top",
            "99",
            "--backend",
            backend,
            "--model",
        ];
        let run = firebrick(&[&args[..], &[text(&pack), text(&image)]].concat()).good();
        let object = &run.objects()[0];
        assert_eq!(object["logits_sha256"], hash, "{backend}");
        assert_eq!(object["backend"], backend);
        let top = object["top"].as_array().unwrap();
        assert_eq!(top.len(), 12);
        for class in top {
            let index = class["class"].as_u64().unwrap() as usize;
            assert_eq!(class["label"], format!("kind {index}"));
            let score = class["score"].as_f64().unwrap();
            assert!((score - power[index] / sum).abs() < 1e-6, "{object}");
        }
    }
}

#[test]
fn text_names_the_picture_and_its_classes() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (
        picture(dir.path(), "one.jpg", 64, 64),
        picture(dir.path(), "two.png", 100, 30),
    );
    let run = firebrick(&["classify", "--top", "2", text(&one), text(&two)]).good();
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(
        (lines.len(), lines[0], lines[3]),
        (6, text(&one), text(&two))
    );
    assert!(
        lines[1].contains(" %  ") && lines[1].contains("(class "),
        "{run:?}"
    );
}

#[test]
fn extreme_pictures_and_sizes_work() {
    let dir = tempfile::tempdir().unwrap();
    let images = [
        picture(dir.path(), "dot.png", 1, 1),
        picture(dir.path(), "line.png", 20_000, 20),
        picture(dir.path(), "post.jpg", 20, 20_000),
    ];
    for size in [None, Some("227"), Some("64x200")] {
        let mut args = vec!["classify", "--json"];
        args.extend(images.iter().map(|path| text(path)));
        args.extend(size.iter().flat_map(|size| ["--size", size]));
        let run = firebrick(&args).good();
        assert_eq!(run.objects().len(), 3, "{size:?}");
    }
}

#[test]
fn a_bad_picture_does_not_stop_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (good, missing) = (
        picture(dir.path(), "a.png", 9, 9),
        dir.path().join("none.jpg"),
    );
    let args = [
        "classify",
        "--json",
        text(&good),
        text(&missing),
        text(&good),
    ];
    let run = firebrick(&args).fails("none.jpg");
    let objects = run.objects();
    assert_eq!(objects.len(), 3);
    assert_eq!(objects[0], objects[2]);
    assert_eq!(objects[1]["image"], text(&missing));
    assert_eq!(objects[1]["error"], "picture");
}

#[test]
fn the_committed_pack_is_the_builtin_model() {
    let dir = tempfile::tempdir().unwrap();
    let pack = dir.path().join("copy.safetensors");
    std::fs::write(&pack, builtin_pack()).unwrap();
    let image = picture(dir.path(), "a.png", 50, 50);
    let builtin = firebrick(&["classify", "--json", text(&image)]).good();
    let packed = firebrick(&["classify", "--json", "--model", text(&pack), text(&image)]).good();
    assert_eq!(builtin.stdout, packed.stdout);
}
