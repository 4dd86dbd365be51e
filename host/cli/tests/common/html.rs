//! Pages: their charts, and the data that stand in them.
#![allow(dead_code)]

use serde_json::Value;

/// The SVG elements of a page, parsed; they are XML.
pub fn charts(page: &str) -> Vec<roxmltree::Document<'_>> {
    let mut charts = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find("<svg ") {
        let end = start + rest[start..].find("</svg>").expect("an end") + "</svg>".len();
        charts.push(roxmltree::Document::parse(&rest[start..end]).expect("well-formed"));
        rest = &rest[end..];
    }
    charts
}

/// The data of a page.
pub fn data(page: &str) -> Value {
    let (_, data) = page
        .split_once("<script id=\"data\" type=\"application/json\">")
        .unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    serde_json::from_str(data).unwrap()
}

/// Elements of a chart that have an attribute, with its value.
pub fn with<'a>(
    chart: &'a roxmltree::Document<'_>,
    name: &str,
) -> Vec<(roxmltree::Node<'a, 'a>, &'a str)> {
    let elements = chart.descendants();
    elements
        .filter_map(|node| Some((node, node.attribute(name)?)))
        .collect()
}

/// The chart with an id.
pub fn chart<'a, 'b>(
    charts: &'a [roxmltree::Document<'b>],
    id: &str,
) -> &'a roxmltree::Document<'b> {
    let found = charts
        .iter()
        .find(|chart| chart.root_element().attribute("id") == Some(id));
    found.unwrap_or_else(|| panic!("no chart {id}"))
}

/// The numbers of an attribute, in order.
pub fn numbers(chart: &roxmltree::Document<'_>, name: &str) -> Vec<f64> {
    let elements = with(chart, name).into_iter();
    elements
        .map(|(_, value)| value.parse().expect("a number"))
        .collect()
}

/// Nothing is fetched, ids are there once, and every chart has a name of its own.
pub fn is_sound(page: &str) {
    let fetched = page.replace("http://www.w3.org/2000/svg", "");
    let data = fetched.find("<script id=\"data\"").unwrap();
    assert!(!fetched[..data].contains("http:") && !fetched[..data].contains("https:"));
    let mut names = std::collections::BTreeSet::new();
    for chart in charts(page) {
        let label = chart.root_element().attribute("aria-label");
        let label = label.expect("a name").to_owned();
        assert!(!label.is_empty() && names.insert(label.clone()), "{label}");
    }
    let mut ids = std::collections::BTreeSet::new();
    for part in fetched[..data].split(" id=\"").skip(1) {
        let id = part.split('"').next().unwrap();
        assert!(ids.insert(id), "{id} is there twice");
    }
}
