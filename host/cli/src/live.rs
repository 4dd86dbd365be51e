//! `--serve-report`: the page of a command, while the command works.

#[cfg(feature = "serve")]
mod server;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use firebrick_report::parts::Page;
use serde_json::Value;

use crate::args;
use crate::error::CliError;
use crate::output::Output;
use crate::progress;

/// Makes the page of a command's objects.
type Render = Box<dyn Fn(&[Value]) -> Page + Send + Sync>;

/// Time between two states of the page, and between two lines of what is done: work is not held up for more.
const INTERVAL: Duration = Duration::from_secs(1);

/// What those who look on see. The work writes it and never waits for anybody who reads it.
#[cfg_attr(not(feature = "serve"), allow(dead_code))]
pub struct Feed {
    state: Mutex<State>,
    /// Of the page, as long as there is nothing to show.
    title: &'static str,
    render: Render,
}

#[derive(Default)]
#[cfg_attr(not(feature = "serve"), allow(dead_code))]
struct State {
    /// Objects as they are printed.
    objects: Vec<String>,
    /// In place of those that come with the end.
    interim: Option<String>,
    /// Number of the state that the page shows.
    version: u64,
    /// What is being done.
    status: String,
    /// When these two were written.
    written: Option<Instant>,
    told: Option<Instant>,
    over: bool,
    /// When somebody last asked, and which version that was.
    asked: Option<(Instant, u64)>,
}

/// Whether it is time again.
fn is_due(last: Option<Instant>) -> bool {
    last.is_none_or(|last| last.elapsed() >= INTERVAL)
}

impl Feed {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One object more.
    pub fn object(&self, object: String) {
        let mut state = self.state();
        state.objects.push(object);
        state.version += 1;
    }

    /// Whether it is time for an object that stands for one that comes with the end.
    pub fn wants_interim(&self) -> bool {
        is_due(self.state().written)
    }

    /// An object that stands for one that comes with the end.
    pub fn interim(&self, object: String) {
        let mut state = self.state();
        state.interim = Some(object);
        state.written = Some(Instant::now());
        state.version += 1;
    }

    /// What is being done, now and then.
    fn tell(&self, status: impl FnOnce() -> String) {
        let mut state = self.state();
        if is_due(state.told) {
            state.status = status();
            state.told = Some(Instant::now());
        }
    }
}

/// The feed of this process, for progress from anywhere.
static FEED: OnceLock<Arc<Feed>> = OnceLock::new();

/// Says what is being done to those who look on, if anybody may.
pub fn tell(status: impl FnOnce() -> String) {
    if let Some(feed) = FEED.get() {
        feed.tell(status);
    }
}

/// A page that is shown while a command works. Dropped, it is no longer shown.
pub struct Live {
    #[cfg(feature = "serve")]
    server: server::Server,
}

/// Shows the page from now on, if that is asked for.
pub fn start(
    args: &args::Live,
    title: &'static str,
    output: &mut Output,
    render: impl Fn(&[Value]) -> Page + Send + Sync + 'static,
) -> Result<Option<Live>, CliError> {
    let Some(address) = args.at else {
        return Ok(None);
    };
    if cfg!(not(feature = "serve")) {
        return Err(CliError::NoLive);
    }
    let feed = Arc::new(Feed {
        state: Mutex::new(State {
            status: "The work begins.".into(),
            ..State::default()
        }),
        title,
        render: Box::new(render),
    });
    #[cfg(feature = "serve")]
    let live = Live {
        server: server::Server::start(address, Arc::clone(&feed))?,
    };
    #[cfg(not(feature = "serve"))]
    let live = Live {};
    if !address.ip().is_loopback() {
        progress::warning(
            "everybody who reaches this machine can read the report; leave the address of \
             --serve-report out to show it on this machine alone",
        );
    }
    #[cfg(feature = "serve")]
    progress::note(format_args!("report: http://{}/", live.server.address()));
    output.feed(Arc::clone(&feed));
    let _ = FEED.set(feed);
    Ok(Some(live))
}

/// The work is over: whoever looks on still gets the last state of the page, in a moment.
pub fn end(live: Option<Live>) {
    #[cfg(feature = "serve")]
    if let Some(live) = live {
        live.server.end();
    }
    #[cfg(not(feature = "serve"))]
    drop(live);
}
