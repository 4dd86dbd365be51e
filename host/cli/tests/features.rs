//! `firebrick features`: the same values as `maps` writes, for many pictures at once.

mod common;

use std::fs;
use std::path::Path;

use common::{firebrick, picture, small_pack, text};
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
