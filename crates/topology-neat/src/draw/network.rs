use std::fmt::Write as _;

use crate::{Flow, NetworkGenome, Role};

/// Pixels between columns, between rows, and to the border.
const ACROSS: f64 = 140.0;
const DOWN: f64 = 60.0;
const BORDER: f64 = 40.0;

/// Edges whose weight is nearer to 0 than this are drawn with the thinnest line.
const THIN: f64 = 0.1;

/// What a node is called in a drawing: `in 0`, `out 0`, or the name of its activation.
fn label(genome: &NetworkGenome, at: usize) -> String {
    let node = &genome.nodes()[at];
    match node.role {
        Role::Input(i) => format!("in {i}"),
        Role::Output(i) => format!("out {i}"),
        Role::Inner => format!("{:?}", node.kind).to_lowercase(),
    }
}

/// Width of a line for a weight, 1 to 6 pixels, by its logarithm.
fn width(weight: f64) -> f64 {
    (1.0 + (weight.abs() / THIN).max(1.0).ln()).clamp(1.0, 6.0)
}

/// A network as a directed graph for Graphviz: weights as labels, disabled edges dotted.
///
/// ```
/// use topology_neat::{Activation, NetworkSpace, draw};
/// let genome = NetworkSpace::feed_forward(1, 1, Activation::Tanh).minimal().unwrap();
/// let dot = draw::network_dot(&genome);
/// assert!(dot.starts_with("digraph network {") && dot.matches(" -> ").count() == 2);
/// ```
pub fn network_dot(genome: &NetworkGenome) -> String {
    let mut out = String::from("digraph network {\n  rankdir=LR;\n");
    let named = |at: usize| format!("n{:016x}", genome.nodes()[at].id.short());
    for (at, node) in genome.nodes().iter().enumerate() {
        let shape = if node.role == Role::Inner { "circle" } else { "box" };
        let _ = writeln!(out, "  {} [label=\"{}\", shape={shape}];", named(at), label(genome, at));
    }
    for edge in genome.edges() {
        let (Some(from), Some(into)) = (genome.index(edge.source), genome.index(edge.target)) else {
            continue;
        };
        let style = if edge.enabled { "solid" } else { "dotted" };
        let (from, into) = (named(from), named(into));
        let _ = writeln!(out, "  {from} -> {into} [label=\"{:.3}\", style={style}];", edge.payload);
    }
    out + "}\n"
}

/// A network as a picture: inputs on the left, outputs on the right, inner neurons by their distance from the inputs.
///
/// Blue edges excite, red ones inhibit; the wider, the larger the weight. Disabled edges are left out. Edges that
/// lead back are drawn as loops below.
///
/// ```
/// use topology_neat::{Activation, NetworkSpace, draw};
/// let genome = NetworkSpace::feed_forward(2, 1, Activation::Tanh).minimal().unwrap();
/// let svg = draw::network_svg(&genome);
/// assert_eq!((svg.matches("<circle").count(), svg.matches("<path").count()), (4, 3));
/// ```
pub fn network_svg(genome: &NetworkGenome) -> String {
    let places = places(genome);
    let most = |of: fn(&(f64, f64)) -> f64| places.iter().map(of).fold(0.0, f64::max);
    let (wide, high) = (most(|p| p.0) + 2.0 * BORDER, most(|p| p.1) + 2.0 * BORDER);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide:.0}\" height=\"{high:.0}\" \
         font-family=\"sans-serif\" font-size=\"11\" text-anchor=\"middle\">\n"
    );
    for edge in genome.edges().iter().filter(|e| e.enabled) {
        let (Some(from), Some(into)) = (genome.index(edge.source), genome.index(edge.target)) else {
            continue;
        };
        let ((x, y), (u, v)) = (places[from], places[into]);
        // Bent, so that edges over several columns do not hide behind the neurons between.
        let bend = if u > x { 0.12 * (u - x - ACROSS) } else { 50.0 + 0.2 * (x - u) };
        let (mid, low) = (f64::midpoint(x, u), f64::midpoint(y, v) + bend);
        let stroke = if edge.payload < 0.0 { "#c0392b" } else { "#2471a3" };
        let points = [x, y, mid, low, u, v].map(|p| p + BORDER);
        let _ = writeln!(
            out,
            "<path d=\"M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}\" fill=\"none\" stroke=\"{stroke}\" \
             stroke-width=\"{:.1}\" stroke-opacity=\"0.7\"><title>{:.4}</title></path>",
            points[0],
            points[1],
            points[2],
            points[3],
            points[4],
            points[5],
            width(edge.payload),
            edge.payload
        );
    }
    for (at, (x, y)) in places.iter().enumerate() {
        let fill = if genome.nodes()[at].role == Role::Inner { "#fcf3cf" } else { "#eaeded" };
        let (x, y) = (x + BORDER, y + BORDER);
        let _ = writeln!(
            out,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"16\" fill=\"{fill}\" stroke=\"#333\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
            y + 4.0,
            label(genome, at)
        );
    }
    out + "</svg>\n"
}

/// Where every node stands, by position.
fn places(genome: &NetworkGenome) -> Vec<(f64, f64)> {
    let mut column = depths(genome);
    let last = column.iter().max().copied().unwrap_or(0).max(1);
    for (at, node) in genome.nodes().iter().enumerate() {
        match node.role {
            Role::Input(_) => column[at] = 0,
            Role::Output(_) => column[at] = last,
            Role::Inner => column[at] = column[at].clamp(1, last),
        }
    }
    let mut order: Vec<usize> = (0..column.len()).collect();
    // Terminals from top to bottom by position, inner neurons by id.
    order.sort_by_key(|at| (genome.nodes()[*at].role, *at));
    let mut used = vec![0_usize; last + 1];
    let mut row = vec![0; column.len()];
    for at in order {
        row[at] = used[column[at]];
        used[column[at]] += 1;
    }
    let tallest = used.iter().max().copied().unwrap_or(1);
    let place = |at: usize| {
        let free = (tallest - used[column[at]]) as f64 / 2.0;
        (column[at] as f64 * ACROSS, (row[at] as f64 + free) * DOWN)
    };
    (0..column.len()).map(place).collect()
}

/// Edges from the inputs to every node: the longest way in acyclic networks, the shortest in recurrent ones. Outputs
/// of acyclic networks come after every inner neuron.
fn depths(genome: &NetworkGenome) -> Vec<usize> {
    let nodes = genome.nodes();
    let ends = |e: &crate::Edge<f64>| Some((genome.index(e.source)?, genome.index(e.target)?));
    let edges: Vec<(usize, usize)> = genome.edges().iter().filter(|e| e.enabled).filter_map(ends).collect();
    let inner = |at: usize| nodes[at].role == Role::Inner;
    let mut depth = vec![0_usize; nodes.len()];
    if genome.flow() == Flow::Acyclic {
        for at in genome.order().unwrap_or_default() {
            for &(_, into) in edges.iter().filter(|e| e.0 == at) {
                depth[into] = depth[into].max(depth[at] + 1);
            }
        }
    } else {
        let mut open: Vec<usize> =
            (0..nodes.len()).filter(|at| matches!(nodes[*at].role, Role::Input(_))).collect();
        let mut next = 0;
        while let Some(&at) = open.get(next) {
            next += 1;
            for &(_, into) in edges.iter().filter(|e| e.0 == at) {
                if inner(into) && depth[into] == 0 {
                    depth[into] = depth[at] + 1;
                    open.push(into);
                }
            }
        }
    }
    let deepest = (0..nodes.len()).filter(|at| inner(*at)).map(|at| depth[at]).max().unwrap_or(0);
    for (at, node) in nodes.iter().enumerate() {
        if matches!(node.role, Role::Output(_)) {
            depth[at] = deepest + 1;
        }
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, NetworkSpace};

    #[test]
    fn chains_go_from_left_to_right_and_loops_are_drawn() {
        let mut space = NetworkSpace::feed_forward(1, 1, Activation::Tanh);
        let mut genome = space.minimal().unwrap();
        let edge = crate::Innovation::edge(genome.input(0).unwrap(), genome.output(0).unwrap());
        let first = genome.split(edge, Activation::Tanh, 1.0, -2.0).unwrap();
        let second = crate::Innovation::edge(first, genome.output(0).unwrap());
        genome.split(second, Activation::Tanh, 1.0, 1.0).unwrap();
        let across: Vec<f64> = {
            let mut all = places(&genome);
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            all.iter().map(|p| p.0 / ACROSS).collect()
        };
        assert_eq!(across, [0.0, 0.0, 1.0, 2.0, 3.0]);
        space.flow = Flow::Recurrent;
        let mut looped = space.minimal().unwrap();
        looped.connect(looped.output(0).unwrap(), looped.output(0).unwrap(), -1.0).unwrap();
        let svg = network_svg(&looped);
        assert!(svg.contains("#c0392b") && !svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn networks_without_edges_or_inputs_are_drawn() {
        let genome = NetworkGenome::new(Flow::Recurrent, &[], &[Activation::Tanh]).unwrap();
        assert!(network_svg(&genome).contains("out 0"));
        assert!(network_dot(&genome).contains("out 0"));
    }
}
