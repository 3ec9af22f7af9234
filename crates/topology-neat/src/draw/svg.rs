use std::fmt::Write as _;

use super::Diagram;

/// Pixels: of a character, around a label, of a box's height, between boxes of a layer, between layers.
const CHARACTER: usize = 8;
const PADDING: usize = 10;
const HEIGHT: usize = 28;
const BETWEEN: usize = 16;
const APART: usize = 48;

#[derive(Clone, Copy)]
struct Place {
    x: usize,
    y: usize,
    width: usize,
}

pub(super) fn svg(diagram: &Diagram) -> String {
    let places = places(diagram);
    let right = places.iter().map(|p| p.x + p.width).max().unwrap_or(0) + BETWEEN;
    let bottom = places.iter().map(|p| p.y + HEIGHT).max().unwrap_or(0) + BETWEEN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{right}\" height=\"{bottom}\" viewBox=\"0 0 {right} {bottom}\" \
         font-family=\"monospace\" font-size=\"13\">\n<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" \
         markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><polygon points=\"0,0 8,4 0,8\"/></marker></defs>\n"
    );
    for &(from, to) in diagram.edges() {
        let (from, to) = (places[from], places[to]);
        let (x1, y1) = (from.x + from.width, from.y + HEIGHT / 2);
        let (x2, y2) = (to.x, to.y + HEIGHT / 2);
        let (bend1, bend2) = (x1 + APART / 2, x2.saturating_sub(APART / 2));
        _ = writeln!(
            text,
            "<path d=\"M{x1},{y1} C{bend1},{y1} {bend2},{y2} {x2},{y2}\" fill=\"none\" stroke=\"black\" marker-end=\"url(#arrow)\"/>"
        );
    }
    for (label, Place { x, y, width }) in diagram.labels().iter().zip(&places) {
        let (middle, base) = (x + width / 2, y + HEIGHT / 2 + 5);
        let label = escaped(label);
        _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"4\" fill=\"white\" stroke=\"black\"/>\
             <text x=\"{middle}\" y=\"{base}\" text-anchor=\"middle\">{label}</text>"
        );
    }
    text + "</svg>\n"
}

/// Layers from left to right; within one, nodes in the order of the mean place of what leads to them.
fn places(diagram: &Diagram) -> Vec<Place> {
    let layers = diagram.layers();
    let mut places = vec![Place { x: 0, y: 0, width: 0 }; layers.len()];
    let mut rank = vec![0.0_f64; layers.len()];
    let mut x = BETWEEN;
    for layer in 0..=layers.iter().copied().max().unwrap_or(0) {
        let mut nodes: Vec<usize> = (0..layers.len()).filter(|v| layers[*v] == layer).collect();
        for &v in &nodes {
            let before =
                diagram.edges().iter().filter(|e| e.1 == v && layers[e.0] < layer).map(|e| rank[e.0]);
            let (sum, n) = before.fold((0.0, 0.0), |(sum, n), r| (sum + r, n + 1.0));
            rank[v] = if n > 0.0 { sum / n } else { 0.0 };
        }
        nodes.sort_by(|a, b| rank[*a].total_cmp(&rank[*b]));
        let width = |v: usize| CHARACTER * diagram.labels()[v].chars().count() + 2 * PADDING;
        let widest = nodes.iter().map(|v| width(*v)).max().unwrap_or(0);
        for (row, &v) in nodes.iter().enumerate() {
            rank[v] = row as f64;
            places[v] = Place { x, y: BETWEEN + row * (HEIGHT + BETWEEN), width: width(v) };
        }
        x += widest + APART;
    }
    places
}

fn escaped(label: &str) -> String {
    let mut safe = String::new();
    for c in label.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
