//! `report`: the page's charts show the data that stand in it.

use std::fs;

use crate::common::{firebrick, picture, small_pack, text};
use crate::page::{charts, data, is_sound, with};
use serde_json::Value;

#[test]
fn every_chart_has_its_data() {
    let dir = tempfile::tempdir().unwrap();
    let (pack, photo) = (small_pack(dir.path()), picture(dir.path(), "a.png", 40, 30));
    let page = dir.path().join("report.html");
    let args = [
        "report",
        text(&photo),
        "--model",
        text(&pack),
        "--board",
        "litefury",
    ];
    let json = firebrick(&[&args[..], &["--json", "-o", text(&page)]].concat()).good();
    let page = fs::read_to_string(&page).unwrap();
    let data = data(&page);
    let mut printed = json.objects().remove(0);
    let mut inside = data.clone();
    // The command lines are one.
    assert_eq!(
        inside["run"].as_array_mut().unwrap().pop(),
        printed["run"].as_array_mut().unwrap().pop()
    );
    assert_eq!(inside, printed);
    assert_eq!(data["schema"], 1);

    let charts = charts(&page);
    let chart = |id: &str| {
        let found = charts
            .iter()
            .find(|c| c.root_element().attribute("id") == Some(id));
        found.unwrap_or_else(|| panic!("no chart {id}"))
    };
    is_sound(&page);
    let layers = data["layers"].as_array().unwrap();
    let bars = with(chart("cycles-by-layer"), "data-layer");
    assert_eq!(bars.len(), layers.len());
    for ((bar, name), layer) in bars.iter().zip(layers) {
        assert_eq!(*name, layer["name"]);
        assert_eq!(
            bar.attribute("data-cycles").unwrap(),
            layer["cycles"].to_string()
        );
        assert_eq!(
            bar.attribute("data-macs").unwrap(),
            layer["macs"].to_string()
        );
    }
    for (index, timeline) in data["timelines"].as_array().unwrap().iter().enumerate() {
        let chart = chart(&format!("timeline-{index}"));
        let cycles: u64 = with(chart, "data-cause")
            .iter()
            .map(|(cause, _)| {
                cause
                    .attribute("data-cycles")
                    .unwrap()
                    .parse::<u64>()
                    .unwrap()
            })
            .sum();
        assert_eq!(cycles, timeline["cycles"]);
        for ((row, name), unit) in with(chart, "data-unit")
            .iter()
            .zip(timeline["units"].as_array().unwrap())
        {
            assert_eq!(*name, unit[0]);
            let busy: u64 = unit[1]
                .as_array()
                .unwrap()
                .iter()
                .map(|n| n.as_u64().unwrap())
                .sum();
            assert_eq!(row.attribute("data-busy").unwrap(), busy.to_string());
        }
    }
    assert_eq!(data["timelines"][0]["cycles"], data["summary"]["cycles"]);
    let shares = with(chart("waterfall"), "data-share");
    let all: f64 = shares
        .iter()
        .map(|(_, share)| share.parse::<f64>().unwrap())
        .sum();
    assert!((all - 1.0).abs() < 1e-9, "{all}");
    let regions = data["memory"]["regions"].as_array().unwrap();
    assert_eq!(with(chart("memory"), "data-name").len(), regions.len());
    let words = data["memory"]["words"].as_u64().unwrap();
    for region in regions {
        let at = |name: &str| region[name].as_u64().unwrap();
        assert!(at("from") < at("to") && at("to") <= words, "{region}");
        assert!(at("written") <= at("read"), "{region}");
    }
    assert_eq!(
        with(chart("graph"), "data-node").len(),
        data["nodes"].as_array().unwrap().len()
    );
    for quantised in data["quantisation"].as_array().unwrap() {
        let all = |name: &str| {
            quantised[name]
                .as_array()
                .unwrap()
                .iter()
                .map(|n| n.as_u64().unwrap())
                .sum::<u64>()
        };
        assert!(all("weights") > 0 && all("activations") > 0);
    }
    assert_eq!(
        page.matches("<template data-map=").count(),
        data["maps"].as_array().unwrap().len()
    );
    assert_eq!(data["classes"].as_array().unwrap().len(), 10);
    let resources = data["resources"].as_array().unwrap();
    let dsp = resources
        .iter()
        .find(|r| r["name"] == "DSP slices")
        .unwrap();
    assert_eq!(dsp["available"], 240);
}

#[test]
fn without_a_photograph_and_where_it_must_not_go() {
    let dir = tempfile::tempdir().unwrap();
    let pack = small_pack(dir.path());
    let page = dir.path().join("report.html");
    let args = ["report", "--model", text(&pack), "--preset", "fb64"];
    firebrick(&args).misused("--output");
    for _ in 0..2 {
        let run = firebrick(&[&args[..], &["-o", text(&page)]].concat()).good();
        assert!(run.stdout.contains("bytes"), "{run:?}");
    }
    let text_of = fs::read_to_string(&page).unwrap();
    assert_eq!(data(&text_of)["maps"], Value::Array(vec![]));
    assert!(!text_of.contains("id=\"s-maps\""));
    let other = dir.path().join("other.html");
    fs::write(&other, "mine").unwrap();
    firebrick(&[&args[..], &["-o", text(&other)]].concat()).fails("other.html");
    firebrick(&[&args[..], &["-o", text(&pack), "--force"]].concat()).fails("small.safetensors");
}
