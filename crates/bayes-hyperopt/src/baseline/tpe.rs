mod parzen;

use std::collections::BTreeMap;

use meta_traits::{Fidelity, Stream};
use serde::{Deserialize, Serialize};

use self::parzen::Parzen;
use super::{Ended, Ending, Step, Strategy};
use crate::SearchSpace;

/// Trials drawn at random before the densities decide.
const STARTUP: usize = 10;
/// Candidates drawn from the density of good points.
const CANDIDATES: usize = 24;
/// Most points that count as good.
const MOST_GOOD: usize = 25;

/// The multivariate tree-structured Parzen estimator, at full fidelity.
///
/// Points with the best tenth of the losses (at most 25) make one density, the rest another, and the next point is, of 24
/// drawn from the first, the one with the greatest ratio of the two. Bergstra et al. (2011), with the joint kernels of
/// Falkner et al. (2018) and the settings of Optuna 5.0: 10 random trials first, a uniform prior of weight 1, kernel
/// widths from the gaps between neighbours, older points losing weight beyond 25, running trials counted as bad.
/// Failed trials count as bad, too. Memory and time of a step are O(trials).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tpe {
    /// By trial: the features, and the loss unless the trial failed.
    seen: BTreeMap<u64, (Vec<f64>, Option<f64>)>,
    running: BTreeMap<u64, Vec<f64>>,
    asked: u64,
}

impl Tpe {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Features of good and of other points, in the order of asking.
    fn split(&self) -> (Vec<&[f64]>, Vec<&[f64]>) {
        let mut losses: Vec<(f64, u64)> =
            self.seen.iter().filter_map(|(id, (_, loss))| loss.map(|loss| (loss, *id))).collect();
        losses.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        losses.truncate(self.seen.len().div_ceil(10).min(MOST_GOOD));
        let is_good = |id: &u64| losses.iter().any(|(_, good)| good == id);
        let (mut good, mut bad): (Vec<&[f64]>, Vec<&[f64]>) = (Vec::new(), Vec::new());
        for (id, (features, _)) in &self.seen {
            if is_good(id) { good.push(features) } else { bad.push(features) }
        }
        bad.extend(self.running.values().map(Vec::as_slice));
        (good, bad)
    }
}

impl Strategy for Tpe {
    const SCHEMA: &'static str = "bayes-hyperopt/tpe";
    type Note = u64;

    fn next(&mut self, space: &SearchSpace, rng: &mut Stream) -> Step<u64> {
        let latent = if self.seen.len() < STARTUP {
            space.sample_latent(rng)
        } else {
            let (good, bad) = self.split();
            let (good, bad) = (Parzen::new(space, &good), Parzen::new(space, &bad));
            let mut best = (f64::NEG_INFINITY, space.sample_latent(rng));
            for _ in 0..CANDIDATES {
                let latent = good.sample(space, rng);
                let features = space.features(&latent);
                let ratio = good.ln_density(&features) - bad.ln_density(&features);
                if ratio > best.0 && (!space.has_rules() || space.allows(&space.decode(&latent))) {
                    best = (ratio, latent);
                }
            }
            best.1
        };
        let note = self.asked;
        self.asked += 1;
        self.running.insert(note, space.features(&latent));
        Step::Run { latent, fidelity: Fidelity::FULL, note }
    }

    fn learn(&mut self, space: &SearchSpace, ended: Ended<u64>) {
        self.running.remove(&ended.note);
        if ended.ending != Ending::Abandoned {
            self.seen.insert(ended.note, (space.features(&ended.latent), ended.ending.loss()));
        }
    }

    fn fits(&self, space: &SearchSpace) -> bool {
        let features = self.seen.values().map(|(features, _)| features).chain(self.running.values());
        features.into_iter().all(|features| features.len() == space.len())
    }
}
