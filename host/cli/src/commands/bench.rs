//! `firebrick bench`: where the time of a picture goes.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use firebrick_driver::{Next, Session, Timing, Tried};
use firebrick_model::Model;
use firebrick_network::random::picture;
use firebrick_spec::regs;
use serde::Serialize;

use crate::args::device::Bench;
use crate::device;
use crate::error::{CliError, Outcome};
use crate::output::Output;
use crate::progress::{self, Counter, Style, note};
use crate::target;
use crate::{engine, signals};

/// Pictures that differ; after them they come again.
const DISTINCT: u32 = 4;

/// A time over all pictures, in milliseconds.
#[derive(Serialize)]
struct Times {
    mean_ms: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
}

#[derive(Serialize)]
struct Report<'a> {
    backend: String,
    preset: &'a str,
    network: &'a str,
    height: usize,
    width: usize,
    images: u32,
    /// Tries that were repeated, and pictures without a result.
    retried: u64,
    failed: u64,
    seconds: f64,
    images_per_second: f64,
    /// Writing transfers on the host.
    packing: Times,
    /// From the first byte offered until the engine took the last; 0 if the device cannot tell.
    send: Times,
    /// From the first byte offered until the last of the result.
    latency: Times,
    /// Between results, in the engine's own count.
    mean_cycles: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    compute_ms: Option<f64>,
}

pub fn run(args: &Bench, style: Style, output: &mut Output) -> Result<Outcome, CliError> {
    let preset = || Ok(args.target.preset.config());
    let carrier =
        device::choose(args.backend, args.on.device.as_ref(), preset)?.waiting(args.on.wait);
    let cancel = signals::interrupt()?;
    let target = target::on(Some(&carrier), &args.target, style)?;
    let program = target.compile(false)?;
    let model = Model::new(&target.network)?;
    let (height, width) = (target.size.height, target.size.width);
    let mut pictures = Vec::new();
    for seed in 0..args.images.min(DISTINCT) {
        let picture = picture(height, width, seed.into());
        pictures.push((model.logits(&picture.view())?, picture));
    }
    let board = device::open(&carrier, &device::behaviour(&args.simulation), style)?;
    let mut session = Session::open(board, target.config())?;
    session.deadline = engine::deadline(args.simulation.deadline, &carrier, &program, false);
    // What is loaded once does not count for the pictures.
    let ready = session.set_up(&program).map_err(CliError::from);
    signals::in_order(&mut session, 0, ready)?;
    // Unknown after a reset, which clears it.
    let mut last = match regs::COUNTERS.first() {
        Some(cycles) => Some(session.counter(cycles)? as u32),
        None => Some(0),
    };
    let (mut cycles, mut counted, mut timings) = (0, 0u64, Vec::<Timing>::new());
    let mut wrong = None;
    let (mut fed, mut retried, mut failed) = (0, 0, 0);
    let counter = Counter::new(style, "measuring", args.images as usize);
    let begin = Instant::now();
    let result = session.stream_each(
        &program,
        args.retries.on(Some(&carrier)),
        &mut || {
            if fed == args.images || cancel.is_cancelled() {
                return Next::End;
            }
            fed += 1;
            let (_, picture) = &pictures[(fed - 1) as usize % pictures.len()];
            Next::Picture(picture.clone())
        },
        &mut |tried| {
            match tried {
                Tried::Answer(answer, _) => {
                    let (want, _) = &pictures[answer.index as usize % pictures.len()];
                    if answer.result.logits != *want {
                        wrong = Some(answer.index);
                        return ControlFlow::Break(());
                    }
                    let now = answer.result.trailer.cycles;
                    if let Some(last) = last {
                        cycles += u64::from(now.wrapping_sub(last));
                        counted += 1;
                    }
                    last = Some(now);
                    timings.push(answer.timing);
                    counter.tick();
                }
                Tried::Again(_) | Tried::Failed(_) if cancel.is_cancelled() => {}
                Tried::Again(lost) => {
                    note(format_args!(
                        "picture {}: {}; trying it again",
                        lost.index, lost.error
                    ));
                    (retried, last) = (retried + 1, None);
                }
                Tried::Failed(lost) => {
                    progress::error(format_args!("picture {}: {}", lost.index, lost.error));
                    (failed, last) = (failed + 1, None);
                    counter.tick();
                }
            }
            ControlFlow::Continue(())
        },
    );
    let seconds = begin.elapsed().as_secs_f64();
    drop(counter);
    let done = timings.len() as u64;
    if let Some(picture) = wrong {
        return Err(CliError::Differs { picture });
    }
    signals::in_order(&mut session, done, result.map_err(CliError::from))?;
    let times = |of: fn(&Timing) -> Duration| times(timings.iter().map(of).collect());
    let mean_cycles = cycles as f64 / counted.max(1) as f64;
    let report = Report {
        backend: carrier.name(),
        preset: &target.config().name,
        network: &target.network.name,
        height,
        width,
        images: args.images,
        retried,
        failed,
        seconds,
        images_per_second: done as f64 / seconds,
        packing: times(|t| t.pack),
        send: times(|t| t.send),
        latency: times(|t| t.total),
        mean_cycles,
        compute_ms: args.clock.map(|mhz| mean_cycles / mhz / 1e3),
    };
    if carrier.is_sim() {
        note("times are those of the simulation; only the cycles are the engine's");
    }
    match args.json.on {
        true => output.json(&report)?,
        false => print(&report, output)?,
    }
    Ok(match failed {
        0 => Outcome::Good,
        _ => Outcome::Bad,
    })
}

fn times(mut all: Vec<Duration>) -> Times {
    all.sort();
    let ms = |duration: Duration| 1e3 * duration.as_secs_f64();
    let rank = |percent: usize| {
        let place = (all.len() * percent).div_ceil(100).max(1) - 1;
        all.get(place).copied().map_or(0.0, ms)
    };
    Times {
        mean_ms: ms(all.iter().sum()) / all.len().max(1) as f64,
        p50_ms: rank(50),
        p95_ms: rank(95),
        p99_ms: rank(99),
    }
}

fn print(report: &Report<'_>, output: &mut Output) -> Result<(), CliError> {
    output.line(format_args!(
        "{}: {} at {}x{} on {}, {} pictures in {:.3} s, {:.2} a second",
        report.backend,
        report.network,
        report.height,
        report.width,
        report.preset,
        report.images,
        report.seconds,
        report.images_per_second
    ))?;
    if report.retried + report.failed > 0 {
        output.line(format_args!(
            "{} tries repeated after errors, {} pictures without a result",
            report.retried, report.failed
        ))?;
    }
    let mut table = crate::output::table(&["ms", "mean#", "p50#", "p95#", "p99#"]);
    for (name, times) in [
        ("packing", &report.packing),
        ("send", &report.send),
        ("end to end", &report.latency),
    ] {
        let figures = [times.mean_ms, times.p50_ms, times.p95_ms, times.p99_ms];
        let figures = figures.iter().map(|ms| format!("{ms:.3}"));
        table.add_row(std::iter::once(name.to_owned()).chain(figures));
    }
    output.line(table)?;
    let time = report.compute_ms.map_or(String::new(), |ms| {
        format!(", {ms:.3} ms at the clock given")
    });
    output.line(format_args!(
        "compute: {:.0} cycles a picture{time}",
        report.mean_cycles
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let all = (1..=200).rev().map(Duration::from_millis).collect();
        let times = times(all);
        assert_eq!((times.p50_ms, times.p95_ms), (100.0, 190.0));
        assert_eq!(times.p99_ms, 198.0);
        assert!((times.mean_ms - 100.5).abs() < 1e-9);
    }
}
