//! The page of `bench`.

use firebrick_report::parts::{Bars, Page, Part, Section, Table};
use serde_json::Value;

use super::values::{figure, items, number, shown, text};

pub fn page(objects: &[Value], run: Vec<(String, String)>) -> Page {
    let Some(found) = objects.first() else {
        return Page::default();
    };
    let mut times = Vec::new();
    for (key, name) in [
        ("packing", "packing"),
        ("send", "send"),
        ("latency", "end to end"),
    ] {
        let rows = ["mean", "p50", "p95", "p99"];
        let rows = rows.map(|which| {
            let value = number(&found[key][format!("{which}_ms")]);
            (format!("{name}, {which}"), value)
        });
        times.push(Part::Bars(Bars {
            id: format!("times-{key}"),
            name: format!("Milliseconds of a picture, {name}"),
            unit: " ms",
            rows: rows.into(),
        }));
    }
    let cycles = Bars {
        id: "cycles".into(),
        name: "Cycles of a picture, measured and predicted".into(),
        unit: "",
        rows: vec![
            ("measured, mean".into(), number(&found["mean_cycles"])),
            (
                "predicted, back to back".into(),
                number(&found["predicted_cycles"]),
            ),
        ],
    };
    let mut sections = vec![
        Section::new("Times of a picture on the host", times),
        Section::new(
            "Cycles",
            vec![
                Part::Text(
                    "Counted by the engine between results, 0 if it counts none, and predicted for \
                     pictures back to back with streams that never wait."
                        .into(),
                ),
                Part::Bars(cycles),
            ],
        ),
    ];
    let mut engines = Table::new(
        "engines",
        &["Engine", "Pictures#", "Outages#", "Mean cycles#"],
    );
    for engine in items(&found["engines"]) {
        engines.rows.push(vec![
            text(&engine["engine"]),
            shown(&engine["images"]),
            shown(&engine["outages"]),
            format!("{:.0}", number(&engine["mean_cycles"])),
        ]);
    }
    if !engines.rows.is_empty() {
        sections.push(Section::new("Engines", vec![Part::Table(engines)]));
    }
    Page {
        title: format!("{} on {}", text(&found["network"]), text(&found["backend"])),
        figures: vec![
            figure("Preset", text(&found["preset"])),
            figure("Pictures", shown(&found["images"])),
            figure("Pictures a second", shown(&found["images_per_second"])),
            figure("Seconds", shown(&found["seconds"])),
            figure("Tries repeated", shown(&found["retried"])),
            figure("Without a result", shown(&found["failed"])),
            figure(
                "Compute, ms at the clock given",
                shown(&found["compute_ms"]),
            ),
        ],
        sections,
        run,
        objects: Vec::new(),
    }
}
