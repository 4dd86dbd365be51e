//! A small server of one page, on a thread of its own.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use firebrick_report::parts::Page;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::Feed;
use crate::error::CliError;
use crate::signals;

/// Connections at once.
const CONNECTIONS: usize = 16;
/// Time for the head of a request, and for a whole connection.
const HEAD: Duration = Duration::from_secs(5);
const CONNECTION: Duration = Duration::from_secs(30);
/// Somebody who has not asked for so long no longer looks on.
const WATCHES: Duration = Duration::from_secs(4);
/// Longest time, after the work, to hand out the last state of the page.
const LAST: Duration = Duration::from_secs(5);
/// Between two looks at whether it was handed out.
const LOOK: Duration = Duration::from_millis(20);
/// Time for connections to end.
const SHUTDOWN: Duration = Duration::from_millis(500);

/// A page for browsers.
pub struct Server {
    /// Dropped with what runs on it, in [`SHUTDOWN`] at the latest.
    runtime: Option<tokio::runtime::Runtime>,
    feed: Arc<Feed>,
    address: SocketAddr,
}

impl Server {
    /// Listens from now on.
    pub fn start(address: SocketAddr, feed: Arc<Feed>) -> Result<Server, CliError> {
        let fail = |source: io::Error| CliError::Live { address, source };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("report")
            .enable_all()
            .build()
            .map_err(fail)?;
        let listener = runtime.block_on(TcpListener::bind(address)).map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        let router = Router::new()
            .route("/", get(page))
            .route("/state", get(state))
            .with_state(Arc::clone(&feed));
        runtime.spawn(serve(listener, router));
        Ok(Server {
            runtime: Some(runtime),
            feed,
            address,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands out the last state of the page to those who look on, and ends.
    pub fn end(self) {
        let begin = Instant::now();
        let last = {
            let mut state = self.feed.state();
            state.over = true;
            state.status = "The work is over.".into();
            state.version += 1;
            state.version
        };
        while begin.elapsed() < LAST && !signals::is_interrupted() {
            match self.feed.state().asked {
                Some((when, version)) if version < last && when.elapsed() < WATCHES => {}
                _ => break,
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(SHUTDOWN);
        }
    }
}

async fn serve(listener: TcpListener, router: Router) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // Of a connection that is gone, or there are too many files open.
            tokio::time::sleep(LOOK).await;
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new());
            builder.header_read_timeout(HEAD).keep_alive(false);
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            // Whatever became of it, there is nobody to tell.
            let _ = tokio::time::timeout(CONNECTION, connection).await;
            drop(slot);
        });
    }
}

/// Whether a request is meant for this server: a page elsewhere must not read it under a name of its own.
fn is_meant(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.is_none_or(|host| {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
            _ => host,
        };
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost" || address.parse::<IpAddr>().is_ok()
    })
}

fn answer(headers: &HeaderMap, kind: &'static str, body: impl FnOnce() -> String) -> Response {
    if !is_meant(headers) {
        let why = "name this server by its address, or as localhost\n";
        return (StatusCode::MISDIRECTED_REQUEST, why).into_response();
    }
    let head = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (head, body()).into_response()
}

async fn page(Shared(feed): Shared<Arc<Feed>>, headers: HeaderMap) -> Response {
    answer(&headers, "text/html; charset=utf-8", || {
        let (objects, status, version, over) = {
            let mut state = feed.state();
            state.asked = Some((Instant::now(), state.version));
            let mut objects = state.objects.clone();
            objects.extend(state.interim.clone().filter(|_| !state.over));
            (objects, state.status.clone(), state.version, state.over)
        };
        // What was printed as JSON is JSON.
        let values = objects.iter();
        let values: Vec<Value> = values
            .filter_map(|o| serde_json::from_str(o).ok())
            .collect();
        let mut page = match values.is_empty() {
            true => Page {
                title: feed.title.to_owned(),
                ..Page::default()
            },
            false => (feed.render)(&values),
        };
        page.objects = objects;
        page.live(&status, version, over)
    })
}

async fn state(Shared(feed): Shared<Arc<Feed>>, headers: HeaderMap) -> Response {
    answer(&headers, "application/json", || {
        let mut state = feed.state();
        let seen = state.asked.map_or(0, |(_, version)| version);
        state.asked = Some((Instant::now(), seen));
        json!({ "version": state.version, "status": state.status, "over": state.over }).to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_names_are_answered() {
        let meant = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            is_meant(&headers)
        };
        for host in [
            "localhost",
            "localhost:8017",
            "127.0.0.1:8017",
            "[::1]:80",
            "[::1]",
        ] {
            assert!(meant(host), "{host}");
        }
        for host in [
            "example.org",
            "localhost.example.org:8017",
            "127.0.0.1.example.org",
        ] {
            assert!(!meant(host), "{host}");
        }
        assert!(is_meant(&HeaderMap::new()));
    }
}
