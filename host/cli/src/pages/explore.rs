//! The page of `explore`: pictures a second against each resource.

use firebrick_report::parts::{Line, Page, Part, Points, Section, Table};
use serde_json::Value;

use super::values::{figure, number, share, shown, text, whole};

/// Field, name and id of the chart of each resource.
const RESOURCES: [(&str, &str, &str); 5] = [
    ("lut", "LUTs", "pareto-lut"),
    ("dsp", "DSP slices", "pareto-dsp"),
    ("bram", "block RAMs of 36 Kibit", "pareto-bram"),
    ("uram", "UltraRAMs", "pareto-uram"),
    ("ff", "flip-flops", "pareto-ff"),
];

pub fn page(objects: &[Value], run: Vec<(String, String)>) -> Page {
    let Some(best) = objects.first() else {
        return Page {
            title: "No configuration fits".into(),
            run,
            ..Page::default()
        };
    };
    let charts = RESOURCES.iter().filter(|(key, _, _)| {
        let used = |object: &Value| whole(&object[key]) > 0;
        objects.iter().any(used)
    });
    let charts = charts.flat_map(|(key, name, id)| {
        let there = whole(&best[format!("{key}_available")]);
        [
            Part::Text(format!(
                "The board has {there} {name}. Each point is a configuration; the line joins those \
                 that no other beats."
            )),
            Part::Points(Points {
                id,
                name: format!("Pictures a second against {name}"),
                x: (*name).to_owned(),
                y: "pictures a second".into(),
                points: objects
                    .iter()
                    .map(|object| {
                        let (x, y) = (&object[key], &object["images_per_second"]);
                        (text(&object["preset"]), number(x), number(y))
                    })
                    .collect(),
                line: Line::Front,
            }),
        ]
    });
    let mut table = Table::new(
        "configurations",
        &[
            "Rank#",
            "Preset",
            "Pictures a second#",
            "Latency, ms#",
            "MACs used#",
            "LUTs#",
            "Flip-flops#",
            "DSP slices#",
            "Block RAMs#",
            "UltraRAMs#",
            "Limit",
            "Bus in use#",
        ],
    );
    for object in objects {
        table.rows.push(vec![
            object["rank"].to_string(),
            text(&object["preset"]),
            format!("{:.1}", number(&object["images_per_second"])),
            format!("{:.2}", number(&object["latency_ms"])),
            share(&object["utilization"]),
            shown(&object["lut"]),
            shown(&object["ff"]),
            shown(&object["dsp"]),
            shown(&object["bram"]),
            shown(&object["uram"]),
            text(&object["tightest"]),
            share(&object["bus_share"]),
        ]);
    }
    Page {
        title: format!("What fits {}", text(&best["board"])),
        figures: vec![
            figure("Part", text(&best["part"])),
            figure("Clock, MHz", best["clock_mhz"].to_string()),
            figure("Configurations that fit", objects.len().to_string()),
            figure("Fastest", text(&best["preset"])),
            figure(
                "Its pictures a second",
                format!("{:.1}", number(&best["images_per_second"])),
            ),
        ],
        sections: vec![
            Section::new(
                "Pictures a second against resources",
                std::iter::once(Part::Text(
                    "That the clock is met is an assumption: no vendor tool has placed and routed \
                     the engine. Pictures a second and milliseconds scale with it."
                        .into(),
                ))
                .chain(charts)
                .collect(),
            ),
            Section::new("Configurations", vec![Part::Table(table)]),
        ],
        run,
        objects: Vec::new(),
    }
}
