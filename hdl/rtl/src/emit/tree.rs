//! Rust-HDL's own tree of a block: signals, blocks inside, and logic.

use rust_hdl::core::ast::{Verilog, VerilogLiteral};
use rust_hdl::core::atom::{Atom, AtomKind};
use rust_hdl::core::type_descriptor::TypeKind;
use rust_hdl::prelude::{Block, Probe};

/// A signal or constant of a block.
pub(super) struct Signal {
    /// As in the source, `name$3` in an array.
    pub name: String,
    pub kind: AtomKind,
    pub width: usize,
    pub signed: bool,
    pub value: VerilogLiteral,
    /// `State::Idle` and so on in the order of their values.
    pub states: Vec<String>,
}

/// A block and what is in it.
pub(super) struct Scope {
    pub name: String,
    pub code: Verilog,
    pub signals: Vec<Signal>,
    pub children: Vec<Scope>,
}

impl Scope {
    /// The tree below a block.
    pub fn of<B: Block>(block: &B) -> Option<Scope> {
        let mut walk = Walk::default();
        block.accept("top", &mut walk);
        walk.done
    }
}

#[derive(Default)]
struct Walk {
    open: Vec<Scope>,
    done: Option<Scope>,
}

impl Probe for Walk {
    fn visit_start_scope(&mut self, name: &str, node: &dyn Block) {
        self.open.push(Scope {
            name: name.to_owned(),
            code: node.hdl(),
            signals: Vec::new(),
            children: Vec::new(),
        });
    }

    fn visit_atom(&mut self, name: &str, signal: &dyn Atom) {
        let descriptor = signal.descriptor();
        let (signed, states) = match descriptor.kind {
            TypeKind::Signed(_) => (true, Vec::new()),
            TypeKind::Enum(states) => (false, states),
            _ => (false, Vec::new()),
        };
        if let Some(scope) = self.open.last_mut() {
            scope.signals.push(Signal {
                name: name.to_owned(),
                kind: signal.kind(),
                width: signal.bits(),
                signed,
                value: signal.verilog(),
                states,
            });
        }
    }

    fn visit_end_scope(&mut self, _name: &str, _node: &dyn Block) {
        let Some(scope) = self.open.pop() else {
            return;
        };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(scope),
            None => self.done = Some(scope),
        }
    }
}
