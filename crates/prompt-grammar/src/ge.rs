//! Grammatical evolution on derivation trees, as an ask/tell optimizer.
//!
//! Evolves any text that a [`Grammar`] describes: programs, formulas, prompts. Where classical grammatical evolution
//! (Ryan, Collins & O'Neill 1998) changes codons, whose meaning shifts with every change before them, this changes the
//! derivation itself by the operators of [`crate::Mutator`]. One round:
//!
//! 1. parents are drawn by tournament; an operator is chosen by what operators lately gained; what was evaluated before
//!    is drawn again;
//! 2. the children are evaluated; parents and children together compete for the places of the population, at most a few
//!    of equal loss;
//! 3. the weights of the grammar, from which new subtrees are grown, move towards what the best use (Kim et al.,
//!    "Probabilistic model building in grammatical evolution", 2015; here by shares over the elite).

mod options;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};

use meta_traits::{
    Ask, Fidelity, Instances, Observation, Optimizer, Outcome, StopReason, Stream, TellError, Trial, TrialId,
};
use serde::{Deserialize, Serialize};

use crate::grammar::{Grammar, GrammarError};
use crate::mutate::{Limits, Mutator, Operator, OperatorBandit};
use crate::sample::Sampler;
use crate::tree::Tree;

pub use self::options::Options;
pub use self::snapshot::GeState;

/// Drawings of a child before its place in the round is given up.
const ATTEMPTS: u64 = 24;

/// Share of children whose operator is drawn evenly, so that none is given up for good.
const EVEN: f64 = 0.25;

/// A member of the population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Member {
    trial: TrialId,
    tree: Tree,
    observation: Observation,
}

impl Member {
    fn loss(&self) -> f64 {
        self.observation.losses.first().copied().unwrap_or(f64::INFINITY)
    }

    /// Better first: by loss, then by size, then by age.
    fn rank(&self, other: &Self) -> std::cmp::Ordering {
        let size = |m: &Self| m.tree.nodes().len();
        let (a, b) = (self.loss(), other.loss());
        a.total_cmp(&b).then(size(self).cmp(&size(other))).then(self.trial.cmp(&other.trial))
    }
}

/// A tree to evaluate, and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Proposal {
    tree: Tree,
    /// The operator that made it, and its parent's loss.
    made: Option<(Operator, f64)>,
}

/// Grammatical evolution as a state machine; see the [module](self) for the method.
///
/// It minimises the first loss. A round's trials may be evaluated in any order and at the same time; the next round
/// begins when all are told. What fails or is abandoned is forgotten and may be proposed again. The same seed gives the
/// same run. Memory grows with the number of evaluated trees by 8 bytes each.
///
/// ```
/// use meta_traits::*;
/// use prompt_grammar::{Ge, Grammar, ge};
/// let grammar = Grammar::from_bnf("<s> ::= <bit> | <bit> <s>   <bit> ::= 0 | 1")?;
/// let mut search = Ge::new(grammar.clone(), ge::Options::default(), Stream::root(0))?;
/// for _ in 0..2000 {
///     let Ask::Run(trial) = search.ask() else { break };
///     // Ten ones and nothing else.
///     let text = trial.candidate.render(&grammar);
///     let loss = text.chars().filter(|c| *c == '0').count() + text.len().abs_diff(10);
///     search.tell(trial.id, Outcome::Complete(Observation::of_loss(loss as f64)))?;
/// }
/// assert_eq!(search.best().unwrap().0.render(&grammar), "1111111111");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ge {
    options: Options,
    /// With the weights learnt so far.
    grammar: Grammar,
    sampler: Sampler,
    stream: Stream,
    trials: u64,
    round: u64,
    /// Sorted, the best first.
    members: Vec<Member>,
    /// Places of this round, those tried so far, and those that led to a trial.
    places: u64,
    tried: u64,
    proposed: u64,
    pending: BTreeMap<TrialId, Proposal>,
    /// Evaluated in this round.
    told: Vec<Member>,
    /// What operators gained in this round for each token spent, or evaluation where no tokens were, by trial.
    gains: BTreeMap<TrialId, (Operator, f64)>,
    bandit: OperatorBandit,
    /// Fingerprints of all trees evaluated.
    seen: BTreeSet<u64>,
    over: bool,
}

impl Ge {
    /// A search among the derivations of `grammar`.
    ///
    /// # Errors
    /// [`GrammarError::Range`] when an option is outside its range, [`GrammarError::Budget`] when no derivation is as
    /// flat as the options demand.
    pub fn new(grammar: Grammar, options: Options, stream: Stream) -> Result<Self, GrammarError> {
        options.check(&grammar)?;
        let operators: Vec<Operator> = Operator::ALL.to_vec();
        Ok(Self {
            sampler: Sampler::new(&grammar),
            grammar,
            stream,
            trials: 0,
            round: 0,
            members: Vec::new(),
            places: 0,
            tried: 0,
            proposed: 0,
            pending: BTreeMap::new(),
            told: Vec::new(),
            gains: BTreeMap::new(),
            bandit: OperatorBandit::new(operators, options.window),
            seen: BTreeSet::new(),
            over: false,
            options,
        })
    }

    /// The grammar with the weights learnt so far.
    pub fn grammar(&self) -> &Grammar {
        &self.grammar
    }

    /// The trees of the population with their losses, the best first.
    pub fn population(&self) -> impl ExactSizeIterator<Item = (&Tree, f64)> {
        self.members.iter().map(|m| (&m.tree, m.loss()))
    }

    /// Ends a round and begins the next: what was told joins the population and teaches.
    fn turn(&mut self) {
        for (operator, gain) in std::mem::take(&mut self.gains).into_values() {
            self.bandit.reward(operator, gain, 1.0);
        }
        self.members.append(&mut self.told);
        self.members.sort_by(Member::rank);
        self.survive();
        if let Some(learning) = &self.options.learning {
            let elite = (self.members.len() / 4).max(1).min(self.members.len());
            let trees: Vec<(&Tree, f64)> = self.members[..elite].iter().map(|m| (&m.tree, 1.0)).collect();
            // Its own trees follow the grammar, so learning cannot fail.
            if self.grammar.learn(&trees, learning).is_ok() {
                self.sampler = Sampler::new(&self.grammar);
            }
        }
        let n = if self.round == 0 { self.options.population } else { self.options.children };
        (self.places, self.tried, self.proposed) = (n as u64, 0, 0);
        self.round += 1;
    }

    /// A tree that was not evaluated before and is not being evaluated; none where 24 drawings gave none.
    fn plan(&self, place: u64) -> Option<Proposal> {
        let stream = self.stream.child("round", self.round).child("place", place);
        (0..ATTEMPTS).find_map(|attempt| {
            let proposal = self.propose(place, &mut stream.child("attempt", attempt))?;
            let mark = proposal.tree.fingerprint();
            let known =
                self.seen.contains(&mark) || self.pending.values().any(|p| p.tree.fingerprint() == mark);
            (!known).then_some(proposal)
        })
    }

    /// Keeps the best, but only some of equal loss: they are mostly the same thing written differently.
    fn survive(&mut self) {
        let mut kept: Vec<Member> = Vec::with_capacity(self.options.population);
        let mut alike = 0;
        for member in self.members.drain(..) {
            let same = kept.last().is_some_and(|last| last.loss().to_bits() == member.loss().to_bits());
            alike = if same { alike + 1 } else { 0 };
            if alike < self.options.alike && kept.len() < self.options.population {
                kept.push(member);
            }
        }
        self.members = kept;
    }

    fn propose(&self, i: u64, rng: &mut Stream) -> Option<Proposal> {
        if self.members.is_empty() || rng.chance(self.options.fresh) {
            // Depths from the flattest to the limit of new trees in turn, so that all sizes are there.
            let least = self.flattest();
            let most = self.options.first_depth.max(least);
            let depth = least + (i % u64::from(most - least + 1)) as u32;
            let tree = self.sampler.sample(rng, depth).ok()?;
            return Some(Proposal { tree, made: None });
        }
        let parent = self.tournament(rng);
        let operator =
            if rng.chance(EVEN) { *rng.pick(self.bandit.operators())? } else { self.bandit.choose(rng)? };
        let mate = self.tournament(rng);
        let limits = Limits { depth: self.options.depth, length: None };
        let mutator = Mutator::new(&self.grammar, &self.sampler, limits);
        let mut tree = mutator.apply(operator, &parent.tree, Some(&mate.tree), rng)?;
        while rng.chance(self.options.again) {
            let next = *rng.pick(self.bandit.operators())?;
            tree = mutator.apply(next, &tree, Some(&mate.tree), rng).unwrap_or(tree);
        }
        (tree.nodes().len() <= self.options.nodes)
            .then_some(Proposal { tree, made: Some((operator, parent.loss())) })
    }

    fn flattest(&self) -> u32 {
        let start = self.grammar.start();
        let under = |setting| self.grammar.least_depth(start, &self.grammar.values(setting));
        (0..self.grammar.settings()).map(under).max().unwrap_or(1)
    }

    fn tournament(&self, rng: &mut Stream) -> &Member {
        let n = self.members.len();
        let best = (0..self.options.tournament.max(1)).map(|_| rng.below(n)).min().unwrap_or(0);
        &self.members[best]
    }
}

impl Optimizer for Ge {
    type Candidate = Tree;

    fn ask(&mut self) -> Ask<Tree> {
        loop {
            if self.over {
                return Ask::Done(StopReason::Exhausted);
            }
            if self.tried == self.places {
                if !self.pending.is_empty() {
                    return Ask::Wait;
                }
                if self.round > 0 && self.proposed == 0 {
                    self.over = true;
                    continue;
                }
                self.turn();
            }
            let place = self.tried;
            self.tried += 1;
            if let Some(proposal) = self.plan(place) {
                self.proposed += 1;
                let id = TrialId(self.trials);
                self.trials += 1;
                let tree = proposal.tree.clone();
                self.pending.insert(id, proposal);
                return Ask::Run(Trial::new(id, tree, Fidelity::FULL, Instances::Driver));
            }
        }
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        let Some(proposal) = self.pending.remove(&id) else { return Err(TellError::UnknownTrial(id)) };
        let Outcome::Complete(observation) = outcome else { return Ok(()) };
        let sound = observation.is_sound();
        let loss = observation.losses.first().copied().filter(|_| sound).unwrap_or(f64::INFINITY);
        self.seen.insert(proposal.tree.fingerprint());
        if let Some((operator, before)) = proposal.made {
            let tokens = observation.cost.tokens_in.saturating_add(observation.cost.tokens_out).max(1);
            self.gains.insert(id, (operator, f64::from(u8::from(loss < before)) / tokens as f64));
        }
        if sound {
            let at = self.told.partition_point(|m| m.trial < id);
            self.told.insert(at, Member { trial: id, tree: proposal.tree, observation });
        }
        Ok(())
    }

    fn best(&self) -> Option<(&Tree, &Observation)> {
        let best = self.members.first().into_iter().chain(&self.told).min_by(|a, b| a.rank(b));
        best.map(|m| (&m.tree, &m.observation))
    }
}
