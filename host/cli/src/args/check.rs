//! What the parser cannot see: options that mean nothing beside others. They are refused, so that
//! nobody believes that they did something.

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use firebrick_board::BoardError;

use super::device::Replay;
use super::{Args, Backend, Boards, Classify, Command, EngineBackend, Simulation, Verify};

/// The command line, or the end of the program with an error that says what is wrong with it.
pub fn parse() -> Args {
    let args = Args::parse();
    if let Err(text) = check(&args) {
        Args::command()
            .error(ErrorKind::ArgumentConflict, text)
            .exit();
    }
    args
}

fn check(args: &Args) -> Result<(), String> {
    match &args.command {
        Command::Classify(args) => classify(args),
        Command::Verify(args) => verify(args),
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
        Err(error @ BoardError::Unknown { .. }) => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// What disturbs the simulated engine, and whether it was given.
fn disturbing(simulation: &Simulation) -> [(&'static str, bool); 2] {
    [
        ("--idle", simulation.idle.is_some()),
        ("--back-pressure", simulation.back_pressure.is_some()),
    ]
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

fn classify(args: &Classify) -> Result<(), String> {
    let seed = ("--seed", args.simulation.seed.is_some());
    let random = disturbing(&args.simulation).into_iter().chain([seed]);
    let layers = [("--layers", args.layers)];
    let batch = [("--batch", args.batch.is_some())];
    if args.on.device.is_some() {
        refuse(random, "--device", DISTURBS)?;
        refuse(
            layers,
            "--device",
            "cycles by layer are read from the simulated engine; give --backend sim in its place, \
             or see `firebrick predict` for those of the board's preset",
        )?;
        return refuse(
            batch,
            "--device",
            "all pictures of a device run back to back anyway, each one's input during the one \
             before; leave it out",
        );
    }
    match args.backend {
        Backend::Sim => Ok(()),
        Backend::Software => {
            refuse(random, "--backend software", DISTURBS)?;
            refuse(layers, "--backend software", SIMULATOR)
        }
        Backend::Model => {
            refuse(random, "--backend model", DISTURBS)?;
            refuse(
                layers.into_iter().chain(batch),
                "--backend model",
                SIMULATOR,
            )?;
            let deadline = [("--deadline", args.simulation.deadline.is_some())];
            refuse(
                deadline,
                "--backend model",
                "the model waits for nothing; leave it out",
            )?;
            let retries = [("--retries", args.retries.given.is_some())];
            refuse(
                retries,
                "--backend model",
                "the model says the same each time; leave it out",
            )
        }
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
    let random = disturbing(&args.simulation);
    let simulated = [
        ("--random-state", args.random_state),
        ("--waveform", args.waveform.is_some()),
    ];
    let beside = match (&args.on.device, args.backend) {
        (Some(_), _) => {
            let off = [("--no-disturb", args.no_disturb)];
            let seed = ("--seed", args.simulation.seed.is_some());
            refuse(off.into_iter().chain([seed]), "--device", DISTURBS)?;
            "--device"
        }
        (None, EngineBackend::Software) => "--backend software",
        (None, EngineBackend::Sim) => return Ok(()),
    };
    refuse(random, beside, DISTURBS)?;
    refuse(simulated, beside, SIMULATOR)
}

fn replay(args: &Replay) -> Result<(), String> {
    if args.on.device.is_none() {
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
    use super::*;

    fn refusal(line: &str) -> Option<String> {
        let args = Args::try_parse_from(line.split_whitespace()).unwrap();
        check(&args).err()
    }

    #[test]
    fn what_means_nothing_is_refused_by_name() {
        for (line, option) in [
            ("classify a --device sim:fb64 --layers", "--layers"),
            ("classify a --device sim:fb64 --batch 2", "--batch"),
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
            ("verify a --device sim:fb64 --seed 1", "--seed"),
            ("verify a --device sim:fb64 --no-disturb", "--no-disturb"),
            (
                "verify a --device sim:fb64 --back-pressure 0",
                "--back-pressure",
            ),
            (
                "verify a --device sim:fb64 --random-state",
                "--random-state",
            ),
            ("verify a --device sim:fb64 --waveform w.fst", "--waveform"),
            ("verify a --backend software --idle 0.2", "--idle"),
            ("verify a --backend software --waveform w.fst", "--waveform"),
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
            "verify a --device sim:fb64 --deadline 3",
            "verify a --seed 1 --idle 0.1 --random-state --waveform w.fst",
            "verify a --backend software --seed 7",
            "replay f --backend software --preset fb64",
            "replay f --device sim:fb64 --deadline 3",
        ] {
            assert_eq!(refusal(&format!("firebrick {line}")), None, "{line}");
        }
    }
}
