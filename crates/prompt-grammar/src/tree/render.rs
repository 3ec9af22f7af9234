use std::fmt::Write as _;
use std::ops::Range;

use super::Tree;
use crate::grammar::{Body, Grammar, Part};

/// A node under way.
struct Frame {
    node: usize,
    /// Parts written, or members written.
    done: usize,
    /// Position in the nearest arrangement, from 1.
    number: usize,
}

impl Tree {
    /// The text that the tree writes. O(length).
    ///
    /// A tree of another grammar writes some text or none, and never panics; [`Tree::check`] tells.
    pub fn render(&self, grammar: &Grammar) -> String {
        let mut out = String::new();
        self.render_into(grammar, &mut out);
        out
    }

    /// Appends the text to `out`.
    pub fn render_into(&self, grammar: &Grammar, out: &mut String) {
        self.walk(grammar, out, |_, _| {});
    }

    /// The text, and for every node which bytes of it its subtree wrote.
    pub fn spans(&self, grammar: &Grammar) -> (String, Vec<Range<usize>>) {
        let mut out = String::new();
        let mut spans = vec![0..0; self.nodes.len()];
        let mut open = vec![false; self.nodes.len()];
        self.walk(grammar, &mut out, |node, at| {
            if std::mem::replace(&mut open[node], true) {
                spans[node].end = at;
            } else {
                spans[node] = at..at;
            }
        });
        (out, spans)
    }

    /// Writes the text; `seen` is told of every node when it begins and when it ends, with the bytes written so far.
    fn walk(&self, grammar: &Grammar, out: &mut String, mut seen: impl FnMut(usize, usize)) {
        let mut stack: Vec<Frame> = Vec::with_capacity(16);
        let mut next = 0;
        let begin = |stack: &mut Vec<Frame>, next: &mut usize, number: usize| {
            if *next < self.nodes.len() {
                stack.push(Frame { node: *next, done: 0, number });
                *next += 1;
            }
        };
        if !self.nodes.is_empty() {
            seen(0, out.len());
        }
        begin(&mut stack, &mut next, 1);
        'nodes: while let Some(frame) = stack.last_mut() {
            let node = &self.nodes[frame.node];
            match grammar.rule(node.rule).map(|r| &r.body) {
                Some(Body::Choice(productions)) => {
                    let parts = productions.get(node.pick as usize).map_or(&[][..], |p| &p.parts);
                    while let Some(part) = parts.get(frame.done) {
                        frame.done += 1;
                        match part {
                            Part::Text(text) => out.push_str(text.under(&self.attributes)),
                            Part::Number => {
                                let _ = write!(out, "{}", frame.number);
                            }
                            Part::Rule(_) => {
                                let number = frame.number;
                                if next < self.nodes.len() {
                                    seen(next, out.len());
                                }
                                begin(&mut stack, &mut next, number);
                                continue 'nodes;
                            }
                        }
                    }
                }
                Some(Body::Arrange(arrange))
                    if frame.done < node.pick as usize && next < self.nodes.len() =>
                {
                    if frame.done > 0 {
                        out.push_str(arrange.between.under(&self.attributes));
                    }
                    frame.done += 1;
                    let number = frame.done;
                    seen(next, out.len());
                    begin(&mut stack, &mut next, number);
                    continue 'nodes;
                }
                Some(Body::Hole(_)) => out.push_str(self.fill(frame.node, grammar).unwrap_or_default()),
                Some(Body::Arrange(_)) | None => {}
            }
            if let Some(done) = stack.pop() {
                seen(done.node, out.len());
            }
        }
    }
}
