//! `firebrick features`: the same values as `maps` writes, for many pictures at once.

use std::fs;
use std::path::Path;

use crate::common::{firebrick, picture, small_pack, text};
use npyz::NpyFile;

/// Values of a NumPy file, and its shape.
fn load<T: npyz::Deserialize>(path: &Path) -> (Vec<T>, Vec<u64>) {
    let bytes = fs::read(path).unwrap();
    let file = NpyFile::new(&bytes[..]).unwrap();
    let shape = file.shape().to_vec();
    (file.into_vec().unwrap(), shape)
}

#[test]
fn rows_are_the_maps_of_each_picture() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    for number in 0..3 {
        picture(&photos, &format!("{number}.png"), 30 + 3 * number, 20);
    }
    fs::write(photos.join("bad.jpg"), "no picture").unwrap();
    let (means, maps) = (dir.path().join("means.npy"), dir.path().join("maps.npy"));
    let on = ["--model", text(&pack), "--json"];
    let run = firebrick(&[&["features", text(&photos), "-o", text(&means)], &on[..]].concat());
    let report = &run.good().objects()[0];
    assert_eq!(report["layer"], "conv2", "{report}");
    assert_eq!(report["images"].as_array().unwrap().len(), 3);
    let whole = ["--map", "--layer", "conv2"];
    let run = ["features", text(&photos), "-o", text(&maps)];
    firebrick(&[&run[..], &on, &whole].concat()).good();
    let (means, means_shape) = load::<f32>(&means);
    let (maps, maps_shape) = load::<u8>(&maps);
    assert_eq!(means_shape, [3, 24]);
    assert_eq!((maps_shape[0], maps_shape[3]), (3, 24));
    let size = maps.len() / 3;
    for number in 0..3 {
        let folder = dir.path().join(number.to_string());
        let photo = photos.join(format!("{number}.png"));
        let run = [
            "maps",
            text(&photo),
            "-o",
            text(&folder),
            "--model",
            text(&pack),
        ];
        firebrick(&run).good();
        let (map, shape) = load::<u8>(&folder.join("conv2.npy"));
        assert_eq!(shape, maps_shape[1..]);
        assert!(maps[number * size..][..size] == map);
        for channel in 0..24 {
            let all: Vec<f32> = map
                .iter()
                .skip(channel)
                .step_by(24)
                .map(|&v| v.into())
                .collect();
            let mean = all.iter().sum::<f32>() / all.len() as f32;
            assert!((means[number * 24 + channel] - mean).abs() < 1e-3);
        }
    }
}

#[test]
fn bad_layers_and_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let photo = picture(dir.path(), "a.png", 30, 20);
    let out = dir.path().join("out.npy");
    let run = |more: &[&str]| {
        let args = [
            "features",
            text(&photo),
            "-o",
            text(&out),
            "--model",
            text(&pack),
        ];
        firebrick(&[&args[..], more].concat())
    };
    run(&["--layer", "conv22"])
        .fails("no such layer")
        .fails("conv2");
    run(&["--layer", "logits"]).fails("no such layer");
    run(&["--size", "2"]).fails("conv1");
    assert!(!out.exists());
    fs::write(&out, "mine").unwrap();
    run(&[]).fails("--force");
}

/// What an engine sends is what the model computes: of a convolution, behind a pool, and of the network
/// that ends with a map.
fn on_engines(backend: &str, layers: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let photos = [
        picture(dir.path(), "a.png", 30, 20),
        picture(dir.path(), "b.png", 50, 70),
    ];
    for layer in layers {
        for more in [&[][..], &["--map"]] {
            let files = ["model", backend].map(|backend| {
                let out = dir.path().join(format!("{backend}.npy"));
                let mut args = vec!["features", text(&photos[0]), text(&photos[1])];
                args.extend(["--model", text(&pack), "--layer", layer, "-o", text(&out)]);
                args.extend([
                    "--backend",
                    backend,
                    "--preset",
                    "fb64",
                    "--force",
                    "--json",
                ]);
                args.extend(more);
                let report = &firebrick(&args).good().objects()[0];
                assert_eq!(report["shape"][0], 2, "{report}");
                fs::read(&out).unwrap()
            });
            assert!(files[0] == files[1], "{layer} {more:?}");
        }
    }
}

#[test]
fn the_software_engine_sends_every_layer() {
    on_engines("software", &["conv1", "pool1", "conv2", "conv3"]);
}

#[cfg(feature = "sim")]
#[test]
fn the_simulated_engine_sends_maps() {
    on_engines("sim", &["pool1", "conv3"]);
}

#[test]
fn a_network_that_ends_with_a_map_has_features_and_no_classes() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let network = firebrick_network::Network::load(&pack).unwrap();
    let ended = network.output(firebrick_network::NodeId(1)).unwrap();
    let pack = dir.path().join("map.fb");
    fs::write(&pack, ended.to_bytes().unwrap()).unwrap();
    let photo = picture(dir.path(), "a.png", 30, 20);
    let out = dir.path().join("out.npy");
    let args = ["features", text(&photo), "--model", text(&pack), "--json"];
    let run = firebrick(&[&args[..], &["-o", text(&out)]].concat());
    let report = &run.good().objects()[0];
    assert_eq!(
        (&report["layer"], &report["dtype"]),
        (&"output".into(), &"uint8".into())
    );
    assert_eq!(report["raised"], 0.0);
    assert!(report["step"].as_f64().unwrap() > 0.0, "{report}");
    for command in ["classify", "evaluate"] {
        let labels = dir.path().join("labels.csv");
        fs::write(&labels, "a.png,0\n").unwrap();
        let input = if command == "classify" {
            &photo
        } else {
            &labels
        };
        firebrick(&[command, text(input), "--model", text(&pack)]).fails("features");
    }
}
