//! One network on every backend that needs no board: the same bits from all.

mod common;

use std::ops::ControlFlow;
use std::time::Duration;

use common::{backends, model, pixels, skipped};
use firebrick::{Cancel, Engine, Error, Image, Model, Options, Picture};
use image::{ImageFormat, RgbImage};
use ndarray::Array3;

#[test]
fn all_backends_agree_to_the_last_bit() {
    let model = model();
    let pictures: Vec<_> = (0..3).map(pixels).collect();
    let mut reference = Engine::open_with("model", Options::new().model(&model)).unwrap();
    let want: Vec<_> = pictures
        .iter()
        .map(|picture| reference.feature_maps(picture).unwrap())
        .collect();
    assert_ne!(want[0].scores(), want[1].scores());
    for name in backends() {
        let mut engine = Engine::open_with(name, Options::new().model(&model)).unwrap();
        assert_eq!(
            engine.config().map(|config| &*config.name),
            name.split(':').nth(1)
        );
        let batch = engine.classify_batch(&pictures).unwrap();
        assert_eq!(batch.len(), pictures.len());
        for ((picture, want), batch) in pictures.iter().zip(&want).zip(&batch) {
            assert_eq!(batch.scores(), want.scores(), "{name}");
            let alone = engine.classify(picture).unwrap();
            assert_eq!(alone.scores(), want.scores(), "{name}");
            let got = engine.feature_maps(picture).unwrap();
            assert_eq!(got.scores(), want.scores(), "{name}");
            assert_eq!(got.len(), want.len(), "{name}");
            for ((layer, map), spec) in want.iter().zip(model.layers().unwrap()) {
                assert_eq!(layer, spec.name);
                assert_eq!(
                    [map.dim().0, map.dim().1, map.dim().2],
                    spec.shape,
                    "{layer}"
                );
                assert_eq!(got.get(layer).unwrap(), map, "{name}: {layer}");
            }
        }
        assert!(want[0].get("no such layer").is_none());
    }
}

/// Three engines under one name, and two names: the same bits, in order.
#[test]
fn several_engines_agree_with_one() {
    let model = model();
    let pictures: Vec<_> = (0..17).map(pixels).collect();
    let mut one = Engine::open_with("model", Options::new().model(&model)).unwrap();
    let want = one.classify_batch(&pictures).unwrap();
    let maps = one.feature_maps(&pictures[0]).unwrap();
    for name in ["software:fb64*3", "software:fb64,software:fb256"] {
        let mut engine = Engine::open_with(name, Options::new().model(&model)).unwrap();
        assert_eq!(&*engine.config().unwrap().name, "fb64");
        for _ in 0..2 {
            let got = engine.classify_batch(&pictures).unwrap();
            assert_eq!(got.len(), want.len());
            for (got, want) in got.iter().zip(&want) {
                assert_eq!(got.scores(), want.scores(), "{name}");
            }
            let alone = engine.classify(&pictures[3]).unwrap();
            assert_eq!(alone.scores(), want[3].scores(), "{name}");
            let got = engine.feature_maps(&pictures[0]).unwrap();
            assert_eq!(got.scores(), maps.scores(), "{name}");
            assert_eq!(got.len(), maps.len(), "{name}");
            engine.reset().unwrap();
            engine.load(&model).unwrap();
        }
        // One that cannot be read ends the batch, and the next one is right.
        let error = engine.classify_batch(["/nowhere.png"]).unwrap_err();
        assert_eq!(error.kind(), "picture", "{error}");
        assert_eq!(
            engine.classify_batch(&pictures).unwrap().len(),
            pictures.len()
        );
    }
    for name in [
        "software:fb64*0",
        "model,software:fb64",
        "software:fb64,usb:1",
    ] {
        assert!(
            Engine::open_with(name, Options::new().model(&model)).is_err(),
            "{name}"
        );
    }
}

#[test]
fn a_picture_may_come_in_any_form() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.png");
    let pixels = pixels(7);
    let (height, width, _) = pixels.dim();
    let bytes: Vec<u8> = pixels.iter().copied().collect();
    let picture = RgbImage::from_raw(width as u32, height as u32, bytes).unwrap();
    picture.save_with_format(&path, ImageFormat::Png).unwrap();
    let encoded = std::fs::read(&path).unwrap();
    let decoded = Picture::open(&path).unwrap();
    let model = model();
    let mut engine = Engine::open_with("model", Options::new().model(&model)).unwrap();
    let want = engine.classify(&path).unwrap();
    for image in [
        Image::from(&pixels),
        Image::from(&encoded[..]),
        Image::from(&decoded),
        Image::from(path.to_str().unwrap()),
    ] {
        assert_eq!(engine.classify(image).unwrap().scores(), want.scores());
    }
    // Strides do not matter.
    let mirrored = pixels.slice(ndarray::s![.., ..;-1, ..]);
    let want = engine.classify(&mirrored.to_owned()).unwrap();
    assert_eq!(engine.classify(mirrored).unwrap().scores(), want.scores());
}

#[test]
fn bad_pictures_are_refused_and_the_next_is_taken() {
    let model = model();
    for name in ["model", "software:fb64"] {
        let mut engine = Engine::open_with(name, Options::new().model(&model)).unwrap();
        let mut fails = |image: Image<'_>, kind: &str, what: &str| {
            let error = engine.classify(image).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(what), "{error}");
        };
        fails("no such file.png".into(), "picture", "no such file.png");
        fails(
            Image::from(&b"\x89PNG\r\n\x1a\n"[..]),
            "picture",
            "in memory",
        );
        fails(Image::from(&b"text"[..]), "picture", "neither JPEG nor PNG");
        let grey = Array3::zeros((8, 8, 1));
        fails(Image::from(&grey), "picture", "(8, 8, 1) is no picture");
        let none = Array3::zeros((0, 8, 3));
        fails(Image::from(&none), "picture", "(0, 8, 3) is no picture");
        let wrong = Array3::zeros((8, 8, 3));
        let error = engine.run(&wrong.view()).unwrap_err();
        assert_eq!(error.kind(), "shape");
        assert!(error.to_string().contains("[8, 8, 3]"), "{error}");
        // In a batch: those before it have their results.
        let inputs = vec![
            model.input(&pixels(1)),
            Ok(wrong.clone()),
            model.input(&pixels(2)),
        ];
        let mut results = Vec::new();
        let outcome = engine.run_each(inputs, |index, scores| {
            results.push((index, scores));
            ControlFlow::Continue(())
        });
        assert!(matches!(outcome, Err(Error::Shape { .. })));
        let first = engine.classify(&pixels(1)).unwrap();
        assert_eq!(results.len(), 1);
        assert_eq!(results[0].0, 0);
        assert_eq!(first.scores(), ndarray::aview1(&results[0].1));
    }
}

#[test]
fn a_batch_can_be_ended_early() {
    let model = model();
    for name in ["model", "software:fb64"] {
        let mut engine = Engine::open_with(name, Options::new().model(&model)).unwrap();
        let inputs = (0..).map(|seed| model.input(&pixels(seed)));
        let mut seen = Vec::new();
        engine
            .run_each(inputs, |index, _| {
                seen.push(index);
                match index {
                    3 => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                }
            })
            .unwrap();
        assert_eq!(seen, [0, 1, 2, 3], "{name}");
        assert!(engine.classify(&pixels(0)).is_ok());
    }
}

#[test]
fn an_engine_takes_another_network() {
    let (small, large) = (model(), Model::builtin());
    for name in ["model", "software:fb64"] {
        let mut engine = Engine::open_with(name, Options::new().model(&small)).unwrap();
        let before = engine.classify(&pixels(1)).unwrap();
        engine.load(&large).unwrap();
        assert_eq!(engine.model().name(), large.name());
        assert_eq!(engine.classify(&pixels(1)).unwrap().scores().len(), 1000);
        assert_eq!(engine.feature_maps(&pixels(1)).unwrap().len(), 38 - 1);
        engine.load(&small).unwrap();
        let after = engine.classify(&pixels(1)).unwrap();
        assert_eq!(after.scores(), before.scores());
        assert_eq!(
            engine.feature_maps(&pixels(1)).unwrap().scores(),
            before.scores()
        );
    }
}

#[test]
fn engines_count_and_say_whether_they_are_there() {
    let model = model();
    for name in backends() {
        let mut engine = Engine::open_with(name, Options::new().model(&model)).unwrap();
        engine.check().unwrap();
        let before = engine.counters().unwrap();
        engine.classify(&pixels(1)).unwrap();
        engine.check().unwrap();
        let after = engine.counters().unwrap();
        let Some((before, after)) = before.zip(after) else {
            assert_eq!(name, "model");
            continue;
        };
        assert!(after.busy_cycles > before.busy_cycles, "{name}: {after:?}");
        assert!(after.cycles >= after.busy_cycles, "{name}: {after:?}");
        // Neither the check nor the look at the counters disturbs what follows.
        let want = engine.classify(&pixels(2)).unwrap();
        assert_eq!(engine.classify(&pixels(2)).unwrap().scores(), want.scores());
    }
}

#[test]
fn names_stand_for_engines_and_open_nothing() {
    use firebrick::device::engines;
    for good in [
        "model",
        "software:fb64",
        "sim:fb2048",
        "xdma:/dev/none",
        "axidma:",
    ] {
        assert_eq!(engines(&[good]).unwrap(), [good]);
    }
    let several = engines(&["sim:fb64*2", "model", "xdma:/dev/none#1,software:fb64"]).unwrap();
    let want = [
        "sim:fb64",
        "sim:fb64",
        "model",
        "xdma:/dev/none#1",
        "software:fb64",
    ];
    assert_eq!(several, want);
    for bad in [
        "",
        "usb:1",
        "sim:fb65",
        "sim:",
        "model:x",
        "sim:fb64*0",
        "sim:fb64,",
    ] {
        assert!(engines(&[bad]).is_err(), "{bad}");
    }
    let error = engines(&["xdma:/dev/none", "xdma:/dev/none"]).unwrap_err();
    assert!(error.to_string().contains("named twice"), "{error}");
}

#[test]
fn what_does_not_fit_leaves_what_was_loaded() {
    let small = model();
    // The maps of so large a picture do not fit.
    let large = Model::builtin().at(1000, 1000).unwrap();
    let mut engine = Engine::open_with("software:fb64", Options::new().model(&small)).unwrap();
    let before = engine.classify(&pixels(1)).unwrap();
    let error = engine.load(&large).unwrap_err();
    assert_eq!(error.kind(), "fit", "{error}");
    assert_eq!(
        engine.classify(&pixels(1)).unwrap().scores(),
        before.scores()
    );
}

#[test]
fn an_engine_moves_to_another_thread() {
    let model = model();
    for name in backends() {
        let mut engine = Engine::open_with(name, Options::new().model(&model)).unwrap();
        let here = engine.classify(&pixels(1)).unwrap();
        let there = std::thread::spawn(move || engine.classify(&pixels(1)).unwrap());
        assert_eq!(there.join().unwrap().scores(), here.scores());
    }
}

#[test]
fn names_of_no_engine_are_refused() {
    for (name, kind, what) in [
        ("", "uri", "no scheme"),
        ("fb256", "uri", "model: for the integer model"),
        ("model:x", "uri", "nothing follows"),
        ("usb:1", "uri", "software:PRESET"),
        ("sim:", "uri", "preset is missing"),
        ("sim:fb65", "preset", "no preset \"fb65\""),
        ("software:fb65", "preset", "no preset \"fb65\""),
        ("xdma:/no/such/device", "io", "/no/such/device"),
    ] {
        let error = Engine::open(name).unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(error.to_string().contains(what), "{name}: {error}");
    }
    let error = Model::load("no such pack").unwrap_err();
    assert_eq!(error.kind(), "model");
    assert!(error.to_string().contains("no such pack"), "{error}");
    for (height, width) in [(3, 3), (0, 224), (224, 5000), (usize::MAX, usize::MAX)] {
        let error = Model::builtin().at(height, width).unwrap_err();
        assert_eq!(error.kind(), "model", "{error}");
        assert!(
            error.to_string().contains(&format!("{height}x{width}")),
            "{error}"
        );
    }
}

#[test]
fn a_raised_flag_gives_up() {
    let model = model();
    for name in backends() {
        let cancel = Cancel::new();
        let options = Options::new().model(&model).cancel(cancel.clone());
        let mut engine = Engine::open_with(name, options).unwrap();
        let want = engine.classify(&pixels(1)).unwrap();
        let inputs = (0..).map(|seed| model.input(&pixels(seed)));
        let outcome = engine.run_each(inputs, |index, _| {
            if index == 2 {
                cancel.cancel();
            }
            ControlFlow::Continue(())
        });
        assert_eq!(outcome.unwrap_err().kind(), "cancelled", "{name}");
        cancel.clear();
        let again = engine.classify(&pixels(1)).unwrap();
        assert_eq!(again.scores(), want.scores(), "{name}");
    }
}

#[test]
fn a_simulated_engine_is_late_when_its_time_is_over() {
    let Some(sim) = backends().into_iter().find(|name| name.starts_with("sim:")) else {
        return skipped("the deadline of a simulated engine: there is no Verilator");
    };
    let options = Options::new().deadline(Duration::from_millis(20));
    let mut engine = Engine::open_with(sim, options).unwrap();
    let error = engine.classify(&pixels(1)).unwrap_err();
    assert!(["stalled", "hang"].contains(&error.kind()), "{error}");
    engine.load(&model()).unwrap();
}
