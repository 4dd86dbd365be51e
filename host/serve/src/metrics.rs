//! What Prometheus reads from `/metrics`, in the form of OpenMetrics.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::pool::Counted;

/// Bounds of latencies in seconds: from a fast board to a slow simulation.
const SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfEngine {
    engine: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPictures {
    engine: String,
    model: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfFaults {
    engine: String,
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRequests {
    protocol: &'static str,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfProtocol {
    protocol: &'static str,
}

type Seconds = Counter<f64, std::sync::atomic::AtomicU64>;

/// All figures of a service.
pub struct Metrics {
    registry: Registry,
    models: Vec<String>,
    requests: Family<OfRequests, Counter>,
    request_time: Family<OfProtocol, Histogram, fn() -> Histogram>,
    queue_time: Histogram,
    engine_time: Family<OfEngine, Histogram, fn() -> Histogram>,
    pictures: Family<OfPictures, Counter>,
    /// Pictures that wait.
    pub queue: Gauge,
    /// Pictures that can wait.
    pub queue_capacity: Gauge,
    up: Family<OfEngine, Gauge>,
    cycles: Family<OfEngine, Counter>,
    busy_cycles: Family<OfEngine, Counter>,
    worked: Family<OfEngine, Seconds>,
    faults: Family<OfFaults, Counter>,
    resets: Family<OfEngine, Counter>,
    /// Connections that are open.
    pub connections: Gauge,
    /// Bytes of requests that are held in memory.
    pub body_bytes: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    /// Figures of a service with these models, by their numbers.
    #[must_use]
    pub fn new(models: Vec<String>) -> Metrics {
        let of_protocol: fn() -> Histogram = histogram;
        let mut metrics = Metrics {
            registry: Registry::with_prefix("firebrick"),
            models,
            requests: Family::default(),
            request_time: Family::new_with_constructor(of_protocol),
            queue_time: histogram(),
            engine_time: Family::new_with_constructor(of_protocol),
            pictures: Family::default(),
            queue: Gauge::default(),
            queue_capacity: Gauge::default(),
            up: Family::default(),
            cycles: Family::default(),
            busy_cycles: Family::default(),
            worked: Family::default(),
            faults: Family::default(),
            resets: Family::default(),
            connections: Gauge::default(),
            body_bytes: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("pictures", "Pictures with a result", self.pictures.clone());
        registry.register(
            "requests",
            "Requests that were answered, by protocol and status",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "request",
            "From the head of a request to its answer",
            Unit::Seconds,
            self.request_time.clone(),
        );
        registry.register_with_unit(
            "queue_wait",
            "Of a picture, from the queue's end to an engine",
            Unit::Seconds,
            self.queue_time.clone(),
        );
        registry.register_with_unit(
            "engine_picture",
            "Of a picture, from when an engine takes it to its scores; those of neighbours overlap",
            Unit::Seconds,
            self.engine_time.clone(),
        );
        registry.register("queue_pictures", "Pictures that wait", self.queue.clone());
        registry.register(
            "queue_capacity",
            "Pictures that can wait",
            self.queue_capacity.clone(),
        );
        registry.register("engine_up", "1 if the engine answers", self.up.clone());
        registry.register(
            "engine_cycles",
            "Clock cycles with a picture in the engine, by its own counter",
            self.cycles.clone(),
        );
        registry.register(
            "engine_busy_cycles",
            "Those of them in which its array worked",
            self.busy_cycles.clone(),
        );
        registry.register_with_unit(
            "engine_working",
            "Time that the engine had pictures",
            Unit::Seconds,
            self.worked.clone(),
        );
        registry.register(
            "engine_faults",
            "Faults, by their kind",
            self.faults.clone(),
        );
        registry.register(
            "engine_resets",
            "Times that the engine was opened and reset after a fault",
            self.resets.clone(),
        );
        registry.register(
            "connections",
            "Connections that are open",
            self.connections.clone(),
        );
        registry.register_with_unit(
            "request_held",
            "Bytes of requests in memory",
            Unit::Bytes,
            self.body_bytes.clone(),
        );
    }

    /// All figures as text.
    ///
    /// # Errors
    /// If a figure cannot be written, which is a mistake of this program.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    pub(crate) fn request(&self, protocol: &'static str, code: String, took: Duration) {
        self.requests
            .get_or_create(&OfRequests { protocol, code })
            .inc();
        self.request_time
            .get_or_create(&OfProtocol { protocol })
            .observe(took.as_secs_f64());
    }

    pub(crate) fn waited(&self, time: Duration) {
        self.queue_time.observe(time.as_secs_f64());
    }

    pub(crate) fn picture(&self, engine: &str, model: usize, time: Duration) {
        let labels = OfPictures {
            engine: engine.to_owned(),
            model: self.models.get(model).cloned().unwrap_or_default(),
        };
        self.pictures.get_or_create(&labels).inc();
        self.engine_time
            .get_or_create(&of(engine))
            .observe(time.as_secs_f64());
    }

    pub(crate) fn worked(&self, engine: &str, time: Duration) {
        self.worked
            .get_or_create(&of(engine))
            .inc_by(time.as_secs_f64());
    }

    pub(crate) fn up(&self, engine: &str, up: bool) {
        self.up.get_or_create(&of(engine)).set(up.into());
    }

    pub(crate) fn fault(&self, engine: &str, kind: &str) {
        let labels = OfFaults {
            engine: engine.to_owned(),
            kind: kind.to_owned(),
        };
        self.faults.get_or_create(&labels).inc();
    }

    pub(crate) fn reopened(&self, engine: &str) {
        self.resets.get_or_create(&of(engine)).inc();
    }

    pub(crate) fn cycles(&self, engine: &str, since: Counted) {
        self.cycles.get_or_create(&of(engine)).inc_by(since.cycles);
        self.busy_cycles
            .get_or_create(&of(engine))
            .inc_by(since.busy);
    }
}

fn of(engine: &str) -> OfEngine {
    OfEngine {
        engine: engine.to_owned(),
    }
}
