//! Names of modules: the type, its parameters, and where instances differ in constants, the number
//! of the first of them.

use std::collections::HashMap;

use super::module::{Module, Modules};
use super::source::Type;

/// `MulU32U15` as `mul_u32_u15`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before != '_' && !before.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
        before = c;
    }
    out
}

/// Type and parameters.
fn base(module: &Module) -> String {
    if let Some(name) = module.leaf.as_ref().and_then(|leaf| leaf.name.clone()) {
        return name;
    }
    let Type { name, arguments } = &module.of;
    // Words and their number, not the width of the address.
    let arguments = match (name.as_str(), arguments.as_slice()) {
        ("Fifo", [width, address, _]) => match address.parse::<u32>() {
            Ok(address) => vec![format!("{width}x{}", 1u64 << address)],
            Err(_) => vec![width.clone(), address.clone()],
        },
        _ => arguments.clone(),
    };
    let mut out = snake(name);
    for argument in arguments {
        out.push('_');
        out.extend(argument.chars().filter(char::is_ascii_alphanumeric));
    }
    out.to_lowercase()
}

/// Names of all modules but the last, which is called `top`.
pub(super) fn names(modules: &Modules, prefix: &str, top: &str) -> Vec<String> {
    let bases: Vec<String> = modules.all.iter().map(base).collect();
    let mut count: HashMap<&str, usize> = HashMap::new();
    for base in &bases {
        *count.entry(base).or_default() += 1;
    }
    let mut taken: HashMap<String, usize> = HashMap::from([(top.to_owned(), 1)]);
    let mut names = Vec::new();
    for (base, first) in bases.iter().zip(&modules.first) {
        let number = first.split_once('$').map(|(_, number)| number);
        let name = match (count[base.as_str()], number) {
            (2.., Some(number)) => format!("{prefix}_{base}_{number}"),
            (2.., None) if !first.is_empty() => format!("{prefix}_{base}_{first}"),
            _ => format!("{prefix}_{base}"),
        };
        let times = taken.entry(name.clone()).or_default();
        *times += 1;
        names.push(match times {
            1 => name,
            n => format!("{name}_v{n}"),
        });
    }
    if let Some(last) = names.last_mut() {
        top.clone_into(last);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::snake;

    #[test]
    fn types_as_names() {
        assert_eq!(snake("MulU32U15"), "mul_u32_u15");
        assert_eq!(snake("PePair"), "pe_pair");
        assert_eq!(snake("Fifo"), "fifo");
    }
}
