//! What `firebrick import` finds out before it measures anything, and folders of photographs in
//! which not all is one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Run, firebrick, picture, text};
use firebrick_network::float::{FloatNetwork, FloatOp};
use firebrick_network::import::to_onnx;
use firebrick_network::random;
use firebrick_network::squeezenet::{Fire, SqueezeNet};
use firebrick_network::{Network, Scores, tail};
use ndarray::Array4;

fn table(side: usize) -> SqueezeNet {
    SqueezeNet {
        name: "own".into(),
        outputs: 16,
        fires: vec![Fire::even(8, 16)],
        pools: vec![1],
        classes: 12,
        side,
        ..SqueezeNet::v1_1()
    }
}

/// A network whose first convolution has these figures.
fn first(kernel: usize, stride: usize, pad: usize) -> FloatNetwork {
    let mut network = random::float(&table(64), 7);
    let FloatOp::Conv(conv) = &mut network.nodes[0].op else {
        panic!("conv1 comes first");
    };
    conv.weights = Array4::ones((16, kernel, kernel, 3));
    (conv.stride, conv.pad) = (stride, pad);
    network
}

fn import(dir: &Path, network: &FloatNetwork, photos: &Path) -> (PathBuf, Run) {
    import_with(dir, network, photos, &[])
}

fn import_with(dir: &Path, network: &FloatNetwork, photos: &Path, more: &[&str]) -> (PathBuf, Run) {
    let (model, pack) = (dir.join("own.onnx"), dir.join("own.fb"));
    fs::write(&model, to_onnx(network)).unwrap();
    let args = [
        "import",
        text(&model),
        "-o",
        text(&pack),
        "--calibrate",
        text(photos),
    ];
    let run = firebrick(&[&args[..], &["--json"], more].concat());
    (pack, run)
}

#[test]
fn what_no_preset_runs_is_refused_before_anything_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    // It would be the first thing to fail.
    let photos = dir.path().join("none");
    let wide = random::float(&table(300), 7);
    for (network, words) in [
        (first(3, 3, 0), "3x3 with stride 3 and padding 0"),
        (first(7, 4, 0), "7x7 with stride 4 and padding 0"),
        (wide, "300 pixels a row of the window rows"),
    ] {
        let (pack, run) = import(dir.path(), &network, &photos);
        println!("{}", run.stderr);
        let run = run.fails("no preset of the engine runs").fails(words);
        for preset in ["fb64", "fb256", "fb2048"] {
            assert!(run.stderr.contains(preset), "{run:?}");
        }
        assert!(!pack.exists());
    }
}

#[test]
fn first_convolutions_are_rewritten_for_the_window_unit() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    for index in 0..3 {
        picture(&photos, &format!("{index}.png"), 100 + index, 90);
    }
    for (network, kernel, border) in [
        (first(1, 1, 0), 3, 1),
        (first(3, 1, 1), 3, 1),
        (first(3, 2, 2), 3, 2),
        (first(5, 2, 2), 7, 3),
        (first(7, 2, 3), 7, 3),
    ] {
        let (pack, run) = import(dir.path(), &network, &photos);
        let report = run.good().objects()[0].to_string();
        assert!(report.contains("border of"), "{report}");
        let packed = Network::load(&pack).unwrap();
        let sides = packed.input.border;
        assert_eq!(
            [sides.top, sides.left, sides.bottom, sides.right],
            [border; 4]
        );
        assert_eq!(
            (packed.input.height, packed.input.width),
            (64 + 2 * border, 64 + 2 * border)
        );
        let conv = packed.nodes[0].op.conv().unwrap();
        assert_eq!((conv.kernel, conv.pad), (kernel, 0));
        // Every command draws the same border: here the picture's way to a class.
        let photo = photos.join("0.png");
        let run = firebrick(&["classify", text(&photo), "--model", text(&pack), "--json"]);
        assert!(!run.good().objects().is_empty());
    }
}

#[test]
fn a_last_layer_without_relu_is_raised() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    for index in 0..4 {
        picture(&photos, &format!("{index}.png"), 100 + 9 * index, 90);
    }
    let mut network = random::float(&table(64), 7);
    tail::open(&mut network);
    let (pack, run) = import(dir.path(), &network, &photos);
    let report = run.good().objects()[0].to_string();
    assert!(report.contains("all classes are raised by"), "{report}");
    assert!(Network::load(&pack).unwrap().validate().is_ok());
}

#[test]
fn a_network_may_end_with_a_map() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    for index in 0..4 {
        picture(&photos, &format!("{index}.png"), 100 + 9 * index, 90);
    }
    let network = random::float(&table(64), 7);
    for (node, last) in [("fire2/concat", "output"), ("conv10", "conv10")] {
        let (pack, run) = import_with(dir.path(), &network, &photos, &["--up-to", node]);
        run.good();
        let made = Network::load(&pack).unwrap();
        assert!(matches!(made.scores, Scores::Map { .. }));
        let [.., map, _] = &made.nodes[..] else {
            panic!("{:?}", made.nodes)
        };
        assert_eq!(map.name, last);
    }
    let (_, run) = import_with(dir.path(), &network, &photos, &["--up-to", "fire77"]);
    run.fails("fire77").fails("fire2/concat");
}

#[test]
fn the_presets_that_run_a_network_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    picture(&photos, "0.png", 100, 90);
    let (_, run) = import(dir.path(), &first(3, 2, 0), &photos);
    let report = &run.good().objects()[0];
    let presets = report["presets"].as_array().unwrap();
    assert!(presets.iter().any(|p| p == "fb256"), "{report}");
    assert_eq!(report["skipped"], 0);
}

#[test]
fn what_is_no_photograph_is_skipped_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    for index in 0..4 {
        picture(&photos, &format!("{index}.png"), 100 + index, 90);
    }
    // What macOS puts on foreign disks, a failed download, and an empty file.
    fs::write(photos.join("._0.png"), b"\0\x05\x16\x07\0\x02\0\0Mac OS X").unwrap();
    fs::write(photos.join("4.jpg"), "<!DOCTYPE html><html>404</html>").unwrap();
    fs::write(photos.join("5.jpeg"), "").unwrap();
    let network = random::float(&table(64), 7);
    let (pack, run) = import(dir.path(), &network, &photos);
    let run = run.good();
    for word in ["._0.png", "4.jpg", "5.jpeg", "3 of 7 pictures", "left out"] {
        assert!(run.stderr.contains(word), "{word}: {run:?}");
    }
    assert_eq!(run.objects()[0]["skipped"], 3);
    let with_them = fs::read(&pack).unwrap();
    for name in ["._0.png", "4.jpg", "5.jpeg"] {
        fs::rename(photos.join(name), dir.path().join(name)).unwrap();
    }
    import(dir.path(), &network, &photos).1.good();
    assert!(fs::read(&pack).unwrap() == with_them, "the packs differ");
    // Fewer than half can be read.
    for index in 0..5 {
        fs::write(photos.join(format!("bad{index}.png")), "no picture").unwrap();
    }
    fs::remove_file(&pack).unwrap();
    let (pack, run) = import(dir.path(), &network, &photos);
    run.fails("only 4 of 9 pictures can be read, fewer than 50 %");
    assert!(!pack.exists());
}

#[test]
fn a_map_of_one_channel_is_convolved() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    picture(&photos, "0.png", 100, 90);
    let thin = SqueezeNet {
        fires: vec![Fire::even(1, 4), Fire::even(1, 1)],
        ..table(64)
    };
    import(dir.path(), &random::float(&thin, 3), &photos)
        .1
        .good();
}
