//! The page of `verify`: what differs, where it began, and who wrote it.

use firebrick_report::data::Map;
use firebrick_report::parts::{Bars, Heat, Page, Part, Section, Table};
use serde_json::Value;

use super::values::{figure, items, number, share, shares, shown, text, whole, wholes};

/// `differences` are those of the layer of the first divergence, of the first picture that has one.
pub fn page(objects: &[Value], differences: Option<Map>, run: Vec<(String, String)>) -> Page {
    let of = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
    let summary = of("summary").next().unwrap_or(&Value::Null);
    let wrong = of("image").find(|image| image["bit_exact"] == false);
    let mut sections = Vec::new();
    if let Some(image) = wrong {
        sections.extend(divergence(image, differences));
    }
    if let Some(image) = wrong.or_else(|| of("image").next()) {
        let layers: Vec<&Value> = of("layer")
            .filter(|layer| layer["image"] == image["image"])
            .collect();
        sections.push(layers_of(image, &layers));
    }
    let mut pictures = Table::new(
        "pictures",
        &[
            "Picture",
            "Bit-exact",
            "Values#",
            "Differ#",
            "Logits without maps#",
            "Cycles#",
            "MACs used#",
        ],
    );
    for image in of("image") {
        pictures.rows.push(vec![
            text(&image["image"]),
            shown(&image["bit_exact"]),
            shown(&image["elements"]),
            shown(&image["mismatches"]),
            shown(&image["plain_mismatches"]),
            shown(&image["cycles"]),
            share(&image["utilization"]),
        ]);
    }
    sections.push(Section::new("Pictures", vec![Part::Table(pictures)]));
    if let Some(image) = of("image").find(|image| !image["run"].is_null()) {
        sections.push(Section::new(
            "Where every MAC-cycle went",
            vec![
                Part::Text(format!(
                    "Of {}, without feature maps, idle cycles and back-pressure.",
                    text(&image["image"])
                )),
                Part::Account(shares(&image["run"])),
            ],
        ));
    }
    Page {
        title: format!(
            "{} on {} against the integer model",
            text(&summary["network"]),
            text(&summary["preset"])
        ),
        figures: vec![
            figure("Backend", text(&summary["backend"])),
            figure("Pictures", shown(&summary["images"])),
            figure("Bit-exact", shown(&summary["images_exact"])),
            figure("Without a result", shown(&summary["images_failed"])),
            figure("Values compared", shown(&summary["elements"])),
            figure("Differ", shown(&summary["mismatches"])),
            figure("Seed", summary["seed"].to_string()),
            figure("Idle cycles", share(&summary["idle"])),
            figure("Back-pressure", share(&summary["back_pressure"])),
        ],
        sections,
        run,
        objects: Vec::new(),
    }
}

fn divergence(image: &Value, differences: Option<Map>) -> Vec<Section> {
    let first = &image["divergence"];
    let mut table = Table::new("divergence", &["What", "Value"]);
    let mut row = |name: &str, value: String| table.rows.push(vec![name.into(), value]);
    row("picture", text(&image["image"]));
    if first.is_null() {
        row(
            "first run",
            "every map is right; the fault depends on the timing of the streams, or on what was \
             sent before"
                .into(),
        );
    } else {
        row("layer", text(&first["layer"]));
        let at = ["y", "x", "c"].map(|axis| first[axis].to_string());
        row("row, column, channel", at.join(", "));
        row("engine", first["got"].to_string());
        row("model", first["want"].to_string());
        for (key, name) in [
            ("rows", "rows that differ"),
            ("columns", "columns that differ"),
            ("channels", "channels that differ"),
            ("record", "record that wrote it"),
            ("tile", "tile"),
            ("lane", "lane"),
            ("column", "column of the lane"),
            ("pass", "pass that completed it"),
            ("cycle", "cycle in which it was sent"),
        ] {
            if !first[key].is_null() {
                let value = &first[key];
                row(
                    name,
                    value.as_str().map_or(value.to_string(), str::to_owned),
                );
            }
        }
        let units = items(&first["units"]).iter().map(text);
        row("units in question", units.collect::<Vec<_>>().join("; "));
        if let [from, to] = items(&first["cycles"]) {
            row("cycles to look at", format!("{from}..{to}"));
        }
    }
    row("next", text(&image["next"]));
    let mut sections = vec![Section::new("First divergence", vec![Part::Table(table)])];
    let place = &first["wrong"];
    if !place.is_null() {
        let layer = text(&first["layer"]);
        sections.push(Section::new(
            format!("Where {layer} differs"),
            vec![Part::Heat(Heat {
                name: layer.clone(),
                step: whole(&place["step"]) as usize,
                height: whole(&place["height"]) as usize,
                width: whole(&place["width"]) as usize,
                cells: items(&place["cells"]).iter().map(wholes).collect(),
                channels: wholes(&place["channels"]),
            })],
        ));
        if let Some(map) = differences {
            sections.push(Section::new(
                format!("{layer}: engine less model, by channel"),
                vec![
                    Part::Text(
                        "White is a difference of 255, black none, whatever its sign.".into(),
                    ),
                    Part::Maps(vec![map]),
                ],
            ));
        }
    }
    sections
}

fn layers_of(image: &Value, layers: &[&Value]) -> Section {
    let mut table = Table::new(
        "layers",
        &[
            "Layer",
            "Shape",
            "Values#",
            "Differ#",
            "First: row, column, channel",
            "Wrong",
        ],
    );
    let mut rows = Vec::new();
    for layer in layers {
        let first = &layer["first_mismatch"];
        table.rows.push(vec![
            text(&layer["layer"]),
            format!(
                "{}x{}x{}",
                layer["height"], layer["width"], layer["channels"]
            ),
            shown(&layer["elements"]),
            shown(&layer["mismatches"]),
            match (first.is_null(), layer["received"] == true) {
                (false, _) => format!(
                    "{}, {}, {}: {}, want {}",
                    first["y"], first["x"], first["c"], first["got"], first["want"]
                ),
                (true, true) => String::new(),
                (true, false) => "not received".into(),
            },
            text(&layer["fault"]),
        ]);
        let share = number(&layer["mismatches"]) / number(&layer["elements"]).max(1.0);
        rows.push((text(&layer["layer"]), 100.0 * share));
    }
    let mut parts = Vec::new();
    if image["bit_exact"] == false {
        parts.push(Part::Bars(Bars {
            id: "differ".into(),
            name: "Share of values that differ, by layer".into(),
            unit: " %",
            rows,
        }));
    }
    parts.push(Part::Table(table));
    Section::new(format!("Layers of {}", text(&image["image"])), parts)
}
