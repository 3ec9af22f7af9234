//! Which symbols write which stretches of the text.

use std::collections::{BTreeMap, BTreeSet};

use super::symbols::{Form, Step, Symbol, Symbols};
use crate::grammar::{GrammarError, Hole};
use crate::{Estimate, Tokens};

/// Steps taken before a text is given up.
const MOST_STEPS: usize = 1_000_000;

/// Which texts holes may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holes {
    /// The grammar's own.
    Fills,
    /// Any that end where a literal of the grammar begins, or the text ends.
    Literals,
    /// Any.
    Anywhere,
}

/// A symbol under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    symbol: Symbol,
    /// A choice: which of its usable productions. An arrangement: how many members are written.
    which: u32,
    /// A choice: steps done. An arrangement: 1 when the next member is due.
    dot: u32,
    origin: usize,
    /// Members written.
    used: u128,
}

/// A state, or the end of a symbol that began at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Reached(State),
    Done(Symbol, usize),
}

pub(super) struct Chart<'t> {
    text: &'t str,
    holes: Holes,
    /// Where a symbol that began at a place can end, in rising order.
    ends: BTreeMap<(Symbol, usize), Vec<usize>>,
    furthest: usize,
    expected: BTreeSet<String>,
}

/// What is still to be looked at.
struct Agenda {
    events: BTreeMap<usize, Vec<Event>>,
    seen: BTreeSet<(usize, Event)>,
    waiting: BTreeMap<(usize, Symbol), Vec<State>>,
    steps: usize,
}

impl Agenda {
    fn add(&mut self, at: usize, event: Event) {
        self.steps += 1;
        if self.seen.insert((at, event)) {
            self.events.entry(at).or_default().push(event);
        }
    }
}

impl<'t> Chart<'t> {
    pub(super) fn of(symbols: &mut Symbols<'_>, text: &'t str, holes: Holes) -> Result<Self, GrammarError> {
        let mut chart = Self { text, holes, ends: BTreeMap::new(), furthest: 0, expected: BTreeSet::new() };
        let mut agenda =
            Agenda { events: BTreeMap::new(), seen: BTreeSet::new(), waiting: BTreeMap::new(), steps: 0 };
        chart.predict(Symbols::START, 0, symbols, &mut agenda);
        while let Some((at, events)) = agenda.events.pop_first() {
            if at > chart.furthest {
                chart.furthest = at;
                chart.expected.clear();
            }
            for event in events {
                if agenda.steps > MOST_STEPS {
                    let (place, found) = ("the text".to_string(), format!("more than {MOST_STEPS} steps"));
                    let allowed = "a shorter text, or a grammar that is less ambiguous";
                    return Err(GrammarError::range(place, found, allowed));
                }
                match event {
                    Event::Reached(state) => chart.advance(state, at, symbols, &mut agenda),
                    Event::Done(symbol, origin) => {
                        chart.ends.entry((symbol, origin)).or_default().push(at);
                        let waiting = agenda.waiting.get(&(origin, symbol)).cloned().unwrap_or_default();
                        for state in waiting {
                            agenda.add(at, Event::Reached(behind(state, symbol, symbols)));
                        }
                    }
                }
            }
        }
        Ok(chart)
    }

    /// Whether the start rule writes the whole text.
    pub(super) fn is_whole(&self) -> bool {
        self.ends(Symbols::START, 0).last() == Some(&self.text.len())
    }

    /// Where a symbol that begins at `start` can end, in rising order.
    pub(super) fn ends(&self, symbol: Symbol, start: usize) -> &[usize] {
        self.ends.get(&(symbol, start)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// The last place reached, and the literals that could have stood there.
    pub(super) fn furthest(&self) -> (usize, Vec<String>) {
        (self.furthest, self.expected.iter().cloned().collect())
    }

    fn follows(&mut self, literal: &str, at: usize) -> bool {
        let follows = self.text.as_bytes()[at..].starts_with(literal.as_bytes());
        if !follows && at >= self.furthest {
            self.expected.insert(literal.to_string());
        }
        follows
    }

    /// Adds what a symbol can begin with.
    fn predict(&mut self, symbol: Symbol, at: usize, symbols: &mut Symbols<'_>, agenda: &mut Agenda) {
        symbols.open(symbol);
        let state = State { symbol, which: 0, dot: 0, origin: at, used: 0 };
        match symbols.form(symbol) {
            Some(Form::Choice(productions)) => {
                for (which, (_, steps)) in (0..).zip(productions) {
                    let fits = match steps.first() {
                        Some(Step::Literal(literal)) => self.follows(literal, at),
                        _ => true,
                    };
                    if fits {
                        agenda.add(at, Event::Reached(State { which, ..state }));
                    }
                }
            }
            Some(Form::Arrange { .. }) => agenda.add(at, Event::Reached(State { dot: 1, ..state })),
            Some(Form::Hole(hole)) => self.fill(symbol, hole, at, symbols, agenda),
            None => {}
        }
    }

    fn fill(&mut self, symbol: Symbol, hole: &Hole, at: usize, symbols: &Symbols<'_>, agenda: &mut Agenda) {
        for fill in hole.fills.iter().filter(|f| f.weight > 0.0) {
            if self.follows(&fill.text, at) {
                agenda.add(at + fill.text.len(), Event::Done(symbol, at));
            }
        }
        if hole.protected || self.holes == Holes::Fills {
            return;
        }
        let rest = &self.text[at..];
        let ends = rest.char_indices().map(|(i, c)| i + c.len_utf8());
        for end in ends {
            let open = self.holes == Holes::Anywhere || end == rest.len() || symbols.begins(&rest[end..]);
            if open && (hole.most == usize::MAX || Estimate.count(&rest[..end]) <= hole.most) {
                agenda.add(at + end, Event::Done(symbol, at));
            }
        }
    }

    /// Takes the next step of a state.
    fn advance(&mut self, state: State, at: usize, symbols: &mut Symbols<'_>, agenda: &mut Agenda) {
        let next = match symbols.form(state.symbol) {
            Some(Form::Choice(productions)) => {
                let steps = &productions[state.which as usize].1;
                match steps.get(state.dot as usize) {
                    None => {
                        agenda.add(at, Event::Done(state.symbol, state.origin));
                        return;
                    }
                    Some(Step::Literal(literal)) => {
                        if self.follows(literal, at) {
                            let moved = State { dot: state.dot + 1, ..state };
                            agenda.add(at + literal.len(), Event::Reached(moved));
                        }
                        return;
                    }
                    Some(Step::Symbol(next)) => vec![*next],
                }
            }
            Some(Form::Arrange { seats, between, least, most }) => {
                let count = state.which as usize;
                if state.dot == 0 || count == 0 {
                    let missing =
                        |(i, s): (usize, &super::symbols::Seat)| s.mandatory && state.used >> i & 1 == 0;
                    let lacks = seats.iter().enumerate().any(missing);
                    if count >= *least && count <= *most && !lacks {
                        agenda.add(at, Event::Done(state.symbol, state.origin));
                    }
                }
                if state.dot == 0 {
                    if count < *most && count < seats.len() && self.follows(between, at) {
                        let due = State { dot: 1, ..state };
                        agenda.add(at + between.len(), Event::Reached(due));
                    }
                    return;
                }
                if count >= *most {
                    return;
                }
                let free = seats.iter().enumerate().filter(|(i, _)| state.used >> i & 1 == 0);
                let rules: Vec<_> = free.map(|(_, s)| s.rule).collect();
                rules.into_iter().map(|rule| symbols.symbol(rule, state.which + 1)).collect()
            }
            Some(Form::Hole(_)) | None => return,
        };
        for symbol in next {
            let waiting = agenda.waiting.entry((at, symbol)).or_default();
            waiting.push(state);
            let first = waiting.len() == 1;
            // A symbol that writes nothing may be done here already.
            if self.ends(symbol, at).first() == Some(&at) {
                agenda.add(at, Event::Reached(behind(state, symbol, symbols)));
            }
            if first {
                self.predict(symbol, at, symbols, agenda);
            }
        }
    }
}

/// A state after a symbol it waited for.
fn behind(state: State, symbol: Symbol, symbols: &Symbols<'_>) -> State {
    match symbols.form(state.symbol) {
        Some(Form::Arrange { seats, .. }) => {
            let rule = symbols.rule(symbol);
            let seat = seats.iter().position(|s| s.rule == rule).unwrap_or(0);
            State { which: state.which + 1, dot: 0, used: state.used | 1 << seat, ..state }
        }
        _ => State { dot: state.dot + 1, ..state },
    }
}
