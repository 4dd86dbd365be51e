//! Another way to reach an engine, added from outside the crate: this file is all of it, and
//! `docs/add-a-device.md` walks through it. The engine is the software one behind a lock file.

mod common;
mod suite;

use firebrick_driver::{
    Device, DeviceError, ExecutorDevice, Feed, Node, OpenOptions, Take, Transport, Transports,
    one_by_one, open,
};
use firebrick_spec::HwConfig;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;
use suite::{Subject, all};

/// `toy:FILE`: an engine whose node is FILE, which holds the name of its preset.
struct ToyTransport;

static TOY: ToyTransport = ToyTransport;

/// The node that is found without being named.
fn usual(root: &Path) -> PathBuf {
    root.join("dev/toy0")
}

impl Transport for ToyTransport {
    fn scheme(&self) -> &'static str {
        "toy"
    }

    fn example(&self) -> &'static str {
        "toy:/dev/toy0 for a toy"
    }

    fn parse(&self, address: &str) -> Result<String, String> {
        match address.starts_with('/') {
            true => Ok(address.trim_end_matches('/').into()),
            false => Err("a toy has an absolute path".into()),
        }
    }

    fn open(&self, address: &str, _: &OpenOptions) -> Result<Box<dyn Device + Send>, DeviceError> {
        let name = format!("toy:{address}");
        let failed = |what: String| DeviceError::Link {
            device: name.clone(),
            what,
        };
        let node = File::open(address).map_err(|e| failed(format!("{e}; plug the toy in")))?;
        node.try_lock()
            .map_err(|e| failed(format!("{e}; another program has it")))?;
        let preset = std::fs::read_to_string(address).map_err(|e| failed(e.to_string()))?;
        let config = HwConfig::preset(&preset)
            .ok_or_else(|| failed(format!("{preset:?} is no preset; write one to the file")))?;
        Ok(Box::new(Toy {
            name,
            _node: node,
            engine: ExecutorDevice::new(&config),
        }))
    }

    fn discover(&self, root: &Path) -> Vec<String> {
        let node = usual(root);
        let there = node.exists();
        there
            .then(|| node.display().to_string())
            .into_iter()
            .collect()
    }

    fn nodes(&self, address: &str) -> Vec<Node> {
        vec![Node::new(address.into())]
    }

    fn advice(&self) -> Option<&'static str> {
        Some("plug the toy in")
    }
}

/// An open one.
struct Toy {
    name: String,
    /// Holds the lock.
    _node: File,
    engine: ExecutorDevice,
}

impl Device for Toy {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn read_reg(&mut self, offset: u32) -> Result<u32, DeviceError> {
        self.engine.read_reg(offset)
    }

    fn write_reg(&mut self, offset: u32, value: u32) -> Result<(), DeviceError> {
        self.engine.write_reg(offset, value)
    }

    fn stream(
        &mut self,
        feed: &mut dyn Feed,
        result_bytes: usize,
        deadline: Duration,
        take: &mut Take<'_>,
    ) -> Result<(), DeviceError> {
        one_by_one(feed, take, |transfer| {
            self.engine.run(transfer, result_bytes, deadline)
        })
    }
}

fn transports() -> Transports {
    Transports::boards().with(&TOY)
}

/// A root with a toy in it.
fn plugged(config: &HwConfig) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let node = usual(root.path());
    std::fs::create_dir_all(node.parent().unwrap()).unwrap();
    std::fs::write(node, &config.name).unwrap();
    root
}

#[test]
fn it_does_what_every_device_does() {
    let config = common::preset();
    let root = plugged(&config);
    let found = transports().devices(root.path());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].missing().count(), 0);
    let uri = found[0].uri.to_string();
    assert_eq!(uri, format!("toy:{}", usual(root.path()).display()));
    let uri = transports().parse(&uri).unwrap();
    assert_eq!(uri, found[0].uri);
    all(Subject {
        open: &mut || open(&uri, &OpenOptions::default()).unwrap(),
        config: config.clone(),
        pictures: 20,
        cancels: false,
    });
}

#[test]
fn what_is_wrong_with_it_is_said() {
    let config = common::preset();
    let root = plugged(&config);
    let uri = transports().devices(root.path())[0].uri.clone();
    let refusal = || {
        let refused = open(&uri, &OpenOptions::default()).map(|_| ());
        refused.unwrap_err().to_string()
    };
    let first = open(&uri, &OpenOptions::default()).unwrap();
    assert!(refusal().contains("another program has it"));
    drop(first);
    std::fs::remove_file(usual(root.path())).unwrap();
    assert!(refusal().contains("plug the toy in"));
    let error = transports().parse("toy:here").unwrap_err().to_string();
    assert!(error.contains("an absolute path"), "{error}");
    assert!(error.contains("toy:/dev/toy0 for a toy"), "{error}");
    // Without it the list knows boards only.
    let error = Transports::boards().parse(&uri.to_string()).unwrap_err();
    assert!(error.to_string().contains("\"toy\" is unknown"), "{error}");
    assert!(transports().advice().contains("modprobe xdma"));
}
