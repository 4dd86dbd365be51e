//! What all pages have: head, figures, contents, sections, what was run, and the data.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A page.
pub struct Frame<'a> {
    pub title: &'a str,
    /// Name, id if there is one, value.
    pub figures: Vec<(String, Option<&'static str>, String)>,
    pub sections: Vec<Section>,
    /// Name and value.
    pub run: &'a [(String, String)],
    /// JSON, for the element `data`.
    pub data: &'a str,
}

/// A section.
pub struct Section {
    pub id: String,
    pub heading: String,
    pub inside: Markup,
}

/// JSON as it can stand in a page: nothing in it ends the element.
pub fn json(id: &str, text: &str) -> Markup {
    let text = text.replace('<', "\\u003c");
    html! { script id=(id) type="application/json" { (PreEscaped(text)) } }
}

impl Frame<'_> {
    pub fn html(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) " – Firebrick" }
                    style { (PreEscaped(include_str!("page.css"))) }
                }
                body {
                    header {
                        h1 { (self.title) }
                        dl class="figures" { @for (name, id, value) in &self.figures {
                            div class="figure" { dt { (name) } dd id=[id] { (value) } }
                        } }
                        nav aria-label="Sections" { @for section in &self.sections {
                            a href=(format!("#{}", section.id)) { (section.heading) }
                        } }
                    }
                    main { @for section in &self.sections {
                        section id=(section.id) aria-labelledby=(format!("{}-h", section.id)) {
                            h2 id=(format!("{}-h", section.id)) { (section.heading) }
                            (section.inside)
                        }
                    } }
                    footer {
                        h2 { "What was run" }
                        dl class="run" {
                            @for (name, value) in self.run { dt { (name) } dd { (value) } }
                        }
                    }
                    (json("data", self.data))
                    script { (PreEscaped(include_str!("page.js"))) }
                }
            }
        };
        page.into_string()
    }
}
