//! The page of `predict`.

use firebrick_report::grouped;
use firebrick_report::parts::{Page, Part, Section, Table};
use serde_json::Value;

use super::values::{figure, items, layers, number, share, shares, shown, text, whole};

pub fn page(objects: &[Value], run: Vec<(String, String)>) -> Page {
    let Some(found) = objects.first() else {
        return Page::default();
    };
    let name = |key: &str| text(&found[key]);
    let mut table = Table::new(
        "layer-table",
        &[
            "Layer",
            "MACs#",
            "Ideal cycles#",
            "Cycles#",
            "Busy#",
            "MACs used#",
        ],
    );
    for layer in items(&found["layers"]) {
        table.rows.push(vec![
            text(&layer["name"]),
            grouped(whole(&layer["macs"])),
            format!("{:.1}", number(&layer["ideal_cycles"])),
            grouped(whole(&layer["cycles"])),
            grouped(whole(&layer["busy_cycles"])),
            share(&layer["utilization"]),
        ]);
    }
    Page {
        title: format!(
            "{} on {}: predicted cycles",
            name("network"),
            name("preset")
        ),
        figures: vec![
            figure("Input", format!("{}x{}", found["height"], found["width"])),
            figure("Cycles, one picture", shown(&found["cycles"])),
            figure("MACs used", share(&found["utilization"])),
            figure(
                format!("Cycles a picture, {} back to back", found["run"]["images"]).as_str(),
                format!("{:.1}", number(&found["run"]["cycles_per_image"])),
            ),
            figure("Bytes in", shown(&found["dma_bytes_in"])),
            figure("Bytes out", shown(&found["dma_bytes_out"])),
            figure("Bytes sent once", shown(&found["dma_bytes_setup"])),
            figure("Weights resident", shown(&found["resident"])),
        ],
        sections: vec![
            Section::new(
                "Where every MAC-cycle goes",
                vec![Part::Account(shares(&found["account"]))],
            ),
            Section::new(
                "Cycles by layer",
                vec![Part::Layers(layers(&found["layers"])), Part::Table(table)],
            ),
        ],
        run,
        objects: Vec::new(),
    }
}
