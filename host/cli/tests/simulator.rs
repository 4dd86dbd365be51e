//! The simulated engine through the program. The model of the engine is built once and cached.
#![cfg(feature = "sim")]

use std::fs;

use crate::changed::Changed;
use crate::common::{Run, command, firebrick, picture, small_pack, text};
use serde_json::Value;

#[test]
fn several_pictures_in_a_row_equal_the_model() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let images = [
        picture(dir.path(), "a.png", 40, 50),
        picture(dir.path(), "b.png", 3, 90),
        dir.path().join("missing.png"),
        picture(dir.path(), "c.jpg", 200, 100),
    ];
    let results = |backend: &str, more: &[&str]| -> Vec<Value> {
        let mut args = vec![
            "classify",
            "--json",
            "--model",
            text(&pack),
            "--backend",
            backend,
        ];
        args.extend(more);
        args.extend(images.iter().map(|path| text(path)));
        let objects = firebrick(&args).fails("missing.png").objects();
        // The missing one has a line that says so.
        objects
            .into_iter()
            .filter(|o| o["error"].is_null())
            .collect()
    };
    let model = results("model", &[]);
    for more in [
        &[][..],
        &["--seed", "3", "--idle", "0.3", "--back-pressure", "0.3"],
    ] {
        let sim = results("sim", more);
        assert_eq!((model.len(), sim.len()), (3, 3));
        let cycles: f64 = sim.iter().map(|s| s["cycles"].as_f64().unwrap()).sum();
        assert_eq!(cycles, sim[0]["run"]["cycles"].as_f64().unwrap());
        for (model, sim) in model.iter().zip(&sim) {
            for key in ["image", "preset", "top", "logits_sha256"] {
                assert_eq!(model[key], sim[key], "{more:?}");
            }
            let figure = |key: &str| sim[key].as_f64().unwrap();
            let (cycles, busy) = (figure("cycles"), figure("busy_cycles"));
            assert!(cycles >= busy);
            // The three follow each other; what the engine waited is known of all together.
            let run = &sim["run"];
            let total = |key: &str| run[key].as_f64().unwrap();
            let stalls = run["stall_cycles"].as_object().unwrap().values();
            let waited: f64 = stalls.map(|n| n.as_f64().unwrap()).sum();
            assert_eq!(total("images"), 3.0);
            assert_eq!(total("cycles"), total("busy_cycles") + waited);
            let idle = run["idle"].as_object().unwrap().values();
            let idle: f64 = idle.map(|n| n.as_f64().unwrap()).sum();
            assert_eq!(total("mac_cycles"), total("useful") + idle);
            let share = figure("macs") / (cycles * figure("mac_peak_per_cycle"));
            assert!((figure("utilization") - share).abs() < 1e-12);
            assert_eq!(figure("mac_peak_per_cycle"), 256.0);
            assert!(figure("dma_bytes_in") > 21.0 * 23.0 * 3.0);
            assert!(figure("dma_bytes_out") >= 12.0 * 4.0 + 16.0);
            assert!(figure("sim_seconds") > 0.0);
        }
    }
}

#[test]
fn the_cat_is_a_cat() {
    let cat = concat!(env!("CARGO_MANIFEST_DIR"), "/../../weights/samples/cat.png");
    let model = firebrick(&["classify", "--json", cat]).good().objects();
    let sim = firebrick(&["classify", "--json", "--backend", "sim", cat])
        .good()
        .objects();
    let class = sim[0]["top"][0]["class"].as_u64().unwrap();
    assert!((281..=285).contains(&class), "{sim:?}");
    assert_eq!(model[0]["logits_sha256"], sim[0]["logits_sha256"]);
    assert!(sim[0]["utilization"].as_f64().unwrap() > 0.95, "{sim:?}");
    let run = firebrick(&["verify", "--size", "227", "--seed", "9", cat]).good();
    assert!(run.stdout.contains("bit-exact: 38 layers"), "{run:?}");
}

#[test]
fn a_run_that_takes_too_long_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let image = picture(dir.path(), "a.png", 40, 50);
    let args = [
        "classify",
        "--backend",
        "sim",
        "--deadline",
        "0.01",
        text(&image),
    ];
    firebrick(&args).fails("no result within 10ms");
}

#[test]
fn a_waveform_that_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    let (pack, image) = (text(&pack), text(&image));
    let wave = dir.path().join("w.fst");
    let verify = |file: &str| firebrick(&["verify", "--model", pack, "--waveform", file, image]);
    verify("/nowhere/w.fst").fails("/nowhere/w.fst");
    verify(text(&wave)).good();
    assert!(fs::metadata(&wave).unwrap().len() > 1000);
}

#[test]
fn verify_is_bit_exact() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    for more in [&["--seed", "1"][..], &["--no-disturb"], &["--idle", "0.5"]] {
        let args = ["verify", "--json", "--model", text(&pack), text(&image)];
        let objects = firebrick(&[&args[..], more].concat()).good().objects();
        assert_eq!(objects.len(), 7);
        let picture = &objects[5];
        assert_eq!(
            (&picture["bit_exact"], &picture["elements"]),
            (&true.into(), &3072.into())
        );
        assert!(picture["cycles"].as_u64().unwrap() > 0);
    }
}

#[test]
fn tools_and_caches_that_are_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    let args = [
        "classify",
        "--backend",
        "sim",
        "--model",
        text(&pack),
        text(&image),
        text(&image),
    ];
    let with = |name: &str, value: &str| {
        let mut command = command(&args);
        command.env_remove("FIREBRICK_VERILATOR").env(name, value);
        Run::of(command.output().unwrap())
    };
    with("PATH", "/nowhere").fails("verilator was not found on PATH");
    with("FIREBRICK_VERILATOR", "/bin/nonsense").fails("FIREBRICK_VERILATOR");
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    with("FIREBRICK_CACHE", text(&file)).fails("cache");
    with("FIREBRICK_CACHE", "/proc/firebrick").fails("cache");
}

#[test]
fn a_backend_and_a_device_are_one_simulator() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    let (pack, image) = (text(&pack), text(&image));
    let labels = dir.path().join("labels.csv");
    fs::write(&labels, "file,class\na.png,3\n").unwrap();
    let record = dir.path().join("run.rec");
    let by_backend = ["--backend", "sim", "--preset", "fb64"];
    let by_device = ["--device", "sim:fb64"];
    // Seconds differ, and nothing else.
    let same = |args: &[&str]| -> Vec<Value> {
        let run = |on: &[&str]| {
            let run = firebrick(&[args, on].concat()).good();
            let mut objects = run.objects_of(args[0]);
            for object in objects.iter_mut().filter_map(Value::as_object_mut) {
                object.retain(|key, _| !key.contains("second"));
            }
            objects
        };
        let (one, two) = (run(&by_backend), run(&by_device));
        assert_eq!(one, two, "{args:?}");
        one
    };
    let disturbed = ["--model", pack, "--json", "--seed", "5", "--idle", "0.2"];
    let classify = [&["classify", image, "--layers"], &disturbed[..]].concat();
    assert!(same(&classify)[0]["cycles"].as_u64() > Some(0));
    let verify = [&["verify", image], &disturbed[..]].concat();
    assert_eq!(same(&verify)[5]["bit_exact"], true);
    let evaluate = [&["evaluate", text(&labels)], &disturbed[..]].concat();
    same(&evaluate);
    // Times apart, a bench counts the same cycles, on each of the backends that count any.
    let bench = [&["bench", "--images", "2"], &disturbed[..]].concat();
    let cycles = |on: &[&str]| {
        let run = firebrick(&[&bench[..], on].concat()).good();
        run.objects()[0]["mean_cycles"].as_f64().unwrap()
    };
    assert_eq!(cycles(&by_backend), cycles(&by_device));
    let software = [
        "bench",
        "--images",
        "2",
        "--model",
        pack,
        "--backend",
        "software",
    ];
    firebrick(&software).good();
    // A recording is made and run again on either.
    let recorded = [
        "classify",
        image,
        "--model",
        pack,
        "--record",
        text(&record),
    ];
    firebrick(&[&recorded[..], &by_backend].concat()).good();
    for on in [
        &by_device[..],
        &["--backend", "sim"],
        &["--backend", "software"],
    ] {
        firebrick(&[&["replay", text(&record)], on].concat()).good();
    }
}

#[test]
fn an_engine_of_a_file_is_built_for_its_parameters() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    let file = dir.path().join("mine.toml");
    firebrick(&["info", "--preset", "fb64", "--write", text(&file)]).good();
    let named = fs::read_to_string(&file)
        .unwrap()
        .replace("\"fb64\"", "\"mine\"");
    fs::write(&file, named).unwrap();
    let classify = |on: &[&str]| {
        let args = [
            "classify",
            text(&image),
            text(&image),
            "--model",
            text(&pack),
            "--json",
        ];
        firebrick(&[&args, on].concat()).good()
    };
    let by_name = classify(&["--device", "sim:fb64"]);
    let one = format!("sim:{}", text(&file));
    let two = format!("{one}*2");
    for on in [
        &["--device", &one][..],
        &["--device", &two],
        &["--backend", "sim", "--preset", text(&file)],
    ] {
        let by_file = classify(on);
        assert!(
            !by_file.stderr.contains("verilating"),
            "{on:?}: {by_file:?}"
        );
        for (named, mine) in by_name.objects().iter().zip(by_file.objects()) {
            assert_eq!(mine["logits_sha256"], named["logits_sha256"], "{on:?}");
            assert_eq!(mine["preset"], "mine", "{on:?}");
        }
    }
    firebrick(&["classify", text(&image), "--device", "sim:none.toml"])
        .fails("sim:none.toml: none.toml: No such file");
}

#[test]
fn a_wrong_line_of_verilog_is_traced_to_its_layer_record_and_cycles() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, image) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 50));
    let engine = Changed::new(
        "fb64_pool",
        "stored_0 = kept_3_0_q;",
        "stored_0 = down_0_q;",
    );
    let maps = dir.path().join("maps");
    let verify = [
        "verify",
        "--preset",
        "fb64",
        "--seed",
        "3",
        "--model",
        text(&pack),
        text(&image),
    ];
    let (html, waves) = (dir.path().join("verify.html"), dir.path().join("waves"));
    let option = format!("--wave-at-divergence={}", text(&waves));
    let more = [
        "--json",
        "--save-maps",
        text(&maps),
        "--html",
        text(&html),
        &option,
    ];
    let run = engine.run(&[&verify[..], &more].concat());
    assert_eq!(run.code, 1, "{run:?}");
    let objects = run.objects_of("verify");
    let faults: Vec<&Value> = objects[..5].iter().map(|o| &o["fault"]).collect();
    let inherited = Value::from("inherited");
    assert_eq!(
        faults,
        [
            &Value::Null,
            &"own".into(),
            &inherited,
            &inherited,
            &inherited
        ],
        "{run:?}"
    );
    let first = &objects[5]["divergence"];
    assert_eq!(first["layer"], "pool1");
    assert_eq!(first["rows"], "1 to 4", "{first}");
    let mismatch = &objects[1]["first_mismatch"];
    assert_eq!(first["got"], mismatch["got"]);
    let record = first["record"].as_u64().unwrap();
    let disasm = [
        "disasm",
        "--check",
        "--preset",
        "fb64",
        "--model",
        text(&pack),
    ];
    let disasm = firebrick(&disasm).good().stdout;
    let line = disasm.lines().nth(record as usize).unwrap();
    assert!(line.contains("block") && line.contains("tap"), "{line}");
    // The window holds the cycle, and is recorded.
    let next = objects[5]["next"].as_str().unwrap();
    let window = first["cycles"].as_array().unwrap();
    let (from, to) = (window[0].as_u64().unwrap(), window[1].as_u64().unwrap());
    let cycle = first["cycle"].as_u64().unwrap();
    assert!((from..to).contains(&cycle) && to - from < 5000, "{next}");
    let cycles = format!("cycles {from}..{to} ");
    assert!(
        next.starts_with(&cycles) && next.contains("gtkwave "),
        "{next}"
    );
    crate::waves::are_sound(&waves, to - from, cycle - from);
    // Where it is computed, and where else the layer is wrong.
    assert_eq!(first["lane"], 0, "fb64 has one lane");
    assert_eq!(first["column"], first["c"].as_u64().unwrap() % 8);
    assert_eq!(first["pass"], "4 of 4, channel group 3, tap (0, 0)");
    assert_eq!(first["units"], serde_json::json!(["pool"]));
    let wrong = &first["wrong"];
    let all = |value: &Value| {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n.as_u64().unwrap())
            .sum()
    };
    let rows: Vec<u64> = wrong["cells"].as_array().unwrap().iter().map(all).collect();
    assert_eq!((wrong["step"].as_u64(), rows[0]), (Some(1), 0), "{wrong}");
    let cells: u64 = rows.iter().sum();
    assert_eq!(cells, objects[1]["mismatches"].as_u64().unwrap());
    assert_eq!(cells, all(&wrong["channels"]));
    let html = fs::read_to_string(&html).unwrap();
    crate::page::is_sound(&html);
    assert_eq!(crate::page::data(&html), Value::Array(objects.clone()));
    let charts = crate::page::charts(&html);
    for (id, count) in [("heat", cells), ("heat-channels", cells)] {
        let drawn: f64 = crate::page::numbers(crate::page::chart(&charts, id), "data-wrong")
            .iter()
            .sum();
        assert_eq!(drawn, count as f64, "{id}");
    }
    assert!(
        html.contains("<template data-map=\"0\"") && html.contains(next.split('`').next().unwrap())
    );
    // The same in sentences, with rows for the layers that differ, and with a waveform of its own.
    let other = dir.path().join("other.fst");
    let more = [
        "--waveform",
        text(&other),
        "--cycles",
        &format!("{from}..{to}"),
    ];
    let run = engine.run(&[&verify[..], &more].concat());
    let stdout = &run.stdout;
    let command = format!("`--seed 3 --waveform first.fst --cycles {from}..{to}`");
    assert!(stdout.contains(&command), "{run:?}");
    crate::waves::are_alike(&other, &waves.join("first.fst"));
    assert!(stdout.contains("\nfirst: pool1 (1, "), "{run:?}");
    assert!(
        stdout.contains("wrong on their own: pool1; wrong because their inputs are: conv2, conv3"),
        "{run:?}"
    );
    assert!(!stdout.contains("| conv1 "), "{run:?}");
    assert!(
        stdout.lines().all(|l| !l.starts_with('|') || l.len() <= 80),
        "{run:?}"
    );
    // What was saved: the engine's map, and the difference at that place.
    let names = fs::read_to_string(maps.join("a/maps.json")).unwrap();
    let names: Value = serde_json::from_str(&names).unwrap();
    assert_eq!(names["pool1.difference.npy"], "pool1: engine minus model");
    let npy = |name: &str| npyz::NpyFile::new(fs::File::open(maps.join("a").join(name)).unwrap());
    let engine_map: Vec<u8> = npy("pool1.npy").unwrap().into_vec().unwrap();
    let difference = npy("pool1.difference.npy").unwrap();
    let shape = difference.shape().to_vec();
    let difference: Vec<i16> = difference.into_vec().unwrap();
    let at = |axis: &str| first[axis].as_u64().unwrap();
    let index = ((at("y") * shape[1] + at("x")) * shape[2] + at("c")) as usize;
    let (got, want) = (
        first["got"].as_i64().unwrap(),
        first["want"].as_i64().unwrap(),
    );
    assert_eq!(i64::from(engine_map[index]), got);
    assert_eq!(i64::from(difference[index]), got - want);
    let differ = difference.iter().filter(|d| **d != 0).count() as u64;
    assert_eq!(differ, objects[1]["mismatches"].as_u64().unwrap());
}
