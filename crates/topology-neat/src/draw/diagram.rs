use std::fmt::Write as _;

/// A labelled graph to be drawn.
///
/// Nodes are numbered from 0 in the order of adding. An edge to a later node sets the layers of a drawing; one back is
/// drawn and sets nothing. The same graph gives the same text, byte for byte; every label is escaped.
///
/// ```
/// use topology_neat::Diagram;
/// let mut diagram = Diagram::default();
/// let (a, b) = (diagram.add("x"), diagram.add("y > 0"));
/// diagram.join(a, b);
/// assert!(diagram.dot().contains("0 -> 1"));
/// assert!(diagram.mermaid().contains("n0 --> n1"));
/// assert!(diagram.svg().contains("y &gt; 0"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagram {
    labels: Vec<String>,
    edges: Vec<(usize, usize)>,
}

impl Diagram {
    /// Adds a node; its number.
    pub fn add(&mut self, label: impl Into<String>) -> usize {
        self.labels.push(label.into());
        self.labels.len() - 1
    }

    /// Adds an edge. Nothing happens when a node does not exist, or the edge is there.
    pub fn join(&mut self, from: usize, to: usize) {
        let edge = (from, to);
        if from.max(to) < self.labels.len() && !self.edges.contains(&edge) {
            self.edges.push(edge);
        }
    }

    /// The labels, by number of node.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The edges as (from, to), in the order of adding.
    pub fn edges(&self) -> &[(usize, usize)] {
        &self.edges
    }

    /// The graph in the language of Graphviz.
    pub fn dot(&self) -> String {
        let mut text = String::from("digraph {\n  rankdir=LR;\n  node [shape=box];\n");
        for (i, label) in self.labels.iter().enumerate() {
            let label = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            _ = writeln!(text, "  {i} [label=\"{label}\"];");
        }
        for (from, to) in &self.edges {
            _ = writeln!(text, "  {from} -> {to};");
        }
        text + "}\n"
    }

    /// The graph as a Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (i, label) in self.labels.iter().enumerate() {
            let mut safe = String::new();
            for c in label.chars() {
                match c {
                    '"' | '#' | '&' | ';' | '<' | '>' | '`' => _ = write!(safe, "#{};", u32::from(c)),
                    '\n' => safe.push_str("<br>"),
                    c => safe.push(c),
                }
            }
            _ = writeln!(text, "  n{i}[\"{safe}\"]");
        }
        for (from, to) in &self.edges {
            _ = writeln!(text, "  n{from} --> n{to}");
        }
        text
    }

    /// The graph as a self-contained SVG image, sources at the left.
    pub fn svg(&self) -> String {
        super::svg::svg(self)
    }

    /// Of each node the length of the longest way to it along edges to later nodes.
    pub(super) fn layers(&self) -> Vec<usize> {
        let mut edges = self.edges.clone();
        edges.sort_unstable();
        let mut layers = vec![0; self.labels.len()];
        for (from, to) in edges.into_iter().filter(|(from, to)| from < to) {
            layers[to] = layers[to].max(layers[from] + 1);
        }
        layers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awkward() -> Diagram {
        let mut diagram = Diagram::default();
        for label in ["a\"b", "<&>", "two\nlines", "back\\slash"] {
            diagram.add(label);
        }
        for (from, to) in [(0, 1), (1, 2), (0, 3), (2, 3), (3, 0), (0, 1), (0, 9)] {
            diagram.join(from, to);
        }
        diagram
    }

    #[test]
    fn what_is_not_there_or_there_already_is_not_joined() {
        assert_eq!(awkward().edges(), [(0, 1), (1, 2), (0, 3), (2, 3), (3, 0)]);
        assert_eq!(awkward().layers(), [0, 1, 2, 3], "the edge back sets no layer");
    }

    #[test]
    fn labels_are_escaped_in_every_language() {
        let dot = awkward().dot();
        assert!(dot.contains(r#"0 [label="a\"b"];"#) && dot.contains(r#"3 [label="back\\slash"];"#), "{dot}");
        assert!(dot.contains(r#"2 [label="two\nlines"];"#), "{dot}");
        let mermaid = awkward().mermaid();
        assert!(
            mermaid.contains(r#"n0["a#34;b"]"#) && mermaid.contains(r##"n1["#60;#38;#62;"]"##),
            "{mermaid}"
        );
        let svg = awkward().svg();
        assert!(svg.contains("&lt;&amp;&gt;") && svg.contains("a&quot;b"), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 4);
        assert_eq!(svg.matches("<path").count(), 5);
        assert_eq!(svg.matches("<text").count(), 4);
    }

    #[test]
    fn nothing_is_drawn_as_nothing() {
        let nothing = Diagram::default();
        assert_eq!(nothing.mermaid(), "flowchart LR\n");
        assert!(nothing.svg().starts_with("<svg") && nothing.dot().ends_with("}\n"));
    }
}
