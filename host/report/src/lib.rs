//! Pages as one HTML file each: no network, no other file, light and dark, for screens and paper.
//!
//! [`html`] draws [`data::Report`], and [`Page::html`](parts::Page::html) the results of a command;
//! every chart is SVG, whose elements carry their numbers, and the data stand in the page once more
//! as JSON, in the element `data`.

pub mod data;
pub mod parts;

mod chart;
mod frame;
mod page;

pub use chart::grouped;
pub use data::Report;
pub use page::html;
