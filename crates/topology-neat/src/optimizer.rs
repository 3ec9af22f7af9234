mod options;
mod report;
mod reproduce;
mod snapshot;

use meta_traits::{
    Ask, Fidelity, Instances, Observation, Optimizer, Outcome, StopReason, Stream, TellError, Trial, TrialId,
};
pub use options::NeatOptions;
pub use report::{GenerationReport, SpeciesReport};
use serde::{Deserialize, Serialize};
pub use snapshot::NeatState;

use crate::phase::Phase;
use crate::species::Species;
use crate::strategy::Strategy;
use crate::{NeatError, NetworkGenome};

/// Evolves networks: neuroevolution of augmenting topologies with a real weight optimiser.
///
/// Structure is searched as in NEAT (Stanley & Miikkulainen 2002): start minimal, grow by small mutations, cross
/// genomes aligned by innovation, and protect new structures in species. Weights are not left to mutation: each species
/// holds a distribution over the weights of its structure (MA-ES, Beyer & Sendhoff 2017) that a new structure
/// inherits for the genes it shares. This is the idea of CMA-TWEANN (Moriguchi & Honiden 2012).
///
/// A generation is asked in order and learnt from when every member was told: the order and the number of threads of
/// evaluation change nothing. Members that fail, are abandoned or have no finite loss teach nothing. A
/// species that does not improve dies out; with none left the search starts anew from the best network.
///
/// ```
/// use meta_traits::{Ask, Observation, Optimizer, Outcome};
/// use topology_neat::{Activation, Neat, NeatOptions, Network, NetworkSpace};
/// let mut options = NeatOptions::new(NetworkSpace::feed_forward(1, 1, Activation::Tanh));
/// (options.population, options.target_species) = (20, 2);
/// let mut neat = Neat::new(options, 7).unwrap();
/// for _ in 0..600 {
///     let Ask::Run(trial) = neat.ask() else { break };
///     let output = Network::of(&trial.candidate).activate(&[1.0])[0];
///     neat.tell(trial.id, Outcome::Complete(Observation::of_loss((output - 0.25).abs()))).unwrap();
/// }
/// assert!(neat.best().unwrap().1.losses[0] < 1e-3);
/// ```
#[derive(Clone, Debug)]
pub struct Neat {
    options: NeatOptions,
    root: Stream,
    state: State,
    report: Option<GenerationReport>,
}

/// Everything that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct State {
    generation: u64,
    species: Vec<Species>,
    founded: u64,
    threshold: f64,
    phase: Phase,
    batch: Vec<Member>,
    asked: usize,
    told: usize,
    first_trial: u64,
    champion: Option<Champion>,
}

/// A member of the present generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Member {
    /// Position of its species.
    species: usize,
    /// Standard normal numbers, one a weight of its species.
    draw: Vec<f64>,
    /// Whether it has been told.
    told: bool,
    /// What was found, if sound.
    loss: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Champion {
    trial: u64,
    species: u64,
    genome: NetworkGenome,
    seen: Observation,
}

impl Neat {
    /// A search from the minimal network of the space.
    ///
    /// # Errors
    /// [`NeatError`] when an option is outside its range.
    pub fn new(options: NeatOptions, seed: u64) -> Result<Self, NeatError> {
        options.validate()?;
        let mut minimal = options.space.minimal()?;
        options.furnish(&mut minimal);
        let phase = Phase::new(minimal.enabled() as f64);
        let state = State {
            generation: 0,
            species: Vec::new(),
            founded: 0,
            threshold: options.threshold,
            phase,
            batch: Vec::new(),
            asked: 0,
            told: 0,
            first_trial: 0,
            champion: None,
        };
        let mut neat = Self { root: Stream::root(seed), options, state, report: None };
        let strategy = Strategy::new(&minimal, neat.options.step);
        neat.found(minimal, strategy, Vec::new());
        neat.fill();
        Ok(neat)
    }

    /// The options the search was made with.
    pub fn options(&self) -> &NeatOptions {
        &self.options
    }

    /// What happened in the last generation that is complete. One of these a generation, as JSON lines, is the log.
    pub fn report(&self) -> Option<&GenerationReport> {
        self.report.as_ref()
    }

    /// The number of complete generations.
    pub fn generation(&self) -> u64 {
        self.state.generation
    }

    /// The network of a member.
    fn network(&self, member: usize) -> Option<NetworkGenome> {
        let member = self.state.batch.get(member)?;
        let species = self.state.species.get(member.species)?;
        let mut genome = species.genome.clone();
        species.strategy.express(&member.draw, &mut genome);
        Some(genome)
    }

    /// The loss with what complexity costs.
    fn penalised(&self, loss: f64, species: usize) -> f64 {
        let genome = &self.state.species[species].genome;
        loss + self.options.complexity_penalty * genome.inner() as f64
    }
}

impl Optimizer for Neat {
    type Candidate = NetworkGenome;

    fn ask(&mut self) -> Ask<NetworkGenome> {
        if self.state.asked == self.state.batch.len() {
            // A generation that is told in full is followed by another unless that was the last.
            let pending = self.state.told < self.state.batch.len();
            return if pending { Ask::Wait } else { Ask::Done(StopReason::Rounds) };
        }
        let at = self.state.asked;
        let Some(genome) = self.network(at) else { return Ask::Done(StopReason::Exhausted) };
        self.state.asked += 1;
        let id = TrialId(self.state.first_trial + at as u64);
        Ask::Run(Trial::new(id, genome, Fidelity::FULL, Instances::Driver))
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        let at = id.0.checked_sub(self.state.first_trial).map(|at| at as usize);
        let at = at.filter(|at| *at < self.state.asked && !self.state.batch[*at].told);
        let Some(at) = at else { return Err(TellError::UnknownTrial(id)) };
        self.state.batch[at].told = true;
        self.state.told += 1;
        if let Outcome::Complete(seen) = outcome
            && seen.is_sound()
        {
            let loss = seen.losses[0];
            self.state.batch[at].loss = Some(loss);
            let beaten = |c: &Champion| loss.total_cmp(&c.seen.losses[0]).then(id.0.cmp(&c.trial)).is_lt();
            if self.state.champion.as_ref().is_none_or(beaten)
                && let Some(genome) = self.network(at)
            {
                let species = self.state.species[self.state.batch[at].species].id;
                self.state.champion = Some(Champion { trial: id.0, species, genome, seen });
            }
        }
        if self.state.told == self.state.batch.len() {
            self.commit();
        }
        Ok(())
    }

    fn best(&self) -> Option<(&NetworkGenome, &Observation)> {
        self.state.champion.as_ref().map(|c| (&c.genome, &c.seen))
    }
}
