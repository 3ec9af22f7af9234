use meta_traits::Stream;
use prompt_grammar::space::Choices;

use super::Landscape;
use super::landscape::SIZES;

/// Edits a proposer that sees the failures compares.
const COMPARED: usize = 6;

/// One blind edit: another option in a slot, or (2 chances beside one for each slot) a section moved.
pub fn mutated(prompt: &Choices, rng: &mut Stream) -> Choices {
    let mut new = prompt.clone();
    let drawn = rng.below(SIZES.len() + 2);
    if drawn < SIZES.len() {
        let n = SIZES[drawn];
        let option = (usize::from(prompt.option(drawn)) + 1 + rng.below(n - 1)) % n;
        new.choose(drawn, option as u16);
    } else {
        let n = prompt.order().len();
        new.move_section(rng.below(n), rng.below(n));
    }
    new
}

/// A simulated reflection: with probability `rho` the best of six random edits by the true chances of the failed
/// examples it is shown, else (or when it is shown none) a blind edit.
pub fn informed(
    landscape: &Landscape,
    prompt: &Choices,
    failed: &[usize],
    rho: f64,
    rng: &mut Stream,
) -> Choices {
    if failed.is_empty() || !rng.chance(rho) {
        return mutated(prompt, rng);
    }
    let chance = |x: &Choices| landscape.chances(x, failed.iter().copied()).iter().sum::<f64>();
    let first = mutated(prompt, rng);
    let mut best = (chance(&first), first);
    for _ in 1..COMPARED {
        let next = mutated(prompt, rng);
        let value = chance(&next);
        if value > best.0 {
            best = (value, next);
        }
    }
    best.1
}
