//! A node's attributes. Each operator takes those that it knows; what is left over afterwards is
//! refused by name, since it would change what the node computes.

use super::proto::{Attribute, Node, Tensor};
use crate::import::ImportError;

/// How messages name a node.
pub fn place(node: &Node) -> String {
    let name = if node.name.is_empty() {
        node.outputs.first().map_or("", String::as_str)
    } else {
        &node.name
    };
    format!("node {name:?} ({})", node.op)
}

/// A node's attributes that were not taken yet.
pub struct Attributes<'a> {
    node: &'a Node,
    left: Vec<&'a Attribute>,
}

impl<'a> Attributes<'a> {
    pub fn of(node: &'a Node) -> Attributes<'a> {
        Attributes {
            node,
            left: node.attributes.iter().collect(),
        }
    }

    fn take(&mut self, name: &str) -> Option<&'a Attribute> {
        let at = self.left.iter().position(|a| a.name == name)?;
        Some(self.left.swap_remove(at))
    }

    /// One that makes no difference.
    pub fn ignore(&mut self, name: &str) {
        self.take(name);
    }

    pub fn int(&mut self, name: &str, default: i64) -> i64 {
        self.take(name).map_or(default, |a| a.int)
    }

    pub fn float(&mut self, name: &str, default: f32) -> f32 {
        self.take(name).map_or(default, |a| a.float)
    }

    pub fn ints(&mut self, name: &str) -> Option<&'a [i64]> {
        self.take(name).map(|a| a.ints.as_slice())
    }

    pub fn string(&mut self, name: &str) -> Option<&'a str> {
        self.take(name)
            .map(|a| std::str::from_utf8(&a.string).unwrap_or("?"))
    }

    /// A number that may be left out.
    pub fn number(&mut self, name: &str) -> Option<f32> {
        self.take(name).map(|a| a.float)
    }

    pub fn tensor(&mut self, name: &str) -> Option<&'a Tensor> {
        self.take(name)?.tensor.as_ref()
    }

    /// A list that must have the same value everywhere, as the engine knows no other.
    pub fn same(&mut self, name: &str, count: usize, default: i64) -> Result<i64, ImportError> {
        let Some(values) = self.ints(name) else {
            return Ok(default);
        };
        match values {
            [first, rest @ ..] if rest.len() + 1 == count && rest.iter().all(|v| v == first) => {
                Ok(*first)
            }
            _ => Err(self.refuse(
                format!("has {name} {values:?}"),
                format!("{name} of {count} equal values"),
            )),
        }
    }

    /// A number, or a list of equal ones, that must have its default.
    pub fn expect(&mut self, name: &str, wanted: i64, hint: &str) -> Result<(), ImportError> {
        match self.take(name) {
            None => Ok(()),
            Some(a) => {
                let (same, found) = match a.ints[..] {
                    [] => (a.int == wanted, format!("{}", a.int)),
                    _ => (a.ints.iter().all(|&v| v == wanted), format!("{:?}", a.ints)),
                };
                if same {
                    return Ok(());
                }
                Err(self.refuse(
                    format!("has {name} {found}"),
                    format!("{name} {wanted} ({hint})"),
                ))
            }
        }
    }

    pub fn refuse(&self, reason: String, works: impl AsRef<str>) -> ImportError {
        let hint = format!("the engine takes {}", works.as_ref());
        ImportError::new(place(self.node), reason, hint)
    }

    /// Nothing may be left.
    pub fn finish(self) -> Result<(), ImportError> {
        match self.left.first() {
            None => Ok(()),
            Some(a) => Err(ImportError::new(
                place(self.node),
                format!("has the attribute {:?}, which is not known", a.name),
                "export the model with an opset from 7 to 25 and standard operators",
            )),
        }
    }
}
