//! Expressions with the width that Rust-HDL means: each operand has its own, none depends on its
//! surroundings.

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter, Write as _};

use num_bigint::BigUint;

/// Widths of the nets of a module.
pub(super) type Widths = HashMap<String, usize>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Expr {
    Net(String),
    /// Without a width until it meets an operand that has one.
    Literal(BigUint, Option<usize>),
    /// `net[high:low]`; a bit where they are equal.
    Bits(String, usize, usize),
    /// `net[low +: width]`; a bit where the width is 1.
    Part(String, Box<Expr>, usize),
    /// Highest first.
    Concat(Vec<Expr>),
    Repeat(usize, Box<Expr>),
    Signed(Box<Expr>),
    Unary(char, Box<Expr>),
    Binary(Box<Expr>, &'static str, Box<Expr>),
}

pub(super) fn is_shift(op: &str) -> bool {
    matches!(op, "<<" | ">>")
}

/// Operators with a result of one bit.
pub(super) fn is_test(op: &str) -> bool {
    matches!(op, "==" | "!=" | "<" | "<=" | ">" | ">=" | "&&" | "||")
}

impl Expr {
    pub fn number(value: usize) -> Expr {
        Expr::Literal(value.into(), None)
    }

    pub fn zeros(width: usize) -> Expr {
        Expr::Literal(BigUint::default(), Some(width))
    }

    /// Its value, if it is a literal.
    pub fn value(&self) -> Option<usize> {
        match self {
            Expr::Literal(value, _) => value.try_into().ok(),
            _ => None,
        }
    }

    /// Its name, if it is a whole net.
    pub fn net(&self) -> Option<&str> {
        match self {
            Expr::Net(name) => Some(name),
            _ => None,
        }
    }

    fn is_zero(&self) -> bool {
        matches!(self, Expr::Literal(value, _) if value.bits() == 0)
    }

    /// Its width; none for a literal that has none yet and for a net that is not known.
    pub fn width(&self, widths: &Widths) -> Option<usize> {
        match self {
            Expr::Net(name) => widths.get(name).copied(),
            Expr::Literal(_, width) => *width,
            Expr::Bits(_, high, low) => Some(high - low + 1),
            Expr::Part(_, _, width) => Some(*width),
            Expr::Concat(parts) => parts.iter().map(|part| part.width(widths)).sum(),
            Expr::Repeat(times, part) => part.width(widths).map(|w| times * w),
            Expr::Signed(inner) => inner.width(widths),
            Expr::Unary(op, inner) => match op {
                '&' | '|' | '^' => Some(1),
                _ => inner.width(widths),
            },
            Expr::Binary(l, op, r) => {
                if is_test(op) {
                    Some(1)
                } else if is_shift(op) {
                    l.width(widths)
                } else if *op == "*" {
                    Some(l.width(widths)? + r.width(widths)?)
                } else {
                    l.width(widths).or_else(|| r.width(widths))
                }
            }
        }
    }

    /// The same with a width, if it is a literal without one; more if its value needs more.
    #[must_use]
    pub fn sized(self, width: usize) -> Expr {
        match self {
            Expr::Literal(value, None) => {
                let needed = usize::try_from(value.bits()).unwrap_or(width);
                Expr::Literal(value, Some(width.max(needed)))
            }
            other => other,
        }
    }

    /// Bits `high` to `low`, if that can be said without another net.
    pub fn bits(&self, high: usize, low: usize, widths: &Widths) -> Option<Expr> {
        let width = self.width(widths)?;
        if low == 0 && high + 1 == width {
            return Some(self.clone());
        }
        match self {
            Expr::Net(name) => Some(Expr::Bits(name.clone(), high, low)),
            Expr::Bits(name, _, base) => Some(Expr::Bits(name.clone(), base + high, base + low)),
            Expr::Literal(value, _) => {
                let bits = high - low + 1;
                let mask = (BigUint::from(1u8) << bits) - 1u8;
                Some(Expr::Literal((value >> low) & mask, Some(bits)))
            }
            Expr::Concat(parts) => {
                let (mut base, mut kept) = (0, Vec::new());
                for part in parts.iter().rev() {
                    let width = part.width(widths)?;
                    let (from, to) = (low.max(base), high.min(base + width - 1));
                    if from <= to {
                        kept.push(part.bits(to - base, from - base, widths)?);
                    }
                    base += width;
                }
                kept.reverse();
                Some(concat(kept))
            }
            // The low bits of these depend on the low bits of their operands alone.
            Expr::Binary(l, op @ ("+" | "-" | "&" | "|" | "^"), r) if low == 0 => {
                Some(Expr::Binary(
                    Box::new(l.bits(high, 0, widths)?),
                    op,
                    Box::new(r.bits(high, 0, widths)?),
                ))
            }
            Expr::Unary('~', inner) => {
                Some(Expr::Unary('~', Box::new(inner.bits(high, low, widths)?)))
            }
            _ => None,
        }
    }

    /// Extended with zeros or cut to `width`.
    pub fn resized(&self, width: usize, widths: &Widths) -> Option<Expr> {
        if let Expr::Literal(value, None) = self {
            return Expr::Literal(value.clone(), Some(width.max(1))).bits_of_literal(width);
        }
        let own = self.width(widths)?;
        match own {
            _ if own < width => Some(concat(vec![Expr::zeros(width - own), self.clone()])),
            _ => self.bits(width - 1, 0, widths),
        }
    }

    fn bits_of_literal(self, width: usize) -> Option<Expr> {
        match self {
            Expr::Literal(value, _) => {
                let mask = (BigUint::from(1u8) << width) - 1u8;
                Some(Expr::Literal(value & mask, Some(width)))
            }
            _ => None,
        }
    }

    /// A signed value extended by its sign or cut to `width`.
    pub fn sign_extended(&self, width: usize, widths: &Widths) -> Option<Expr> {
        let own = self.width(widths)?;
        if own >= width {
            return self.bits(width - 1, 0, widths);
        }
        let sign = self.bits(own - 1, own - 1, widths)?;
        let copies = match width - own {
            1 => sign,
            n => Expr::Repeat(n, Box::new(sign)),
        };
        Some(concat(vec![copies, self.clone()]))
    }

    /// Calls `found` with each net that is read, and which bits of it: none for all.
    pub fn reads<'a>(&'a self, found: &mut impl FnMut(&'a str, Option<(usize, usize)>)) {
        match self {
            Expr::Net(name) => found(name, None),
            Expr::Literal(..) => {}
            Expr::Bits(name, high, low) => found(name, Some((*high, *low))),
            Expr::Part(name, low, _) => {
                found(name, None);
                low.reads(found);
            }
            Expr::Concat(parts) => parts.iter().for_each(|part| part.reads(found)),
            Expr::Repeat(_, e) | Expr::Signed(e) | Expr::Unary(_, e) => e.reads(found),
            Expr::Binary(l, _, r) => {
                l.reads(found);
                r.reads(found);
            }
        }
    }

    /// Whether it is wires and constants only.
    pub fn is_wiring(&self) -> bool {
        match self {
            Expr::Net(_) | Expr::Literal(..) | Expr::Bits(..) => true,
            Expr::Concat(parts) => parts.iter().all(Expr::is_wiring),
            _ => false,
        }
    }

    fn is_atomic(&self) -> bool {
        !matches!(self, Expr::Binary(..))
    }
}

/// A concatenation without nesting; neighbouring zeros and neighbouring bits of a net are joined.
pub(super) fn concat(parts: Vec<Expr>) -> Expr {
    let mut flat: Vec<Expr> = Vec::new();
    for part in parts {
        let inner = match part {
            Expr::Concat(inner) => inner,
            other => vec![other],
        };
        for part in inner {
            let joined = match (flat.last(), &part) {
                (Some(Expr::Literal(a, Some(n))), Expr::Literal(b, Some(m)))
                    if a.bits() == 0 && b.bits() == 0 =>
                {
                    Some(Expr::zeros(n + m))
                }
                (Some(Expr::Bits(a, high, middle)), Expr::Bits(b, next, low))
                    if a == b && *middle == next + 1 =>
                {
                    Some(Expr::Bits(a.clone(), *high, *low))
                }
                _ => None,
            };
            match joined {
                Some(joined) => {
                    flat.pop();
                    flat.push(joined);
                }
                None => flat.push(part),
            }
        }
    }
    match flat.len() {
        1 => flat.remove(0),
        _ => Expr::Concat(flat),
    }
}

/// `l | r` as a concatenation, if no bit of both can be one.
pub(super) fn merged(l: &Expr, r: &Expr, widths: &Widths) -> Option<Expr> {
    let (Expr::Concat(a), Expr::Concat(b)) = (l, r) else {
        return None;
    };
    let total = l.width(widths)?;
    let mut ends = vec![0];
    for parts in [a, b] {
        let mut at = 0;
        for part in parts.iter().rev() {
            at += part.width(widths)?;
            ends.push(at);
        }
        if at != total {
            return None;
        }
    }
    ends.sort_unstable();
    ends.dedup();
    let mut parts = Vec::new();
    for pair in ends.windows(2) {
        let (high, low) = (pair[1] - 1, pair[0]);
        let (x, y) = (l.bits(high, low, widths)?, r.bits(high, low, widths)?);
        parts.push(match (x.is_zero(), y.is_zero()) {
            (_, true) => x,
            (true, _) => y,
            _ => return None,
        });
    }
    parts.reverse();
    Some(concat(parts))
}

/// The one style of literals: decimal with a width, hexadecimal from 2^16.
impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Net(name) => f.write_str(name),
            Expr::Literal(value, width) => match width {
                Some(1) => write!(f, "1'b{value}"),
                Some(width) if value.bits() > 16 => write!(f, "{width}'h{value:x}"),
                Some(width) => write!(f, "{width}'d{value}"),
                None => write!(f, "{value}"),
            },
            Expr::Bits(name, high, low) if high == low => write!(f, "{name}[{low}]"),
            Expr::Bits(name, high, low) => write!(f, "{name}[{high}:{low}]"),
            Expr::Part(name, low, 1) => write!(f, "{name}[{low}]"),
            Expr::Part(name, low, width) => write!(f, "{name}[{low} +: {width}]"),
            Expr::Concat(parts) => {
                f.write_char('{')?;
                for (i, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if i == 0 { "" } else { ", " })?;
                }
                f.write_char('}')
            }
            Expr::Repeat(times, part) => write!(f, "{{{times}{{{part}}}}}"),
            Expr::Signed(inner) => write!(f, "$signed({inner})"),
            Expr::Unary(op, inner) if inner.is_atomic() && !matches!(**inner, Expr::Unary(..)) => {
                write!(f, "{op}{inner}")
            }
            Expr::Unary(op, inner) => write!(f, "{op}({inner})"),
            Expr::Binary(l, op, r) => {
                // A chain of one operator needs no parentheses.
                let chain = matches!(&**l, Expr::Binary(_, inner, _)
                    if inner == op && matches!(*op, "&" | "|" | "^" | "+"));
                if chain || l.is_atomic() {
                    write!(f, "{l} {op} ")?;
                } else {
                    write!(f, "({l}) {op} ")?;
                }
                if r.is_atomic() {
                    write!(f, "{r}")
                } else {
                    write!(f, "({r})")
                }
            }
        }
    }
}
