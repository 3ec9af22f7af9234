use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::colour;
use crate::{GenerationReport, SpeciesReport};

/// Pixels of the plot.
const WIDE: f64 = 900.0;
const HIGH: f64 = 300.0;

/// How the members of every species grow and shrink over the generations: one band a species, stacked by id.
///
/// Empty without reports. O(reports x species).
pub fn species_svg(history: &[GenerationReport]) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDE:.0}\" height=\"{:.0}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n",
        HIGH + 20.0
    );
    let total = |r: &GenerationReport| r.species.iter().map(|s| s.members).sum::<usize>();
    let most = history.iter().map(total).max().unwrap_or(0).max(1) as f64;
    // A generation is a column, so that a species of one generation is seen too.
    let across = |column: usize| WIDE * column as f64 / history.len().max(1) as f64;
    let mut bands: BTreeMap<u64, (Vec<String>, Vec<String>, &SpeciesReport)> = BTreeMap::new();
    for (column, report) in history.iter().enumerate() {
        let mut below = 0.0;
        for species in &report.species {
            let above = below + HIGH * species.members as f64 / most;
            let (upper, lower, last) =
                bands.entry(species.id).or_insert_with(|| (Vec::new(), Vec::new(), species));
            *last = species;
            for edge in [across(column), across(column + 1)] {
                upper.push(format!("{edge:.1},{:.1}", HIGH - above));
                lower.push(format!("{edge:.1},{:.1}", HIGH - below));
            }
            below = above;
        }
    }
    for (id, (upper, lower, last)) in &bands {
        let points: Vec<&str> = upper.iter().chain(lower.iter().rev()).map(String::as_str).collect();
        let _ = writeln!(
            out,
            "<polygon points=\"{}\" fill=\"{}\" stroke=\"#fff\" stroke-width=\"0.5\"><title>species {id}: {} \
             hidden, {} edges</title></polygon>",
            points.join(" "),
            colour(*id),
            last.hidden,
            last.edges
        );
    }
    if let (Some(first), Some(last)) = (history.first(), history.last()) {
        let y = HIGH + 14.0;
        let _ = writeln!(
            out,
            "<text x=\"2\" y=\"{y:.0}\">generation {}</text><text x=\"{:.0}\" y=\"{y:.0}\" \
             text-anchor=\"end\">{}</text>",
            first.generation,
            WIDE - 2.0,
            last.generation
        );
    }
    out + "</svg>\n"
}

/// Which species came from which, for Graphviz: each with its size and its lowest loss; an edge leads from parent to child.
///
/// Parents that no report knows, because reports before are missing, are drawn by id alone.
pub fn lineage_dot(history: &[GenerationReport]) -> String {
    let mut last: BTreeMap<u64, (&SpeciesReport, u64, u64)> = BTreeMap::new();
    for report in history {
        for species in &report.species {
            let first = last.get(&species.id).map_or(report.generation, |l| l.1);
            last.insert(species.id, (species, first, report.generation));
        }
    }
    let mut out = String::from("digraph lineage {\n  node [shape=box, style=filled];\n");
    for (id, (species, from, to)) in &last {
        let best = species.best.map_or_else(|| "none".to_owned(), |best| format!("{best:.4}"));
        let _ = writeln!(
            out,
            "  s{id} [label=\"{id}: generations {from}-{to}\\n{} hidden, {} edges\\nloss {best}\", \
             fillcolor=\"{}\"];",
            species.hidden,
            species.edges,
            dot_colour(*id)
        );
    }
    for (id, (species, ..)) in &last {
        for parent in &species.parents {
            let _ = writeln!(out, "  s{parent} -> s{id};");
        }
    }
    out + "}\n"
}

/// The hue of [`colour`] as Graphviz writes it.
fn dot_colour(id: u64) -> String {
    format!("{:.3} 0.35 0.95", (id % 360_000) as f64 * 137.508 % 360.0 / 360.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(generation: u64, members: &[(u64, usize)]) -> GenerationReport {
        let species = |&(id, members): &(u64, usize)| SpeciesReport {
            id,
            parents: id.checked_sub(1).into_iter().collect(),
            members,
            best: (id > 0).then_some(0.5),
            hidden: id as usize,
            edges: 3,
            step: 1.0,
        };
        GenerationReport {
            generation,
            evaluations: 10 * (generation + 1),
            best: None,
            threshold: 3.0,
            pruning: false,
            species: members.iter().map(species).collect(),
        }
    }

    #[test]
    fn every_species_has_one_band_and_one_node() {
        let history = [report(0, &[(0, 10)]), report(1, &[(0, 6), (1, 4)]), report(2, &[(1, 8), (2, 2)])];
        let svg = species_svg(&history);
        assert_eq!(svg.matches("<polygon").count(), 3);
        assert!(svg.contains("points=\"0.0,0.0 300.0,0.0 300.0,120.0"), "{svg}");
        let dot = lineage_dot(&history);
        assert_eq!(dot.matches("label=").count(), 3);
        assert!(dot.contains("s0 -> s1;") && dot.contains("0: generations 0-1") && dot.contains("loss none"));
    }

    #[test]
    fn an_empty_history_is_drawn_empty() {
        assert!(species_svg(&[]).ends_with("</svg>\n") && lineage_dot(&[]).ends_with("}\n"));
    }
}
