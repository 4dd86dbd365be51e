//! The timing model against the emitted Verilog: every counter, in total and by layer, and the
//! cycle of every trailer must be what was predicted.

#[path = "../../host/model/tests/timing/streams.rs"]
mod streams;

use std::sync::{Mutex, MutexGuard, OnceLock};

use firebrick_driver::{CompileOptions, Limits, Program, TransferOrder, Weights, compile};
use firebrick_model::timing::{CounterValues, Timing, predict};
use firebrick_network::random::{figures, picture, squeezenet, thin, with_bypass};
use firebrick_sim::bus::{LiteId, SinkId, SourceId, Testbench, seed_or};
use firebrick_sim::{Builder, Model, SimOptions, engine_design};
use firebrick_spec::HwConfig;
use firebrick_spec::latency::INPUT_LATENCY;
use firebrick_spec::regs::{self, CAUSES, COUNTERS, RAGGED_INDEX, STATS_LAYERS};
use firebrick_spec::result::Trailer;

/// One build at a time: the first fills the cache, the others find it.
fn build_lock() -> MutexGuard<'static, ()> {
    static LOCK: OnceLock<Mutex<()>> = OnceLock::new();
    LOCK.get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(|e| e.into_inner())
}

/// An engine on a bench without idle cycles or back-pressure.
struct Engine {
    config: HwConfig,
    bench: Testbench,
    source: SourceId,
    sink: SinkId,
    lite: LiteId,
    /// Statistics by layer before the transfers at hand; no reset clears them.
    layers: Vec<CounterValues>,
}

impl Engine {
    fn new(preset: &str) -> Engine {
        let config = HwConfig::preset(preset).unwrap();
        // As in presets.rs, so that both find the same model.
        let options = SimOptions {
            quick_build: config.lanes > 1 || config.packed,
            ..SimOptions::default()
        };
        let built = {
            let _one = build_lock();
            let design = engine_design(&config, &options).unwrap();
            Builder::new().build(&design).unwrap()
        };
        let model = Model::load(&built, 0).unwrap();
        let (bench, source, sink, lite) = Testbench::engine(model, 0).unwrap();
        let mut engine = Engine {
            config,
            bench,
            source,
            sink,
            lite,
            layers: Vec::new(),
        };
        engine.layers = engine.statistics();
        engine
    }

    fn statistics(&mut self) -> Vec<CounterValues> {
        let mut layers = vec![CounterValues::default(); STATS_LAYERS];
        for (layer, counters) in layers.iter_mut().enumerate() {
            for counter in CAUSES.chain([RAGGED_INDEX]) {
                let index = regs::stats_index(layer as u32, counter);
                self.bench
                    .write(self.lite, regs::STATS_INDEX.offset, index)
                    .unwrap();
                let value = self.bench.read(self.lite, regs::STATS_DATA.offset).unwrap();
                counters[counter] = u64::from(value);
            }
        }
        layers
    }

    /// Sends the transfers one behind the other and compares all counters with the prediction.
    fn agrees(&mut self, what: &str, transfers: &[&[u8]]) -> Timing {
        let predicted = predict(&self.config, transfers).unwrap();
        self.bench.write(self.lite, regs::CTRL.offset, 1).unwrap();
        self.bench.sink_mut(self.sink).clear();
        let packets = self.bench.sink(self.sink).packets();
        self.bench.source_mut(self.source).mark();
        for transfer in transfers {
            self.bench
                .source_mut(self.source)
                .push_bytes(transfer, true);
        }
        let want = packets + transfers.len() as u64;
        let limit = 2 * predicted.counters[0] + 10_000;
        let sink = self.sink;
        let ended = self
            .bench
            .run_until(what, limit, |bench| bench.sink(sink).packets() >= want);
        let error = self.bench.read(self.lite, regs::ERROR.offset).unwrap();
        assert_eq!(error, 0, "{what}: the engine reports error {error:#x}");
        ended.unwrap();
        for (register, predicted) in COUNTERS.iter().zip(predicted.counters) {
            let low = self.bench.read(self.lite, register.offset).unwrap();
            let high = self.bench.read(self.lite, register.offset + 4).unwrap();
            let counted = u64::from(low) | u64::from(high) << 32;
            assert_eq!(counted, predicted, "{what}: {}", register.name);
        }
        let layers = self.statistics();
        for (layer, (now, before)) in layers.iter().zip(&self.layers).enumerate() {
            for counter in CAUSES.chain([RAGGED_INDEX]) {
                let counted = (now[counter] - before[counter]) & 0xffff_ffff;
                let (predicted, name) = (predicted.layers[layer][counter], COUNTERS[counter].name);
                assert_eq!(counted, predicted, "{what}: layer {layer}: {name}");
            }
        }
        self.layers = layers;
        self.trailers(what, &predicted);
        predicted
    }

    /// Each trailer carries its tag and the cycle in which it was framed, and is sent when
    /// predicted.
    fn trailers(&mut self, what: &str, predicted: &Timing) {
        let begin = self.bench.source(self.source).first_beat().unwrap();
        let trailers: Vec<(u64, Trailer)> = self
            .bench
            .sink(self.sink)
            .beats()
            .filter(|beat| beat.last)
            .map(|beat| {
                let bytes: Vec<u8> = beat.words.iter().flat_map(|w| w.to_le_bytes()).collect();
                (beat.cycle, Trailer::from_bytes(&bytes.try_into().unwrap()))
            })
            .collect();
        assert_eq!(trailers.len(), predicted.images.len());
        for (i, ((at, got), want)) in trailers.iter().zip(&predicted.images).enumerate() {
            assert_eq!(got.tag, want.tag, "{what}: tag of image {i}");
            let since = at - begin - INPUT_LATENCY as u64;
            assert_eq!(since, want.end_cycle, "{what}: end of image {i}");
            let framed = u64::from(got.cycles);
            assert_eq!(framed, want.framed_cycle, "{what}: trailer of image {i}");
        }
    }
}

/// All transfers for so many pictures: what stays in the engine, the first, those that follow.
fn transfers(program: &Program, pictures: usize, seed: u64) -> Vec<Vec<u8>> {
    let (height, width) = program.input();
    let picture = picture(height, width, seed);
    let mut transfers: Vec<Vec<u8>> = program.setup().map(<[u8]>::to_vec).into_iter().collect();
    for i in 0..pictures {
        let order = if i == 0 {
            TransferOrder::First
        } else {
            TransferOrder::Following
        };
        transfers.push(program.transfer_in_order(&picture.view(), order).unwrap());
    }
    transfers
}

/// Random small networks: streamed and resident, one picture alone and several back to back,
/// with and without feature maps.
fn networks(preset: &str, count: u64) {
    let seed = seed_or(300);
    let mut engine = Engine::new(preset);
    let mut resident = 0;
    for seed in seed..seed + count {
        let table = figures(seed);
        let mut network = squeezenet(&table, seed);
        if seed.is_multiple_of(2) {
            thin(&mut network, 0.7, seed);
        }
        for weights in [Weights::Streamed, Weights::Auto] {
            let options = CompileOptions {
                plain_weights: false,
                check: seed.is_multiple_of(3),
                weights,
                limits: Limits::default(),
            };
            let side = table.side;
            let program = compile(&network, &engine.config, side, side, &options).unwrap();
            resident += u64::from(program.setup().is_some());
            for pictures in [1, 3] {
                let transfers = transfers(&program, pictures, seed);
                let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
                let what = format!("{preset}: network {seed}, {weights:?}, {pictures} pictures");
                engine.agrees(&what, &transfers);
            }
        }
    }
    assert!(resident > 0, "no network kept its weights");
}

/// Networks whose modules have a bypass, small enough for every preset.
fn bypass(preset: &str, count: usize) {
    let mut engine = Engine::new(preset);
    let small = |seed: &u64| figures(*seed).side <= 30;
    for seed in (seed_or(350)..).filter(small).take(count) {
        let table = with_bypass(figures(seed));
        let options = CompileOptions {
            check: seed.is_multiple_of(3),
            ..CompileOptions::default()
        };
        let (network, side) = (squeezenet(&table, seed), table.side);
        let program = compile(&network, &engine.config, side, side, &options).unwrap();
        let sums = program.layers().iter().filter(|layer| layer.macs == 0);
        let sums: Vec<usize> = sums.map(|layer| layer.layer).collect();
        assert_eq!(sums.len(), table.bypass.len());
        for pictures in [1, 3] {
            let transfers = transfers(&program, pictures, seed);
            let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
            let what = format!("{preset}: bypass {seed}, {pictures} pictures");
            let timing = engine.agrees(&what, &transfers);
            for &sum in &sums {
                assert!(timing.layers[sum][CAUSES.start] > 0, "{what}");
            }
        }
    }
}

/// Records by chance: whatever the control does, also what no scheduler asks for.
fn records(preset: &str, count: u64) {
    let seed = seed_or(400);
    let mut engine = Engine::new(preset);
    let mut busy = 0;
    for seed in seed..seed + count {
        let transfers = streams::random(&engine.config, seed);
        let transfers: Vec<&[u8]> = transfers.iter().map(Vec::as_slice).collect();
        let timing = engine.agrees(&format!("{preset}: records {seed}"), &transfers);
        busy += timing.counters[CAUSES.start];
    }
    assert!(busy > 0, "no record was a block");
}

macro_rules! presets {
    ($($module:ident = $preset:literal, $networks:literal, $records:literal;)*) => {
        $(mod $module {
            #[test]
            fn networks() {
                super::networks($preset, $networks);
            }

            #[test]
            fn records() {
                super::records($preset, $records);
            }

            #[test]
            fn bypass() {
                super::bypass($preset, 4);
            }
        })*
    };
}

presets! {
    fb64 = "fb64", 14, 60;
    fb64_packed_xc7 = "fb64-packed-xc7", 10, 40;
    fb256_small_packed_xc7 = "fb256-small-packed-xc7", 10, 40;
    fb256 = "fb256", 10, 40;
    fb512 = "fb512", 8, 30;
    fb1024_packed_xcup = "fb1024-packed-xcup", 6, 20;
    fb2048 = "fb2048", 4, 12;
}
