//! The page of `classify`.

use firebrick_report::parts::{Bars, Page, Part, Section, Table};
use serde_json::Value;

use super::values::{figure, items, layers, number, share, shares, shown, text};

/// Pictures whose classes are drawn; all are in the table.
const DRAWN: usize = 20;

pub fn page(objects: &[Value], run: Vec<(String, String)>) -> Page {
    let results = || objects.iter().filter(|object| !object["top"].is_null());
    let failed = objects.iter().filter(|object| !object["attempt"].is_null());
    let first = results().next().unwrap_or(&Value::Null);
    let mut table = Table::new(
        "pictures",
        &[
            "Picture",
            "Class",
            "Index#",
            "Probability#",
            "Cycles#",
            "Latency, ms#",
        ],
    );
    let mut drawn = Vec::new();
    for (index, object) in results().enumerate() {
        let best = &object["top"][0];
        table.rows.push(vec![
            text(&object["image"]),
            text(&best["label"]),
            best["class"].to_string(),
            share(&best["score"]),
            shown(&object["cycles"]),
            shown(&object["latency_ms"]),
        ]);
        if index < DRAWN {
            let rows = items(&object["top"]).iter();
            drawn.push(Part::Text(text(&object["image"])));
            drawn.push(Part::Bars(Bars {
                id: format!("classes-{index}"),
                name: format!("Probabilities of {}", text(&object["image"])),
                unit: " %",
                rows: rows
                    .map(|class| (text(&class["label"]), 100.0 * number(&class["score"])))
                    .collect(),
            }));
        }
    }
    let mut sections = vec![
        Section::new("Pictures", vec![Part::Table(table)]),
        Section::new("Classes", drawn),
    ];
    let mut errors = Table::new("failures", &["Picture", "Error", "Message", "Attempts#"]);
    for object in failed {
        errors.rows.push(vec![
            text(&object["image"]),
            text(&object["error"]),
            text(&object["message"]),
            object["attempt"].to_string(),
        ]);
    }
    let failures = errors.rows.len();
    if failures > 0 {
        sections.push(Section::new("Without a result", vec![Part::Table(errors)]));
    }
    let ran = &first["run"];
    if !ran.is_null() {
        let images = &ran["images"];
        sections.push(Section::new(
            "Where every MAC-cycle went",
            vec![
                Part::Text(format!(
                    "Of the first {images} pictures, which ran back to back."
                )),
                Part::Account(shares(ran)),
            ],
        ));
    }
    if !ran["layers"].is_null() {
        let cycles = vec![Part::Layers(layers(&ran["layers"]))];
        sections.push(Section::new("Cycles by layer", cycles));
    }
    Page {
        title: format!("{} on {}", text(&first["network"]), text(&first["backend"])),
        figures: vec![
            figure("Preset", text(&first["preset"])),
            figure("Input", format!("{}x{}", first["height"], first["width"])),
            figure("Pictures with a result", results().count().to_string()),
            figure("Without a result", failures.to_string()),
        ],
        sections,
        run,
        objects: Vec::new(),
    }
}
