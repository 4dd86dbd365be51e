//! `--html`: a page has the objects that are printed with `--json`, and its charts their figures.

use std::fs;
use std::path::Path;

use crate::common::{firebrick, float_model, picture, small_pack, text};
use crate::page::{chart, charts, data, is_sound, numbers, with};
use serde_json::Value;

/// Runs a command; its page and the objects that it prints, which stand in it. `scripts/report-browser`
/// names a folder in which both are left.
fn run(dir: &Path, code: i32, words: &[&str]) -> (String, Vec<Value>) {
    let path = dir.join("page.html");
    let more = ["--json", "--html", text(&path)];
    let run = firebrick(&[words, &more[..]].concat());
    assert_eq!(run.code, code, "{words:?}: {run:?}");
    let objects = run.objects_of(words[0]);
    let page = fs::read_to_string(&path).unwrap();
    assert_eq!(data(&page), Value::Array(objects.clone()), "{words:?}");
    is_sound(&page);
    assert!(page.len() < 3_000_000, "{words:?}: {}", page.len());
    if let Some(folder) = std::env::var_os("FIREBRICK_PAGES") {
        let beside = Path::new(&folder).join(words[0]);
        fs::write(beside.with_extension("html"), &page).unwrap();
        fs::write(beside.with_extension("json"), &run.stdout).unwrap();
    }
    fs::remove_file(&path).unwrap();
    (page, objects)
}

fn floats(values: &Value) -> Vec<f64> {
    let values = values.as_array().unwrap().iter();
    values.map(|value| value.as_f64().unwrap()).collect()
}

fn names(chart: &roxmltree::Document<'_>, attribute: &str) -> Vec<String> {
    let found = with(chart, attribute).into_iter();
    found.map(|(_, name)| name.to_owned()).collect()
}

#[test]
fn predicted_cycles_are_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let (page, objects) = run(dir.path(), 0, &["predict", "--model", text(&pack)]);
    let charts = charts(&page);
    let layers = objects[0]["layers"].as_array().unwrap();
    let cycles: Vec<f64> = layers
        .iter()
        .map(|l| l["cycles"].as_f64().unwrap())
        .collect();
    assert_eq!(
        numbers(chart(&charts, "cycles-by-layer"), "data-cycles"),
        cycles
    );
    let account = &objects[0]["account"];
    let shares = numbers(chart(&charts, "waterfall"), "data-share");
    let all = account["mac_cycles"].as_f64().unwrap();
    assert_eq!(shares[0], account["useful"].as_f64().unwrap() / all);
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn configurations_and_their_front_are_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let words = ["explore", "--board", "kv260", "--model", text(&pack)];
    let (page, objects) = run(dir.path(), 0, &words);
    let charts = charts(&page);
    let of = |key: &str| -> Vec<f64> { objects.iter().map(|o| o[key].as_f64().unwrap()).collect() };
    let presets: Vec<&str> = objects
        .iter()
        .map(|o| o["preset"].as_str().unwrap())
        .collect();
    let speeds = of("images_per_second");
    for resource in ["lut", "dsp", "bram", "uram", "ff"] {
        let chart = chart(&charts, &format!("pareto-{resource}"));
        let needs = of(resource);
        let points = with(chart, "data-x");
        let drawn = names(chart, "data-name");
        assert_eq!(drawn.len(), objects.len(), "{resource}");
        let (across, up) = (numbers(chart, "data-x"), numbers(chart, "data-y"));
        let mut radii = [Vec::new(), Vec::new()];
        for (place, (point, _)) in points.iter().enumerate() {
            let index = presets.iter().position(|name| *name == drawn[place]);
            let index = index.expect("a configuration that is listed");
            assert_eq!(
                (across[place], up[place]),
                (needs[index], speeds[index]),
                "{resource}"
            );
            // What is marked is not beaten, and what is not marked is beaten or equalled.
            let beaten = (0..needs.len()).any(|other| {
                needs[other] <= needs[index]
                    && speeds[other] >= speeds[index]
                    && (needs[other] < needs[index] || speeds[other] > speeds[index])
            });
            let equalled = (0..needs.len()).any(|other| {
                other != index && needs[other] == needs[index] && speeds[other] == speeds[index]
            });
            let marked = point.attribute("data-best").is_some();
            assert!(
                marked != beaten || (!marked && equalled),
                "{resource} {index}"
            );
            let radius: f64 = point.attribute("r").unwrap().parse().unwrap();
            radii[usize::from(marked)].push(radius);
            // Those that are marked cover the others.
            assert!(marked || radii[1].is_empty(), "{resource} {index}");
        }
        let most = radii[0].iter().copied().fold(0.0, f64::max);
        assert!(
            !radii[1].is_empty() && radii[1].iter().all(|r| *r > most),
            "{resource}"
        );
    }
    assert_eq!(page.matches("<tr><td class=\"n\">").count(), objects.len());
}

#[test]
fn classes_and_pictures_without_a_result_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let (a, b) = (
        picture(dir.path(), "a.png", 40, 50),
        picture(dir.path(), "<b>.png", 30, 20),
    );
    let bad = dir.path().join("bad.png");
    fs::write(&bad, "no picture").unwrap();
    let words = [
        "classify",
        text(&a),
        text(&bad),
        text(&b),
        "--model",
        text(&pack),
    ];
    let (page, objects) = run(dir.path(), 1, &words);
    assert_eq!(objects.len(), 3);
    let charts = charts(&page);
    for (index, object) in [&objects[0], &objects[2]].into_iter().enumerate() {
        let top = object["top"].as_array().unwrap();
        let scores: Vec<f64> = top
            .iter()
            .map(|c| 100.0 * c["score"].as_f64().unwrap())
            .collect();
        let chart = chart(&charts, &format!("classes-{index}"));
        assert_eq!(numbers(chart, "data-value"), scores);
    }
    assert!(page.contains("id=\"failures\"") && !page.contains("<b>.png"));
    // Also where objects are not printed.
    let path = dir.path().join("text.html");
    let words = [
        "classify",
        text(&a),
        "--model",
        text(&pack),
        "--html",
        text(&path),
    ];
    assert!(firebrick(&words).good().stdout.contains("(class "));
    assert_eq!(
        data(&fs::read_to_string(&path).unwrap()),
        Value::from(vec![objects[0].clone()])
    );
}

#[test]
fn an_exact_picture_has_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    let words = [
        "verify",
        text(&image),
        "--backend",
        "software",
        "--model",
        text(&pack),
    ];
    let (page, objects) = run(dir.path(), 0, &words);
    assert_eq!(objects.len(), 7);
    assert!(!page.contains("First divergence") && page.contains("id=\"layers\""));
}

#[test]
fn quantisation_and_accuracy_are_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let (float, pack) = (float_model(dir.path()), dir.path().join("own.fb"));
    let photos = dir.path().join("photos");
    fs::create_dir(&photos).unwrap();
    for index in 0..4 {
        picture(
            &photos,
            &format!("{index}.png"),
            100 + 17 * index,
            90 + 11 * index,
        );
    }
    let import = [
        "import",
        text(&float),
        "-o",
        text(&pack),
        "--calibrate",
        text(&photos),
    ];
    let (page, objects) = run(dir.path(), 0, &import);
    let layers = objects[0]["layers"].as_array().unwrap();
    let of = |key: &str, scale: f64| -> Vec<f64> {
        layers
            .iter()
            .map(|l| scale * l[key].as_f64().unwrap())
            .collect()
    };
    {
        let charts = charts(&page);
        let ranges = chart(&charts, "ranges");
        assert_eq!(numbers(ranges, "data-largest"), of("largest", 1.0));
        assert_eq!(numbers(ranges, "data-clip"), of("clip", 1.0));
        assert_eq!(
            numbers(chart(&charts, "sqnr"), "data-value"),
            of("sqnr_db", 1.0)
        );
        assert_eq!(
            numbers(chart(&charts, "saturated"), "data-value"),
            of("saturated", 100.0)
        );
        for (index, layer) in layers.iter().enumerate() {
            for (id, key) in [("w", "weights"), ("a", "activations")] {
                let chart = chart(&charts, &format!("{id}-{index}"));
                assert_eq!(numbers(chart, "data-count"), floats(&layer[key]));
            }
            let outputs: f64 = floats(&layer["activations"]).iter().sum();
            assert!(
                outputs > 0.0 && layer["zeros"].as_f64() < Some(1.0),
                "{layer}"
            );
        }
    }
    assert_eq!(scatter(&page), pairs(&objects[0]["scores"]));
    // The scores of a quantised network lie near those of the float one.
    let (errors, sizes) = pairs(&objects[0]["scores"])
        .iter()
        .fold((0.0, 0.0), |(e, s), (float, own)| {
            (e + (float - own).abs(), s + float.abs())
        });
    assert!(errors < 0.3 * sizes, "{errors} of {sizes}");

    // The same of one photograph, in the report.
    let (photo, report) = (photos.join("1.png"), dir.path().join("report.html"));
    let words = [
        "report",
        text(&photo),
        "--model",
        text(&pack),
        "--reference",
        text(&float),
    ];
    let json = ["--json", "-o", text(&report)];
    let objects = firebrick(&[&words[..], &json].concat())
        .good()
        .objects_of("report");
    let html = fs::read_to_string(&report).unwrap();
    assert_eq!(data(&html), objects[0]);
    // Drawn from the numbers themselves, which a reader of JSON may round in the last place.
    let (drawn, printed) = (scatter(&html), pairs(&objects[0]["scores"]));
    assert_eq!(drawn.len(), printed.len());
    for (drawn, printed) in drawn.iter().zip(&printed) {
        assert!((drawn.0 - printed.0).abs() < 1e-9 && (drawn.1 - printed.1).abs() < 1e-9);
    }
    for layer in objects[0]["quantisation"].as_array().unwrap() {
        assert!(layer["sqnr_db"].as_f64() > Some(10.0), "{layer}");
        let (largest, clip) = (layer["largest"].as_f64(), layer["clip"].as_f64());
        assert!(
            largest > Some(0.0) && largest < clip.map(|clip| 2.0 * clip),
            "{layer}"
        );
    }
    firebrick(&["report", "--reference", text(&float), "-o", "x.html"]).misused("IMAGE");

    let labels = photos.join("labels.csv");
    fs::write(&labels, "0.png,3\n1.png,4\n2.png,5\n").unwrap();
    let words = [
        "evaluate",
        text(&labels),
        "--model",
        text(&pack),
        "--reference",
        text(&float),
    ];
    let (page, objects) = run(dir.path(), 0, &words);
    assert_eq!(scatter(&page), pairs(&objects[0]["scores"]));
    let charts = charts(&page);
    let accuracy = numbers(chart(&charts, "accuracy"), "data-value");
    let share = |of: &str, key: &str| 100.0 * objects[0][of][key].as_f64().unwrap();
    let shares = [
        share("accuracy", "top1"),
        share("accuracy", "top5"),
        share("float", "top1"),
        share("float", "top5"),
    ];
    assert_eq!(accuracy, shares);
}

/// Both scores of each point.
fn scatter(page: &str) -> Vec<(f64, f64)> {
    let charts = charts(page);
    let chart = chart(&charts, "scores");
    let (x, y) = (numbers(chart, "data-x"), numbers(chart, "data-y"));
    x.into_iter().zip(y).collect()
}

fn pairs(values: &Value) -> Vec<(f64, f64)> {
    let pairs: Vec<_> = (values.as_array().unwrap().iter())
        .map(|pair| (pair[0].as_f64().unwrap(), pair[1].as_f64().unwrap()))
        .collect();
    assert!(pairs.len() >= 12, "{}", pairs.len());
    pairs
}

#[test]
fn times_are_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let words = [
        "bench",
        "--backend",
        "software",
        "--images",
        "3",
        "--model",
        text(&pack),
    ];
    let (page, objects) = run(dir.path(), 0, &words);
    let charts = charts(&page);
    for key in ["packing", "send", "latency"] {
        let drawn = numbers(chart(&charts, &format!("times-{key}")), "data-value");
        let which = ["mean_ms", "p50_ms", "p95_ms", "p99_ms"];
        assert_eq!(
            drawn,
            which.map(|which| objects[0][key][which].as_f64().unwrap())
        );
    }
    let cycles = chart(&charts, "cycles");
    assert_eq!(
        numbers(cycles, "data-value")[1],
        objects[0]["predicted_cycles"]
    );
    assert_eq!(names(cycles, "data-name").len(), 2);
    assert!(objects[0]["predicted_cycles"].as_f64() > Some(100.0));
}

#[test]
fn where_a_page_must_not_go() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    let (pack, image) = (text(&pack), text(&image));
    let classify = ["classify", image, "--model", pack, "--html"];
    firebrick(&[&classify[..], &[image, "--force"]].concat()).fails("a.png");
    firebrick(&[&classify[..], &[pack]].concat()).fails("small.safetensors");
    firebrick(&[&classify[..], &["/nowhere/p.html"]].concat()).fails("/nowhere");
    let both = dir.path().join("both");
    let both = text(&both);
    let record = ["--backend", "software", "--record", both];
    firebrick(&[&classify[..], &[both], &record].concat()).fails("--record of the same command");
    let float = float_model(dir.path());
    let import = [
        "import",
        text(&float),
        "-o",
        both,
        "--html",
        both,
        "--calibrate",
        "photos",
    ];
    firebrick(&import).fails("-o of the same command");
}
