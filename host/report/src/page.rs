//! The page around the charts.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::chart::{colour, graph, grouped, layers, memory, percent, quantisation, roofline};
use crate::chart::{timeline, waterfall};
use crate::data::{Map, Quantised, Report, Resource};

/// The report as one HTML file.
///
/// # Panics
/// Never: names and numbers can always be written as JSON.
#[must_use]
pub fn html(report: &Report) -> String {
    let summary = &report.summary;
    let title = format!("{} on {}", summary.network, summary.preset);
    let data = serde_json::to_string(report).expect("names and numbers can always be written");
    // Nothing in the data ends the element.
    let data = data.replace('<', "\\u003c");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " – Firebrick" }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                header {
                    h1 { (title) }
                    (figures(report))
                    (contents(report))
                }
                main { (sections(report)) }
                footer { (run(report)) }
                script id="data" type="application/json" { (PreEscaped(data)) }
                script { (PreEscaped(include_str!("page.js"))) }
            }
        }
    };
    page.into_string()
}

fn figures(report: &Report) -> Markup {
    let summary = &report.summary;
    let figure = |name: &str, id: &str, value: String| {
        html! { div class="figure" { dt { (name) } dd id=(id) { (value) } } }
    };
    html! {
        dl class="figures" {
            (figure("Input", "f-input", format!("{}x{}", summary.height, summary.width)))
            (figure("Cycles, one picture", "f-cycles", grouped(summary.cycles)))
            (figure("Cycles a picture, back to back", "f-run",
                grouped(summary.cycles_per_image.round() as u64)))
            (figure("MACs used", "f-utilization", percent(summary.utilization)))
            (figure("MACs of a picture", "f-macs", grouped(summary.macs)))
            (figure("Bytes in", "f-in", grouped(summary.dma_bytes_in as u64)))
            (figure("Bytes out", "f-out", grouped(summary.dma_bytes_out as u64)))
            (figure("Weights", "f-weights",
                if summary.resident { "resident" } else { "streamed" }.to_owned()))
        }
    }
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
        ("s-maps", "Feature maps", !report.maps.is_empty()),
        ("s-resources", "Resources", !report.resources.is_empty()),
    ];
    let shown = all.into_iter().filter(|(_, _, shown)| *shown);
    shown.map(|(id, heading, _)| (id, heading)).collect()
}

fn contents(report: &Report) -> Markup {
    html! {
        nav aria-label="Sections" {
            @for (id, heading) in headings(report) { a href=(format!("#{id}")) { (heading) } }
        }
    }
}

fn sections(report: &Report) -> Markup {
    html! {
        @for (id, heading) in headings(report) {
            section id=(id) aria-labelledby=(format!("{id}-h")) {
                h2 id=(format!("{id}-h")) { (heading) }
                (section(report, id))
            }
        }
    }
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
        "s-quantisation" => quantised(&report.quantisation),
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

fn layer_table(report: &Report) -> Markup {
    html! {
        (layers::draw(&report.layers))
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

fn quantised(layers: &[Quantised]) -> Markup {
    let share = |value: Option<f64>| value.map_or("–".to_owned(), percent);
    html! {
        p {
            "Weights from -128 to 127 and activations from 0 to 255 (of the photograph, if there is \
             one); the height of a bar is the root of its count."
        }
        div class="scroll" { table {
            thead { tr {
                th { "Layer" } th { "Weights" } th { "Zero weights" } th { "Largest" }
                th { "Activations" } th { "Zero" } th { "Clipped" } th { "Output step" }
            } }
            tbody {
                @for (index, layer) in layers.iter().enumerate() {
                    tr data-layer=(layer.name) {
                        td { (layer.name) }
                        td { (quantisation::histogram(&format!("w-{index}"),
                            &format!("Weights of {}", layer.name), &layer.weights, (-128, 127))) }
                        td class="n" { (percent(layer.zero_weights)) }
                        td class="n" { (layer.largest_weight) }
                        td { @if !layer.activations.is_empty() {
                            (quantisation::histogram(&format!("a-{index}"),
                                &format!("Activations of {}", layer.name), &layer.activations,
                                (0, 255)))
                        } }
                        td class="n" { (share(layer.zeros)) }
                        td class="n" { (share(layer.clipped)) }
                        td class="n" { (format!("{:.5}", layer.output_scale)) }
                    }
                }
            }
        } }
    }
}

fn maps(maps: &[Map]) -> Markup {
    html! {
        p {
            "Every channel of every map of the photograph. Concatenations are shown as their parts; \
             of maps with more than 64 rows or columns some pixels are left out."
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

fn run(report: &Report) -> Markup {
    html! {
        h2 { "What was run" }
        dl class="run" {
            @for (name, value) in &report.run { dt { (name) } dd { (value) } }
        }
    }
}
