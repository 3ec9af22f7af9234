use meta_traits::{Budget, Stream, Unit};

use super::growth::Growth;
use super::history::PastRun;
use super::interval::quantile;
use super::probe::Probe;
use super::purse::{Purse, Spent, Terms, Used};
use super::work::Work;
use super::world::{Asking, World, evidence};
use super::{Source, gepa, joint, racing};
use crate::algorithms;
use crate::config::Algorithm;
use crate::error::Error;
use crate::session::Session;

/// What is known beside the configuration and the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Training examples that were tried.
    pub probe: Option<Probe>,
    /// Finished runs of the same task.
    pub past: Vec<PastRun>,
}

/// Simulated runs of a session, and what they rest on.
#[derive(Clone, Debug)]
pub struct Simulated {
    pub(super) runs: Vec<Spent>,
    pub(super) source: Source,
    pub(super) budget: Budget,
    pub(super) known: bool,
    pub(super) timed: bool,
    pub(super) assumed_latency: bool,
}

/// Worlds that are drawn; fewer where runs are long.
const WORLDS: u64 = 600;
const FEWEST_WORLDS: u64 = 100;
/// Metric calls that are simulated in all, about.
const SIMULATED_CALLS: u64 = 600_000;

impl Simulated {
    /// Goes through the run that `session` is, in many worlds. Nothing is called but a proposer that costs nothing.
    ///
    /// # Errors
    /// [`Error`] when the session's prompts do not fit its data.
    pub fn new(session: &Session, known: &Evidence) -> Result<Self, Error> {
        let work = Work::new(session, known.probe.as_ref())?;
        let tried: Vec<_> = known.probe.iter().flat_map(|p| &p.tried).map(|t| t.scored.clone()).collect();
        let shown = evidence(session, &work, &tried);
        let (growth, asking) = (Growth::of(session, &shown), Asking::of(session, &shown));
        let terms = |budget: Budget| Terms {
            work: &work,
            growth: &growth,
            asking: &asking,
            budget,
            for_report: session.for_report(),
            concurrent: session.evaluator.batching().concurrent.max(1),
            sizes: [session.train.len(), session.val.len(), session.test.len()],
        };
        let mut simulated = Self {
            runs: runs(session, &terms(session.budget)),
            source: match &known.probe {
                Some(probe) if !probe.is_empty() => Source::Probe { examples: probe.len() },
                _ => Source::Lengths,
            },
            budget: session.budget,
            known: work.known,
            timed: work.pace.is_some(),
            assumed_latency: work.pace.is_some_and(|p| p.assumed),
        };
        if work.known && !known.past.is_empty() {
            let expected =
                known.past.iter().map(|past| middle(&runs(session, &terms(past.budget)))).collect();
            simulated.correct(&known.past, expected);
            simulated.source = Source::History { runs: known.past.len() };
            simulated.assumed_latency = false;
        }
        Ok(simulated)
    }

    /// Moves the simulated amounts towards what earlier runs used, relative to what would have been expected of them.
    ///
    /// Logarithms are normal: the prior is the simulation's, widened by how far simulations may be off as a whole; an
    /// earlier run tells them up to its own luck.
    fn correct(&mut self, past: &[PastRun], expected: Vec<Used>) {
        let pairs: Vec<(Used, Used)> = past.iter().map(of_run).zip(expected).collect();
        let now = middle(&self.runs);
        // How much two runs of the same task differ: prompts grow as luck has it, answers hardly change.
        let fields: [(Field, f64); 5] = [
            (|u| &mut u.calls, 0.12),
            (|u| &mut u.tokens_in, 0.25),
            (|u| &mut u.tokens_out, 0.12),
            (|u| &mut u.nano_usd, 0.25),
            (|u| &mut u.seconds, 0.15),
        ];
        for (field, luck) in fields {
            let get = |mut used: Used| *field(&mut used);
            let logs: Vec<f64> = pairs
                .iter()
                .filter(|(real, thought)| get(*real) > 0.0 && get(*thought) > 0.0)
                .map(|(real, thought)| (get(*real) / get(*thought)).ln())
                .collect();
            let median = get(now);
            let mut spread: Vec<f64> = self
                .runs
                .iter()
                .map(|r| get(r.total()))
                .filter(|x| *x > 0.0)
                .map(|x| (x / median).ln())
                .collect();
            if logs.is_empty() || median <= 0.0 || spread.is_empty() {
                continue;
            }
            spread.sort_by(f64::total_cmp);
            let sd = ((quantile(&spread, 0.95) - quantile(&spread, 0.05)) / 3.29).max(1e-3);
            let weight = logs.len() as f64 / (luck * luck);
            let variance = 1.0 / (1.0 / (sd * sd + BIAS * BIAS) + weight);
            let shift = variance * weight * logs.iter().sum::<f64>() / logs.len() as f64;
            let narrower = ((variance + luck * luck).sqrt() / sd).min(1.0);
            for run in &mut self.runs {
                let total = get(run.total());
                if total <= 0.0 {
                    continue;
                }
                let factor = (shift + (total / median).ln() * (narrower - 1.0)).exp();
                for part in [&mut run.search, &mut run.reflection, &mut run.report] {
                    *field(part) *= factor;
                }
            }
        }
    }
}

/// The simulated runs within the limits of `terms`.
fn runs(session: &Session, terms: &Terms<'_>) -> Vec<Spent> {
    let calls = terms.budget.limit(Unit::Evaluations).unwrap_or(5000).max(1) + 2 * terms.sizes[2] as u64;
    let worlds = (SIMULATED_CALLS / calls).clamp(FEWEST_WORLDS, WORLDS);
    let root = Stream::root(session.seed).child("plan", 2);
    let run = |index: u64| {
        let rng = root.child("run", index);
        let world = World::draw(terms.work, terms.growth, terms.asking, &rng);
        let mut purse = Purse::new(terms, &world, rng.child("purse", 0));
        match session.algorithm {
            Algorithm::ReflectiveMutation => gepa::spend(&mut purse, &session.gepa, &rng),
            Algorithm::Racing => racing::spend(&mut purse, &algorithms::racing::Options::default(), &rng),
            Algorithm::Joint => joint::spend(&mut purse, &algorithms::joint::Options::default(), &rng),
        }
        purse.spent
    };
    (0..worlds).map(run).collect()
}

/// How far simulated amounts may be off as a whole, in logarithms: what earlier runs can correct.
const BIAS: f64 = 0.3;

/// Picks an amount.
type Field = fn(&mut Used) -> &mut f64;

/// The median of each amount.
fn middle(runs: &[Spent]) -> Used {
    let median = |pick: fn(&Used) -> f64| {
        let mut sorted: Vec<f64> = runs.iter().map(|r| pick(&r.total())).collect();
        sorted.sort_by(f64::total_cmp);
        quantile(&sorted, 0.5)
    };
    Used {
        calls: median(|u| u.calls),
        tokens_in: median(|u| u.tokens_in),
        tokens_out: median(|u| u.tokens_out),
        nano_usd: median(|u| u.nano_usd),
        seconds: median(|u| u.seconds),
    }
}

fn of_run(past: &PastRun) -> Used {
    Used {
        calls: past.spent.calls as f64,
        tokens_in: past.spent.tokens_in as f64,
        tokens_out: past.spent.tokens_out as f64,
        nano_usd: past.spent.nano_usd as f64,
        seconds: past.took.as_secs_f64(),
    }
}
