//! The page of `evaluate`.

use firebrick_report::parts::{Bars, Line, Page, Part, Points, Section, Table};
use serde_json::Value;

use super::values::{figure, items, number, share, shown, text};

pub fn page(objects: &[Value], run: Vec<(String, String)>) -> Page {
    let Some(found) = objects.first() else {
        return Page::default();
    };
    let mut rows = Vec::new();
    for (name, accuracy) in [("packed", &found["accuracy"]), ("float", &found["float"])] {
        for (key, what) in [("top1", "top-1"), ("top5", "top-5")] {
            if !accuracy.is_null() {
                rows.push((format!("{name}, {what}"), 100.0 * number(&accuracy[key])));
            }
        }
    }
    let mut sections = vec![Section::new(
        "Accuracy",
        vec![Part::Bars(Bars {
            id: "accuracy".into(),
            name: "Shares of pictures whose class is the best, or among the best five".into(),
            unit: " %",
            rows,
        })],
    )];
    if !items(&found["scores"]).is_empty() {
        sections.push(Section::new(
            "Float against integer",
            vec![scores(&found["scores"])],
        ));
    }
    let mut table = Table::new(
        "worst",
        &["Class", "Index#", "Right#", "Pictures#", "Taken for"],
    );
    for class in items(&found["worst"]) {
        let taken = items(&class["taken_for"]).iter();
        let taken: Vec<String> = taken
            .map(|other| format!("{} x {}", other[2], text(&other[1])))
            .collect();
        table.rows.push(vec![
            text(&class["label"]),
            class["class"].to_string(),
            class["right"].to_string(),
            class["pictures"].to_string(),
            taken.join(", "),
        ]);
    }
    if !table.rows.is_empty() {
        sections.push(Section::new("The worst classes", vec![Part::Table(table)]));
    }
    Page {
        title: format!("Accuracy of {}", text(&found["network"])),
        figures: vec![
            figure("Backend", text(&found["backend"])),
            figure("Preset", text(&found["preset"])),
            figure("Pictures", shown(&found["pictures"])),
            figure("Without a result", shown(&found["failed"])),
            figure("Top-1", share(&found["accuracy"]["top1"])),
            figure("Top-5", share(&found["accuracy"]["top5"])),
            figure(
                "Same best class as the float model",
                share(&found["same_top1"]),
            ),
            figure("Mean error of a score", share(&found["score_error"])),
        ],
        sections,
        run,
        objects: Vec::new(),
    }
}

/// Pairs of scores: of the float model, of the integers.
pub fn scores(pairs: &Value) -> Part {
    let pairs = items(pairs).iter();
    Part::Points(Points {
        id: "scores",
        name: "Scores of the float model against those of the integers".into(),
        x: "float score".into(),
        y: "integer score".into(),
        points: pairs
            .map(|pair| {
                (
                    "a class of a picture".into(),
                    number(&pair[0]),
                    number(&pair[1]),
                )
            })
            .collect(),
        line: Line::Diagonal,
    })
}
