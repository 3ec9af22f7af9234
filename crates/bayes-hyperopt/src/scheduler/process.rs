use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{History, Sampler};
use crate::full::{CHALLENGES, latent_of, reach};
use crate::kernel::Layout;
use crate::maximize::{Effort, candidates};
use crate::optimizer::memory::Memory;
use crate::optimizer::regime::Regime;
use crate::optimizer::sampled::least_drawn;
use crate::optimizer::subset::Data;
use crate::{KernelKind, SearchSpace};

/// Candidates among which a drawn function is least.
const EFFORT: Effort = Effort { spread: 192, near: 96, starts: 0, evaluations: 0 };
/// The share of points drawn at random.
const RANDOM: f64 = 0.1;

/// Points from one Gaussian process over points and levels together (MOBSTER, Klein et al. 2020).
///
/// Each new point is where a function drawn from the process is least at the highest level with d + 1 losses; the paper
/// maximises the expected improvement there and counts what is running, which a sampler does not know of: draws differ
/// from each other without. A tenth of the points is uniform, and all are until some level has d + 1 losses. O(n^3) a point.
///
/// ```
/// use bayes_hyperopt::baseline::Search;
/// use bayes_hyperopt::scheduler::{Asha, Levels, Process};
/// use bayes_hyperopt::{Domain, Parameter, SearchSpace};
/// use meta_traits::{Ask, Fidelity, Observation, Optimizer, Outcome, Stream};
/// let x = Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 });
/// let levels = Levels::new(Fidelity::new(1.0 / 9.0).unwrap(), 3).unwrap();
/// let space = SearchSpace::new(vec![x]).unwrap();
/// let mut search = Search::new(space, Asha::new(levels, Process), Stream::root(1));
/// for _ in 0..40 {
///     let Ask::Run(trial) = search.ask() else { break };
///     let loss = (trial.candidate.number("x").unwrap() - 0.7).powi(2) + 0.1 * (1.0 - trial.fidelity.get());
///     search.tell(trial.id, Outcome::Complete(Observation::of_loss(loss))).unwrap();
/// }
/// assert!(search.best().unwrap().1.losses[0] < 1e-3);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process;

impl Sampler for Process {
    const HYPERBAND: &'static str = "bayes-hyperopt/hyperband-process";
    const ASHA: &'static str = "bayes-hyperopt/mobster";

    fn sample(&self, space: &SearchSpace, history: &History, rng: &mut Stream) -> Vec<f64> {
        if rng.chance(RANDOM) {
            return space.sample_latent(rng);
        }
        modelled(space, history, rng).unwrap_or_else(|| space.sample_latent(rng))
    }
}

fn modelled(space: &SearchSpace, history: &History, rng: &mut Stream) -> Option<Vec<f64>> {
    let losses = |level: &usize| history.at(*level).iter().filter(|seen| seen.loss.is_some()).count();
    let target = (0..history.levels()).rev().find(|level| losses(level) > space.len())?;
    let place = |level: usize| level as f64 / (history.levels() - 1).max(1) as f64;
    let mut data = Data::default();
    for level in 0..history.levels() {
        for seen in history.at(level) {
            if let Some(loss) = seen.loss {
                data.push(&at_level(space.features(&seen.latent), place(level)), loss);
            }
        }
    }
    let layout = Layout::new(space).and_one();
    let mut memory = Memory::new(Regime::new(KernelKind::Matern52));
    let gp = memory.model(&layout, &data, CHALLENGES)?.gp;
    let good: Vec<Vec<f64>> = gp.best_points(5).iter().map(|x| latent_of(&x[..space.len()])).collect();
    let (mut latents, near) = candidates(space, &good, &reach(&gp, space.len()), EFFORT, rng);
    latents.extend(near);
    latents.retain(|latent| !space.has_rules() || space.allows(&space.decode(latent)));
    let points: Vec<Vec<f64>> =
        latents.iter().map(|latent| at_level(space.features(latent), place(target))).collect();
    let found = least_drawn(&gp, &points, &vec![0.0; points.len()], rng)?;
    Some(latents.swap_remove(found))
}

/// Features with the place of a level, 0 to 1, last.
fn at_level(mut features: Vec<f64>, place: f64) -> Vec<f64> {
    features.push(place);
    features
}
