//! The table itself, as Rust source.

use std::collections::HashMap;
use std::fmt::Write as _;

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Attribute, BinOp, Expr, Field, GenericArgument, Item, ItemStruct, Lit, Meta, Type};

/// `(row variable, column variable, columns)` of the arrays that a block indexes as
/// `row * columns + column`.
type Grids = HashMap<String, (char, char, usize)>;

/// `others` are items of other crates, for their constants.
pub fn table(items: &[Item], others: &[Item]) -> String {
    let constants: HashMap<String, &Expr> = items
        .iter()
        .chain(others)
        .filter_map(|item| match item {
            Item::Const(c) => Some((c.ident.to_string(), &*c.expr)),
            _ => None,
        })
        .collect();
    let mut out = String::from("pub(super) static BLOCKS: &[Block] = &[\n");
    for item in items {
        let Item::Struct(block) = item else { continue };
        if !derives(&block.attrs, "LogicBlock") {
            continue;
        }
        let mut grids = Finder::default();
        for item in items {
            if let Item::Impl(of) = item
                && last_name(&of.self_ty).is_some_and(|name| block.ident == name)
            {
                grids.visit_item_impl(of);
            }
        }
        one(&mut out, block, &grids.0, &constants);
    }
    out.push_str("];\n");
    out
}

fn one(out: &mut String, block: &ItemStruct, grids: &Grids, constants: &HashMap<String, &Expr>) {
    let generics: Vec<String> = block
        .generics
        .const_params()
        .map(|p| p.ident.to_string())
        .collect();
    let _ = writeln!(
        out,
        "Block {{ name: {:?}, doc: &{:?}, generics: &{generics:?}, fields: &[",
        block.ident.to_string(),
        doc(&block.attrs),
    );
    for field in &block.fields {
        let Some(name) = field.ident.as_ref().map(ToString::to_string) else {
            continue;
        };
        if name.starts_with('_') {
            continue;
        }
        let (kind, arguments) = kind(&field.ty, constants);
        let _ = writeln!(
            out,
            "    Field {{ name: {name:?}, doc: &{:?}, kind: {kind:?}, arguments: &{arguments:?}, \
             grid: {:?}, attributes: &{:?} }},",
            doc(&field.attrs),
            grids.get(&name),
            attributes(field),
        );
    }
    out.push_str("] },\n");
}

fn derives(attributes: &[Attribute], name: &str) -> bool {
    let derive = attributes.iter().filter(|a| a.path().is_ident("derive"));
    derive
        .map(|a| a.meta.to_token_stream().to_string())
        .any(|text| text.contains(name))
}

/// Lines of a doc comment, links as plain words.
fn doc(attributes: &[Attribute]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attribute.meta
            && let Expr::Lit(value) = &pair.value
            && let Lit::Str(text) = &value.lit
        {
            lines.extend(text.value().lines().map(|line| plain(line.trim())));
        }
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// `` [`crate::a::B`](c) `` as `B`, and backticks left out.
fn plain(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find("[`") {
        let Some(length) = rest[start..].find("`]") else {
            break;
        };
        out.push_str(&rest[..start]);
        let link = &rest[start + 2..start + length];
        out.push_str(link.rsplit("::").next().unwrap_or(link));
        rest = &rest[start + length + 2..];
        if rest.starts_with('(') {
            rest = rest.split_once(')').map_or("", |(_, after)| after);
        }
    }
    out.push_str(rest);
    out.retain(|c| c != '`');
    out
}

/// The type of a field, a vector's or array's element, and its constant arguments.
fn kind(ty: &Type, constants: &HashMap<String, &Expr>) -> (String, Vec<String>) {
    match ty {
        Type::Array(array) => return kind(&array.elem, constants),
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else {
                return Default::default();
            };
            let mut arguments = Vec::new();
            if let syn::PathArguments::AngleBracketed(list) = &last.arguments {
                for argument in &list.args {
                    match argument {
                        GenericArgument::Type(inner) if last.ident == "Vec" => {
                            return kind(inner, constants);
                        }
                        GenericArgument::Type(inner) => arguments.push(
                            last_name(inner)
                                .map_or_else(String::new, |name| value_of(&name, constants)),
                        ),
                        GenericArgument::Const(value) => {
                            arguments.push(number(value, constants).map_or_else(
                                || value.to_token_stream().to_string(),
                                |n| n.to_string(),
                            ))
                        }
                        _ => {}
                    }
                }
            }
            return (last.ident.to_string(), arguments);
        }
        _ => {}
    }
    Default::default()
}

fn last_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|s| s.ident.to_string()),
        _ => None,
    }
}

/// A constant's value, or its name.
fn value_of(name: &str, constants: &HashMap<String, &Expr>) -> String {
    let value = constants.get(name).and_then(|e| number(e, constants));
    value.map_or_else(|| name.to_owned(), |n| n.to_string())
}

fn number(value: &Expr, constants: &HashMap<String, &Expr>) -> Option<usize> {
    match value {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Int(n) => n.base10_parse().ok(),
            _ => None,
        },
        Expr::Path(path) => {
            let name = path.path.segments.last()?.ident.to_string();
            number(constants.get(&name)?, constants)
        }
        Expr::Binary(sum) => {
            let (l, r) = (
                number(&sum.left, constants)?,
                number(&sum.right, constants)?,
            );
            match sum.op {
                BinOp::Add(_) => Some(l + r),
                BinOp::Sub(_) => l.checked_sub(r),
                BinOp::Mul(_) => Some(l * r),
                _ => None,
            }
        }
        Expr::Paren(inner) => number(&inner.expr, constants),
        Expr::Block(block) => match block.block.stmts.as_slice() {
            [syn::Stmt::Expr(value, None)] => number(value, constants),
            _ => None,
        },
        _ => None,
    }
}

/// What `#[cfg_attr(any(), verilog(NAME = "VALUE"))]` says: an attribute for the synthesiser. The
/// condition never holds, so the compiler does not look inside.
fn attributes(field: &Field) -> Vec<String> {
    let mut found = Vec::new();
    for attribute in field.attrs.iter().filter(|a| a.path().is_ident("cfg_attr")) {
        let text = attribute.meta.to_token_stream().to_string();
        let inside = text
            .split_once("verilog")
            .and_then(|(_, rest)| rest.trim().strip_prefix('('))
            .and_then(|rest| rest.split_once(')'));
        found.extend(inside.map(|(text, _)| text.trim().to_owned()));
    }
    found
}

#[derive(Default)]
struct Finder(Grids);

impl<'ast> Visit<'ast> for Finder {
    fn visit_expr_index(&mut self, index: &'ast syn::ExprIndex) {
        if let Expr::Field(field) = &*index.expr
            && let syn::Member::Named(name) = &field.member
            && let Some(grid) = grid(&index.index)
        {
            self.0.entry(name.to_string()).or_insert(grid);
        }
        visit::visit_expr_index(self, index);
    }
}

/// `r * 16 + c` within an index.
fn grid(index: &Expr) -> Option<(char, char, usize)> {
    let Expr::Binary(sum) = index else {
        return None;
    };
    let (BinOp::Add(_), Expr::Binary(product), Some(column)) =
        (sum.op, &*sum.left, variable(&sum.right))
    else {
        return grid(&sum.left);
    };
    let (BinOp::Mul(_), Some(row), Expr::Lit(lit)) =
        (product.op, variable(&product.left), &*product.right)
    else {
        return None;
    };
    match &lit.lit {
        Lit::Int(n) => Some((row, column, n.base10_parse().ok()?)),
        _ => None,
    }
}

fn variable(expr: &Expr) -> Option<char> {
    match expr {
        Expr::Path(path) => path.path.get_ident()?.to_string().chars().next(),
        _ => None,
    }
}
