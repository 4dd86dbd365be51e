//! How a service behaves: addresses, limits, times.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::auth::Token;
use crate::pool::PoolOptions;

/// How a service behaves. By itself it is open to this machine alone.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where it listens; each address speaks both protocols.
    pub listen: Vec<SocketAddr>,
    /// What clients have to show, beside those that only ask for health.
    pub token: Option<Token>,
    /// Queue and engines.
    pub pool: PoolOptions,
    /// What requests may take.
    pub limits: Limits,
    /// After the order to end, the service works on for so long while it says that it is not ready,
    /// so that nothing new is sent to it.
    pub grace: Duration,
    /// What was accepted has so long to be answered after that.
    pub drain: Duration,
}

impl Default for ServeOptions {
    fn default() -> ServeOptions {
        ServeOptions {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8000))],
            token: None,
            pool: PoolOptions::default(),
            limits: Limits::default(),
            grace: Duration::ZERO,
            drain: Duration::from_secs(30),
        }
    }
}

/// What requests may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one body, also after it is unpacked.
    pub body: usize,
    /// Bytes of all bodies that are held at once.
    pub bodies: usize,
    /// Bytes of memory that decoding one picture may take.
    pub picture: u64,
    /// The same of all pictures that are decoded at once.
    pub pictures: u64,
    /// From the head of a request to its answer; clients may ask for less.
    pub time: Duration,
    /// A connection without a request ends after so long, also one whose request does not get on
    /// to the end of its head.
    pub idle: Duration,
    /// Connections at once; others wait to be accepted.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body: 16 << 20,
            bodies: 96 << 20,
            picture: 96 << 20,
            pictures: 128 << 20,
            time: Duration::from_secs(60),
            idle: Duration::from_secs(30),
            connections: 1024,
        }
    }
}
