//! Where every MAC-cycle went, as a table.

pub use firebrick::accounting::{Account, LayerAccount, cause, layers};

use crate::output::{Wide, percent};

/// For people: a row for each layer, shares of its MAC-cycles.
pub fn text(layers: &[LayerAccount]) -> String {
    let causes: Vec<&String> = layers
        .first()
        .map(|layer| layer.account.idle.keys().collect())
        .unwrap_or_default();
    let used: Vec<&String> = causes
        .into_iter()
        .filter(|cause| layers.iter().any(|l| l.account.idle[*cause] > 0))
        .collect();
    let mut headings = vec![
        "layer".to_owned(),
        "ideal cycles#".into(),
        "cycles#".into(),
        "useful#".into(),
    ];
    headings.extend(used.iter().map(|cause| format!("{cause}#")));
    let mut table = Wide::new(&headings.iter().map(String::as_str).collect::<Vec<_>>());
    for layer in layers {
        let share = |n: u64| percent(n as f64 / layer.account.mac_cycles.max(1) as f64);
        let mut row = vec![
            layer.name.clone(),
            format!("{:.1}", layer.ideal_cycles),
            layer.cycles.to_string(),
            share(layer.account.useful),
        ];
        row.extend(used.iter().map(|cause| share(layer.account.idle[*cause])));
        table.add_row(row);
    }
    table.text()
}
