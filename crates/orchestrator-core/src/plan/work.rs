//! What a metric call is made of, and what is believed about each piece.

use meta_traits::{Cost, Draw, ExampleId, Fidelity, Instances, Split, Trial, TrialId, Unit};

use super::probe::{Probe, Tried};
use crate::draws::LogNormal;
use crate::error::Error;
use crate::session::Session;
use crate::system::{ModuleForecast, Writes};

/// What tokenizers make of a character of English.
pub(super) const TOKENS_PER_CHARACTER: f64 = 0.25;
/// Examples of a split that are looked at: the mean of these is as good as that of all.
const LOOKED_AT: usize = 200;

/// How many calls of a piece an execution makes: between two bounds, at a share that is beta.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Calls {
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) a: f64,
    pub(super) b: f64,
}

/// What is believed of the tokens that a call writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Written {
    Nothing,
    /// So many, up to the limit.
    About(LogNormal),
    /// This share of the limit.
    Share {
        a: f64,
        b: f64,
    },
}

/// A model call, or several of the same kind, in every metric call.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Position of the component it renders, where that can be rewritten.
    pub(super) component: Option<usize>,
    /// Components that decide what is asked, as bits; and those of them whose changes surely show.
    pub(super) reads: u64,
    pub(super) hears: u64,
    /// Whether a cache answers when the same is asked again.
    pub(super) repeats: bool,
    pub(super) calls: Calls,
    pub(super) in_turn: f64,
    /// Tokens read in a call, by split: train, val, test.
    pub(super) read: [f64; 3],
    /// The factor between those and what is really read.
    pub(super) reading: LogNormal,
    /// The model it asks.
    pub(super) model: usize,
    /// Whether it was seen at work, or another piece of the same model.
    pub(super) seen: bool,
    pub(super) written: Written,
    pub(super) max_written: f64,
    pub(super) nano_in: f64,
    pub(super) nano_out: f64,
    pub(super) nano_call: f64,
    /// Relative spread of a single call's tokens.
    pub(super) spread: f64,
}

/// Seconds of calls and how far they scatter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// Factor on the stated default latencies.
    pub(super) scale: LogNormal,
    /// Standard deviation of the logarithm of a metric call's time.
    pub(super) noise: f64,
    /// Whether nothing was timed.
    pub(super) assumed: bool,
}

/// Latency of a model call where nothing was timed: seconds, seconds a token read, seconds a token written.
pub const DEFAULT_LATENCY: [f64; 3] = [0.6, 2e-5, 0.012];

/// Everything that does not differ between the simulated runs.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) pieces: Vec<Piece>,
    /// Names and lengths in characters of the components.
    pub(super) components: Vec<(String, f64)>,
    /// Characters of a note on each component.
    pub(super) notes: Vec<f64>,
    /// Sums of scores and numbers of examples tried.
    pub(super) scores: (f64, f64),
    pub(super) pace: Option<Pace>,
    /// Most that a metric call can use, and tokens a further character of a prompt adds to it.
    pub(super) cap: Cost,
    pub(super) cap_per_char: f64,
    /// Whether anything is known beyond metric calls.
    pub(super) known: bool,
}

/// Seconds of one execution by the default latencies.
pub(super) fn default_seconds(rounds: f64, read: f64, written: f64) -> f64 {
    rounds * (DEFAULT_LATENCY[0] + DEFAULT_LATENCY[1] * read + DEFAULT_LATENCY[2] * written)
}

impl Work {
    pub(super) fn new(session: &Session, probe: Option<&Probe>) -> Result<Self, Error> {
        let components: Vec<(String, f64)> = session
            .start
            .names()
            .map(|n| (n.to_owned(), session.start.get(n).map_or(0, |t| t.chars().count()) as f64))
            .collect();
        let tried = probe.map_or(&[][..], |p| &p.tried);
        let mut work = Self {
            pieces: Vec::new(),
            notes: vec![0.0; components.len()],
            components,
            scores: (
                tried.iter().map(|t| f64::from(t.scored.score).clamp(0.0, 1.0)).sum(),
                tried.len() as f64,
            ),
            pace: None,
            cap: cap(session, 0),
            cap_per_char: 1.0,
            known: true,
        };
        let limited = [Unit::ModelCalls, Unit::Tokens, Unit::NanoUsd]
            .iter()
            .any(|u| session.budget.limit(*u).is_some());
        if limited
            && let more @ 1.. = cap(session, 1000).of(Unit::Tokens).saturating_sub(work.cap.of(Unit::Tokens))
        {
            work.cap_per_char = more as f64 / 1000.0 / work.components.len().max(1) as f64;
        }
        if let Some(system) = &session.system {
            let look = |ids: &[ExampleId]| system.forecast(&session.start, ids, TOKENS_PER_CHARACTER);
            let few = |ids: &[ExampleId]| ids.iter().copied().take(LOOKED_AT).collect::<Vec<_>>();
            let splits = [look(&few(&session.train))?, look(&few(&session.val))?, look(&few(&session.test))?];
            let singly = tried.iter().map(|t| look(&[t.example])).collect::<Result<Vec<_>, _>>()?;
            work.look_inside(&splits, tried, &singly);
        } else if let Some(probe) = probe {
            work.look_outside(probe);
        } else {
            work.known = false;
        }
        Ok(work)
    }

    fn look_inside(
        &mut self,
        splits: &[Vec<ModuleForecast>; 3],
        tried: &[Tried],
        singly: &[Vec<ModuleForecast>],
    ) {
        let names: Vec<String> = self.components.iter().map(|c| c.0.clone()).collect();
        let position = |name: &String| names.iter().position(|n| n == name);
        let bits = |list: &[String]| {
            list.iter().filter_map(position).filter(|c| *c < 64).fold(0, |all, c| all | (1_u64 << c))
        };
        let mut models: Vec<&str> = Vec::new();
        for module in &splits[0] {
            let model = models.iter().position(|m| *m == module.model).unwrap_or_else(|| {
                models.push(&module.model);
                models.len() - 1
            });
            let of = |split: &[ModuleForecast]| {
                split.iter().find(|m| m.module == module.module).map_or(module.tokens_in, |m| m.tokens_in)
            };
            let calls = module.calls;
            let share =
                if calls.max > calls.min { (calls.mean - calls.min) / (calls.max - calls.min) } else { 1.0 };
            let mut piece = Piece {
                component: position(&module.module).filter(|_| module.rewritable),
                reads: bits(&module.reads),
                hears: bits(&module.hears),
                repeats: module.repeats,
                calls: Calls {
                    least: calls.min,
                    most: calls.max,
                    a: PRIOR_CALLS * share,
                    b: PRIOR_CALLS * (1.0 - share),
                },
                in_turn: module.in_turn,
                read: [of(&splits[0]), of(&splits[1]), of(&splits[2])],
                reading: LogNormal::new(1.0, if module.hearsay { 0.3 } else { 0.06 }),
                model,
                seen: false,
                written: match module.writes {
                    Writes::Nothing => Written::Nothing,
                    Writes::Label { characters } => {
                        Written::About(LogNormal::new(1.0 + characters * TOKENS_PER_CHARACTER * 1.3, 0.5))
                    }
                    Writes::Text => Written::Share { a: 1.2, b: 1.8 },
                },
                max_written: f64::from(module.max_tokens),
                nano_in: module.nano_usd_in,
                nano_out: module.nano_usd_out,
                nano_call: 0.0,
                spread: 0.4,
            };
            if let (Some(c), characters) = (position(&module.module), module.note_characters) {
                self.notes[c] = characters;
            }
            piece.learn(&module.module, tried, singly);
            self.pieces.push(piece);
        }
        self.share_readings();
        let predicted = |example: &Tried| {
            let each = self.pieces.iter().zip(&splits[0]).map(|(piece, module)| {
                let (calls, read, written) = seen(example, &module.module);
                piece.in_turn * default_seconds(calls, ratio(read, calls), ratio(written, calls))
            });
            each.sum()
        };
        self.pace = Some(Pace::of(tried, predicted));
    }

    /// Pieces that were not seen take the factor of those of the same model that were.
    fn share_readings(&mut self) {
        let seen: Vec<(usize, f64)> =
            self.pieces.iter().filter(|p| p.seen).map(|p| (p.model, p.reading.centre)).collect();
        for piece in self.pieces.iter_mut().filter(|p| !p.seen) {
            let same: Vec<f64> = seen.iter().filter(|s| s.0 == piece.model).map(|s| s.1).collect();
            if !same.is_empty() {
                piece.reading.centre = same.iter().sum::<f64>() / same.len() as f64;
                piece.seen = true;
            }
        }
    }

    /// A system nobody can look into: one piece, as it was seen.
    fn look_outside(&mut self, probe: &Probe) {
        let n = probe.tried.len().max(1) as f64;
        let spent = probe.cost();
        let calls = spent.calls as f64 / n;
        let per_call = |x: u64| if calls > 0.0 { x as f64 / n / calls } else { 0.0 };
        let logs: Vec<f64> = probe
            .tried
            .iter()
            .map(|t| {
                ((1.0 + t.cost.of(Unit::Tokens) as f64) / (1.0 + spent.of(Unit::Tokens) as f64 / n)).ln()
            })
            .collect();
        let (reading, spread) = LogNormal::new(1.0, 0.2).learn(n, n, &logs);
        self.pieces.push(Piece {
            component: None,
            reads: 0,
            hears: 0,
            repeats: false,
            calls: Calls { least: calls, most: calls, a: 1.0, b: 0.0 },
            in_turn: 1.0,
            read: [per_call(spent.tokens_in); 3],
            reading,
            model: 0,
            seen: true,
            written: if spent.tokens_out > 0 {
                Written::About(LogNormal::new(per_call(spent.tokens_out), reading.sd))
            } else {
                Written::Nothing
            },
            max_written: f64::INFINITY,
            nano_in: 0.0,
            nano_out: 0.0,
            nano_call: per_call(spent.nano_usd),
            spread,
        });
        let rounds = calls.max(1.0);
        let (read, written) = (per_call(spent.tokens_in), per_call(spent.tokens_out));
        self.pace = Some(Pace::of(&probe.tried, |_| default_seconds(rounds, read, written)));
    }
}

impl Pace {
    /// The pace of the examples tried, relative to what the default latencies predict for them.
    fn of(tried: &[Tried], predicted: impl Fn(&Tried) -> f64) -> Self {
        let prior = LogNormal::new(1.0, 0.4);
        let mut pace = Pace { scale: LogNormal::new(1.0, 0.9), noise: prior.sd, assumed: true };
        let (mut took, mut thought, mut logs) = (0.0, 0.0, Vec::new());
        for example in tried {
            let (seconds, foreseen) = (example.seconds.max(1e-6), predicted(example).max(1e-3));
            took += seconds;
            thought += foreseen;
            logs.push((seconds / foreseen).ln());
        }
        if !logs.is_empty() {
            (pace.scale, pace.noise) = prior.learn(took, thought, &logs);
            // The sum of log-normal times is above the median one.
            pace.scale.centre -= pace.noise * pace.noise / 2.0;
            pace.assumed = false;
        }
        pace
    }
}

/// Strength of the belief in the middling course: as many executions seen.
const PRIOR_CALLS: f64 = 1.5;

impl Piece {
    fn learn(&mut self, module: &str, tried: &[Tried], singly: &[Vec<ModuleForecast>]) {
        let (mut logs, mut outs) = (Vec::new(), Vec::new());
        let (mut read, mut thought, mut written, mut made) = (0.0, 0.0, 0.0, 0.0);
        for (example, forecast) in tried.iter().zip(singly) {
            let (calls, tokens_in, tokens_out) = seen(example, module);
            let width = self.calls.most - self.calls.least;
            if width > 0.0 {
                let share = ((calls - self.calls.least) / width).clamp(0.0, 1.0);
                self.calls.a += share;
                self.calls.b += 1.0 - share;
            }
            if calls <= 0.0 {
                continue;
            }
            let foreseen = forecast.iter().find(|m| m.module == module).map_or(self.read[0], |m| m.tokens_in);
            read += tokens_in;
            thought += calls * foreseen;
            written += tokens_out;
            made += calls;
            logs.push((tokens_in.max(0.5) / (calls * foreseen).max(0.5)).ln());
            outs.push(((tokens_out + 0.5) / calls).ln());
        }
        if made > 0.0 {
            let (reading, spread) =
                LogNormal { centre: 0.0, sd: self.reading.sd }.learn(read, thought, &logs);
            self.reading = reading;
            self.spread = spread;
            self.seen = true;
        }
        if made > 0.0 && self.written != Written::Nothing {
            let (about, spread) = LogNormal::new(1.0, 0.4).learn(written.max(0.5), made, &outs);
            self.written = Written::About(about);
            self.spread = self.spread.max(spread);
        }
    }
}

/// Calls, tokens read and tokens written of a module in an execution.
fn seen(example: &Tried, module: &str) -> (f64, f64, f64) {
    let own = example.modules.iter().filter(|(name, _)| name == module).map(|(_, cost)| *cost);
    let cost: Cost = own.sum();
    (cost.calls as f64, cost.tokens_in as f64, cost.tokens_out as f64)
}

fn ratio(sum: f64, n: f64) -> f64 {
    if n > 0.0 { sum / n } else { 0.0 }
}

/// The mean cap of a metric call over a few training examples, with every prompt so much longer.
fn cap(session: &Session, longer: usize) -> Cost {
    let mut candidate = session.start.clone();
    if longer > 0 {
        for name in session.start.names() {
            let text = session.start.get(name).unwrap_or_default();
            candidate.set(name, format!("{}{text}", "x".repeat(longer)));
        }
    }
    let on = session.train.iter().take(8);
    let draws: Vec<Draw> = on.map(|e| Draw { example: *e, repeat: 0 }).collect();
    let n = draws.len().max(1) as u64;
    let total =
        session.evaluator.cap(&Trial::new(TrialId(0), candidate, Fidelity::FULL, Instances::Draws(draws)));
    let mut mean =
        Cost::tokens(total.calls.div_ceil(n), total.tokens_in.div_ceil(n), total.tokens_out.div_ceil(n))
            .with_nano_usd(total.nano_usd.div_ceil(n));
    mean.evaluations = 1;
    mean
}

/// The position of a split in [`Piece::read`].
pub(super) fn place(split: Split) -> usize {
    match split {
        Split::Train => 0,
        Split::Val => 1,
        _ => 2,
    }
}
