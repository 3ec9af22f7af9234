//! How prompts change in length as the search rewrites them.

use futures_util::FutureExt as _;
use meta_traits::{Query, QueryId, Reply, Scored, Stream};

use crate::draws::{beta, normal};
use crate::run::Effort;
use crate::session::Session;

/// Lines of rewriting that are tried for each component, and rewritings in a line.
const CHAINS: u64 = 24;
const GENERATIONS: usize = 6;

/// What becomes of a prompt's length from one generation to the next.
#[derive(Clone, Debug)]
pub(super) enum Growth {
    /// Lengths of lines of texts that the proposer itself wrote, by component: its texts cost nothing.
    Tried(Vec<Vec<Vec<f64>>>),
    /// A model writes. It goes a part of the way to the greatest length.
    Written {
        /// Characters that a text may have.
        most: f64,
    },
}

impl Growth {
    /// Asks the proposer of `session` where that takes nothing; `evidence` is what it is shown.
    pub(super) fn of(session: &Session, evidence: &[Scored]) -> Self {
        let query = |candidate: &meta_traits::Components, component: &str, id: u64| {
            Query::new(QueryId(id), component.to_owned(), candidate.clone(), evidence.to_vec())
        };
        let free = session
            .start
            .names()
            .next()
            .is_some_and(|name| session.proposer.effort(&query(&session.start, name, 0)) == Effort::None);
        if !free {
            return Self::Written { most: session.max_length as f64 };
        }
        let root = Stream::root(session.seed).child("plan", 1);
        let chain = |name: &str, index: u64| {
            let mut candidate = session.start.clone();
            let rng = root.child(name, index);
            let mut lengths = vec![length(candidate.get(name))];
            for step in 0..GENERATIONS as u64 {
                let asked = query(&candidate, name, step);
                let Some(proposal) = session.proposer.propose(&asked, rng.child("step", step)).now_or_never()
                else {
                    break;
                };
                if let Reply::Text(text) = proposal.reply {
                    candidate.set(name, text);
                }
                lengths.push(length(candidate.get(name)));
            }
            lengths
        };
        Self::Tried(session.start.names().map(|n| (0..CHAINS).map(|i| chain(n, i)).collect()).collect())
    }

    /// How strongly a simulated run's writer lengthens texts.
    pub(super) fn pull(&self, rng: &mut Stream) -> f64 {
        match self {
            Self::Tried(_) => 0.0,
            Self::Written { .. } => beta(1.2, 4.0, rng),
        }
    }

    /// The length of a rewriting of a text of `now` characters, the `generation`-th of its line.
    pub(super) fn next(
        &self,
        component: usize,
        now: f64,
        generation: usize,
        pull: f64,
        rng: &mut Stream,
    ) -> f64 {
        match self {
            Self::Tried(components) => {
                let Some(chains) = components.get(component).filter(|c| !c.is_empty()) else { return now };
                // Of a few lines, the one that was about as long at this point: lengths of a line hang together.
                let drawn = [rng.below(chains.len()), rng.below(chains.len()), rng.below(chains.len())];
                let at = |c: usize, g: usize| chains[c].get(g).or(chains[c].last()).copied().unwrap_or(now);
                let g = generation.min(GENERATIONS - 1);
                let nearest = drawn
                    .into_iter()
                    .min_by(|a, b| (at(*a, g) - now).abs().total_cmp(&(at(*b, g) - now).abs()));
                nearest.map_or(now, |c| at(c, g + 1))
            }
            Self::Written { most } => {
                let (from, to) = (now.max(20.0).ln(), most.max(20.0).ln());
                let towards = from + pull * (to - from).max(0.0) + 0.12 * normal(rng);
                towards.exp().min(*most)
            }
        }
    }
}

fn length(text: Option<&str>) -> f64 {
    text.map_or(0, |t| t.chars().count()) as f64
}
