//! Ways to reach engines. Each is a [`Transport`]: what a scheme of a [`Uri`] stands for. A list
//! of them reads URIs, finds devices and opens them, so that another way is a file and an entry in
//! [`BOARDS`], or a call of [`Transports::with`] where it lives in another crate.

use super::{Cancel, Device, DeviceError, Found, Uri, UriError, axidma, xdma};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tracing::{debug, info_span};

/// How a device is opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// How long to wait for another process that has the device; not at all at first.
    pub wait: Duration,
    /// Gives up what is under way.
    pub cancel: Cancel,
}

/// A node that a device takes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it is.
    pub path: PathBuf,
    /// It is read from.
    pub read: bool,
    /// It is written to.
    pub write: bool,
    /// The device works without it.
    pub optional: bool,
}

impl Node {
    /// A node that is read and written.
    #[must_use]
    pub fn new(path: PathBuf) -> Node {
        Node {
            path,
            read: true,
            write: true,
            optional: false,
        }
    }
}

/// A way to reach engines.
pub trait Transport: Send + Sync {
    /// What a URI begins with, before the colon: lower-case letters and digits.
    fn scheme(&self) -> &'static str;

    /// A URI and what it is for, as it follows "write": `xdma:/dev/xdma0 for a PCIe board`.
    fn example(&self) -> &'static str;

    /// Reads what follows the colon of a URI, and returns its usual form. The device itself need
    /// not be there.
    ///
    /// # Errors
    /// What is wrong with it, as it follows "names no device:".
    fn parse(&self, address: &str) -> Result<String, String>;

    /// Opens a device, exclusively.
    ///
    /// # Errors
    /// Why it cannot be used: absent, forbidden, in use by another process, link down.
    fn open(
        &self,
        address: &str,
        options: &OpenOptions,
    ) -> Result<Box<dyn Device + Send>, DeviceError>;

    /// Addresses of what looks like a Firebrick under `root` (`/` but in tests), in order. Nothing
    /// is opened.
    fn discover(&self, root: &Path) -> Vec<String> {
        let _ = root;
        Vec::new()
    }

    /// Addresses of the engines behind an address that names all of a board, in order; the address
    /// itself if it names one engine, or there is one only. Nothing is opened.
    fn engines(&self, address: &str) -> Vec<String> {
        vec![address.into()]
    }

    /// The nodes that a device takes, present or not; none if that is not known.
    fn nodes(&self, address: &str) -> Vec<Node> {
        let _ = address;
        Vec::new()
    }

    /// Why a look at the PCI bus tells nothing of a device; none if it is a board there.
    fn off_the_bus(&self, address: &str) -> Option<&'static str> {
        let _ = address;
        Some("it is not a PCIe board")
    }

    /// What to do when its nodes are not there, in the imperative; none if it has no nodes.
    fn advice(&self) -> Option<&'static str> {
        None
    }
}

/// The ways to boards.
pub const BOARDS: &[&dyn Transport] = &[&xdma::XDMA, &axidma::AXI_DMA];

/// A list of ways to reach engines.
#[derive(Clone)]
pub struct Transports(Vec<&'static dyn Transport>);

impl Transports {
    /// The ways to boards.
    #[must_use]
    pub fn boards() -> Transports {
        Transports(BOARDS.to_vec())
    }

    /// These and another one, which takes the place of one with the same scheme.
    #[must_use]
    pub fn with(mut self, transport: &'static dyn Transport) -> Transports {
        self.0.retain(|old| old.scheme() != transport.scheme());
        self.0.push(transport);
        self
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'static dyn Transport> {
        self.0.iter().copied()
    }

    /// Examples of all, as they follow "write".
    #[must_use]
    pub fn examples(&self) -> String {
        sentence(self.iter().map(Transport::example))
    }

    /// Advice of all that have nodes, for when no device is there at all.
    #[must_use]
    pub fn advice(&self) -> String {
        sentence(self.iter().filter_map(Transport::advice))
    }

    /// Reads a URI.
    ///
    /// # Errors
    /// What is wrong with it, and what can be written.
    pub fn parse(&self, text: &str) -> Result<Uri, UriError> {
        let read = || {
            let (scheme, address) = text.split_once(':').ok_or("it has no scheme")?;
            let transport = self.iter().find(|t| t.scheme() == scheme);
            let transport = transport.ok_or(format!("the scheme {scheme:?} is unknown"))?;
            let address = transport.parse(address)?;
            Ok(Uri { transport, address })
        };
        read().map_err(|why| UriError {
            uri: text.into(),
            why,
            examples: self.examples(),
        })
    }

    /// Lists what looks like a Firebrick under `root` (`/` but in tests). Nothing is opened.
    #[must_use]
    pub fn devices(&self, root: &Path) -> Vec<Found> {
        let found = |transport: &'static dyn Transport| {
            let addresses = transport.discover(root).into_iter();
            addresses.map(move |address| Found {
                nodes: transport.nodes(&address),
                uri: Uri { transport, address },
            })
        };
        self.iter().flat_map(found).collect()
    }
}

/// Items with commas, and "or" before the last.
fn sentence(items: impl Iterator<Item = &'static str>) -> String {
    let items: Vec<&str> = items.collect();
    match items.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{}, or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Opens a device, exclusively.
///
/// # Errors
/// Why it cannot be used.
pub fn open(uri: &Uri, options: &OpenOptions) -> Result<Box<dyn Device + Send>, DeviceError> {
    let _span = info_span!("open", device = %uri).entered();
    let begin = Instant::now();
    let opened = uri.transport.open(&uri.address, options);
    match &opened {
        Ok(_) => debug!(took = ?begin.elapsed(), "opened"),
        Err(error) => debug!(took = ?begin.elapsed(), "not opened: {error}"),
    }
    opened
}
