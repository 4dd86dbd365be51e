//! Expands the simple kind of `macro_rules!` that blocks of several sizes are written with: one
//! arm of `$name:kind` arguments with commas between them, called as an item in the same file.

use std::collections::HashMap;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::Item;

struct Rule {
    arguments: Vec<String>,
    body: TokenStream,
}

/// The items of a file, those that its own macros make included.
pub fn expand(items: Vec<Item>) -> Vec<Item> {
    let mut rules = HashMap::new();
    let mut all = Vec::new();
    for item in items {
        let Item::Macro(call) = &item else {
            all.push(item);
            continue;
        };
        let called = call.mac.path.segments.last().map(|s| s.ident.to_string());
        if let (Some(name), Some(rule)) = (&call.ident, rule(&call.mac.tokens)) {
            rules.insert(name.to_string(), rule);
        } else if let Some(rule) = called.and_then(|name| rules.get(&name)) {
            let values = split(call.mac.tokens.clone());
            let bound = rule.arguments.iter().cloned().zip(values).collect();
            let tokens = substitute(rule.body.clone(), &bound);
            // Macros of other kinds make blocks without names and comments in the table.
            if let Ok(file) = syn::parse2::<syn::File>(tokens) {
                all.extend(file.items);
            }
        }
    }
    all
}

/// `($a:kind, ...) => { body };`
fn rule(tokens: &TokenStream) -> Option<Rule> {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let groups: Vec<&Group> = trees
        .iter()
        .filter_map(|tree| match tree {
            TokenTree::Group(group) => Some(group),
            _ => None,
        })
        .collect();
    let [pattern, body] = groups.as_slice() else {
        return None;
    };
    let arguments = split(pattern.stream())
        .into_iter()
        .map(|argument| argument.into_iter().nth(1).map(|name| name.to_string()))
        .collect::<Option<_>>()?;
    Some(Rule {
        arguments,
        body: body.stream(),
    })
}

/// Parts between commas.
fn split(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![TokenStream::new()];
    for tree in tokens {
        match (&tree, parts.last_mut()) {
            (TokenTree::Punct(p), _) if p.as_char() == ',' => parts.push(TokenStream::new()),
            (_, Some(part)) => part.extend([tree]),
            _ => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn substitute(tokens: TokenStream, bound: &HashMap<String, TokenStream>) -> TokenStream {
    let mut out = TokenStream::new();
    let mut trees = tokens.into_iter().peekable();
    while let Some(tree) = trees.next() {
        match &tree {
            TokenTree::Punct(p) if p.as_char() == '$' => {
                let value = trees.peek().and_then(|name| bound.get(&name.to_string()));
                match value {
                    Some(value) => {
                        out.extend(value.clone());
                        trees.next();
                    }
                    None => out.extend([tree]),
                }
            }
            TokenTree::Group(group) if group.delimiter() != Delimiter::None => {
                let inner = substitute(group.stream(), bound);
                out.extend([TokenTree::Group(Group::new(group.delimiter(), inner))]);
            }
            _ => out.extend([tree]),
        }
    }
    out
}
