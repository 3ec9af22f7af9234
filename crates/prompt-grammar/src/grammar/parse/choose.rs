//! Taking one derivation out of a chart.

use std::collections::{BTreeMap, BTreeSet};

use super::chart::Chart;
use super::symbols::{Form, Seat, Step, Symbol, Symbols};
use crate::tree::Tree;

/// Stretches looked at for another derivation before a text counts as unambiguous.
const MOST_LOOKS: usize = 100_000;

/// A symbol and the stretch that it writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) symbol: Symbol,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Symbols above it that write the same stretch.
    above: Vec<Symbol>,
}

/// How a span is written.
pub(super) struct Picked {
    pub(super) pick: u32,
    pub(super) below: Vec<Span>,
}

/// A symbol with its stretch.
type Stretch = (Symbol, usize, usize);

pub(super) struct Choice<'a> {
    symbols: &'a Symbols<'a>,
    chart: &'a Chart<'a>,
    /// Whether the steps of a production from one on can write a stretch.
    known: BTreeMap<(Symbol, u32, usize, usize, usize), bool>,
    ambiguous: bool,
    looks: usize,
}

impl<'a> Choice<'a> {
    pub(super) fn new(symbols: &'a Symbols<'a>, chart: &'a Chart<'a>) -> Self {
        Self { symbols, chart, known: BTreeMap::new(), ambiguous: false, looks: 0 }
    }

    pub(super) fn root(end: usize) -> Span {
        Span { symbol: Symbols::START, start: 0, end, above: Vec::new() }
    }

    pub(super) fn is_ambiguous(&self) -> bool {
        self.ambiguous
    }

    /// The derivation of a span by the fixed preference.
    pub(super) fn pick(&mut self, span: &Span) -> Option<Picked> {
        let symbols = self.symbols;
        match symbols.form(span.symbol)? {
            Form::Hole(hole) => {
                let text = &self.chart.text()[span.start..span.end];
                let mut own = (0..).zip(&hole.fills).filter(|(_, f)| f.weight > 0.0 && f.text == text);
                let pick = own.next().map_or(Tree::WRITTEN, |(i, _)| i);
                self.ambiguous |= own.next().is_some();
                Some(Picked { pick, below: Vec::new() })
            }
            Form::Choice(productions) => {
                let mut found: Option<Picked> = None;
                for (which, (place, steps)) in (0..).zip(productions) {
                    if found.is_some() && self.ambiguous {
                        break;
                    }
                    let key = (span.symbol, which);
                    let Some(below) = self.split(key, steps, span) else { continue };
                    if found.is_some() {
                        self.ambiguous = true;
                    } else {
                        found = Some(Picked { pick: *place, below });
                    }
                }
                found
            }
            Form::Arrange { seats, between, least, most } => {
                let shape = Shape { seats, between, least: *least, most: *most };
                let mut failed = BTreeSet::new();
                let mut row = Vec::new();
                self.arrange(&shape, span, span.start, 0, &mut row, &mut failed).then(|| {
                    let pick = row.len() as u32;
                    Picked { pick, below: row.into_iter().map(|s| below(span, s)).collect() }
                })
            }
        }
    }

    /// The stretches of the steps of a production: the first as long as it can be, then the next.
    fn split(&mut self, key: (Symbol, u32), steps: &[Step], span: &Span) -> Option<Vec<Span>> {
        let mut row = Vec::new();
        let mut at = span.start;
        for (dot, step) in steps.iter().enumerate() {
            match step {
                Step::Literal(literal) => {
                    if !self.chart.text().as_bytes()[at..].starts_with(literal.as_bytes()) {
                        return None;
                    }
                    at += literal.len();
                }
                Step::Symbol(symbol) => {
                    let mut fitting = None;
                    for &end in self.ends_within(*symbol, at, span.end).iter().rev() {
                        if fitting.is_some() {
                            self.looks += 1;
                            if self.looks > MOST_LOOKS {
                                break;
                            }
                        }
                        if !self.reaches(key, steps, dot + 1, end, span.end) {
                            continue;
                        }
                        if fitting.is_some() {
                            self.ambiguous = true;
                            break;
                        }
                        // A symbol that leads back to itself over the same stretch is no derivation.
                        let child = below(span, (*symbol, at, end));
                        if self.derives(&child) {
                            fitting = Some(child);
                            if self.ambiguous {
                                break;
                            }
                        }
                    }
                    let child = fitting?;
                    at = child.end;
                    row.push(child);
                }
            }
        }
        (at == span.end).then_some(row)
    }

    /// Where a symbol can end up to a place, in rising order.
    fn ends_within(&self, symbol: Symbol, start: usize, last: usize) -> &'a [usize] {
        let ends = self.chart.ends(symbol, start);
        &ends[..ends.partition_point(|e| *e <= last)]
    }

    /// Whether the steps from `dot` on can write the text from `at` to `end`.
    fn reaches(&mut self, key: (Symbol, u32), steps: &[Step], dot: usize, at: usize, end: usize) -> bool {
        let Some(step) = steps.get(dot) else { return at == end };
        let symbol = match step {
            Step::Symbol(symbol) if dot + 1 == steps.len() => {
                return self.chart.ends(*symbol, at).binary_search(&end).is_ok();
            }
            Step::Symbol(symbol) => *symbol,
            Step::Literal(literal) => {
                return at + literal.len() <= end
                    && self.chart.text().as_bytes()[at..].starts_with(literal.as_bytes())
                    && self.reaches(key, steps, dot + 1, at + literal.len(), end);
            }
        };
        let entry = (key.0, key.1, dot, at, end);
        if let Some(known) = self.known.get(&entry) {
            return *known;
        }
        let ends = self.ends_within(symbol, at, end);
        let found = ends.iter().rev().any(|e| self.reaches(key, steps, dot + 1, *e, end));
        self.known.insert(entry, found);
        found
    }

    /// Whether a span has a derivation that does not lead back to what is above it. Only spans as long as one above
    /// are in doubt.
    fn derives(&mut self, span: &Span) -> bool {
        if span.above.is_empty() {
            return true;
        }
        if span.above.contains(&span.symbol) {
            return false;
        }
        let before = self.ambiguous;
        let found = self.pick(span).is_some();
        self.ambiguous = before;
        found
    }

    /// Members one after the other, the first that can stand there, as long as it can be.
    fn arrange(
        &mut self,
        shape: &Shape<'_>,
        span: &Span,
        at: usize,
        used: u128,
        row: &mut Vec<Stretch>,
        failed: &mut BTreeSet<(u128, usize)>,
    ) -> bool {
        if failed.contains(&(used, at)) {
            return false;
        }
        let count = row.len();
        if at == span.end && shape.is_done(used, count) {
            return true;
        }
        let text = self.chart.text();
        let due = if count == 0 { at } else { at + shape.between.len() };
        let joined = count == 0 || text.as_bytes()[at..].starts_with(shape.between.as_bytes());
        if count < shape.most && joined && due <= span.end {
            for (i, seat) in shape.seats.iter().enumerate().filter(|(i, _)| used >> i & 1 == 0) {
                let Some(symbol) = self.symbols.known(seat.rule, count as u32 + 1) else { continue };
                for &end in self.ends_within(symbol, due, span.end).iter().rev() {
                    let child = (symbol, due, end);
                    row.push(child);
                    if self.derives(&below(span, child))
                        && self.arrange(shape, span, end, used | 1 << i, row, failed)
                    {
                        return true;
                    }
                    row.pop();
                }
            }
        }
        failed.insert((used, at));
        false
    }
}

struct Shape<'a> {
    seats: &'a [Seat],
    between: &'a str,
    least: usize,
    most: usize,
}

impl Shape<'_> {
    fn is_done(&self, used: u128, count: usize) -> bool {
        let there = |(i, s): (usize, &Seat)| !s.mandatory || used >> i & 1 == 1;
        (self.least..=self.most).contains(&count) && self.seats.iter().enumerate().all(there)
    }
}

/// A stretch below a span.
fn below(span: &Span, (symbol, start, end): Stretch) -> Span {
    let same = start == span.start && end == span.end;
    let above = if same { span.above.iter().copied().chain([span.symbol]).collect() } else { Vec::new() };
    Span { symbol, start, end, above }
}
