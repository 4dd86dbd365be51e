//! Values of printed objects.

use std::collections::BTreeMap;

use firebrick_report::grouped;
use firebrick_report::parts::LayerCycles;
use serde_json::Value;

/// Text; empty if it is another value.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Any value in words; nothing for null.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(n) if n.is_f64() => format!("{:.3}", number(value)),
        Value::Number(n) => grouped(n.as_u64().unwrap_or(0)),
        other => other.to_string(),
    }
}

/// A number; 0 if it is another value.
pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

/// A whole number; 0 if it is another value.
pub fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// The items; none if it is another value.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Whole numbers.
pub fn wholes(value: &Value) -> Vec<u64> {
    items(value).iter().map(whole).collect()
}

/// A share as per cent; nothing for null.
pub fn share(value: &Value) -> String {
    value.as_f64().map_or(String::new(), crate::output::percent)
}

/// A figure of a page.
pub fn figure(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// MAC-cycles by use: `useful`, and the causes of idleness.
fn uses(account: &Value) -> BTreeMap<String, u64> {
    let idle = account["idle"].as_object().into_iter().flatten();
    let mut uses: BTreeMap<String, u64> =
        idle.map(|(cause, n)| (cause.clone(), whole(n))).collect();
    uses.insert("useful".into(), whole(&account["useful"]));
    uses
}

/// Shares of all MAC-cycles, `useful` first, then the largest causes of idleness.
pub fn shares(account: &Value) -> Vec<(String, f64)> {
    let all = number(&account["mac_cycles"]).max(1.0);
    let mut uses: Vec<(String, u64)> = uses(account).into_iter().collect();
    uses.sort_by_key(|(name, n)| (name != "useful", std::cmp::Reverse(*n)));
    let shares = uses.into_iter().map(|(name, n)| (name, n as f64 / all));
    shares.collect()
}

/// The layers of an account.
pub fn layers(layers: &Value) -> Vec<LayerCycles> {
    let layers = items(layers).iter();
    layers
        .map(|layer| LayerCycles {
            name: text(&layer["name"]),
            macs: whole(&layer["macs"]),
            cycles: whole(&layer["cycles"]),
            utilization: number(&layer["utilization"]),
            account: uses(layer),
        })
        .collect()
}
