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
    /// Of a page of work that is under way.
    pub live: Option<Live<'a>>,
}

/// A page of work that is under way.
#[derive(Clone, Copy)]
pub struct Live<'a> {
    /// What is being done.
    pub status: &'a str,
    /// Number of the state that the page shows.
    pub version: u64,
    /// Nothing more will come.
    pub over: bool,
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
                        @if let Some(live) = self.live {
                            p id="live" role="status" data-version=(live.version)
                                data-over=(live.over) { (live.status) }
                        }
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
                    @if self.live.is_some() {
                        script { (PreEscaped(include_str!("live.js"))) }
                    }
                }
            }
        };
        page.into_string()
    }
}
