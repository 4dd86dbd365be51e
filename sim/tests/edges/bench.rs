//! An engine on a bench: whole transfers in, whole packets out.

use std::sync::{Mutex, MutexGuard, OnceLock};

use firebrick_model::timing::predict;
use firebrick_sim::bus::{LiteId, SinkId, SourceId, Testbench};
use firebrick_sim::{Builder, Model, SimOptions, engine_design};
use firebrick_spec::result::Trailer;
use firebrick_spec::{HwConfig, regs};

/// One build at a time: the first fills the cache, the others find it.
pub fn build_lock() -> MutexGuard<'static, ()> {
    static LOCK: OnceLock<Mutex<()>> = OnceLock::new();
    LOCK.get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(|e| e.into_inner())
}

/// Options that find the models which other tests build.
pub fn options(config: &HwConfig, seed: u64) -> SimOptions {
    SimOptions {
        seed,
        quick_build: config.lanes > 1 || config.packed,
        ..SimOptions::default()
    }
}

pub struct Bench {
    pub config: HwConfig,
    pub bench: Testbench,
    pub source: SourceId,
    pub sink: SinkId,
    pub lite: LiteId,
    /// Cycles for which the host takes nothing, once a stream begins.
    pub hold: u64,
}

impl Bench {
    /// More cycles than any stream of these tests takes.
    pub const PATIENCE: u64 = 400_000;

    pub fn new(preset: &str, seed: u64) -> Bench {
        let config = HwConfig::preset(preset).unwrap();
        let built = {
            let _one = build_lock();
            let design = engine_design(&config, &options(&config, seed)).unwrap();
            Builder::new().build(&design).unwrap()
        };
        Bench::on(config, Model::load(&built, seed as u32).unwrap(), seed)
    }

    pub fn on(config: HwConfig, model: Model, seed: u64) -> Bench {
        let (bench, source, sink, lite) = Testbench::engine(model, seed).unwrap();
        Bench {
            config,
            bench,
            source,
            sink,
            lite,
            hold: 0,
        }
    }

    /// The same before any reset.
    pub fn unreset(config: HwConfig, model: Model, seed: u64) -> Bench {
        let mut bench = Testbench::new(model, seed).unwrap();
        let source = bench.add_source("s_axis").unwrap();
        let sink = bench.add_sink("m_axis").unwrap();
        let lite = bench.add_lite("s_axil").unwrap();
        Bench {
            config,
            bench,
            source,
            sink,
            lite,
            hold: 0,
        }
    }

    pub fn read(&mut self, register: regs::Register) -> u32 {
        self.bench.read(self.lite, register.offset).unwrap()
    }

    pub fn soft_reset(&mut self) {
        self.bench.write(self.lite, regs::CTRL.offset, 1).unwrap();
    }

    pub fn send(&mut self, transfer: &[u8]) {
        self.bench
            .source_mut(self.source)
            .push_bytes(transfer, true);
    }

    /// Sends transfers back to back and collects as many packets within `limit` cycles; an error says
    /// what is missing.
    pub fn exchange(&mut self, transfers: &[Vec<u8>], limit: u64) -> Result<Vec<Vec<u8>>, String> {
        self.bench.sink_mut(self.sink).clear();
        let before = self.bench.sink(self.sink).packets();
        self.bench.source_mut(self.source).mark();
        for transfer in transfers {
            self.send(transfer);
        }
        let want = before + transfers.len() as u64;
        let sink = self.sink;
        if self.hold > 0 {
            self.bench.sink_mut(sink).set_paused(true);
            let held = self.bench.run(self.hold);
            self.bench.sink_mut(sink).set_paused(false);
            held.map_err(|error| error.to_string())?;
        }
        let ended = self
            .bench
            .run_until("packets", limit, |bench| bench.sink(sink).packets() >= want);
        let error = self.read(regs::ERROR);
        if error != 0 {
            return Err(format!("the engine reports error {error:#x}"));
        }
        ended.map_err(|error| error.to_string())?;
        Ok((0..transfers.len())
            .filter_map(|_| self.bench.sink_mut(self.sink).take_packet())
            .collect())
    }

    /// Forgets what has not been sent.
    pub fn drop_rest(&mut self) {
        self.bench.source_mut(self.source).clear();
    }

    /// Sends a transfer that is at fault; gives register ERROR when all of it is taken.
    pub fn fault_of(&mut self, transfer: &[u8]) -> Result<u32, String> {
        self.bench.sink_mut(self.sink).clear();
        self.send(transfer);
        let source = self.source;
        let taken = self.bench.run_until("all input", Self::PATIENCE, |bench| {
            bench.source(source).waiting() == 0
        });
        taken.map_err(|error| error.to_string())?;
        self.bench.run(3_000).map_err(|error| error.to_string())?;
        Ok(self.read(regs::ERROR))
    }

    /// Runs transfers after a reset and compares packets, tags and order; without disturbance also
    /// the cycle of every trailer with the prediction.
    pub fn compare(
        &mut self,
        transfers: &[Vec<u8>],
        packets: &[Vec<u8>],
        disturbance: f64,
    ) -> Result<(), String> {
        self.bench
            .set_disturbance(disturbance, disturbance, disturbance);
        self.soft_reset();
        self.follow(transfers, packets, disturbance == 0.0)
    }

    /// The same on an engine that has been reset; `timed` says that nothing disturbs it.
    pub fn follow(
        &mut self,
        transfers: &[Vec<u8>],
        packets: &[Vec<u8>],
        timed: bool,
    ) -> Result<(), String> {
        let views: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
        let timing = predict(&self.config, &views).map_err(|error| error.to_string())?;
        // Idle cycles and pauses of every second cycle take less than this.
        let got = self.exchange(transfers, 10_000 + 8 * timing.counters[0])?;
        for (index, (got, want)) in got.iter().zip(packets).enumerate() {
            let (got_beats, got_trailer) = split(got)?;
            let (want_beats, want_trailer) = split(want)?;
            if got_beats.len() != want_beats.len() {
                let (got, want) = (got_beats.len(), want_beats.len());
                return Err(format!("packet {index}: {got} bytes, want {want}"));
            }
            if let Some(at) = (0..got_beats.len()).find(|&at| got_beats[at] != want_beats[at]) {
                return Err(format!(
                    "packet {index}, byte {at}: {}, want {}",
                    got_beats[at], want_beats[at]
                ));
            }
            let order = (got_trailer.crc, got_trailer.tag, got_trailer.sequence);
            if order != (want_trailer.crc, want_trailer.tag, index as u32) {
                return Err(format!("packet {index}: trailer {got_trailer:?}"));
            }
            let framed = timing.images[index].framed_cycle;
            if timed && self.hold == 0 && u64::from(got_trailer.cycles) != framed {
                let cycles = got_trailer.cycles;
                return Err(format!(
                    "packet {index}: {cycles} cycles, predicted {framed}"
                ));
            }
        }
        Ok(())
    }
}

/// The beats before the trailer, and the trailer.
pub fn split(packet: &[u8]) -> Result<(&[u8], Trailer), String> {
    let (beats, trailer) = packet
        .split_last_chunk::<{ Trailer::BYTES }>()
        .ok_or_else(|| format!("a packet of {} bytes", packet.len()))?;
    Ok((beats, Trailer::from_bytes(trailer)))
}
