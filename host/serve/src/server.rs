//! The service as a whole: sockets, connections, and how it ends.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use firebrick::Cancel;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tower::Service as _;
use tracing::{debug, info, warn};

use crate::guard::{Guard, guard};
use crate::metrics::Metrics;
use crate::options::{Limits, ServeOptions};
use crate::pool::{Pool, Source};
use crate::service::{Served, Service};
use crate::{grpc, rest};

/// Bytes of a request's head.
const HEAD: usize = 64 << 10;
/// Requests at once on one connection of HTTP/2.
const STREAMS: u32 = 128;
/// After the time to drain, engines that work on have so long to give up.
const GIVE_UP: Duration = Duration::from_secs(2);

/// Why a service does not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It cannot listen.
    #[error("cannot listen on {address}: {source}; choose another address or port")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// There are no threads to be had.
    #[error("cannot start threads: {0}; raise the limit of processes")]
    Threads(io::Error),
    /// Nothing to serve.
    #[error("there is no {0} to serve; name one")]
    Nothing(&'static str),
    /// Two models have one name.
    #[error("two models are called {name:?}; give one of them another name, as NAME=PACK")]
    SameName {
        /// The name.
        name: String,
    },
}

/// A service that runs.
pub struct Server {
    runtime: Runtime,
    service: Arc<Service>,
    addresses: Vec<SocketAddr>,
    /// True from when connections are to end.
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    open: Arc<AtomicUsize>,
    grace: Duration,
    drain: Duration,
    cancel: Cancel,
}

impl Server {
    /// Binds the addresses and begins to open the engines. Engines that cannot be opened now are
    /// tried again; until one answers, the service is live but not ready. `cancel` is raised when
    /// engines are to give up what they do.
    ///
    /// # Errors
    /// If an address cannot be bound, or there is nothing to serve.
    pub fn start(
        models: Vec<Served>,
        sources: Vec<Arc<dyn Source>>,
        options: ServeOptions,
        cancel: Cancel,
    ) -> Result<Server, StartError> {
        if models.is_empty() {
            return Err(StartError::Nothing("model"));
        }
        if sources.is_empty() {
            return Err(StartError::Nothing("engine"));
        }
        for (place, served) in models.iter().enumerate() {
            if models[..place]
                .iter()
                .any(|other| other.name == served.name)
            {
                let name = served.name.clone();
                return Err(StartError::SameName { name });
            }
        }
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores.clamp(2, 8))
            .max_blocking_threads(2 * cores + 2)
            .thread_name("serve")
            .enable_all()
            .build()
            .map_err(StartError::Threads)?;
        let names = models.iter().map(|served| served.name.clone());
        let metrics = Arc::new(Metrics::new(names.collect()));
        let mut bound = Vec::new();
        for address in &options.listen {
            let address = *address;
            let listener = runtime.block_on(TcpListener::bind(address));
            bound.push(listener.map_err(|source| StartError::Listen { address, source })?);
        }
        let pool = Pool::start(sources, models.len(), options.pool, Arc::clone(&metrics));
        let pool = pool.map_err(StartError::Threads)?;
        let service = Arc::new(Service::new(models, pool, metrics, options.limits));
        let guarded = Arc::new(Guard::new(Arc::clone(&service), options.token));
        let router = rest::routes(Arc::clone(&service))
            .route_service(grpc::PATH, grpc::server(Arc::clone(&service)))
            .layer(from_fn_with_state(guarded, guard));
        let (stop, stopped) = watch::channel(false);
        let open = Arc::new(AtomicUsize::new(0));
        let slots = Arc::new(Semaphore::new(service.limits.connections));
        let mut addresses = Vec::new();
        let mut listeners = Vec::new();
        for listener in bound {
            let address = listener.local_addr();
            addresses.push(address.map_err(StartError::Threads)?);
            let door = Door {
                router: router.clone(),
                limits: service.limits.clone(),
                metrics: Arc::clone(&service.metrics),
                slots: Arc::clone(&slots),
                stopped: stopped.clone(),
                open: Arc::clone(&open),
            };
            listeners.push(runtime.spawn(door.accept(listener)));
        }
        Ok(Server {
            runtime,
            service,
            addresses,
            stop,
            listeners,
            open,
            grace: options.grace,
            drain: options.drain,
            cancel,
        })
    }

    /// Where it listens, with the ports that were chosen.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The service behind the protocols.
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Ends it in order: it stops being ready, goes on for the grace, takes nothing more, answers
    /// what was accepted and closes the engines. Returns whether everything was answered in time.
    pub fn end(self) -> bool {
        self.service.will_end();
        if !self.grace.is_zero() {
            info!(grace = ?self.grace, "is not ready any more, and works on");
            std::thread::sleep(self.grace);
        }
        let until = Instant::now() + self.drain;
        info!(drain = ?self.drain, "takes no more requests");
        self.stop.send_replace(true);
        for listener in self.listeners {
            let _ = self.runtime.block_on(listener);
        }
        while self.open.load(Ordering::Acquire) > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        let answered = self.open.load(Ordering::Acquire) == 0;
        let mut drained = self.service.pool.drain(until);
        if !drained {
            warn!("the time to drain is over: engines give up what they do");
            self.cancel.cancel();
            drained = self.service.pool.drain(Instant::now() + GIVE_UP) && answered;
        }
        self.runtime.shutdown_timeout(GIVE_UP);
        info!(all = answered && drained, "has ended");
        answered && drained
    }
}

/// What accepts connections.
#[derive(Clone)]
struct Door {
    router: Router,
    limits: Limits,
    metrics: Arc<Metrics>,
    slots: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
    open: Arc<AtomicUsize>,
}

impl Door {
    async fn accept(mut self, listener: TcpListener) {
        loop {
            let slot = Arc::clone(&self.slots).acquire_owned();
            let slot = tokio::select! {
                slot = slot => slot,
                _ = self.stopped.wait_for(|stopped| *stopped) => return,
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = self.stopped.wait_for(|stopped| *stopped) => return,
            };
            match (accepted, slot) {
                (Ok((stream, peer)), Ok(slot)) => {
                    debug!(%peer, "connection");
                    let _ = stream.set_nodelay(true);
                    let here = Here::new(&self, slot);
                    tokio::spawn(self.clone().serve(stream, here));
                }
                (Err(error), _) => {
                    // Too many files, for example.
                    warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                (_, Err(_)) => return,
            }
        }
    }

    /// Serves a connection until it ends, is idle for too long, or all are to end.
    async fn serve(mut self, stream: TcpStream, here: Here) {
        let activity = Arc::new(Activity::new());
        let (router, active) = (self.router.clone(), Arc::clone(&activity));
        let service = service_fn(move |request: Request<Incoming>| {
            let busy = Busy::begin(&active);
            let answer = router.clone().call(request);
            async move {
                let answer: Result<Response, Infallible> = answer.await;
                drop(busy);
                answer
            }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle)
            .max_buf_size(HEAD);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD as u32)
            .keep_alive_interval(self.limits.idle)
            .keep_alive_timeout(self.limits.idle);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let mut looks = tokio::time::interval(self.limits.idle.div_f32(4.0));
        let mut ending = false;
        loop {
            tokio::select! {
                end = connection.as_mut() => {
                    if let Err(error) = end {
                        debug!("connection: {error}");
                    }
                    break;
                }
                _ = self.stopped.wait_for(|stopped| *stopped), if !ending => {
                    ending = true;
                    connection.as_mut().graceful_shutdown();
                }
                _ = looks.tick() => {
                    if activity.is_idle(self.limits.idle) {
                        debug!("connection: idle for too long");
                        break;
                    }
                }
            }
        }
        drop(here);
    }
}

/// Counts a connection as long as it is there.
struct Here {
    open: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
    _slot: OwnedSemaphorePermit,
}

impl Here {
    fn new(door: &Door, slot: OwnedSemaphorePermit) -> Here {
        door.open.fetch_add(1, Ordering::AcqRel);
        door.metrics.connections.inc();
        Here {
            open: Arc::clone(&door.open),
            metrics: Arc::clone(&door.metrics),
            _slot: slot,
        }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.metrics.connections.dec();
        self.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Requests of a connection that are under way, and since when there are none. Neither the bytes
/// of a head that does not end nor answers that nobody reads keep a connection.
struct Activity(Mutex<(usize, Instant)>);

impl Activity {
    fn new() -> Activity {
        Activity(Mutex::new((0, Instant::now())))
    }

    fn is_idle(&self, limit: Duration) -> bool {
        let (busy, since) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        busy == 0 && since.elapsed() >= limit
    }
}

/// A request that is under way.
struct Busy(Arc<Activity>);

impl Busy {
    fn begin(activity: &Arc<Activity>) -> Busy {
        let mut state = activity.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 += 1;
        drop(state);
        Busy(Arc::clone(activity))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = (state.0.saturating_sub(1), Instant::now());
    }
}
