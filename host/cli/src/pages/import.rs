//! The page of `import`: what quantising did to each layer.

use firebrick::LayerQuantisation;
use firebrick_report::parts::{Bars, Page, Part, Range, Section};
use serde_json::Value;

use super::evaluate::scores;
use super::values::{figure, items, number, shown, text, whole, wholes};

pub fn page(objects: &[Value], run: Vec<(String, String)>) -> Page {
    let Some(found) = objects.first() else {
        return Page::default();
    };
    let layers = items(&found["layers"]);
    let ranges = layers.iter().map(|layer| Range {
        name: text(&layer["name"]),
        largest: number(&layer["largest"]),
        clip: number(&layer["clip"]),
    });
    let quantised = layers.iter().map(|layer| LayerQuantisation {
        name: text(&layer["name"]),
        zero_weights: number(&layer["zero_weights"]),
        largest_weight: whole(&layer["largest_weight"]) as u8,
        output_scale: number(&layer["scale"]),
        clip: number(&layer["clip"]),
        largest: layer["largest"].as_f64(),
        sqnr_db: layer["sqnr_db"].as_f64(),
        weights: wholes(&layer["weights"]),
        activations: wholes(&layer["activations"]),
        zeros: layer["zeros"].as_f64(),
        clipped: layer["saturated"].as_f64(),
    });
    let by_layer = |id: &str, name: &str, unit, key: &str, scale: f64| {
        let rows = layers.iter().filter_map(|layer| {
            let value = layer[key].as_f64()?;
            Some((text(&layer["name"]), scale * value))
        });
        Bars {
            id: id.into(),
            name: name.into(),
            unit,
            rows: rows.collect(),
        }
    };
    let noise = by_layer(
        "sqnr",
        "Signal to quantisation noise by layer",
        " dB",
        "sqnr_db",
        1.0,
    );
    let clipped = by_layer(
        "saturated",
        "Share of outputs at 255 by layer",
        " %",
        "saturated",
        100.0,
    );
    let mut sections = vec![Section::new(
        "Range and clip",
        vec![
            Part::Text(
                "The bar is what is kept, the line goes to the largest value that was measured."
                    .into(),
            ),
            Part::Ranges(ranges.collect()),
        ],
    )];
    if !noise.rows.is_empty() {
        sections.push(Section::new(
            "Noise",
            vec![
                Part::Text(
                    "Signal over what quantising the whole network up to the layer added, on the \
                     photographs."
                        .into(),
                ),
                Part::Bars(noise),
            ],
        ));
        sections.push(Section::new("Saturation", vec![Part::Bars(clipped)]));
    }
    if !items(&found["scores"]).is_empty() {
        sections.push(Section::new(
            "Float against integer",
            vec![scores(&found["scores"])],
        ));
    }
    sections.push(Section::new(
        "Weights and activations",
        vec![Part::Histograms(quantised.collect())],
    ));
    Page {
        title: format!("Quantisation of {}", text(&found["network"])),
        figures: vec![
            figure("Model", text(&found["model"])),
            figure("Pack", text(&found["pack"])),
            figure("Bytes", shown(&found["bytes"])),
            figure("Input", format!("{}x{}", found["height"], found["width"])),
            figure("Classes", shown(&found["classes"])),
            figure(
                "Presets that run it",
                items(&found["presets"]).len().to_string(),
            ),
        ],
        sections,
        run,
        objects: Vec::new(),
    }
}
