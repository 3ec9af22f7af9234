//! Drawings as text: networks, workflows, species over time, lineage.
//!
//! DOT is for Graphviz, Mermaid for Markdown, SVG for any browser. The same value gives the same bytes. Nothing is written
//! anywhere.

mod diagram;
mod history;
mod network;
mod svg;
mod workflow;

pub use diagram::Diagram;
pub use history::{lineage_dot, species_svg};
pub use network::{network_dot, network_svg};

/// A colour for an id; neighbours differ clearly (hues apart by the golden angle).
fn colour(id: u64) -> String {
    format!("hsl({:.0},55%,60%)", (id % 360_000) as f64 * 137.508 % 360.0)
}
