//! What the parser cannot see: options that mean nothing beside others. They are refused, so that
//! nobody believes that they did something.

use clap::FromArgMatches;
use clap::error::ErrorKind;
use firebrick::near::{near, question};
use firebrick_board::BoardError;
use firebrick_driver::Uri;

use super::device::{Bench, Replay, Retries};
use super::{
    Args, Boards, Classify, Command, EngineBackend, Evaluate, Rule, Simulation, Train, Verify,
    command,
};
use crate::device::simulated_preset;

/// The command line, or the end of the program with an error that says what is wrong with it.
pub fn parse() -> Args {
    let mut matches = command().get_matches();
    let args = Args::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.exit());
    if let Err(text) = check(&args) {
        command().error(ErrorKind::ArgumentConflict, text).exit();
    }
    args
}

pub(super) fn check(args: &Args) -> Result<(), String> {
    match &args.command {
        Command::Classify(args) => classify(args),
        Command::Verify(args) => verify(args),
        Command::Bench(args) => bench(args),
        Command::Evaluate(args) => evaluate(args),
        Command::Train(args) => train(args),
        Command::Replay(args) => replay(args),
        Command::Generate(args) => board(&args.boards, args.board.as_ref()),
        Command::Info(args) => board(&args.boards, args.board.as_ref()),
        Command::Explore(args) => board(&args.boards, Some(&args.board)),
        _ => Ok(()),
    }
}

/// A name that is no board's is a wrong argument; what is wrong with a board is told later.
fn board(boards: &Boards, name: Option<&String>) -> Result<(), String> {
    match boards.given(name) {
        Err(
            ref error @ BoardError::Unknown {
                ref name,
                ref known,
            },
        ) => Err(format!(
            "{error}{}",
            question(near(name, known.split(", ")))
        )),
        _ => Ok(()),
    }
}

/// What a command works on, as far as options mean something there.
#[derive(Clone, Copy, PartialEq)]
enum On {
    Model,
    Software,
    Sim,
    Board,
}

impl On {
    /// It, and the option that says so.
    fn of(backend: Option<EngineBackend>, devices: &[Uri]) -> (On, &'static str) {
        let simulated = devices.iter().all(|uri| simulated_preset(uri).is_some());
        match (devices.first(), backend) {
            (Some(_), _) if simulated => (On::Sim, "--device sim:"),
            (Some(_), _) => (On::Board, "--device"),
            (None, Some(EngineBackend::Sim)) => (On::Sim, "--backend sim"),
            (None, Some(EngineBackend::Software)) => (On::Software, "--backend software"),
            (None, None) => (On::Model, "--backend model"),
        }
    }
}

/// An error that names the first option that was given.
fn refuse<'a>(
    options: impl IntoIterator<Item = (&'a str, bool)>,
    beside: &str,
    why: &str,
) -> Result<(), String> {
    match options.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(format!("{option} cannot be used with {beside}: {why}")),
        None => Ok(()),
    }
}

const SIMULATOR: &str = "it is for the simulated engine; give --backend sim in its place";
const DISTURBS: &str = "random waits on the ports, and their seed, are the simulator's; give --backend \
                        sim in its place, or leave it out";

/// The options that every command on an engine has, the same for all.
fn shared(
    (on, beside): (On, &str),
    simulation: &Simulation,
    retries: Option<&Retries>,
) -> Result<(), String> {
    let random = [
        ("--seed", simulation.seed.is_some()),
        ("--idle", simulation.idle.is_some()),
        ("--back-pressure", simulation.back_pressure.is_some()),
    ];
    if on != On::Sim {
        refuse(random, beside, DISTURBS)?;
    }
    if on == On::Model {
        let deadline = [("--deadline", simulation.deadline.is_some())];
        let why = "the model waits for nothing; leave it out";
        refuse(deadline, beside, why)?;
        let given = retries.is_some_and(|retries| retries.given.is_some());
        let why = "the model says the same each time; leave it out";
        refuse([("--retries", given)], beside, why)?;
    }
    Ok(())
}

fn train(args: &Train) -> Result<(), String> {
    let momentum = [("--momentum", args.momentum.is_some())];
    match args.optimiser {
        Rule::Adam => refuse(
            momentum,
            "--optimiser adam",
            "Adam's decays are fixed; leave it out",
        ),
        Rule::Sgd => Ok(()),
    }
}

fn classify(args: &Classify) -> Result<(), String> {
    let (on, beside) = On::of(args.backend.engine(), &args.on.device);
    shared((on, beside), &args.simulation, Some(&args.retries))?;
    let (layers, batch) = (
        [("--layers", args.layers)],
        [("--batch", args.batch.is_some())],
    );
    let engines: usize = args.on.device.iter().map(|uri| uri.engines().len()).sum();
    if engines > 1 && on == On::Sim {
        let why = "pictures go to whichever engine has room; name one engine, or leave it out";
        refuse(layers.into_iter().chain(batch), "several engines", why)?;
    }
    match on {
        On::Sim => {}
        On::Software => refuse(layers, beside, SIMULATOR)?,
        On::Model => {
            refuse(layers.into_iter().chain(batch), beside, SIMULATOR)?;
            let why = "nothing crosses to the model; give --backend or --device as well";
            refuse([("--record", args.record.is_some())], beside, why)?;
        }
        On::Board => {
            refuse(
                layers,
                beside,
                "cycles by layer are read from the simulated engine; give --backend sim in its \
                 place, or see `firebrick predict` for those of the board's preset",
            )?;
            refuse(
                batch,
                beside,
                "all pictures of a device run back to back anyway, each one's input during the one \
                 before; leave it out",
            )?;
        }
    }
    let why = "a recording is of one stream of pictures; leave it out";
    match args.record.is_some() {
        true => refuse(layers.into_iter().chain(batch), "--record", why),
        false => Ok(()),
    }
}

fn verify(args: &Verify) -> Result<(), String> {
    if let Some(path) = &args.waveform
        && path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("vcd"))
    {
        return Err(format!(
            "--waveform {}: waveforms are written in FST only; name a file that ends in .fst, and \
             convert it with fst2vcd if a tool needs VCD",
            path.display()
        ));
    }
    let (on, beside) = On::of(Some(args.backend), &args.on.device);
    shared((on, beside), &args.simulation, None)?;
    if on == On::Sim {
        return Ok(());
    }
    refuse([("--no-disturb", args.no_disturb)], beside, DISTURBS)?;
    let simulated = [
        ("--random-state", args.random_state),
        ("--waveform", args.waveform.is_some()),
        ("--wave-at-divergence", args.wave_at_divergence.is_some()),
    ];
    refuse(simulated, beside, SIMULATOR)
}

fn bench(args: &Bench) -> Result<(), String> {
    let on = On::of(Some(args.backend), &args.on.device);
    shared(on, &args.simulation, Some(&args.retries))
}

fn evaluate(args: &Evaluate) -> Result<(), String> {
    let on = On::of(args.backend.engine(), &args.on.device);
    shared(on, &args.simulation, Some(&args.retries))
}

fn replay(args: &Replay) -> Result<(), String> {
    let on = On::of(Some(args.backend), &args.on.device);
    shared(on, &args.simulation, None)?;
    if args.on.device.is_empty() {
        return Ok(());
    }
    refuse(
        [("--preset", args.preset.given.is_some())],
        "--device",
        "the device is what it is, and the recording is compared with it; leave it out",
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn refusal(line: &str) -> Option<String> {
        let args = Args::try_parse_from(line.split_whitespace()).unwrap();
        check(&args).err()
    }

    #[test]
    fn what_means_nothing_is_refused_by_name() {
        for (line, option) in [
            ("classify a --device axidma: --layers", "--layers"),
            ("classify a --device axidma: --batch 2", "--batch"),
            ("classify a --device sim:fb64*4 --batch 2", "--batch"),
            (
                "classify a --device sim:fb64 --device sim:fb64 --layers",
                "--layers",
            ),
            (
                "bench --device sim:fb64 --device axidma: --idle 0.1",
                "--idle",
            ),
            ("classify a --record f", "--record"),
            ("classify a --backend sim --record f --layers", "--layers"),
            (
                "classify a --device sim:fb64 --record f --batch 2",
                "--batch",
            ),
            ("classify a --device axidma: --seed 1", "--seed"),
            ("classify a --device axidma: --idle 0", "--idle"),
            (
                "classify a --device xdma:/dev/xdma0 --back-pressure 0.1",
                "--back-pressure",
            ),
            ("classify a --idle 0.1", "--idle"),
            ("classify a --layers", "--layers"),
            ("classify a --batch 2", "--batch"),
            ("classify a --deadline 2", "--deadline"),
            ("classify a --retries 2", "--retries"),
            ("classify a --backend software --layers", "--layers"),
            ("classify a --backend software --seed 3", "--seed"),
            ("verify a --device axidma: --seed 1", "--seed"),
            ("verify a --device axidma: --no-disturb", "--no-disturb"),
            (
                "verify a --device axidma: --back-pressure 0",
                "--back-pressure",
            ),
            ("verify a --device axidma: --random-state", "--random-state"),
            ("verify a --device axidma: --waveform w.fst", "--waveform"),
            ("verify a --backend software --seed 7", "--seed"),
            ("bench --device axidma: --seed 1", "--seed"),
            ("bench --backend software --idle 0.1", "--idle"),
            ("evaluate f --device axidma: --idle 0.1", "--idle"),
            ("evaluate f --deadline 3", "--deadline"),
            ("replay f --backend software --seed 1", "--seed"),
            ("verify a --backend software --idle 0.2", "--idle"),
            ("verify a --backend software --waveform w.fst", "--waveform"),
            (
                "verify a --backend software --wave-at-divergence",
                "--wave-at-divergence",
            ),
            ("verify a --waveform w.vcd", "--waveform"),
            ("verify a --waveform /x/W.VCD", "--waveform"),
            ("replay f --device sim:fb64 --preset fb64", "--preset"),
        ] {
            let text = refusal(&format!("firebrick {line}")).expect(line);
            assert!(text.starts_with(option), "{line}: {text}");
        }
    }

    #[test]
    fn what_works_passes() {
        for line in [
            "classify a --device sim:fb64 --deadline 5 --top 3",
            "classify a --backend sim --layers --batch 2 --seed 1 --idle 0.1 --back-pressure 0.1",
            "classify a --backend software --batch 2 --retries 1",
            "classify a --device sim:fb64 --retries 0",
            "classify a --device sim:fb64*4 --idle 0.1 --retries 2",
            "bench --device xdma:/dev/xdma0#1 --device xdma:/dev/xdma1",
            "verify a --device sim:fb64 --deadline 3",
            "verify a --seed 1 --idle 0.1 --random-state --waveform w.fst",
            "verify --wave-at-divergence a --serve-report",
            "verify a --wave-at-divergence=d --serve-report=[::1]:0",
            "verify a --backend software",
            "verify a --device sim:fb64 --seed 1 --idle 0.1 --random-state --waveform w.fst",
            "classify a --device sim:fb64 --layers --batch 2 --seed 1 --idle 0.1",
            "classify a --backend software --record f",
            "bench --backend software --retries 1 --deadline 3",
            "bench --device sim:fb64 --seed 1 --back-pressure 0.1",
            "evaluate f --device sim:fb64 --seed 1 --retries 1 --deadline 3",
            "evaluate f --device axidma: --retries 1",
            "replay f --seed 1 --idle 0.1",
            "replay f --backend software --preset fb64",
            "replay f --device sim:fb64 --deadline 3",
        ] {
            assert_eq!(refusal(&format!("firebrick {line}")), None, "{line}");
        }
    }
}
