//! Multiply-accumulates in a cycle against those for each byte of the bus.

use maud::{Markup, html};

use super::{at, percent, short, svg};
use crate::data::{Layer, Summary};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 60.0;
const BOTTOM: f64 = 40.0;

/// Decades of an axis around the values.
fn decades(values: &[f64]) -> (f64, f64) {
    let logs = values.iter().filter(|v| **v > 0.0).map(|v| v.log10());
    let low = logs.clone().fold(f64::INFINITY, f64::min).floor();
    let high = logs.fold(f64::NEG_INFINITY, f64::max).ceil();
    if low.is_finite() && high > low {
        (low, high)
    } else {
        (0.0, 1.0)
    }
}

/// Layers without bytes of their own are drawn at the right edge.
pub fn draw(summary: &Summary, layers: &[Layer]) -> Markup {
    let peak = summary.mac_peak_per_cycle as f64;
    let ridge = peak / summary.bus_bytes.max(1) as f64;
    let point = |l: &Layer| {
        let intensity = l.macs as f64 / l.bus_bytes.max(1) as f64;
        (intensity, l.macs as f64 / l.cycles.max(1) as f64)
    };
    let shown: Vec<&Layer> = layers.iter().filter(|l| l.macs > 0).collect();
    let points: Vec<(f64, f64)> = shown.iter().map(|l| point(l)).collect();
    let xs: Vec<f64> = points.iter().map(|p| p.0).chain([ridge]).collect();
    let ys: Vec<f64> = points.iter().map(|p| p.1).chain([peak * 1.2]).collect();
    let ((x0, x1), (y0, y1)) = (decades(&xs), decades(&ys));
    let x = |v: f64| LEFT + (v.log10() - x0) / (x1 - x0) * (WIDTH - LEFT - 20.0);
    let y = |v: f64| (HEIGHT - BOTTOM) - (v.log10() - y0) / (y1 - y0) * (HEIGHT - BOTTOM - 10.0);
    let low = 10f64
        .powf(x0)
        .max(10f64.powf(y0) / summary.bus_bytes.max(1) as f64);
    let bus = format!(
        "M{} {}L{} {}L{} {}",
        at(x(low)),
        at(y(low * summary.bus_bytes as f64)),
        at(x(ridge)),
        at(y(peak)),
        at(x(10f64.powf(x1))),
        at(y(peak))
    );
    let inside = html! {
        @for decade in (x0 as i32)..=(x1 as i32) {
            @let v = 10f64.powi(decade);
            line class="grid" x1=(at(x(v))) x2=(at(x(v))) y1="10" y2=(at(HEIGHT - BOTTOM)) {}
            text class="small" x=(at(x(v))) y=(at(HEIGHT - BOTTOM + 16.0)) text-anchor="middle" {
                (short(v))
            }
        }
        @for decade in (y0 as i32)..=(y1 as i32) {
            @let v = 10f64.powi(decade);
            line class="grid" x1=(at(LEFT)) x2=(at(WIDTH - 20.0)) y1=(at(y(v))) y2=(at(y(v))) {}
            text class="small" x=(at(LEFT - 6.0)) y=(at(y(v) + 4.0)) text-anchor="end" {
                (short(v))
            }
        }
        text class="small" x=(at(WIDTH / 2.0)) y=(at(HEIGHT - 6.0)) text-anchor="middle" {
            "MACs for each byte over the bus"
        }
        text class="small" x="12" y=(at(HEIGHT / 2.0)) text-anchor="middle"
            transform=(format!("rotate(-90 12 {})", at(HEIGHT / 2.0))) { "MACs in a cycle" }
        path class="roof" d=(bus) {
            title { "At most " (summary.mac_peak_per_cycle) " MACs and " (summary.bus_bytes)
                " bytes in a cycle" }
        }
        @for (layer, (intensity, rate)) in shown.iter().zip(&points) {
            circle class="point" cx=(at(x(*intensity))) cy=(at(y(*rate))) r="5"
                data-layer=(layer.name) data-intensity=(intensity) data-rate=(rate) {
                title {
                    (layer.name) ": " (at(*intensity)) " MACs a byte, " (at(*rate))
                    " MACs a cycle (" (percent(rate / peak)) " of the peak)"
                }
            }
        }
    };
    svg("roofline", "Roofline by layer", WIDTH, HEIGHT, &inside)
}
