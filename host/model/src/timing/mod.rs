//! How long the core takes: its control, cycle by cycle, without the data.
//!
//! [`predict`] mirrors the registers of every unit that decides when something happens (decoder,
//! queues, loader, passes, streamer, window unit, drain unit, output queue) and says what the
//! core's counters will be, to the cycle. It skips the cycles in which no such register changes.

mod counters;
mod decoder;
mod drain;
mod engine;
mod error;
mod loader;
mod output;
mod passes;
mod place;
mod sparse;
mod stream;
mod streamer;
mod sums;
mod tile;
mod trace;
mod window;
mod window_place;
mod window_unpack;

use firebrick_spec::HwConfig;

pub use counters::{COUNTER_COUNT, CounterValues};
pub use error::TimingError;
pub use trace::{Bus, PassSpan, Span, Trace};

/// Predicted values of the core's counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Each of [`firebrick_spec::regs::COUNTERS`] when the last trailer has been sent.
    pub counters: CounterValues,
    /// What each of [`firebrick_spec::regs::STATS_LAYERS`] layers has added to the counters BUSY
    /// to RAGGED; the others are 0.
    pub layers: Vec<CounterValues>,
    /// One for each transfer.
    pub images: Vec<ImageTiming>,
}

/// When an image is finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageTiming {
    /// Tag of its end record.
    pub tag: u32,
    /// The cycle count that its trailer carries: counter CYCLES when the trailer enters the
    /// output queue.
    pub framed_cycle: u64,
    /// Counter CYCLES when its trailer has been sent.
    pub end_cycle: u64,
    /// All counters at that time, as they stand; the next image may have begun.
    pub counters: CounterValues,
}

/// Which cycles the model steps through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stepping {
    /// Only those in which something changes.
    #[default]
    Skip,
    /// All: slow, for tests. The result is the same.
    EveryCycle,
}

/// Predicts the counters of a core that is idle with counters at 0, receives the transfers one
/// after another without idle cycles, and whose results are taken at once.
///
/// # Errors
///
/// If the decoder would refuse a transfer, or a transfer would wait for ever.
pub fn predict(config: &HwConfig, transfers: &[&[u8]]) -> Result<Timing, TimingError> {
    predict_with(config, transfers, Stepping::Skip)
}

/// As [`predict`], and when each unit works.
///
/// # Errors
/// As those of [`predict`].
pub fn trace(config: &HwConfig, transfers: &[&[u8]]) -> Result<(Timing, Trace), TimingError> {
    let records = stream::parse(config, transfers)?;
    let mut engine = engine::Engine::new(config, &records, Stepping::Skip);
    engine.trace = Some(Trace::default());
    engine.run(transfers.len())?;
    let trace = engine.trace.take().unwrap_or_default();
    Ok((timing(engine), trace))
}

/// As [`predict`], with a choice of [`Stepping`].
///
/// # Errors
///
/// As [`predict`].
pub fn predict_with(
    config: &HwConfig,
    transfers: &[&[u8]],
    stepping: Stepping,
) -> Result<Timing, TimingError> {
    let records = stream::parse(config, transfers)?;
    let mut engine = engine::Engine::new(config, &records, stepping);
    engine.run(transfers.len())?;
    Ok(timing(engine))
}

fn timing(engine: engine::Engine<'_>) -> Timing {
    Timing {
        counters: engine.counters.total,
        layers: engine.counters.layers,
        images: engine.images,
    }
}
