//! From Rust-HDL's statements to ours: loops unrolled, names resolved, widths settled.

use std::collections::HashMap;

use num_bigint::{BigInt, BigUint};
use rust_hdl::core::ast::{
    VerilogBlock, VerilogBlockOrConditional, VerilogConditional, VerilogExpression, VerilogLiteral,
    VerilogOp, VerilogOpUnary, VerilogStatement,
};

use super::expr::{Expr, Widths, concat, is_shift, is_test, merged};
use super::index::index;

/// A statement of a combinational process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Statement {
    /// To a net, or to bits of it: lowest bit and width.
    Assign(String, Option<(usize, usize)>, Expr),
    If(Expr, Vec<Statement>, Vec<Statement>),
    /// Arms with their labels, none for the default.
    Case(Expr, Vec<(Option<Expr>, Vec<Statement>)>),
}

/// What a block's statements refer to.
pub(super) struct Lower<'a> {
    /// Names in Verilog of signals, `block$port` for those of blocks inside.
    pub names: &'a HashMap<String, String>,
    pub widths: &'a Widths,
    loops: Vec<(String, usize)>,
}

type Lowered<T> = Result<T, String>;

impl<'a> Lower<'a> {
    pub fn new(names: &'a HashMap<String, String>, widths: &'a Widths) -> Self {
        Lower {
            names,
            widths,
            loops: Vec::new(),
        }
    }

    pub fn block(&mut self, block: &VerilogBlock) -> Lowered<Vec<Statement>> {
        let mut out = Vec::new();
        for statement in block {
            self.statement(statement, &mut out)?;
        }
        Ok(out)
    }

    fn statement(&mut self, statement: &VerilogStatement, out: &mut Vec<Statement>) -> Lowered<()> {
        match statement {
            VerilogStatement::Assignment(target, value) => {
                let target = self.target(target)?;
                let width = self.width_of(&target)?;
                let value = self.value(value, width, &target)?;
                out.push(Statement::Assign(target, None, value));
            }
            VerilogStatement::SliceAssignment {
                base,
                width,
                offset,
                replacement,
            } => {
                let target = self.target(base)?;
                let low = self.expr(offset, None)?.value();
                let low = low.ok_or_else(|| format!("bits of {target} at a variable place"))?;
                let value = self.value(replacement, *width, &target)?;
                out.push(Statement::Assign(target, Some((low, *width)), value));
            }
            VerilogStatement::If(conditional) => out.push(self.conditional(conditional)?),
            VerilogStatement::Match(m) => {
                let test = self.expr(&m.test, None)?;
                let width = self.need(&test)?;
                let mut arms = Vec::new();
                for case in &m.cases {
                    let label = match case.condition.as_str() {
                        "default" => None,
                        text => Some(self.label(text)?.sized(width)),
                    };
                    arms.push((label, self.block(&case.block)?));
                }
                out.push(Statement::Case(test, arms));
            }
            VerilogStatement::Loop(l) => {
                for value in l.from.as_usize()..l.to.as_usize() {
                    self.loops.push((l.index.clone(), value));
                    for statement in &l.block {
                        self.statement(statement, out)?;
                    }
                    self.loops.pop();
                }
            }
            VerilogStatement::Macro(block) => {
                for statement in block {
                    self.statement(statement, out)?;
                }
            }
            VerilogStatement::Comment(_) => {}
            VerilogStatement::Link(_) => return Err("links are not supported".into()),
        }
        Ok(())
    }

    fn conditional(&mut self, c: &VerilogConditional) -> Lowered<Statement> {
        let test = self.expr(&c.test, Some(1))?;
        let then = self.block(&c.then)?;
        let mut otherwise = Vec::new();
        match &c.otherwise {
            VerilogBlockOrConditional::Block(block) => otherwise = self.block(block)?,
            VerilogBlockOrConditional::Conditional(inner) => {
                self.statement(inner, &mut otherwise)?;
            }
            VerilogBlockOrConditional::None => {}
        }
        Ok(Statement::If(test, then, otherwise))
    }

    fn target(&self, target: &VerilogExpression) -> Lowered<String> {
        match self.expr(target, None)? {
            Expr::Net(name) => Ok(name),
            other => Err(format!("assignment to {other}")),
        }
    }

    fn width_of(&self, net: &str) -> Lowered<usize> {
        let width = self.widths.get(net).copied();
        width.ok_or_else(|| format!("signal {net:?} has no width"))
    }

    fn need(&self, e: &Expr) -> Lowered<usize> {
        e.width(self.widths)
            .ok_or_else(|| format!("{e} has no width"))
    }

    /// A value for `width` bits.
    fn value(&self, e: &VerilogExpression, width: usize, to: &str) -> Lowered<Expr> {
        let value = self.expr(e, Some(width))?.sized(width);
        let value = match value {
            Expr::Signed(inner) => inner
                .sign_extended(width, self.widths)
                .unwrap_or(Expr::Signed(inner)),
            other => other,
        };
        match self.need(&value)? {
            own if own == width => Ok(value),
            own => Err(format!("{to} has {width} bits and {value} has {own}")),
        }
    }

    /// A label of a match: a number, or a state's name.
    fn label(&self, text: &str) -> Lowered<Expr> {
        if let Some(name) = self.names.get(&text.replace("::", "$")) {
            return Ok(Expr::Net(name.clone()));
        }
        let digits = text.replace('_', "");
        let number = match digits.strip_prefix("0x") {
            Some(hex) => usize::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        };
        match (number, text) {
            (Some(number), _) => Ok(Expr::number(number)),
            (_, "false") => Ok(Expr::number(0)),
            (_, "true") => Ok(Expr::number(1)),
            _ => Err(format!("label {text:?} is neither a number nor a state")),
        }
    }

    fn signal(&self, raw: &str) -> Lowered<Expr> {
        let name = raw
            .trim_start_matches('.')
            .replace("::", "$")
            .replace('.', "$");
        if let Some((_, value)) = self.loops.iter().rev().find(|(index, _)| *index == name) {
            return Ok(Expr::number(*value));
        }
        let mut plain = String::new();
        let mut rest = name.strip_suffix("$next").unwrap_or(&name);
        while let Some((before, after)) = rest.split_once('[') {
            let (inside, after) = after
                .split_once(']')
                .ok_or_else(|| format!("signal {raw:?} has an open bracket"))?;
            plain = format!("{plain}{before}${}", index(inside, &self.loops)?);
            rest = after;
        }
        plain.push_str(rest);
        match self.names.get(&plain) {
            Some(name) => Ok(Expr::Net(name.clone())),
            None => Err(format!("signal {raw:?} is not known")),
        }
    }

    fn expr(&self, e: &VerilogExpression, want: Option<usize>) -> Lowered<Expr> {
        match e {
            VerilogExpression::Signal(name) => self.signal(name),
            VerilogExpression::Literal(value) => literal(value),
            VerilogExpression::Paren(inner) => self.expr(inner, want),
            VerilogExpression::Cast(inner, width) => {
                let inner = self.expr(inner, None)?;
                inner
                    .resized(*width, self.widths)
                    .ok_or_else(|| format!("{inner} cannot be cut to {width} bits; name it first"))
            }
            VerilogExpression::Signed(inner) => Ok(Expr::Signed(Box::new(self.expr(inner, want)?))),
            // Between values of one width a difference of interpretation only.
            VerilogExpression::Unsigned(inner) => self.expr(inner, want),
            VerilogExpression::Unary(op, inner) => self.unary(op, inner, want),
            VerilogExpression::Binary(l, op, r) => self.binary(l, op, r, want),
            VerilogExpression::Index(base, at) => self.part(base, 1, at),
            VerilogExpression::Slice(base, width, low) => self.part(base, *width, low),
            VerilogExpression::IndexReplace(base, at, bit) => self.replaced(base, at, bit),
        }
    }

    fn unary(
        &self,
        op: &VerilogOpUnary,
        inner: &VerilogExpression,
        want: Option<usize>,
    ) -> Lowered<Expr> {
        let inner = self.expr(inner, want)?;
        let width = self.need(&inner)?;
        let op = match op {
            VerilogOpUnary::Not => '~',
            VerilogOpUnary::Neg => '-',
            VerilogOpUnary::All => '&',
            VerilogOpUnary::Any => '|',
            VerilogOpUnary::Xor => '^',
        };
        Ok(match (op, width) {
            ('&' | '|' | '^', 1) => inner,
            _ => Expr::Unary(op, Box::new(inner)),
        })
    }

    fn part(
        &self,
        base: &VerilogExpression,
        width: usize,
        low: &VerilogExpression,
    ) -> Lowered<Expr> {
        let (base, low) = (self.expr(base, None)?, self.expr(low, None)?);
        let all = self.need(&base)?;
        if let Some(low) = low.value() {
            if low + width > all {
                return Err(format!("{base} has no bits {} to {low}", low + width - 1));
            }
            let bits = base.bits(low + width - 1, low, self.widths);
            return bits.ok_or_else(|| format!("bits of {base}; name it first"));
        }
        match base {
            Expr::Net(name) => Ok(Expr::Part(name, Box::new(low), width)),
            other => Err(format!("bits of {other}; name it first")),
        }
    }

    fn replaced(
        &self,
        base: &VerilogExpression,
        at: &VerilogExpression,
        bit: &VerilogExpression,
    ) -> Lowered<Expr> {
        let (base, at, bit) = (
            self.expr(base, None)?,
            self.expr(at, None)?,
            self.expr(bit, Some(1))?.sized(1),
        );
        let width = self.need(&base)?;
        let at_place = |bit: Expr| {
            let wide = concat(vec![Expr::zeros(width - 1), bit]);
            Expr::Binary(Box::new(wide), "<<", Box::new(at.clone()))
        };
        let one = Expr::Literal(1u8.into(), Some(1));
        let others = Expr::Unary('~', Box::new(at_place(one)));
        let cleared = Expr::Binary(Box::new(base), "&", Box::new(others));
        Ok(Expr::Binary(
            Box::new(cleared),
            "|",
            Box::new(at_place(bit)),
        ))
    }

    fn binary(
        &self,
        l: &VerilogExpression,
        op: &VerilogOp,
        r: &VerilogExpression,
        want: Option<usize>,
    ) -> Lowered<Expr> {
        let op = operator(op);
        let inside = if is_test(op) || op == "*" { None } else { want };
        let l = self.expr(l, inside)?;
        let r = self.expr(r, if is_shift(op) { None } else { inside })?;
        if let (Expr::Literal(a, None), Expr::Literal(b, None)) = (&l, &r) {
            return folded(a, op, b);
        }
        if is_shift(op) {
            return self.shift(l, op, r);
        }
        let (l, r) = self.alike(l, op, r)?;
        if op == "|"
            && let Some(merged) = merged(&l, &r, self.widths)
        {
            return Ok(merged);
        }
        if op == "&"
            && let Some(masked) = self.masked(&l, &r)
        {
            return Ok(masked);
        }
        Ok(Expr::Binary(Box::new(l), op, Box::new(r)))
    }

    /// Both operands in one width.
    fn alike(&self, l: Expr, op: &str, r: Expr) -> Lowered<(Expr, Expr)> {
        let width = match (l.width(self.widths), r.width(self.widths)) {
            (Some(a), Some(b)) if a == b || op == "*" => return Ok((l, r)),
            (Some(a), Some(b)) => {
                return Err(format!("{l} has {a} bits and {r} has {b} bits in {op}"));
            }
            (Some(width), None) | (None, Some(width)) => width,
            (None, None) => return Err(format!("{l} {op} {r} has no width")),
        };
        let (mut l, mut r) = (l.sized(width), r.sized(width));
        // A number beyond the other's range.
        let wider = self.need(&l)?.max(self.need(&r)?);
        for side in [&mut l, &mut r] {
            if let Some(resized) = side.resized(wider, self.widths) {
                *side = resized;
            }
        }
        Ok((l, r))
    }

    /// A shift by a constant is a concatenation.
    fn shift(&self, l: Expr, op: &'static str, r: Expr) -> Lowered<Expr> {
        let width = self.need(&l)?;
        let Some(by) = r.value() else {
            self.need(&r)?;
            return Ok(Expr::Binary(Box::new(l), op, Box::new(r)));
        };
        if by == 0 {
            return Ok(l);
        }
        if by >= width {
            return Ok(Expr::zeros(width));
        }
        let moved = match op {
            "<<" => l
                .bits(width - 1 - by, 0, self.widths)
                .map(|kept| concat(vec![kept, Expr::zeros(by)])),
            _ => l
                .bits(width - 1, by, self.widths)
                .map(|kept| concat(vec![Expr::zeros(by), kept])),
        };
        Ok(moved.unwrap_or_else(|| Expr::Binary(Box::new(l), op, Box::new(r))))
    }

    /// `l & 0b111` as its low bits.
    fn masked(&self, l: &Expr, r: &Expr) -> Option<Expr> {
        let (value, mask) = match (l, r) {
            (Expr::Literal(mask, _), value) | (value, Expr::Literal(mask, _)) => (value, mask),
            _ => return None,
        };
        let ones = usize::try_from(mask.bits()).ok()?;
        if ones == 0 || (mask + 1u8) != (BigUint::from(1u8) << ones) {
            return None;
        }
        let width = value.width(self.widths)?;
        value
            .bits(ones - 1, 0, self.widths)?
            .resized(width, self.widths)
    }
}

fn operator(op: &VerilogOp) -> &'static str {
    match op {
        VerilogOp::Add => "+",
        VerilogOp::Sub => "-",
        VerilogOp::Mul => "*",
        VerilogOp::LogicalAnd => "&&",
        VerilogOp::LogicalOr => "||",
        VerilogOp::BitXor => "^",
        VerilogOp::BitAnd => "&",
        VerilogOp::BitOr => "|",
        VerilogOp::Shl => "<<",
        VerilogOp::Shr => ">>",
        VerilogOp::Eq => "==",
        VerilogOp::Lt => "<",
        VerilogOp::Le => "<=",
        VerilogOp::Ne => "!=",
        VerilogOp::Ge => ">=",
        VerilogOp::Gt => ">",
    }
}

/// Arithmetic on numbers, for places of bits.
fn folded(a: &BigUint, op: &str, b: &BigUint) -> Lowered<Expr> {
    let value = match op {
        "+" => a + b,
        "-" if a >= b => a - b,
        "*" => a * b,
        _ => return Err(format!("{a} {op} {b} between numbers")),
    };
    Ok(Expr::Literal(value, None))
}

/// A literal or constant; only those of one bit have a width of their own in Rust.
pub(super) fn literal(value: &VerilogLiteral) -> Lowered<Expr> {
    let (value, width) = parts(value)?;
    Ok(Expr::Literal(value, (width == 1).then_some(1)))
}

/// Value and width, a negative value in two's complement.
pub(super) fn parts(value: &VerilogLiteral) -> Lowered<(BigUint, usize)> {
    let text = format!("{value:x}");
    let unreadable = || format!("literal {text:?}");
    let (width, digits) = text.split_once("'h").ok_or_else(unreadable)?;
    let width: usize = width.parse().map_err(|_| unreadable())?;
    let number = BigInt::parse_bytes(digits.as_bytes(), 16).ok_or_else(unreadable)?;
    let modulus = BigInt::from(1u8) << width;
    let number = ((number % &modulus) + &modulus) % &modulus;
    let number = number.to_biguint().ok_or_else(unreadable)?;
    Ok((number, width))
}
