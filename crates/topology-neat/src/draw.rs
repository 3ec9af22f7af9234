//! Drawings as text: networks, species over time, lineage.
//!
//! DOT is for Graphviz, SVG for any browser. The same value gives the same bytes. Nothing is written anywhere.

mod history;
mod network;

pub use history::{lineage_dot, species_svg};
pub use network::{network_dot, network_svg};

/// A colour for an id; neighbours differ clearly (hues apart by the golden angle).
fn colour(id: u64) -> String {
    format!("hsl({:.0},55%,60%)", (id % 360_000) as f64 * 137.508 % 360.0)
}
