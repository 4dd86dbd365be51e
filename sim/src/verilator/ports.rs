//! The ports of a top module, read from the C++ header that Verilator wrote.
//!
//! Verilator has then already resolved parameters, both styles of port declaration, and
//! overrides; nothing of Verilog needs to be parsed here.

use crate::error::BuildError;

/// Which way a port goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Driven from outside.
    Input,
    /// Driven by the design.
    Output,
    /// Both.
    Inout,
}

/// One port of the top module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortInfo {
    /// The name in Verilog.
    pub name: String,
    /// Width in bits.
    pub width: u32,
    /// Direction.
    pub direction: Direction,
    /// The name in C++.
    pub(crate) member: String,
}

impl PortInfo {
    /// The number of bytes in which Verilator keeps a port of this width.
    pub(crate) fn storage_bytes(&self) -> u32 {
        match self.width {
            0..=8 => 1,
            9..=16 => 2,
            17..=32 => 4,
            33..=64 => 8,
            wide => wide.div_ceil(32) * 4,
        }
    }

    /// One line for the cache's manifest.
    pub(crate) fn to_line(&self) -> String {
        let direction = match self.direction {
            Direction::Input => "in",
            Direction::Output => "out",
            Direction::Inout => "inout",
        };
        format!("port {direction} {} {}", self.width, self.member)
    }

    /// The inverse of [`PortInfo::to_line`].
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("port ")?.split(' ');
        let direction = match words.next()? {
            "in" => Direction::Input,
            "out" => Direction::Output,
            "inout" => Direction::Inout,
            _ => return None,
        };
        let width = words.next()?.parse().ok().filter(|&w| w > 0)?;
        let member = words.next()?.to_owned();
        Some(Self {
            name: decode(&member),
            width,
            direction,
            member,
        })
    }
}

/// Reads lines such as `VL_IN8(&aclk,0,0);` and `VL_OUTW(&q,199,0,7);`.
pub(crate) fn from_header(top: &str, header: &str) -> Result<Vec<PortInfo>, BuildError> {
    let lines = header.lines().map(str::trim);
    lines
        .filter_map(|line| Some((line, direction(line)?)))
        .try_fold(Vec::new(), |mut ports, (line, direction)| {
            let (member, width) =
                member_and_width(line).ok_or_else(|| BuildError::UnsupportedPort {
                    top: top.to_owned(),
                    declaration: line.to_owned(),
                })?;
            ports.push(PortInfo {
                name: decode(&member),
                width,
                direction,
                member,
            });
            Ok(ports)
        })
}

fn direction(line: &str) -> Option<Direction> {
    let kinds = [
        ("VL_INOUT", Direction::Inout),
        ("VL_IN", Direction::Input),
        ("VL_OUT", Direction::Output),
    ];
    kinds
        .iter()
        .find(|(start, _)| line.starts_with(start))
        .map(|&(_, direction)| direction)
}

fn member_and_width(line: &str) -> Option<(String, u32)> {
    let inside = line.split_once("(&")?.1.strip_suffix(");")?;
    let mut parts = inside.split(',');
    let member = parts.next()?;
    if member.is_empty()
        || !member
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_')
    {
        return None;
    }
    let high: i64 = parts.next()?.trim().parse().ok()?;
    let low: i64 = parts.next()?.trim().parse().ok()?;
    let width = u32::try_from(high.abs_diff(low) + 1).ok()?;
    Some((member.to_owned(), width))
}

/// Verilator's C++ name back to Verilog: `__SYM__bool` is `bool`, `a__024b` is `a$b`.
fn decode(member: &str) -> String {
    let mut rest = member.strip_prefix("__SYM__").unwrap_or(member);
    let mut name = String::new();
    while let Some(first) = rest.chars().next() {
        let code = rest.strip_prefix("__0").and_then(|r| r.get(..2));
        if let Some(byte) = code.and_then(|c| u8::from_str_radix(c, 16).ok()) {
            name.push(char::from(byte));
            rest = &rest[5..];
        } else {
            name.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lines() {
        let header = "    VL_IN8(&aclk,0,0);\n    VL_OUT8(&x__024y,0,0);\n    VL_IN8(&a___05Fb,0,0);\n\
                      VL_IN8(&__SYM__bool,0,0);\n    VL_INW(&a,127,0,4);\n    VL_OUTW(&q,199,0,7);\n\
                      VL_IN64(&b,39,0);\n    VL_INOUT16(&io,8,0);\n";
        let ports = from_header("t", header).expect("ports");
        let seen: Vec<_> = ports
            .iter()
            .map(|p| (p.name.as_str(), p.width, p.storage_bytes()))
            .collect();
        assert_eq!(
            seen,
            [
                ("aclk", 1, 1),
                ("x$y", 1, 1),
                ("a__b", 1, 1),
                ("bool", 1, 1),
                ("a", 128, 16),
                ("q", 200, 28),
                ("b", 40, 8),
                ("io", 9, 2)
            ]
        );
        assert_eq!(ports[7].direction, Direction::Inout);
        for port in &ports {
            assert_eq!(PortInfo::from_line(&port.to_line()).as_ref(), Some(port));
        }
    }

    #[test]
    fn arrays_are_refused() {
        let error = from_header("t", "VL_IN8((&arr)[4],7,0);").expect_err("an array");
        assert!(error.to_string().contains("arr"), "{error}");
    }
}
