//! What a command prints with `--json` fits its schema in docs/schemas, which is that of the types
//! that are printed, and docs/json.md lists every field. After a change that is meant,
//! FIREBRICK_BLESS=1 writes the schemas anew; read the difference.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::common::{Run, firebrick, float_model, picture, schema, small_pack, text};
use serde_json::Value;

/// The names in backticks below the heading of a command; where it refers to those of `classify`,
/// they too.
fn documented(command: &str) -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let page = std::fs::read_to_string(page).unwrap();
    let heading = format!("\n## `{command}`\n");
    let section = page.split_once(&heading).expect(command).1;
    let section = section.split("\n## ").next().unwrap();
    let names = section.split('`').skip(1).step_by(2);
    let mut names: BTreeSet<String> = names.map(str::to_owned).collect();
    if command != "classify" && names.contains("classify") {
        names.extend(documented("classify"));
    }
    names
}

fn check(command: &str, run: &Run) -> Vec<Value> {
    let (known, objects) = (documented(command), run.objects_of(command));
    assert!(!objects.is_empty(), "{command}: {run:?}");
    for object in &objects {
        assert_eq!(object["schema"], 1, "{command}: {object}");
        for key in object.as_object().unwrap().keys() {
            assert!(
                key == "schema" || known.contains(key),
                "docs/json.md does not list {key:?} of {command}"
            );
        }
    }
    objects
}

/// The commands that `firebrick schema` knows.
fn commands() -> Vec<String> {
    let help = firebrick(&["schema", "--help"]).good().stdout;
    let names = help.split_once("[possible values: ").expect("names").1;
    let names = names.split(']').next().unwrap().split([',', '\n']);
    let names = names.map(|name| name.trim().to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn the_schemas_are_those_of_the_program() {
    let mut files = BTreeSet::new();
    for command in commands() {
        let now = firebrick(&["schema", &command]).good().stdout;
        let path = schema::file(&command);
        if std::env::var_os("FIREBRICK_BLESS").is_some() {
            std::fs::write(&path, &now).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == now, "{} differs; see above", path.display());
        files.insert(path);
    }
    assert!(files.len() >= 16, "{files:?}");
    let folder = schema::file("any");
    let there = std::fs::read_dir(folder.parent().unwrap()).unwrap();
    for entry in there {
        let path = entry.unwrap().path();
        assert!(files.contains(&path), "no command has {}", path.display());
    }
    firebrick(&["schema", "clasify"]).misused("'classify'");
}

/// The fields of an object, wherever its schema names them.
fn fields(root: &Value, schema: &Value, names: &mut BTreeSet<String>) {
    if let Some(place) = schema["$ref"].as_str() {
        fields(root, root.pointer(&place[1..]).unwrap(), names);
    }
    for keyword in ["anyOf", "oneOf", "allOf"] {
        let parts = schema[keyword].as_array().into_iter().flatten();
        parts.for_each(|part| fields(root, part, names));
    }
    let properties = schema["properties"].as_object().into_iter();
    names.extend(properties.flat_map(|p| p.keys().cloned()));
}

#[test]
fn the_page_has_all_fields_of_the_schemas() {
    let mut all = 0;
    for command in commands() {
        let (schema, known) = (schema::of(&command), documented(&command));
        let mut names = BTreeSet::new();
        fields(&schema, &schema, &mut names);
        names.remove("schema");
        all += names.len();
        let missing: Vec<_> = names.difference(&known).collect();
        assert!(
            missing.is_empty(),
            "docs/json.md: {command} lacks {missing:?}"
        );
    }
    assert!(all > 150, "{all}");
}

/// An object that lacks a field, has one too many, or one of another type, does not fit.
fn broken_ones_do_not_fit(command: &str, object: &Value) {
    let schema = schema::of(command);
    let fields = object.as_object().unwrap();
    let other = |value: &Value| match value {
        Value::Object(_) => Value::from("text"),
        _ => Value::Object(serde_json::Map::new()),
    };
    let mut needed = 0;
    for (name, value) in fields {
        let mut object = object.clone();
        object[name] = other(value);
        schema::check(&schema, &object).expect_err(name);
        object.as_object_mut().unwrap().remove(name);
        needed += usize::from(schema::check(&schema, &object).is_err());
    }
    assert!(needed * 2 > fields.len(), "{command}: {needed}");
    let mut object = object.clone();
    object["unknown"] = 1.into();
    schema::check(&schema, &object).expect_err(command);
}

#[test]
fn every_object_fits_its_schema_and_its_page() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let cat = picture(dir.path(), "cat.png", 30, 20);
    let at = |name: &str| dir.path().join(name);
    let write = |name: &str, what: &str| {
        std::fs::write(at(name), what).unwrap();
        at(name)
    };
    let (transfer, recording) = (at("transfer.bin"), at("run.fbr"));
    let labels = write("labels.csv", "cat.png,3\nbad.png,2\n");
    let bad = write("bad.png", "no picture");
    let (cat, labels, bad) = (text(&cat), text(&labels), text(&bad));
    let on = ["--json", "--model", text(&pack)];
    let software = [&on[..], &["--backend", "software"]].concat();
    // What a command printed first.
    let mut first = BTreeMap::new();
    let mut run = |code: i32, words: &[&str], more: &[&str]| {
        let run = firebrick(&[words, more].concat());
        assert_eq!(run.code, code, "{words:?}: {run:?}");
        let objects = check(words[0], &run);
        first
            .entry(words[0].to_owned())
            .or_insert(objects[0].clone());
        objects
    };
    run(0, &["presets"], &["--json"]);
    run(0, &["info"], &on);
    run(0, &["info", "--board", "kv260"], &on);
    run(0, &["predict"], &on);
    run(0, &["explore", "--board", "litefury"], &on);
    let streamed = ["--weights", "streamed", "-o", text(&transfer)];
    run(0, &[&["compile", cat], &streamed[..]].concat(), &on);
    run(0, &["classify", cat], &on);
    run(0, &["classify", cat], &software);
    let recorded = ["classify", cat, cat, "--record", text(&recording)];
    let objects = run(0, &recorded, &software);
    assert!(objects[0]["latency_ms"].as_f64() > Some(0.0));
    // Pictures without a result, of all commands that go on.
    let objects = run(1, &["classify", bad, cat], &on);
    assert_eq!(objects[0]["error"], "picture");
    run(1, &["classify", "/nowhere.png"], &software);
    run(0, &["verify", cat], &software);
    let objects = run(1, &["verify", bad, cat], &software);
    assert_eq!(objects.last().unwrap()["images_failed"], 1);
    let objects = run(1, &["evaluate", labels], &on);
    assert_eq!(
        (&objects[0]["backend"], &objects[0]["failed"]),
        (&"model".into(), &1.into())
    );
    let features = at("features.npy");
    run(1, &["features", cat, bad, "-o", text(&features)], &on);
    let bench = ["bench", "--images", "2", "--clock", "100"];
    run(0, &bench, &software);
    let replay = ["replay", text(&recording), "--backend", "software"];
    run(0, &replay, &["--json"]);
    run(0, &["report"], &on);
    run(0, &["report", cat, "--board", "kv260"], &on);
    // A float model, with photographs and without.
    let (float, own) = (float_model(dir.path()), at("own.fb"));
    let photos = at("photos");
    std::fs::create_dir(&photos).unwrap();
    picture(&photos, "0.png", 100, 90);
    picture(&photos, "1.png", 117, 101);
    let ranges = at("ranges.toml");
    let import = ["import", text(&float), "-o", text(&own), "--json"];
    let calibrate = [
        "--calibrate",
        text(&photos),
        "--save-calibration",
        text(&ranges),
    ];
    run(0, &import, &calibrate);
    run(0, &import, &["--calibration", text(&ranges)]);
    let reference = ["--reference", text(&float), "--model", text(&own), "--json"];
    run(1, &["evaluate", labels], &reference);
    let data = at("data");
    for class in ["a", "b"] {
        std::fs::create_dir_all(data.join(class)).unwrap();
        for number in 0..4 {
            picture(&data.join(class), &format!("{number}.png"), 30 + number, 20);
        }
    }
    let trained = at("trained.fb");
    let train = ["train", text(&data), "-o", text(&trained), "--epochs", "2"];
    let objects = run(0, &train, &on);
    assert_eq!(objects.last().unwrap()["kind"], "result");
    run(
        1,
        &["doctor", "--device", "xdma:/nowhere/xdma0"],
        &["--json"],
    );
    for (command, object) in &first {
        broken_ones_do_not_fit(command, object);
    }
    // `devices` prints what there is: see the tests of devices.
    let seen: Vec<String> = first.into_keys().collect();
    let with_objects: Vec<String> = commands().into_iter().filter(|c| c != "devices").collect();
    assert_eq!(seen, with_objects);
}
