use std::collections::BTreeMap;

use meta_traits::Stream;
use topology_neat::Workflow;

use super::baseline::mutant;
use super::instance::Instance;
use super::textbook::guesses;

/// Workflows that are scored without noise, and the items they are scored on.
const TRIES: usize = 1200;
const ITEMS: usize = 800;

/// The best workflow of a long search without noise, from the textbook's workflows: aging evolution, then climbing from the best, the five best
/// scored on all true items. Its value is a lower bound of the optimum.
pub(super) fn reference(instance: &Instance) -> (Workflow, f64) {
    let space = Instance::space();
    let mut rng = Stream::root(999).child("reference", instance.noise);
    let mut known: BTreeMap<Workflow, f64> = BTreeMap::new();
    let mut score =
        |w: &Workflow| *known.entry(w.clone()).or_insert_with(|| instance.truth_of(w, ITEMS).value);
    let mut population: Vec<(Workflow, f64)> =
        guesses(instance).into_iter().map(|w| (w.clone(), score(&w))).collect();
    let mut best = population.clone();
    best.sort_by(|a, b| b.1.total_cmp(&a.1));
    for turn in 0..TRIES {
        let parent = if turn < TRIES * 6 / 10 {
            let entrants = (0..6).map(|_| &population[rng.below(population.len())]);
            entrants.max_by(|a, b| a.1.total_cmp(&b.1)).map(|p| p.0.clone())
        } else {
            let place = (-2.0 * (1.0 - rng.unit()).ln()) as usize % best.len();
            Some(best[place].0.clone())
        };
        let Some(mut new) = parent else { continue };
        for _ in 0..1 + usize::from(rng.chance(0.4)) + usize::from(rng.chance(0.2)) {
            new = mutant(&new, &space, &mut rng);
        }
        let value = score(&new);
        if best.iter().all(|(w, _)| *w != new) {
            best.push((new.clone(), value));
            best.sort_by(|a, b| b.1.total_cmp(&a.1));
            best.truncate(40);
        }
        population.push((new, value));
        if population.len() > 60 {
            population.remove(0);
        }
    }
    let scored = best.into_iter().take(5).map(|(w, _)| {
        let value = instance.truth(&w).value;
        (w, value)
    });
    scored.max_by(|a, b| a.1.total_cmp(&b.1)).expect("the single generators are among them")
}
