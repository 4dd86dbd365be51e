//! `firebrick bench`: where the time of a picture goes.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use firebrick_driver::{Device, Next, Session, Timing, Told};
use firebrick_model::Model;
use firebrick_network::random::picture;
use firebrick_spec::regs;
use schemars::JsonSchema;
use serde::Serialize;

use super::predict::Prediction;
use crate::args::device::Bench;
use crate::device::{self, Carrier};
use crate::error::{CliError, Outcome};
use crate::live;
use crate::output::Output;
use crate::pages;
use crate::pool::{self, Carry, Single};
use crate::progress::{self, Counter, Style, note};
use crate::target::{self, Target};
use crate::{engine, signals};

/// Pictures that differ; after them they come again.
const DISTINCT: u32 = 4;

/// A time over all pictures, in milliseconds.
#[derive(JsonSchema, Serialize)]
pub struct Times {
    mean_ms: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
}

/// One of several engines.
#[derive(JsonSchema, Serialize)]
pub struct EngineReport {
    /// Its URI.
    engine: String,
    images: u64,
    /// How often it was taken out.
    outages: u64,
    /// Between its results, in its own count.
    mean_cycles: f64,
}

/// What is counted of an engine.
#[derive(Clone, Default)]
struct Count {
    images: u64,
    outages: u64,
    /// Cycles between results, and how many of these were counted.
    cycles: u64,
    counted: u64,
    /// Its count at the last result; unknown after a reset, which clears it.
    last: Option<u32>,
}

impl Count {
    fn of<D: Device>(session: &mut Session<D>) -> Result<Count, CliError> {
        let last = match regs::COUNTERS.first() {
            Some(cycles) => session.counter(cycles)? as u32,
            None => 0,
        };
        Ok(Count {
            last: Some(last),
            ..Count::default()
        })
    }

    fn result(&mut self, now: u32) {
        if let Some(last) = self.last.replace(now) {
            self.cycles += u64::from(now.wrapping_sub(last));
            self.counted += 1;
        }
        self.images += 1;
    }

    fn mean(&self) -> f64 {
        self.cycles as f64 / self.counted.max(1) as f64
    }
}

#[derive(JsonSchema, Serialize)]
pub struct Report<'a> {
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
    /// What the timing model says of pictures back to back, if neither stream waits.
    predicted_cycles: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    compute_ms: Option<f64>,
    /// Of several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    engines: Vec<EngineReport>,
}

pub fn run(args: &Bench, style: Style, output: &mut Output) -> Result<Outcome, CliError> {
    let inputs: Vec<&Path> = args.target.network.model.as_deref().into_iter().collect();
    let page = pages::check(&args.html, &inputs, &[], args.force.on, output)?;
    let live = live::start(&args.live, "Measuring", output, |objects| {
        pages::bench(objects, pages::run_of(None, &[]))
    })?;
    let outcome = measure(args, style, output)?;
    pages::write(page.as_ref(), output, |objects| {
        pages::bench(objects, pages::run_of(None, &[]))
    })?;
    live::end(live);
    Ok(outcome)
}

fn measure(args: &Bench, style: Style, output: &mut Output) -> Result<Outcome, CliError> {
    signals::interrupt()?;
    if let Some(carriers) = args.on.several()? {
        let (mut pool, target) = pool::open(&carriers, &args.target, &args.simulation, style)?;
        let names = pool::names(&pool);
        let mut counts = Vec::new();
        for member in pool.members_mut() {
            let program = Arc::clone(member.program());
            let session = member.ensure()?;
            // What is loaded once does not count for the pictures.
            session.set_up(&program)?;
            counts.push(Count::of(session)?);
        }
        let bench = Run {
            args,
            target: &target,
            backend: pool::name(&args.on.device),
            simulated: carriers.iter().all(Carrier::is_sim),
            retries: args.retries.on_several(),
            names,
        };
        return bench.run(&mut pool, counts, style, output);
    }
    let preset = || Ok(args.target.preset.config());
    let device = args.on.one("bench")?;
    let carrier = device::choose(args.backend, device.as_ref(), preset)?.waiting(args.on.wait);
    let target = target::on(Some(&carrier), &args.target, style)?;
    let program = target.compile(false)?;
    let board = device::open(&carrier, &device::behaviour(&args.simulation), style)?;
    let mut session = Session::open(board, target.config())?;
    session.deadline = engine::deadline(args.simulation.deadline, &carrier, &program, false);
    // What is loaded once does not count for the pictures.
    let ready = session.set_up(&program).map_err(CliError::from);
    signals::in_order(&mut session, 0, ready)?;
    let counts = vec![Count::of(&mut session)?];
    let bench = Run {
        args,
        target: &target,
        backend: carrier.name(),
        simulated: carrier.is_sim(),
        retries: args.retries.on(Some(&carrier)),
        names: Vec::new(),
    };
    let mut on = Single {
        session,
        program: &program,
    };
    bench.run(&mut on, counts, style, output)
}

/// What is measured.
struct Run<'a> {
    args: &'a Bench,
    target: &'a Target,
    backend: String,
    simulated: bool,
    retries: u32,
    /// Of several engines.
    names: Vec<String>,
}

/// What was measured, so far or in all.
struct Found<'a> {
    timings: &'a [Timing],
    counts: &'a [Count],
    retried: u64,
    failed: u64,
    seconds: f64,
    predicted: f64,
}

impl Run<'_> {
    fn run(
        &self,
        on: &mut dyn Carry,
        mut counts: Vec<Count>,
        style: Style,
        output: &mut Output,
    ) -> Result<Outcome, CliError> {
        let (args, target) = (self.args, self.target);
        let model = Model::new(&target.network)?;
        let (height, width) = (target.size.height, target.size.width);
        let mut pictures = Vec::new();
        for seed in 0..args.images.min(DISTINCT) {
            let picture = picture(height, width, seed.into());
            pictures.push((model.logits(&picture.view())?, picture));
        }
        let mut timings = Vec::<Timing>::new();
        let prediction = Prediction::of(target, &target.compile(false)?)?;
        let predicted = prediction.run.cycles_per_image;
        let (mut wrong, mut told_engine) = (None, Ok(()));
        let (mut fed, mut retried, mut failed) = (0, 0, 0);
        let counter = Counter::new(style, "measuring", args.images as usize);
        let begin = Instant::now();
        let result = on.each(
            self.retries,
            &mut || {
                if fed == args.images || signals::is_interrupted() {
                    return Next::End;
                }
                fed += 1;
                let (_, picture) = &pictures[(fed - 1) as usize % pictures.len()];
                Next::Picture(picture.clone())
            },
            &mut |told| {
                match told {
                    Told::Answer { engine, answer, .. } => {
                        let (want, _) = &pictures[answer.index as usize % pictures.len()];
                        if answer.result.logits != *want {
                            wrong = Some(answer.index);
                            return ControlFlow::Break(());
                        }
                        counts[engine].result(answer.result.trailer.cycles);
                        timings.push(answer.timing);
                        counter.tick();
                        if output.wants_interim() {
                            let so_far = Found {
                                timings: &timings,
                                counts: &counts,
                                retried,
                                failed,
                                seconds: begin.elapsed().as_secs_f64(),
                                predicted,
                            };
                            told_engine = output.interim(&self.report(&so_far));
                        }
                    }
                    _ if signals::is_interrupted() => {}
                    Told::Out { engine, .. } => {
                        counts[engine].last = None;
                        counts[engine].outages += 1;
                        told_engine = pool::tell_engine(&told, &self.names, false, output);
                    }
                    Told::Back { .. } => {
                        told_engine = pool::tell_engine(&told, &self.names, false, output);
                    }
                    Told::Again { engine, lost } => {
                        note(format_args!(
                            "picture {}: {}; trying it again",
                            lost.index, lost.error
                        ));
                        counts[engine].last = None;
                        retried += 1;
                    }
                    Told::Failed { lost } => {
                        progress::error(format_args!("picture {}: {}", lost.index, lost.error));
                        // Of one engine; one of several was told to be out.
                        if self.names.is_empty() {
                            counts[0].last = None;
                        }
                        failed += 1;
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
        on.in_order(done)?;
        result?;
        told_engine?;
        let report = self.report(&Found {
            timings: &timings,
            counts: &counts,
            retried,
            failed,
            seconds,
            predicted,
        });
        if self.simulated {
            note("times are those of the simulation; only the cycles are the engine's");
        }
        output.object(&report, args.json.on)?;
        if !args.json.on {
            print(&report, output)?;
        }
        Ok(match failed {
            0 => Outcome::Good,
            _ => Outcome::Bad,
        })
    }

    fn report(&self, found: &Found<'_>) -> Report<'_> {
        let (args, target) = (self.args, self.target);
        let times = |of: fn(&Timing) -> Duration| times(found.timings.iter().map(of).collect());
        let sum = |of: fn(&Count) -> u64| found.counts.iter().map(of).sum::<u64>();
        let mean_cycles = sum(|c| c.cycles) as f64 / sum(|c| c.counted).max(1) as f64;
        let engines = self.names.iter().zip(found.counts);
        Report {
            backend: self.backend.clone(),
            preset: &target.config().name,
            network: &target.network.name,
            height: target.size.height,
            width: target.size.width,
            images: args.images,
            retried: found.retried,
            failed: found.failed,
            seconds: found.seconds,
            images_per_second: found.timings.len() as f64 / found.seconds,
            packing: times(|t| t.pack),
            send: times(|t| t.send),
            latency: times(|t| t.total),
            mean_cycles,
            predicted_cycles: found.predicted,
            compute_ms: args.clock.map(|mhz| mean_cycles / mhz / 1e3),
            engines: engines
                .map(|(name, count)| EngineReport {
                    engine: name.clone(),
                    images: count.images,
                    outages: count.outages,
                    mean_cycles: count.mean(),
                })
                .collect(),
        }
    }
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
    if !report.engines.is_empty() {
        let mut table = crate::output::table(&["engine", "pictures#", "outages#", "cycles#"]);
        for engine in &report.engines {
            table.add_row([
                engine.engine.clone(),
                engine.images.to_string(),
                engine.outages.to_string(),
                format!("{:.0}", engine.mean_cycles),
            ]);
        }
        output.line(table)?;
    }
    let time = report.compute_ms.map_or(String::new(), |ms| {
        format!(", {ms:.3} ms at the clock given")
    });
    output.line(format_args!(
        "compute: {:.0} cycles a picture, {:.0} predicted{time}",
        report.mean_cycles, report.predicted_cycles
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
