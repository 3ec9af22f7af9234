use meta_traits::{
    Ask, Fidelity, Observation, Optimizer, Outcome, RestoreError, Snapshot, Stream, TellError, TrialId,
    Verdict,
};
use serde::{Deserialize, Serialize};

use crate::baseline::{Search, SearchState};
use crate::fidelity::MultiFidelity;
use crate::transfer::{Context, Library, Transfer};
use crate::{BayesOptimizer, BayesState, ConfigError, Configuration, HyperOptConfig, SearchSpace};

/// What may help a search beside its own losses.
#[derive(Clone, Debug, Default)]
pub struct Help<'a> {
    /// Earlier searches.
    pub library: Option<&'a Library>,
    /// What is known of the new task, to find those like it.
    pub context: Context,
    /// Cheap evaluations that can be had, as shares of a full one.
    pub fidelities: &'a [Fidelity],
}

/// A search that takes the help its settings allow.
///
/// With `transfer_learning_enabled` and experiences at least `similarity_threshold` alike (at most
/// `max_similar_contexts` of them) it is [`Transfer`]; else, with `multi_fidelity_enabled` and fidelities below the full
/// one, it is [`MultiFidelity`]; else it is the plain [`BayesOptimizer`], which reads all other settings.
///
/// Deterministic by its seed, as each of the three is.
///
/// ```
/// use bayes_hyperopt::{Domain, Help, HyperOptConfig, HyperOptimizer, Parameter, SearchSpace};
/// use meta_traits::Fidelity;
/// let x = Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 });
/// let space = SearchSpace::new(vec![x]).unwrap();
/// let cheap = [Fidelity::new(0.1).unwrap()];
/// let help = || Help { fidelities: &cheap, ..Help::default() };
/// let search = HyperOptimizer::new(space.clone(), HyperOptConfig::default(), &help(), 1).unwrap();
/// assert!(matches!(search, HyperOptimizer::MultiFidelity(_)));
/// let config = HyperOptConfig { multi_fidelity_enabled: false, ..HyperOptConfig::default() };
/// let search = HyperOptimizer::new(space, config, &help(), 1).unwrap();
/// assert!(matches!(search, HyperOptimizer::Plain(_)));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum HyperOptimizer {
    /// Without help.
    Plain(Box<BayesOptimizer>),
    /// With earlier searches.
    Transfer(Box<Search<Transfer>>),
    /// With cheap evaluations.
    MultiFidelity(Box<Search<MultiFidelity>>),
}

/// The saved form of a [`HyperOptimizer`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HyperState {
    /// Without help.
    Plain(Box<BayesState>),
    /// With earlier searches.
    Transfer(Box<SearchState<Transfer>>),
    /// With cheap evaluations.
    MultiFidelity(Box<SearchState<MultiFidelity>>),
}

impl HyperOptimizer {
    /// A search of `space`; all random draws come from `seed`.
    ///
    /// # Errors
    /// [`ConfigError`] when a field of `config` is outside its range.
    pub fn new(
        space: SearchSpace,
        config: HyperOptConfig,
        help: &Help<'_>,
        seed: u64,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        let rng = Stream::root(seed).child("bayes-hyperopt/hyper", 0);
        let library = help.library.filter(|_| config.transfer_learning_enabled);
        let most = config.max_similar_contexts;
        let old =
            library.map(|l| l.similar(&help.context, config.similarity_threshold, most)).unwrap_or_default();
        if !old.is_empty() {
            let strategy = Transfer::new(&space, &old, config.n_initial_points, &rng);
            return Ok(Self::Transfer(Box::new(Search::new(space, strategy, rng))));
        }
        if config.multi_fidelity_enabled && help.fidelities.iter().any(|f| *f < Fidelity::FULL) {
            let strategy = MultiFidelity::new(&space, help.fidelities, &rng);
            return Ok(Self::MultiFidelity(Box::new(Search::new(space, strategy, rng))));
        }
        BayesOptimizer::new(space, config, seed).map(|search| Self::Plain(Box::new(search)))
    }
}

/// The same call on whichever search it is.
macro_rules! each {
    ($self:expr, $search:ident => $call:expr) => {
        match $self {
            HyperOptimizer::Plain($search) => $call,
            HyperOptimizer::Transfer($search) => $call,
            HyperOptimizer::MultiFidelity($search) => $call,
        }
    };
}

impl Optimizer for HyperOptimizer {
    type Candidate = Configuration;

    fn ask(&mut self) -> Ask<Configuration> {
        each!(self, search => search.ask())
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        each!(self, search => search.tell(id, outcome))
    }

    fn tell_partial(&mut self, id: TrialId, so_far: &Observation) -> Verdict {
        each!(self, search => search.tell_partial(id, so_far))
    }

    fn best(&self) -> Option<(&Configuration, &Observation)> {
        each!(self, search => search.best())
    }
}

impl Snapshot for HyperOptimizer {
    const SCHEMA: &'static str = "bayes-hyperopt/hyper";
    const VERSION: u32 = 1;
    type State = HyperState;

    fn snapshot(&self) -> HyperState {
        match self {
            Self::Plain(search) => HyperState::Plain(Box::new(search.snapshot())),
            Self::Transfer(search) => HyperState::Transfer(Box::new(search.snapshot())),
            Self::MultiFidelity(search) => HyperState::MultiFidelity(Box::new(search.snapshot())),
        }
    }

    fn restore(&mut self, state: HyperState) -> Result<(), RestoreError> {
        match (self, state) {
            (Self::Plain(search), HyperState::Plain(state)) => search.restore(*state),
            (Self::Transfer(search), HyperState::Transfer(state)) => search.restore(*state),
            (Self::MultiFidelity(search), HyperState::MultiFidelity(state)) => search.restore(*state),
            _ => Err(RestoreError::Body(
                "the saved search had other help; restore it with the same library and fidelities".into(),
            )),
        }
    }
}
