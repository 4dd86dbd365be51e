//! From a Rust-HDL block to clean Verilog.
//!
//! Walks Rust-HDL's own tree of a block: its signals, the blocks inside and the statements of its
//! logic. What is written has an ANSI header, registers in place, one module for each kind of block,
//! names and comments of the Rust source, literals with their width, and nothing that reaches no
//! output.

mod expr;
mod fold;
mod index;
mod leaf;
mod live;
mod lower;
mod module;
mod name;
mod print;
mod source;
mod split;
mod tree;
mod wires;

use rust_hdl::prelude::{Block, check_all};

use module::Modules;
pub(crate) use print::pragma;
use source::Type;
use tree::Scope;

/// Why a block could not be emitted.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// Rust-HDL found an undriven or doubly driven signal or a logic loop.
    #[error("Rust-HDL rejects block {top:?}: {report}")]
    Rejected {
        /// Top module name.
        top: String,
        /// Rust-HDL's report.
        report: String,
    },
    /// A block says something that the emitter cannot put into Verilog.
    #[error("cannot put block {module:?} into Verilog: {reason}")]
    Unreadable {
        /// Type of the block.
        module: String,
        /// What it says.
        reason: String,
    },
}

/// A module in Verilog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// Name of the module.
    pub name: String,
    /// Its text, from its comment to `endmodule`.
    pub text: String,
}

/// Emits `uut` as a module named `top`, submodules before it and prefixed with `prefix` and an
/// underscore.
///
/// `uut` needs `connect_all()` beforehand and its inputs marked as connected.
///
/// # Errors
/// If Rust-HDL finds a fault in the block, or it says something that has no place in Verilog.
pub fn modules<U: Block>(uut: &U, prefix: &str, top: &str) -> Result<Vec<Emitted>, EmitError> {
    check_all(uut).map_err(|e| EmitError::Rejected {
        top: top.to_owned(),
        report: format!("{e:?}"),
    })?;
    walk(uut, prefix, top)
}

/// Emits `uut` as a module named `top`, submodules before it and prefixed with `top`, all in one
/// text; otherwise as [`modules`].
///
/// # Errors
/// As those of [`modules`].
pub fn emit<U: Block>(uut: &U, top: &str) -> Result<String, EmitError> {
    Ok(joined(&modules(uut, top, top)?))
}

/// Emits one block alone, as [`emit`] does, without Rust-HDL's checks: its inputs need not be
/// connected. For block tests; the checks run over the whole engine.
///
/// # Errors
/// If the block says something that has no place in Verilog.
pub fn emit_block<U: Block>(mut uut: U, top: &str) -> Result<String, EmitError> {
    uut.connect_all();
    Ok(joined(&walk(&uut, top, top)?))
}

fn joined(modules: &[Emitted]) -> String {
    let texts: Vec<&str> = modules.iter().map(|m| m.text.as_str()).collect();
    texts.join("\n")
}

fn walk<U: Block>(uut: &U, prefix: &str, top: &str) -> Result<Vec<Emitted>, EmitError> {
    let unreadable = |module: &str, reason: &str| EmitError::Unreadable {
        module: module.to_owned(),
        reason: reason.to_owned(),
    };
    let scope = Scope::of(uut).ok_or_else(|| unreadable(top, "it has no scope"))?;
    let mut modules = Modules::default();
    modules
        .add(&scope, &Type::of::<U>())
        .map_err(|e| unreadable(&e.block, &e.reason))?;
    live::keep_live(&mut modules);
    let names = name::names(&modules, prefix, top);
    let used = (0..names.len()).filter(|&i| !modules.all[i].ports.is_empty());
    Ok(used
        .map(|i| Emitted {
            name: names[i].clone(),
            text: print::print(&modules.all, i, &names),
        })
        .collect())
}
