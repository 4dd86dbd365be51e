//! The engine: all units and the wires between them.

use firebrick_spec::command::Command;
use firebrick_spec::{HwConfig, latency};

use super::counters::{BEATS_IN, BEATS_OUT, CYCLES, Counters};
use super::decoder::{Decoder, DecoderInputs};
use super::drain::{Drain, DrainJob};
use super::error::TimingError;
use super::loader::{Loader, NEVER};
use super::output::{Beat, OutputUnit};
use super::passes::Passes;
use super::stream::Record;
use super::streamer::{Begins, Late, Streamer, StreamerInputs};
use super::sums::SumPorts;
use super::trace::{Bus, PassSpan, Trace, Units};
use super::window::WindowUnit;
use super::{ImageTiming, Stepping};

/// Cycles from the tag of a tile's last sum until the drain can take its job.
const RELEASE: u64 =
    (latency::TAG_LEAD + latency::SETTLE_LATENCY + latency::RELEASE_LATENCY) as u64;
/// Fewest cycles between two additions to one accumulator.
const ACC_REUSE: u64 = latency::ACC_REUSE as u64;

/// Mirrors the engine, cycle by cycle.
pub(super) struct Engine<'a> {
    records: &'a [Record],
    stepping: Stepping,
    now: u64,
    /// Cycles from a vector's address to its sums at the accumulators.
    tag_latency: u64,
    /// Streams that have begun and whose trailer is not sent.
    streams: u32,
    decoder: Decoder,
    passes: Passes,
    loader: Loader,
    streamer: Streamer,
    window: WindowUnit,
    ports: SumPorts,
    drain: Drain,
    output: OutputUnit,
    pub counters: Counters,
    /// What is noted of the run, if anything.
    pub trace: Option<Trace>,
    /// Images whose trailers are framed, the first `sent` of them sent.
    pub images: Vec<ImageTiming>,
    sent: usize,
    /// Bank, first vector and first cycle of the pass before.
    pass_before: Option<(u8, u32, u64)>,
    fault: Option<TimingError>,
}

impl<'a> Engine<'a> {
    pub fn new(config: &HwConfig, records: &'a [Record], stepping: Stepping) -> Engine<'a> {
        Engine {
            records,
            stepping,
            now: 0,
            tag_latency: latency::tag_latency(config) as u64,
            streams: 0,
            decoder: Decoder::new(),
            passes: Passes::new(config.block_queue),
            loader: Loader::new(config),
            streamer: Streamer::new(config.lanes),
            window: WindowUnit::new(config),
            ports: SumPorts::default(),
            drain: Drain::new(config),
            output: OutputUnit::new(),
            counters: Counters::new(),
            trace: None,
            images: Vec::new(),
            sent: 0,
            pass_before: None,
            fault: None,
        }
    }

    /// Runs until `images` trailers are sent.
    pub fn run(&mut self, images: usize) -> Result<(), TimingError> {
        while self.sent < images {
            let quiet = self.quiet_until();
            let to = match self.stepping {
                Stepping::Skip => quiet,
                Stepping::EveryCycle => self.now,
            };
            self.ports.forget(self.now);
            let room = self.output.room();
            let (to, blocked) = self
                .drain
                .run(self.now, to, room, &self.ports, &mut self.output);
            if to == NEVER || (quiet == NEVER && self.drain.at_rest()) {
                return Err(TimingError::Stuck { cycle: self.now });
            }
            self.account(to, blocked);
            self.now = to;
            self.step();
            self.now += 1;
            if let Some(fault) = self.fault.take() {
                return Err(fault);
            }
        }
        Ok(())
    }

    fn full(&self) -> bool {
        self.passes.full() || self.loader.full()
    }

    fn inputs(&self) -> StreamerInputs<'_> {
        StreamerInputs {
            offer: self.passes.offer(),
            weights_ready: self.loader.ready(self.now),
            room: self.output.room(),
        }
    }

    /// The next cycle in which a unit other than the drain's front changes.
    fn quiet_until(&self) -> u64 {
        let now = self.now;
        let window_busy = self.window.busy();
        self.decoder
            .next(now, self.records, self.full(), window_busy)
            .min(self.passes.next(now))
            .min(self.loader.next(now))
            .min(self.streamer.next(now, self.records, self.inputs()))
            .min(self.window.next(now))
            .min(self.drain.next())
            .min(self.output.next(now))
    }

    /// Counts the cycles from `now` to `to`, which are all alike.
    fn account(&mut self, to: u64, drain_blocked: bool) {
        // Cycles before the last are not stepped; beats of the last one are counted there.
        self.counters.total[BEATS_IN] += self.decoder.beats(self.now, to - self.now, self.records);
        if self.streams == 0 {
            return;
        }
        let (weights, input) = self.decoder.late(self.records);
        let late = Late {
            drain_blocked,
            weights,
            input,
        };
        let (cause, layer) = self.streamer.cause(self.records, self.passes.offer(), late);
        if let Some(trace) = &mut self.trace {
            let units = Units {
                bus: match (weights, input) {
                    (true, _) => Bus::Weights,
                    (_, true) => Bus::Picture,
                    _ => Bus::Records,
                },
                window: self.window.busy(),
                drain: !self.drain.at_rest(),
                output: self.output.next(self.now) != NEVER,
            };
            trace.add(to - self.now + 1, cause, layer, units);
        }
        self.counters.cycles(to - self.now + 1, cause, layer);
        if let Some(run) = &self.streamer.run {
            let before = run.tile.ragged(self.now - run.first);
            let after = run.tile.ragged(to + 1 - run.first);
            self.counters.ragged(after - before, layer);
        }
    }

    /// The cycle `now`.
    fn step(&mut self) {
        let now = self.now;
        let drained = self.drain.drained(now);
        let ended = self.drain.ended(now);
        let strip_done = self.window.strip_done();
        let reads_done = self.streamer.reads_done(now);
        let inputs = StreamerInputs {
            offer: self.passes.offer(),
            weights_ready: self.loader.ready(self.now),
            room: self.output.room(),
        };
        let first = inputs.offer.is_some_and(|held| held.first);
        let record = inputs.offer.map_or(0, |held| held.record);
        let begins = self.streamer.begins(now, self.records, inputs);
        let store_read = self.streamer.store_read(inputs.room);
        let store_done = self.streamer.store_done(inputs.room);
        self.streamer.step(now, begins, self.records, inputs);

        let full = self.full();
        let at_hand = self.decoder.record;
        let decoded = self.decoder.step(
            now,
            self.records,
            DecoderInputs {
                queue_full: full,
                reads_done,
                drained,
                store_done,
                window_ready: self.window.ready(),
                window_busy: self.window.busy(),
            },
        );
        self.counters.total[BEATS_IN] += u64::from(decoded.beat);

        let output = self.output.step(now);
        if store_read {
            self.output.stores(now);
        }
        self.counters.total[BEATS_OUT] += u64::from(output.sent.is_some());
        let trailer_sent = matches!(output.sent, Some(Beat::Trailer(_)));
        self.images(output.framed, trailer_sent);

        self.streamer
            .settle(begins, first, drained || ended, strip_done, trailer_sent);
        self.begin(begins, first, record);

        let banks = if self.window.offers() {
            self.drain.writes(now)
        } else {
            0
        };
        let start = match self.records.get(at_hand).map(|record| &record.command) {
            Some(Command::Rows(rows)) if decoded.window_start => Some(rows),
            _ => None,
        };
        self.window.step(decoded.window_beat, banks, start);

        // A block's weights also go to the loader's queue.
        let (mut record, mut weights) = (None, None);
        if decoded.push {
            let passes = match &self.records[at_hand].command {
                Command::Block(block) => {
                    weights = Some(block.passes());
                    block.passes()
                }
                _ => 1,
            };
            record = Some((at_hand, passes));
        }
        let swap = matches!(begins, Begins::Pass { .. });
        self.loader.step(now, swap, weights);
        self.passes.step(!matches!(begins, Begins::Nothing), record);

        match (decoded.begins, trailer_sent) {
            (true, false) => self.streams += 1,
            (false, true) => self.streams -= 1,
            _ => {}
        }
    }

    /// What a pass or an end means for the accumulators and the drain.
    fn begin(&mut self, begins: Begins, first: bool, record: usize) {
        match begins {
            Begins::Pass { block, ends_tile } => {
                let Some(run) = &self.streamer.run else {
                    return;
                };
                // The tags of its vectors, with which the accumulators read.
                let (from, to) = (run.first + self.tag_latency, run.last + self.tag_latency);
                if let Some(trace) = &mut self.trace {
                    // The counter stands at this cycle's end; the pass begins in the next.
                    let start = self.counters.total[CYCLES] + (run.first - self.now - 1);
                    trace.passes.push(PassSpan {
                        record,
                        start,
                        end: start + (run.last + 1 - run.first),
                    });
                }
                let here = (block.acc_bank, block.acc_base, run.first);
                let before = self.pass_before.replace(here);
                // Sums that start overwrite and need no read.
                if !(first && block.first) {
                    if let Some((bank, base, at)) = before
                        && (bank, base) == (block.acc_bank, block.acc_base)
                        && run.first - at < ACC_REUSE
                    {
                        self.fault = Some(TimingError::AccumulatorReuse {
                            record,
                            cycle: run.first,
                            distance: run.first - at,
                        });
                    }
                    self.ports.adds(from, to, block.acc_bank);
                }
                if ends_tile {
                    self.drain.push(DrainJob::Tile(block), to + RELEASE);
                }
            }
            Begins::End(tag) => {
                let at = self.now + self.tag_latency + RELEASE;
                self.drain.push(DrainJob::End(tag), at);
            }
            Begins::Nothing | Begins::Store => {}
        }
    }

    /// Trailers.
    fn images(&mut self, framed: Option<u32>, sent: bool) {
        // The counter as it stands at the beginning of this cycle.
        let running = u64::from(self.streams > 0);
        let cycles = self.counters.total[CYCLES];
        if let Some(tag) = framed {
            self.images.push(ImageTiming {
                tag,
                framed_cycle: cycles - running,
                end_cycle: 0,
                counters: self.counters.total,
            });
        }
        if sent {
            if let Some(image) = self.images.get_mut(self.sent) {
                image.end_cycle = cycles;
                image.counters = self.counters.total;
            }
            self.sent += 1;
        }
    }
}
