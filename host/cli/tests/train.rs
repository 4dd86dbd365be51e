//! `firebrick train`: a small set is learnt, the pack is one for every command, and bad data are
//! refused with one clear error.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{firebrick, small_pack, text};
use firebrick_model::{Model, reference};
use firebrick_network::{Network, builtin};

const CLASSES: [&str; 4] = ["checks", "columns", "rings", "rows"];

/// A picture of a class: the same pattern everywhere, of other size, place and colours.
fn draw(dir: &Path, class: usize, number: u32) -> PathBuf {
    let folder = dir.join(CLASSES[class]);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{number}.png"));
    let mut noise = number
        .wrapping_mul(2_654_435_761)
        .wrapping_add(class as u32 * 97);
    let mut below = |most: u32| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 8) % most
    };
    let (period, shift) = (8 + below(4), below(40));
    let colour = [200 + below(56), 150 + below(100), 120 + below(130)];
    let (cx, cy) = (35 + below(10), 35 + below(10));
    let image = image::RgbImage::from_fn(80, 80, |x, y| {
        let on = |n: u32| (n + shift) / (period / 2) % 2;
        let radius = f64::from(x.abs_diff(cx).pow(2) + y.abs_diff(cy).pow(2)).sqrt() as u32;
        let lit = match class {
            0 => on(x) ^ on(y),
            1 => on(x),
            2 => on(radius),
            _ => on(y),
        };
        image::Rgb(colour.map(|c| (c * lit + 20) as u8))
    });
    image.save(&path).unwrap();
    path
}

/// Pictures of all classes in a folder, and v1.1 with a small input as the base.
fn set(dir: &Path, each: u32) -> (PathBuf, PathBuf) {
    let data = dir.join("data");
    for class in 0..CLASSES.len() {
        for number in 0..each {
            draw(&data, class, number);
        }
    }
    let base = dir.join("base.fb");
    let mut network = builtin();
    (network.input.height, network.input.width) = (95, 95);
    network.save(&base).unwrap();
    (data, base)
}

#[test]
fn a_small_set_is_learnt_and_every_command_takes_the_pack() {
    let dir = tempfile::tempdir().unwrap();
    let (data, base) = set(dir.path(), 20);
    let pack = dir.path().join("own.fb");
    let train = [
        "train",
        text(&data),
        "-o",
        text(&pack),
        "--model",
        text(&base),
        "--json",
    ];
    let objects = firebrick(&train).good().objects();
    let (result, epochs) = objects.split_last().unwrap();
    assert_eq!(result["kind"], "result");
    assert!(epochs.iter().all(|epoch| epoch["kind"] == "epoch"));
    assert_eq!(result["epochs"], epochs.len());
    assert!(result["accuracy"].as_f64().unwrap() > 0.95, "{result}");
    assert_eq!(
        (&result["training"], &result["validation"]),
        (&56.into(), &24.into())
    );
    assert_eq!(result["views"], 448);
    for file in result["files"].as_array().unwrap() {
        assert!(
            fs::metadata(file.as_str().unwrap()).unwrap().len() > 20,
            "{file}"
        );
    }
    let first = fs::read(&pack).unwrap();

    // The same seed gives the same bytes, another one does not.
    firebrick(&train).good();
    assert!(fs::read(&pack).unwrap() == first);
    firebrick(&[&train[..], &["--seed", "2"]].concat()).good();
    assert!(fs::read(&pack).unwrap() != first);
    fs::write(&pack, &first).unwrap();

    // Every bit is what the definition says, in software on the engine's commands too.
    let network = Network::load(&pack).unwrap();
    assert_eq!(network.labels, CLASSES);
    let model = Model::new(&network).unwrap();
    let fresh = dir.path().join("fresh");
    for class in 0..CLASSES.len() {
        let path = draw(&fresh, class, 1000);
        let picture = firebrick_network::image::load(&path, &network.input).unwrap();
        let fast = model.run(&picture.view()).unwrap();
        assert!(fast == reference::run(&network, &picture.view()).unwrap());
    }
    let on = ["--model", text(&pack), "--json"];
    let photo = fresh.join("rings/1000.png");
    let verified =
        firebrick(&[&["verify", text(&photo), "--backend", "software"], &on[..]].concat());
    assert_eq!(verified.good().objects().last().unwrap()["bit_exact"], true);

    // Pictures that were never seen.
    let mut right = 0;
    for number in 100..110 {
        for (class, name) in CLASSES.iter().enumerate() {
            let path = draw(&fresh, class, number);
            let run = firebrick(&[&["classify", text(&path)], &on[..]].concat()).good();
            right += usize::from(run.objects()[0]["top"][0]["label"] == *name);
        }
    }
    assert!(right >= 39, "{right} of 40");

    // The list of the validation pictures is one that `evaluate` takes, and gives the same figure.
    let list = dir.path().join("own.validation.csv");
    let run = firebrick(&[&["evaluate", text(&list)], &on[..]].concat()).good();
    let top1 = run.objects()[0]["accuracy"]["top1"].as_f64();
    assert_eq!(top1, result["accuracy"].as_f64(), "{run:?}");
}

#[test]
fn lists_adam_and_the_text() {
    let dir = tempfile::tempdir().unwrap();
    let (data, base) = set(dir.path(), 6);
    let mut list = "file,class,name\n".to_owned();
    for (class, name) in CLASSES.iter().enumerate().skip(2) {
        for number in 0..6 {
            list += &format!("{name}/{number}.png,{class},{name}\n");
        }
    }
    let labels = data.join("labels.csv");
    fs::write(&labels, list).unwrap();
    let pack = dir.path().join("two.fb");
    let adam = ["--optimiser", "adam", "--rate", "0.01", "--epochs", "5"];
    let train = [
        "train",
        text(&labels),
        "-o",
        text(&pack),
        "--model",
        text(&base),
    ];
    let run = firebrick(&[&train[..], &adam].concat()).good();
    for words in [
        "2 classes: 8 pictures (64 views)",
        "seed 1",
        "rings",
        "two.curves.svg",
    ] {
        assert!(run.stdout.contains(words), "{words}: {run:?}");
    }
    assert_eq!(Network::load(&pack).unwrap().labels, ["rings", "rows"]);
    let curves = fs::read_to_string(dir.path().join("two.curves.csv")).unwrap();
    assert_eq!(curves.lines().count(), 6);
    // A file that is not the program's own is left alone.
    fs::write(dir.path().join("two.curves.svg"), "mine").unwrap();
    firebrick(&train).fails("two.curves.svg").fails("--force");
    firebrick(&[&train[..], &["--optimiser", "adam", "--momentum", "0.5"]].concat())
        .misused("--momentum cannot be used");
}

#[test]
fn bad_data_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let base = small_pack(dir.path());
    let (data, pack) = (dir.path().join("data"), dir.path().join("own.fb"));
    let run = |path: &Path| {
        firebrick(&[
            "train",
            text(path),
            "-o",
            text(&pack),
            "--model",
            text(&base),
        ])
    };
    run(&data).fails("give a folder with a folder of pictures");
    fs::create_dir(&data).unwrap();
    let nothing = run(&data);
    assert_eq!(nothing.code, 2);
    assert!(
        nothing.stderr.contains("make a folder for each class"),
        "{nothing:?}"
    );
    for number in 0..5 {
        draw(&data, 0, number);
    }
    run(&data).fails("only the class \"checks\"");
    let other = data.join("rows");
    fs::create_dir(&other).unwrap();
    run(&data).fails("\"rows\" has no JPEG or PNG picture in");
    for number in 0..3 {
        draw(&data, 3, number);
    }
    run(&data).fails("\"rows\" has 3 pictures");
    for number in 3..5 {
        fs::write(other.join(format!("{number}.jpg")), "no picture").unwrap();
    }
    run(&data).fails("\"rows\" has 3 pictures that can be read");
    for number in 5..20 {
        fs::write(other.join(format!("{number}.jpg")), "no picture").unwrap();
    }
    run(&data).fails("only 8 of 25 pictures can be read");
    assert!(!pack.exists());
    for number in 3..6 {
        draw(&data, 3, number);
    }
    for number in 5..20 {
        fs::remove_file(other.join(format!("{number}.jpg"))).unwrap();
    }
    let good = run(&data).good();
    assert!(
        good.stderr.contains("2 of 13 pictures cannot be read"),
        "{good:?}"
    );
    assert!(pack.exists());
}
