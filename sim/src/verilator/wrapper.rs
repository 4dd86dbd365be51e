//! The C++ wrapper that gives a verilated model its C interface.

use std::fmt::Write;

use crate::verilator::ports::PortInfo;

/// Changes whenever the C interface changes; checked when a library is loaded.
pub(crate) const ABI: u32 = 2;

/// The wrapper's text before a design's own parts are filled in; part of the cache key.
pub(crate) const TEMPLATE: &str = include_str!("wrapper.cpp.in");

/// The wrapper for a design with these ports.
pub(crate) fn source(ports: &[PortInfo]) -> String {
    let mut cases = String::new();
    for (index, port) in ports.iter().enumerate() {
        let member = &port.member;
        let _ = writeln!(
            cases,
            "    case {index}: *bytes = sizeof(top->{member}); return &top->{member};"
        );
    }
    TEMPLATE
        .replace("@ABI@", &ABI.to_string())
        .replace("@PORTS@", cases.trim_end())
}
