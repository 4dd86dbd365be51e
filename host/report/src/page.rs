//! The page around the charts.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{Markup, html};

use crate::chart::{colour, graph, grouped, layers, memory, percent, points, quantisation};
use crate::chart::{roofline, timeline, waterfall};
use crate::data::{Layer, Map, Report, Resource};
use crate::frame::{self, Frame};
use crate::parts::{LayerCycles, Line, Points};

/// The report as one HTML file. `data` is what the command prints of it with `--json`.
#[must_use]
pub fn html(report: &Report, data: &str) -> String {
    let summary = &report.summary;
    let sections = headings(report).into_iter();
    let sections = sections.map(|(id, heading)| frame::Section {
        id: id.to_owned(),
        heading: heading.to_owned(),
        inside: section(report, id),
    });
    Frame {
        title: &format!("{} on {}", summary.network, summary.preset),
        figures: figures(report),
        sections: sections.collect(),
        run: &report.run,
        data,
        live: None,
    }
    .html()
}

fn figures(report: &Report) -> Vec<(String, Option<&'static str>, String)> {
    let summary = &report.summary;
    let figure = |name: &str, id, value: String| (name.to_owned(), Some(id), value);
    let per_image = summary.cycles_per_image.round() as u64;
    let weights = if summary.resident {
        "resident"
    } else {
        "streamed"
    };
    vec![
        figure(
            "Input",
            "f-input",
            format!("{}x{}", summary.height, summary.width),
        ),
        figure("Cycles, one picture", "f-cycles", grouped(summary.cycles)),
        figure(
            "Cycles a picture, back to back",
            "f-run",
            grouped(per_image),
        ),
        figure("MACs used", "f-utilization", percent(summary.utilization)),
        figure("MACs of a picture", "f-macs", grouped(summary.macs)),
        figure("Bytes in", "f-in", grouped(summary.dma_bytes_in as u64)),
        figure("Bytes out", "f-out", grouped(summary.dma_bytes_out as u64)),
        figure("Weights", "f-weights", weights.to_owned()),
    ]
}

/// Id and heading of each section that has something to show.
fn headings(report: &Report) -> Vec<(&'static str, &'static str)> {
    let all = [
        ("s-classes", "Classes", !report.classes.is_empty()),
        ("s-cycles", "Where every MAC-cycle went", true),
        ("s-timeline", "Timeline", true),
        ("s-layers", "Cycles by layer", true),
        ("s-roofline", "Roofline", true),
        ("s-memory", "Feature buffer", true),
        ("s-network", "Network", true),
        ("s-quantisation", "Quantisation", true),
        (
            "s-scores",
            "Float against integer",
            !report.scores.is_empty(),
        ),
        ("s-maps", "Feature maps", !report.maps.is_empty()),
        ("s-resources", "Resources", !report.resources.is_empty()),
    ];
    let shown = all.into_iter().filter(|(_, _, shown)| *shown);
    shown.map(|(id, heading, _)| (id, heading)).collect()
}

fn section(report: &Report, id: &str) -> Markup {
    match id {
        "s-classes" => classes(report),
        "s-cycles" => html! {
            p { "All MAC-cycles of one picture, from its first beat in to its last beat out." }
            (waterfall::draw(&report.summary.account))
        },
        "s-timeline" => timelines(report),
        "s-layers" => layer_table(report),
        "s-roofline" => html! {
            p {
                "Each point is a layer. Left of the bend the bus sets the limit, right of it the \
                 array; what crosses the bus for a layer can do so during earlier ones."
            }
            (roofline::draw(&report.summary, &report.layers))
        },
        "s-memory" => memory_section(report),
        "s-network" => html! { div class="scroll" { (graph::draw(&report.nodes)) } },
        "s-quantisation" => quantisation::table(&report.quantisation),
        "s-scores" => points::draw(&Points {
            id: "scores",
            name: "Scores of the float model against those of the integers".into(),
            x: "float score".into(),
            y: "integer score".into(),
            points: (report.scores.iter())
                .map(|(float, integer)| ("a class".to_owned(), *float, *integer))
                .collect(),
            line: Line::Diagonal,
        }),
        "s-maps" => maps(&report.maps),
        _ => resources(&report.resources),
    }
}

fn classes(report: &Report) -> Markup {
    html! {
        table {
            thead { tr { th { "Class" } th { "Index" } th { "Probability" } th { "Sum" } } }
            tbody {
                @for class in &report.classes {
                    tr data-class=(class.index) {
                        td { (class.label) } td class="n" { (class.index) }
                        td class="n" {
                            meter min="0" max="1" value=(class.probability)
                                aria-label=(format!("Probability of {}", class.label)) {}
                            " " (percent(class.probability))
                        }
                        td class="n" { (class.sum) }
                    }
                }
            }
        }
    }
}

fn timelines(report: &Report) -> Markup {
    let mut causes: Vec<&str> = Vec::new();
    for timeline in &report.timelines {
        for cause in timeline.array.iter().flat_map(|bin| bin.keys()) {
            if !causes.contains(&cause.as_str()) {
                causes.push(cause);
            }
        }
    }
    html! {
        p class="legend" {
            @for cause in causes {
                span { i class=(colour(cause)) {} (cause) }
            }
        }
        p {
            "Scroll or use the buttons to zoom, drag or use the arrow keys to move. The array's \
             colours say what each cycle was; the other rows say when a unit has work."
        }
        @for (index, timeline) in report.timelines.iter().enumerate() {
            @let id = format!("timeline-{index}");
            h3 { (timeline.title) }
            div class="zoom" role="group" aria-label=(format!("{}: zoom", timeline.title))
                data-for=(id) {
                button type="button" data-zoom="in" { "Zoom in" }
                button type="button" data-zoom="out" { "Zoom out" }
                button type="button" data-zoom="left" { "Earlier" }
                button type="button" data-zoom="right" { "Later" }
                button type="button" data-zoom="all" { "All" }
            }
            div class="chart" tabindex="0" data-zoomed=(id) {
                (timeline::draw(&id, timeline, &report.layers))
            }
        }
    }
}

fn cycles(layers: &[Layer]) -> Vec<LayerCycles> {
    let layers = layers.iter();
    layers
        .map(|layer| LayerCycles {
            name: layer.name.clone(),
            macs: layer.macs,
            cycles: layer.cycles,
            utilization: layer.utilization,
            account: layer.account.clone(),
        })
        .collect()
}

fn layer_table(report: &Report) -> Markup {
    html! {
        (layers::draw(&cycles(&report.layers)))
        details {
            summary { "As a table" }
            div class="scroll" { table id="layer-table" {
                thead { tr {
                    th { "Layer" } th { "MACs" } th { "Cycles" } th { "Busy" } th { "MACs used" }
                    th { "Bytes over the bus" }
                } }
                tbody {
                    @for layer in &report.layers {
                        tr {
                            td { (layer.name) }
                            td class="n" { (grouped(layer.macs)) }
                            td class="n" { (grouped(layer.cycles)) }
                            td class="n" { (grouped(layer.busy_cycles)) }
                            td class="n" { (percent(layer.utilization)) }
                            td class="n" { (grouped(layer.bus_bytes)) }
                        }
                    }
                }
            } }
        }
    }
}

fn memory_section(report: &Report) -> Markup {
    let memory = &report.memory;
    html! {
        p {
            "Words that each layer's results occupy, from their first write to their last read: "
            (grouped(memory.words)) " words of " (memory.word_bytes) " bytes."
        }
        (memory::draw(memory))
        label for="memory-cycle" { "Cycle " output id="memory-at" { "0" } }
        input id="memory-cycle" type="range" min="0" max=(memory.cycles) value="0";
        p id="memory-live" aria-live="polite" {}
    }
}

/// Channels of maps to choose from; once on a page.
pub(crate) fn maps(maps: &[Map]) -> Markup {
    let listed = serde_json::to_string(maps).expect("names and numbers can always be written");
    html! {
        (frame::json("maps", &listed))
        p {
            "Every channel of every map. Concatenations are shown as their parts; of maps with more \
             than 64 rows or columns some pixels are left out."
        }
        p {
            label for="map-layer" { "Layer " }
            select id="map-layer" {
                @for (index, map) in maps.iter().enumerate() {
                    option value=(index) {
                        (map.name) " (" (map.height) "x" (map.width) "x" (map.channels) ")"
                    }
                }
            }
            " "
            label for="map-channel" { "Channel " }
            input id="map-channel" type="number" min="0" max="0" value="0";
            " "
            output id="map-range" {}
        }
        div class="maps" {
            figure {
                canvas id="map-one" width="224" height="224" role="img"
                    aria-label="The chosen channel" {}
                figcaption { "The chosen channel" }
            }
            figure class="scroll" {
                img id="map-all" alt="All channels of the chosen layer";
                figcaption { "All channels" }
            }
        }
        @for (index, map) in maps.iter().enumerate() {
            template data-map=(index) data-src=(mosaic(map)) {}
        }
    }
}

/// Channels side by side, as near to a square as they go.
fn mosaic(map: &Map) -> String {
    let (height, width) = (
        map.height.div_ceil(map.step.max(1)),
        map.width.div_ceil(map.step.max(1)),
    );
    let columns = (map.channels as f64).sqrt().ceil().max(1.0) as usize;
    let rows = map.channels.div_ceil(columns);
    let mut pixels = vec![0; rows * height * columns * width];
    for (index, value) in map.pixels.iter().enumerate() {
        let (pixel, channel) = (index / map.channels, index % map.channels);
        let y = channel / columns * height + pixel / width;
        let x = channel % columns * width + pixel % width;
        if let Some(place) = pixels.get_mut(y * columns * width + x) {
            *place = *value;
        }
    }
    let mut bytes = Vec::new();
    let mut encoder =
        png::Encoder::new(&mut bytes, (columns * width) as u32, (rows * height) as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_compression(png::Compression::High);
    let written = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&pixels));
    match written {
        Ok(()) => format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes)),
        Err(_) => String::new(),
    }
}

fn resources(resources: &[Resource]) -> Markup {
    html! {
        table {
            thead { tr {
                th { "Resource" } th { "Used" } th { "Available" } th { "Share" } th { "Limit" }
            } }
            tbody {
                @for resource in resources {
                    @let share = resource.used as f64 / resource.available.max(1) as f64;
                    tr data-resource=(resource.name) {
                        td { (resource.name) }
                        td class="n" { (grouped(resource.used)) }
                        td class="n" { (grouped(resource.available)) }
                        td class="n" {
                            meter min="0" max="1" high=(resource.limit) value=(share)
                                aria-label=(format!("Share of {}", resource.name)) {}
                            " " (percent(share))
                        }
                        td class="n" { (percent(resource.limit)) }
                    }
                }
            }
        }
    }
}
