//! When each unit works.

use maud::{Markup, html};

use super::{at, colour, grouped, percent, short, svg, ticks};
use crate::data::{Layer, Timeline};

const WIDTH: f64 = 1200.0;
const LEFT: f64 = 90.0;
const ARRAY: f64 = 90.0;
const UNIT: f64 = 22.0;
const TOP: f64 = 18.0;

/// Neighbours with the same content, joined: first bin, bin behind the last, content.
fn runs<T: PartialEq + Copy>(bins: &[T]) -> Vec<(usize, usize, T)> {
    let mut runs: Vec<(usize, usize, T)> = Vec::new();
    for (index, &bin) in bins.iter().enumerate() {
        match runs.last_mut() {
            Some((_, end, content)) if *content == bin => *end = index + 1,
            _ => runs.push((index, index + 1, bin)),
        }
    }
    runs
}

/// The array's use as a band of colours, the layers below, then a row for each other unit.
pub fn draw(id: &str, timeline: &Timeline, layers: &[Layer]) -> Markup {
    let all = timeline.cycles.max(1) as f64;
    let x = |cycle: f64| LEFT + cycle / all * (WIDTH - LEFT - 10.0);
    let bin_x = |bin: usize| x((bin as u64 * timeline.bin).min(timeline.cycles) as f64);
    let layer_y = TOP + ARRAY + 4.0;
    let unit_y = |index: usize| layer_y + UNIT * (index + 1) as f64;
    let height = unit_y(timeline.units.len()) + 22.0;
    let inside = html! {
        @for tick in ticks(all, 8) {
            line class="grid" x1=(at(x(tick))) x2=(at(x(tick))) y1=(at(TOP)) y2=(at(height - 20.0)) {}
            text class="small" x=(at(x(tick))) y=(at(height - 6.0)) text-anchor="middle" {
                (short(tick))
            }
        }
        text x=(at(LEFT - 8.0)) y=(at(TOP + ARRAY / 2.0)) text-anchor="end" { "array" }
        g class="array" { (array(timeline, &bin_x)) }
        text x=(at(LEFT - 8.0)) y=(at(layer_y + 15.0)) text-anchor="end" { "layer" }
        g class="layers" {
            @for (start, end, layer) in runs(&timeline.layer) {
                @if let Some(name) = layer.and_then(|l| layers.get(l)).map(|l| &l.name) {
                    @let parity = layer.unwrap_or(0) % 2;
                    rect class=(format!("layer-{parity}")) x=(at(bin_x(start))) y=(at(layer_y))
                        width=(at(bin_x(end) - bin_x(start))) height="18" data-layer=(name) {
                        title { (name) ", from cycle " (grouped(start as u64 * timeline.bin)) }
                    }
                }
            }
        }
        @for (index, (name, busy)) in timeline.units.iter().enumerate() {
            text x=(at(LEFT - 8.0)) y=(at(unit_y(index) + 15.0)) text-anchor="end" { (name) }
            g class="unit" data-unit=(name) data-busy=(busy.iter().sum::<u64>()) {
                (unit(timeline, name, busy, unit_y(index), &bin_x))
            }
        }
        @for (index, (from, _)) in timeline.pictures.iter().enumerate() {
            line class="mark" x1=(at(x(*from as f64))) x2=(at(x(*from as f64))) y1="4"
                y2=(at(height - 20.0)) {}
            text class="small" x=(at(x(*from as f64) + 3.0)) y="13" { "picture " (index + 1) }
        }
    };
    svg(id, &timeline.title, WIDTH, height, &inside)
}

/// Per bin a stack of causes, `busy` at the bottom; a share in eighths is precise enough to see.
fn array(timeline: &Timeline, bin_x: &impl Fn(usize) -> f64) -> Markup {
    const STEPS: u64 = 16;
    let mut names: Vec<&String> = Vec::new();
    for bin in &timeline.array {
        for name in bin.keys() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.sort_by_key(|name| (name.as_str() != "busy", name.as_str()));
    let steps = |bin: &std::collections::BTreeMap<String, u64>, upto: usize| {
        let all: u64 = bin.values().sum();
        let part: u64 = names[..upto].iter().filter_map(|n| bin.get(*n)).sum();
        // What is there at all is seen.
        (part * STEPS).div_ceil(all.max(1))
    };
    html! {
        @for (index, name) in names.iter().enumerate() {
            @let bins: Vec<(u64, u64)> = timeline.array.iter()
                .map(|bin| (steps(bin, index), steps(bin, index + 1))).collect();
            g data-cause=(name)
                data-cycles=(timeline.array.iter().filter_map(|b| b.get(*name)).sum::<u64>()) {
                @for (start, end, (low, high)) in runs(&bins) {
                    @if high > low {
                        @let cycles: u64 = timeline.array[start..end].iter()
                            .filter_map(|b| b.get(*name)).sum();
                        rect class=(colour(name)) x=(at(bin_x(start)))
                            y=(at(TOP + ARRAY * (1.0 - high as f64 / STEPS as f64)))
                            width=(at(bin_x(end) - bin_x(start)))
                            height=(at(ARRAY * (high - low) as f64 / STEPS as f64)) {
                            title {
                                (name) ": " (grouped(cycles)) " cycles of "
                                (grouped(start as u64 * timeline.bin)) " to "
                                (grouped((end as u64 * timeline.bin).min(timeline.cycles)))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn unit(
    timeline: &Timeline,
    name: &str,
    busy: &[u64],
    y: f64,
    bin_x: &impl Fn(usize) -> f64,
) -> Markup {
    let shade = |n: &u64| (4 * n).div_ceil(timeline.bin.max(1)).min(4);
    let shades: Vec<u64> = busy.iter().map(shade).collect();
    html! {
        @for (start, end, shade) in runs(&shades) {
            @if shade > 0 {
                @let cycles: u64 = busy[start..end].iter().sum();
                @let length = (end - start) as u64 * timeline.bin;
                rect class="unit-busy" x=(at(bin_x(start))) y=(at(y + 2.0)) height="16"
                    width=(at(bin_x(end) - bin_x(start))) fill-opacity=(at(0.52 + 0.12 * shade as f64)) {
                    title { (name) ": busy " (percent(cycles as f64 / length as f64)) " from cycle "
                        (grouped(start as u64 * timeline.bin)) }
                }
            }
        }
    }
}
