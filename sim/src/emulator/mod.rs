//! A board that is not there: device nodes in a folder, with the Verilated core behind them, for
//! a driver that must not know the difference. Faults can be set.
//!
//! One loop does everything for an engine: it carries out what was written to registers, moves data
//! between nodes and core, runs the core's clock, and shows the registers again. So registers can be
//! polled while streams flow. Each engine of a board has a loop and a thread of its own.

mod axidma;
mod control;
mod core_registers;
mod dma;
mod engine;
mod error;
mod fault;
mod faults;
mod fifo;
mod fuse;
mod input;
mod map;
mod nodes;
mod options;
mod output;
mod registers;
mod xdma;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub use control::{CONTROL, STATE};
pub use error::EmulatorError;
pub use fault::{FAULTS, Fault, FaultError, Placed};
pub use options::{Kind, Options, Streams};

use crate::device::SimOptions;
use crate::verilator::verilate::Builder;
use axidma::AxiDma;
use control::Control;
use core_registers::{CoreRegisters, Done};
use engine::Engine;
use fault::Effect;
use faults::Faults;
use firebrick_spec::regs;
use nodes::Nodes;
use output::ResultQueue;
use xdma::Xdma;

/// Cycles between looks at nodes and registers.
const SLICE: u64 = 512;
/// Looks without anything to do before the clock stops.
const LINGER: u32 = 8;
/// Cycles without a beat after which a busy core is run slowly: whoever fed it has gone.
const ABANDONED: u64 = 1 << 24;
/// Pauses of an idle emulator: short at first, for whoever polls registers.
const PAUSE: Duration = Duration::from_micros(100);
const LONG_PAUSE: Duration = Duration::from_millis(1);
/// Idle time after which pauses are long.
const ATTENTIVE: Duration = Duration::from_secs(1);

/// An emulated board. Its nodes go with it.
#[derive(Debug)]
pub struct Emulator {
    kind: Kind,
    units: Vec<Unit>,
    // Last: nodes are removed when nothing serves them any more.
    nodes: Nodes,
}

/// One engine of the board.
#[derive(Debug)]
struct Unit {
    /// Folder of the nodes, for messages.
    dir: PathBuf,
    engine: Engine,
    registers: CoreRegisters,
    board: Board,
    output: ResultQueue,
    faults: Faults,
    control: Control,
    /// The interrupt's level at the last look.
    irq: bool,
    /// Beats moved, and the cycle in which that was last seen to grow.
    moved: (u64, u64),
}

/// What is around the core.
#[derive(Debug)]
enum Board {
    Xdma(Xdma),
    AxiDma(AxiDma),
}

impl Board {
    fn reset(&mut self) -> std::io::Result<()> {
        match self {
            Board::Xdma(board) => board.reset(),
            Board::AxiDma(board) => {
                board.reset();
                Ok(())
            }
        }
    }

    /// Whether a fault can be had here.
    fn check(&self, fault: &Fault) -> Result<(), EmulatorError> {
        let fuse = matches!(self, Board::Xdma(board) if board.is_fuse());
        let why = match &fault.effect {
            effect if effect.needs_fuse() && !fuse => {
                "calls on stream nodes fail only where these are FUSE files: use --kind xdma with \
                 --streams fuse"
            }
            Effect::Dma { .. } if matches!(self, Board::Xdma(_)) => {
                "an XDMA board has no AXI DMA: use --kind axidma"
            }
            _ => return Ok(()),
        };
        let fault = fault.to_string();
        Err(EmulatorError::Fault { fault, why })
    }
}

impl Emulator {
    /// Builds the core (unless it is in the cache) and makes the nodes.
    ///
    /// # Errors
    /// If there is no core; if the folder is in use, has somebody else's files in the way, or
    /// cannot be written; if the board cannot have one of the faults, or so many engines.
    pub fn start(options: &Options, builder: &Builder) -> Result<Emulator, EmulatorError> {
        let (engines, most) = (options.engines, regs::ENGINES_MAX);
        let wrong = |what| Err(EmulatorError::Options { what });
        if !(1..=most).contains(&engines) {
            return wrong(format!("a board has 1 to {most} engines, not {engines}"));
        }
        if let Some(fault) = options.faults.iter().find(|fault| fault.engine >= engines) {
            let (engine, last) = (fault.engine, engines - 1);
            return wrong(format!(
                "there is no engine {engine} to fail: give 0 to {last}"
            ));
        }
        let mut nodes = Nodes::open(&options.dir)?;
        let user = match options.kind {
            Kind::Xdma => Some(xdma::registers(&mut nodes, engines)?),
            Kind::AxiDma => None,
        };
        let units = (0..engines).map(|engine| {
            let (board, map) = match &user {
                Some(user) => {
                    let (board, map) = Xdma::new(&mut nodes, user, engine, options)?;
                    (Board::Xdma(board), map)
                }
                None => {
                    let (board, map) = AxiDma::new(&mut nodes, engine, options)?;
                    (Board::AxiDma(board), map)
                }
            };
            let control = Control::new(&mut nodes, engine)?;
            let dir = nodes.dir().to_owned();
            Unit::new(engine, board, map, control, dir, options, builder)
        });
        Ok(Emulator {
            kind: options.kind,
            units: units.collect::<Result<_, _>>()?,
            nodes,
        })
    }

    /// The board as the driver names it.
    #[must_use]
    pub fn uri(&self) -> String {
        match self.kind {
            Kind::Xdma => xdma::uri(self.nodes.dir()),
            Kind::AxiDma => axidma::uri(self.nodes.dir()),
        }
    }

    /// Is the board until `stop` says so, or an engine is told to.
    ///
    /// # Errors
    /// If a core breaks a protocol, or a node fails.
    pub fn run(&mut self, stop: &dyn Fn() -> bool) -> Result<(), EmulatorError> {
        let Some((first, others)) = self.units.split_first_mut() else {
            return Ok(());
        };
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let threads: Vec<_> = others
                .iter_mut()
                .map(|unit| scope.spawn(|| unit.run(&ended, &|| false)))
                .collect();
            let outcome = first.run(&ended, stop);
            threads.into_iter().fold(outcome, |outcome, thread| {
                let other = thread.join().unwrap_or_else(|panic| {
                    std::panic::resume_unwind(panic);
                });
                outcome.and(other)
            })
        })
    }
}

/// Ends all engines when one ends, however it does.
struct EndAll<'a>(&'a AtomicBool);

impl Drop for EndAll<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Unit {
    fn new(
        number: usize,
        board: Board,
        map: map::SharedMap,
        control: Control,
        dir: PathBuf,
        options: &Options,
        builder: &Builder,
    ) -> Result<Unit, EmulatorError> {
        let simulation = SimOptions {
            seed: options.seed + number as u64,
            ..SimOptions::default()
        };
        let mut engine = Engine::open(&options.config, builder, &simulation)?;
        let mut faults = Faults::default();
        for placed in options
            .faults
            .iter()
            .filter(|placed| placed.engine == number)
        {
            board.check(&placed.fault)?;
            faults.arm(placed.fault.clone());
        }
        let registers = CoreRegisters::new(map, &mut engine, &faults)?;
        let mut unit = Unit {
            dir,
            output: ResultQueue::new(engine.beat()),
            engine,
            registers,
            board,
            faults,
            control,
            irq: false,
            moved: (0, 0),
        };
        // Whatever is set from the start shows before anybody looks.
        unit.turn()?;
        Ok(unit)
    }

    /// Is the engine until `stop` says so, it is told to end, or another one has ended.
    fn run(&mut self, ended: &AtomicBool, stop: &dyn Fn() -> bool) -> Result<(), EmulatorError> {
        let _end_all = EndAll(ended);
        let mut idle = 0;
        let mut since = Instant::now();
        while !stop() && !ended.load(Ordering::Relaxed) {
            match self.turn()? {
                Turn::Stop => break,
                Turn::Active => {
                    idle = 0;
                    since = Instant::now();
                }
                Turn::Idle if idle < LINGER => idle += 1,
                Turn::Idle => {
                    let short = since.elapsed() < ATTENTIVE;
                    std::thread::sleep(if short { PAUSE } else { LONG_PAUSE });
                }
            }
        }
        Ok(())
    }

    /// One look at everything, and a slice of the clock if there is something to do.
    fn turn(&mut self) -> Result<Turn, EmulatorError> {
        let board = &self.board;
        let possible = |fault: &Fault| board.check(fault);
        if self.control.serve(&mut self.faults, &possible)? {
            return Ok(Turn::Stop);
        }
        let done = self.serve_registers()?;
        let served = match &mut self.board {
            Board::Xdma(board) => {
                board.serve(&mut self.engine, &mut self.faults, &mut self.output)?
            }
            Board::AxiDma(board) => {
                board.serve(&mut self.engine, &mut self.faults, &mut self.output)
            }
        };
        if self
            .faults
            .take(|effect| (*effect == Effect::Die).then_some(()))
            .is_some()
        {
            die();
        }
        let busy = self.registers.is_busy();
        let active = done.any || served || busy || self.engine.has_input();
        if active {
            self.clock()?;
        } else {
            self.registers.refresh(&mut self.engine, &self.faults)?;
            self.interrupt()?;
        }
        self.control.tell(&self.faults)?;
        if busy && self.is_abandoned() {
            std::thread::sleep(LONG_PAUSE);
        }
        Ok(match active {
            true => Turn::Active,
            false => Turn::Idle,
        })
    }

    fn serve_registers(&mut self) -> Result<Done, EmulatorError> {
        let (board, output) = (&mut self.board, &mut self.output);
        let mut failed = None;
        let mut reset = || {
            output.reset();
            failed = board.reset().err();
        };
        let done = self
            .registers
            .serve(&mut self.engine, &mut self.faults, &mut reset)?;
        if let Some(source) = failed {
            return Err(EmulatorError::node("empty the streams of", &self.dir)(
                source,
            ));
        }
        if done.irq {
            self.irq = false;
        }
        Ok(done)
    }

    /// Runs the clock. Registers show a result before it can be read.
    fn clock(&mut self) -> Result<(), EmulatorError> {
        let held = match self.faults.stalled() {
            true => usize::MAX,
            false => self.output.waiting(),
        };
        self.engine.hold_output(held);
        self.engine.step(SLICE)?;
        let pieces = self.engine.take_output();
        self.registers.refresh(&mut self.engine, &self.faults)?;
        for piece in pieces {
            self.output.add(piece, &mut self.faults);
        }
        self.interrupt()
    }

    fn interrupt(&mut self) -> Result<(), EmulatorError> {
        let level = self.engine.irq();
        let rises = level && !std::mem::replace(&mut self.irq, level);
        if !rises {
            return Ok(());
        }
        let lost = |effect: &Effect| (*effect == Effect::IrqLost).then_some(());
        if self.faults.take(lost).is_some() {
            return Ok(());
        }
        match &mut self.board {
            Board::Xdma(board) => board
                .interrupt()
                .map_err(EmulatorError::node("signal through", &self.dir)),
            Board::AxiDma(_) => Ok(()),
        }
    }

    /// Whether nothing has moved for so long that nothing will.
    fn is_abandoned(&mut self) -> bool {
        let moved = self.engine.moved();
        if moved != self.moved.0 {
            self.moved = (moved, self.engine.now());
        }
        self.engine.now() - self.moved.1 > ABANDONED
    }
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Active,
    Idle,
    Stop,
}

/// Ends the process as SIGKILL does.
fn die() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort();
}
