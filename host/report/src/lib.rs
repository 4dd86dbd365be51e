//! A report as one HTML file: no network, no other file, light and dark, for screens and paper.
//!
//! [`html`] draws [`data::Report`]; every chart is SVG, whose elements carry their numbers, and the
//! data stand in the page once more as JSON, in the element `data`.

pub mod data;

mod chart;
mod page;

pub use data::Report;
pub use page::html;
