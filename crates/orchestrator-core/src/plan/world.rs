//! One of the many ways things may be: what a simulated run takes for true.

use meta_traits::{Cost, Note, Query, QueryId, Scored, Stream};

use super::growth::Growth;
use super::work::{Piece, TOKENS_PER_CHARACTER, Work, Written};
use crate::draws::{LogNormal, beta, normal};
use crate::run::Effort;
use crate::session::Session;

/// How search fares: the odds that decide which branch of its loop is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Odds {
    /// The share of examples that the seed gets right.
    pub(super) score: f64,
    /// The share of examples whose outcome a rewriting decides anew.
    pub(super) flip: f64,
    /// How far a rewriting moves the score: a standard deviation.
    pub(super) step: f64,
    /// Rewritings that cannot be used.
    pub(super) dud: f64,
}

impl Odds {
    fn draw(scores: (f64, f64), asks: bool, rng: &mut Stream) -> Self {
        let (right, n) = scores;
        Self {
            score: beta(1.0 + right, 1.0 + n - right, rng),
            flip: beta(1.3, 2.0, rng),
            step: 0.1 * (0.5 * normal(rng)).exp(),
            dud: if asks { beta(1.0, 15.0, rng) } else { 0.005 },
        }
    }
}

/// A piece's amounts in this world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) calls: f64,
    /// Factor on the tokens read that were forecast.
    pub(super) reading: f64,
    pub(super) written: f64,
}

/// What asking the proposer takes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asking {
    /// Whether a model is asked.
    pub(super) asks: bool,
    /// Characters of a request beside the text to be rewritten, by its first component.
    pub(super) characters: f64,
    pub(super) nano_in: f64,
    pub(super) nano_out: f64,
    /// What is charged at least, where nobody can look into it.
    pub(super) flat: Cost,
    pub(super) cap: Cost,
}

impl Asking {
    /// Looks at what the proposer would send for the seed.
    pub(super) fn of(session: &Session, evidence: &[Scored]) -> Self {
        let Some(name) = session.start.names().next() else { return Self::default() };
        let query = |longer: usize| {
            let mut candidate = session.start.clone();
            let text = session.start.get(name).unwrap_or_default();
            candidate.set(name, format!("{}{text}", "x".repeat(longer)));
            Query::new(QueryId(0), name.to_owned(), candidate, evidence.to_vec())
        };
        let (short, long) = (query(0), query(1000));
        let cap = session.proposer.cap(&short);
        match session.proposer.effort(&short) {
            Effort::None => Self::default(),
            Effort::Request { characters } => {
                let more = session.proposer.cap(&long);
                let further = more.tokens_in.saturating_sub(cap.tokens_in).max(1) as f64;
                let nano_in = more.nano_usd.saturating_sub(cap.nano_usd) as f64 / further;
                let for_writing = cap.nano_usd as f64 - nano_in * cap.tokens_in as f64;
                let own = session.start.get(name).map_or(0, |t| t.chars().count());
                Self {
                    asks: true,
                    characters: characters as f64 - own as f64,
                    nano_in,
                    nano_out: (for_writing / cap.tokens_out.max(1) as f64).max(0.0),
                    flat: Cost::ZERO,
                    cap,
                }
            }
            Effort::Unknown => Self { asks: cap.calls > 0, flat: cap, cap, ..Self::default() },
        }
    }
}

/// What a proposer is shown: the examples tried, or stand-ins of the expected length.
pub(super) fn evidence(session: &Session, work: &Work, tried: &[Scored]) -> Vec<Scored> {
    let n = session.gepa.minibatch;
    if tried.len() >= n {
        return tried[..n].to_vec();
    }
    let stand_in = |(i, example): (usize, &meta_traits::ExampleId)| {
        let draw = meta_traits::Draw { example: *example, repeat: 0 };
        let mut scored = Scored::new(draw, if i % 2 == 0 { 0.0 } else { 1.0 });
        let note = |(component, characters): (&(String, f64), &f64)| Note {
            component: component.0.clone(),
            text: "x".repeat(*characters as usize),
        };
        scored.notes = work.components.iter().zip(&work.notes).map(note).collect();
        scored
    };
    session.train.iter().take(n).enumerate().map(stand_in).collect()
}

/// All that a simulated run takes for true.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) odds: Odds,
    pub(super) rates: Vec<Rate>,
    /// Tokens a character of rewritten text, by piece.
    pub(super) pull: f64,
    /// Factor on the default latencies of metric calls, and of the proposer.
    pub(super) scale: f64,
    pub(super) asking_scale: f64,
    /// The share of calls that are held up, and for how many seconds.
    pub(super) stalls: f64,
    pub(super) stalled: f64,
    /// Tokens a character in the proposer's requests.
    pub(super) asking_tokens: f64,
    /// Tokens that it writes beside the text.
    pub(super) asking_more: f64,
}

impl World {
    pub(super) fn draw(work: &Work, growth: &Growth, asking: &Asking, rng: &Stream) -> Self {
        let mut common = rng.child("models", 0);
        let models: Vec<f64> =
            (0..work.pieces.len().max(1)).map(|_| LogNormal::new(1.0, 0.18).draw(&mut common)).collect();
        let rates: Vec<Rate> = work
            .pieces
            .iter()
            .enumerate()
            .map(|(i, piece)| rate(piece, models[piece.model], &mut rng.child("piece", i as u64)))
            .collect();
        let mut rng = rng.child("world", 0);
        let odds = Odds::draw(work.scores, asking.asks, &mut rng);
        let pace = work.pace.map_or(LogNormal::new(1.0, 0.0), |p| p.scale);
        let scale = pace.draw(&mut rng);
        let mean = rates.iter().map(|r| r.reading).sum::<f64>() / rates.len().max(1) as f64;
        Self {
            odds,
            pull: growth.pull(&mut rng),
            scale,
            asking_scale: scale * LogNormal::new(1.0, 0.4).draw(&mut rng),
            stalls: beta(0.6, 60.0, &mut rng),
            stalled: LogNormal::new(4.0, 0.6).draw(&mut rng) * scale.min(2.0),
            asking_tokens: TOKENS_PER_CHARACTER * mean.max(0.1) * LogNormal::new(1.0, 0.1).draw(&mut rng),
            asking_more: LogNormal::new(15.0, 0.7).draw(&mut rng),
            rates,
        }
    }
}

fn rate(piece: &Piece, model: f64, rng: &mut Stream) -> Rate {
    let calls = piece.calls;
    let share = if calls.most > calls.least { beta(calls.a, calls.b, rng) } else { 0.0 };
    let reading = piece.reading.draw(rng) * if piece.seen { 1.0 } else { model };
    let written = match piece.written {
        Written::Nothing => 0.0,
        Written::About(tokens) => tokens.draw(rng),
        Written::Share { a, b } => piece.max_written * beta(a, b, rng),
    };
    Rate {
        calls: calls.least + share * (calls.most - calls.least),
        reading,
        written: written.min(piece.max_written),
    }
}
