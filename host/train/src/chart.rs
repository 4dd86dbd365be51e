//! Curves of loss and accuracy as one SVG file, for light and dark pages.

use std::fmt::Write as _;

use crate::fit::Epoch;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 300.0;
/// Around each of the two charts.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 36.0;

const STYLE: &str = "<style>\
text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}.best{stroke:#888;stroke-dasharray:4 3}\
.t{stroke:#1f6fb2;fill:none;stroke-width:2}.v{stroke:#c7511f;fill:none;stroke-width:2}\
circle.t{fill:#1f6fb2}circle.v{fill:#c7511f}.back{fill:#fff}\
@media(prefers-color-scheme:dark){text{fill:#ccc}.grid{stroke:#444}.back{fill:#181818}\
.t{stroke:#6cb0ea}.v{stroke:#f0906a}circle.t{fill:#6cb0ea}circle.v{fill:#f0906a}}</style>";

/// One of the charts.
struct Chart {
    title: &'static str,
    /// Its place: left edge.
    x: f64,
    most: f64,
    ticks: Vec<f64>,
    values: [fn(&Epoch) -> f64; 2],
}

/// Loss on the left, accuracy on the right, each in training and in validation; the best epoch is
/// marked. Each point has its figures in a title.
#[must_use]
pub fn curves(epochs: &[Epoch], best: usize) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Loss and accuracy by epoch\">{STYLE}\
         <rect class=\"back\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>"
    );
    let losses = epochs.iter().flat_map(|e| [e.loss, e.validation_loss]);
    let (most, ticks) = axis(losses.fold(0.0, f64::max));
    let charts = [
        Chart {
            title: "Loss",
            x: 0.0,
            most,
            ticks,
            values: [|e| e.loss, |e| e.validation_loss],
        },
        Chart {
            title: "Accuracy",
            x: WIDTH / 2.0,
            most: 1.0,
            ticks: (0..=5).map(|n| f64::from(n) / 5.0).collect(),
            values: [|e| e.accuracy, |e| e.validation_accuracy],
        },
    ];
    for chart in &charts {
        chart.draw(epochs, best, &mut svg);
    }
    svg += "</svg>\n";
    svg
}

impl Chart {
    fn draw(&self, epochs: &[Epoch], best: usize, svg: &mut String) {
        let wide = WIDTH / 2.0 - LEFT - RIGHT;
        let high = HEIGHT - TOP - BOTTOM;
        let last = epochs.len().max(2) as f64;
        let x = |epoch: usize| self.x + LEFT + (epoch as f64 - 1.0) / (last - 1.0) * wide;
        let y = |value: f64| TOP + high - (value / self.most).clamp(0.0, 1.0) * high;
        let (left, right) = (self.x + LEFT, self.x + LEFT + wide);
        // Writing to a string does not fail.
        let _ = write!(
            svg,
            "<text x=\"{left}\" y=\"20\">{}</text><text x=\"{right}\" y=\"20\" text-anchor=\"end\">\
             <tspan style=\"fill:#1f6fb2\">training</tspan> \
             <tspan style=\"fill:#c7511f\">validation</tspan></text>\
             <text x=\"{right}\" y=\"{}\" text-anchor=\"end\">epoch {}</text>\
             <text x=\"{left}\" y=\"{}\">1</text>",
            self.title,
            HEIGHT - 12.0,
            epochs.len(),
            HEIGHT - 12.0,
        );
        for &tick in &self.ticks {
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 6.0,
                y(tick) + 4.0,
                short(tick),
                y = y(tick),
            );
        }
        if best > 0 {
            let _ = write!(
                svg,
                "<line class=\"best\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{}\">\
                 <title>best epoch: {best}</title></line>",
                TOP + high,
                x = x(best),
            );
        }
        for ((class, name), value) in [("t", "training"), ("v", "validation")]
            .iter()
            .zip(self.values)
        {
            let points = epochs
                .iter()
                .map(|e| format!("{:.1},{:.1}", x(e.epoch), y(value(e))));
            let points: Vec<String> = points.collect();
            let _ = write!(
                svg,
                "<polyline class=\"{class}\" points=\"{}\"/>",
                points.join(" ")
            );
            for epoch in epochs {
                let _ = write!(
                    svg,
                    "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2\">\
                     <title>epoch {}, {name} {}: {:.4}</title></circle>",
                    x(epoch.epoch),
                    y(value(epoch)),
                    epoch.epoch,
                    self.title.to_lowercase(),
                    value(epoch),
                );
            }
        }
    }
}

/// End and steps of an axis from 0: the step is a round number.
fn axis(most: f64) -> (f64, Vec<f64>) {
    let most = most.max(1e-6);
    let rough = most / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = steps
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(10.0 * power);
    let count = (most / step).ceil().max(1.0) as u32;
    let ticks = (0..=count).map(|n| f64::from(n) * step).collect();
    (f64::from(count) * step, ticks)
}

fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: usize, loss: f64) -> Epoch {
        Epoch {
            epoch,
            rate: 0.04,
            loss,
            accuracy: 0.5,
            validation_loss: loss / 2.0,
            validation_accuracy: 0.75,
        }
    }

    #[test]
    fn every_figure_is_in_the_chart() {
        let epochs = [epoch(1, 2.3), epoch(2, 1.25), epoch(3, 0.5)];
        let svg = curves(&epochs, 3);
        for epoch in &epochs {
            let title = format!("epoch {}, training loss: {:.4}", epoch.epoch, epoch.loss);
            assert_eq!(svg.matches(&title).count(), 1, "{title}");
        }
        assert_eq!(svg.matches("<circle").count(), 12);
        assert_eq!(svg.matches("best epoch: 3").count(), 2);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        // One epoch is a point.
        assert!(!curves(&epochs[..1], 1).contains("NaN"));
    }

    #[test]
    fn axes_end_in_round_numbers() {
        assert_eq!(axis(2.3), (2.5, vec![0.0, 0.5, 1.0, 1.5, 2.0, 2.5]));
        assert_eq!(axis(0.0).1.len(), 6);
    }
}
