use super::code::Effects;
use super::posterior::Posterior;
use crate::space::Choices;

/// Sweeps over all slots at most.
const SWEEPS: usize = 8;

impl Posterior {
    /// Merges any number of parents: slot by slot the option that one of them has and that is worth most under `effects`
    /// beside the others, and one parent's order of sections; with its value in log odds. None without parents.
    ///
    /// It starts from the best parent and takes what raises the value, so it is worth no less than any of them.
    /// Deterministic. O(sweeps x slots x parents x effects of a prompt).
    pub fn merge(&self, effects: &Effects, parents: &[Choices]) -> Option<(Choices, f64)> {
        let valued = parents.iter().map(|p| (p.clone(), self.value_of(effects, p)));
        let mut best = valued.reduce(|best, next| if next.1 > best.1 { next } else { best })?;
        let space = &self.shape.space;
        let take = |best: &mut (Choices, f64), next: Choices| {
            let value = self.value_of(effects, &next);
            if space.fits(&next) && value > best.1 {
                *best = (next, value);
            }
        };
        for _ in 0..SWEEPS {
            let before = best.1;
            for parent in parents {
                for (slot, option) in parent.options().iter().enumerate() {
                    let mut next = best.0.clone();
                    next.choose(slot, *option);
                    take(&mut best, space.canonical(next));
                }
                let ordered = Choices::new(best.0.options().to_vec(), parent.order().to_vec());
                take(&mut best, ordered);
            }
            if best.1 <= before {
                break;
            }
        }
        Some(best)
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::{Space as _, Stream};

    use super::*;
    use crate::space::{PromptSpace, Section, Slot, SlotOption};

    #[test]
    fn a_merge_has_its_parts_from_its_parents_and_is_no_worse() {
        let options = || (0..4).map(|i| SlotOption::new(format!("o{i}"), 3 * i)).collect::<Vec<_>>();
        let slots = (0..5).map(|i| Slot::new(format!("s{i}"), options())).collect();
        let section = |name: &str, by: &[usize]| Section { name: name.into(), shown_by: by.to_vec() };
        let space =
            PromptSpace::new(slots, vec![section("a", &[0]), section("b", &[])], Some(40)).expect("sound");
        let posterior = Posterior::new(space.clone(), 4);
        let mut gained = 0;
        for i in 0..40 {
            let mut rng = Stream::root(i);
            let effects = posterior.draw(&mut rng);
            let parents: Vec<Choices> = (0..3).map(|_| space.sample(&mut rng)).collect();
            let (child, value) = posterior.merge(&effects, &parents).expect("there are parents");
            assert!(space.contains(&child));
            assert!((posterior.value_of(&effects, &child) - value).abs() < 1e-9);
            let best =
                parents.iter().map(|p| posterior.value_of(&effects, p)).fold(f64::NEG_INFINITY, f64::max);
            assert!(value >= best);
            gained += usize::from(value > best + 1e-9);
            let from_a_parent =
                |(slot, option): (usize, &u16)| parents.iter().any(|p| p.option(slot) == *option);
            assert!(child.options().iter().enumerate().all(from_a_parent));
        }
        assert!(gained > 30, "{gained}");
        assert!(posterior.merge(&posterior.mean_effects(), &[]).is_none());
    }
}
