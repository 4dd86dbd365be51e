//! An engine whose every counter is compared with the prediction.

use firebrick_model::timing::{CounterValues, Timing, predict};
use firebrick_sim::bus::{LiteId, SinkId, SourceId, Testbench};
use firebrick_spec::HwConfig;
use firebrick_spec::latency::INPUT_LATENCY;
use firebrick_spec::regs::{self, CAUSES, COUNTERS, RAGGED_INDEX, STATS_LAYERS};
use firebrick_spec::result::Trailer;

/// An engine on a bench without idle cycles or back-pressure.
pub struct Engine {
    pub config: HwConfig,
    bench: Testbench,
    source: SourceId,
    sink: SinkId,
    lite: LiteId,
    /// Statistics by layer before the transfers at hand; no reset clears them.
    layers: Vec<CounterValues>,
}

impl Engine {
    /// An engine that has been reset.
    pub fn on(config: HwConfig, bench: (Testbench, SourceId, SinkId, LiteId)) -> Engine {
        let (bench, source, sink, lite) = bench;
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
    pub fn agrees(&mut self, what: &str, transfers: &[&[u8]]) -> Timing {
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
