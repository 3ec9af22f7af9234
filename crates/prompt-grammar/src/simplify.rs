//! Shorter prompts at no significant loss.
//!
//! [`shorter`] takes out of a prompt what may be worth nothing by the [model](crate::model); [`judge`] says by fresh
//! results of both whether the shorter one is no worse (a test of non-inferiority with a margin). A model that knows
//! little has wide intervals and would take out much: the test decides, never the model.

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use crate::PromptError;
use crate::attribution::shapley;
use crate::model::Posterior;
use crate::space::{Choices, Edit, PromptSpace};

/// Draws of the posterior behind the intervals.
const DRAWS: u64 = 200;
/// Bets of the test.
const BETS: u32 = 8;

/// The prompt without the choices whose Shapley value beside the seed may be 0 (the 90 % interval holds it) or is
/// negative, as long as each makes it shorter; none where there is none.
///
/// The order of sections stays. O(2^differences + draws x effects).
///
/// ```
/// use meta_traits::Stream;
/// use prompt_grammar::model::Posterior;
/// use prompt_grammar::simplify::shorter;
/// use prompt_grammar::space::{Choices, PromptSpace, Slot, SlotOption};
/// let options = || vec![SlotOption::new("", 0), SlotOption::new("a", 9)];
/// let space = PromptSpace::new(vec![Slot::new("x", options()), Slot::new("y", options())], vec![], None)?;
/// let mut posterior = Posterior::new(space.clone(), 20);
/// for (n, options) in [[0, 0], [1, 0], [0, 1], [1, 1]].into_iter().enumerate() {
///     // Only the first slot is worth anything.
///     posterior.add(&Choices::new(options.to_vec(), vec![]));
///     (0..20).for_each(|example| posterior.observe(n, example, f64::from(options[0])));
/// }
/// posterior.fit();
/// let prompt = Choices::new(vec![1, 1], vec![]);
/// let short = shorter(&posterior, &space, &prompt, &Stream::root(0)).unwrap();
/// assert_eq!(short.options(), [1, 0]);
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
pub fn shorter(
    posterior: &Posterior,
    space: &PromptSpace,
    prompt: &Choices,
    stream: &Stream,
) -> Option<Choices> {
    let mut idle = shapley(posterior, space, prompt, &space.seed(), DRAWS, stream);
    idle.retain(|share| share.low <= 0.0);
    // The least valuable first: what depends on a slot goes with it.
    idle.sort_by(|a, b| a.value.total_cmp(&b.value));
    let mut short = prompt.clone();
    for slot in idle.into_iter().filter_map(|share| share.slot) {
        if let Some(next) = space.edited(&short, &[Edit::Choose { slot, option: 0 }])
            && space.tokens(&next) < space.tokens(&short)
        {
            short = next;
        }
    }
    (short != *prompt).then_some(short)
}

/// What fresh results say of a shorter prompt.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NonInferiority {
    /// Mean score of the shorter prompt less that of the longer.
    pub difference: f64,
    /// p-value of "worse by the margin or more".
    pub p: f64,
    /// Examples compared.
    pub examples: usize,
    /// Whether the shorter prompt may be taken: `p` is at most the level.
    pub accepted: bool,
}

/// Tests whether a shorter prompt is worse by less than `margin`, from its score less that of the longer prompt on each
/// of some examples that neither was chosen by; scores lie in [0, 1].
///
/// By betting (Waudby-Smith & Ramdas 2024, the mean of eight fixed bets): it holds whatever the distribution of the
/// differences and however often one looks; 1 / p is the wealth of a bettor against "worse by the margin or more". Usual
/// are margin 0.01 and level 0.05: these take some 500 examples of equal score. What is no number in [-1, 1] is left
/// out. O(differences).
///
/// # Errors
/// [`PromptError::Range`] when margin or level is not above 0 and below 1.
///
/// ```
/// use prompt_grammar::simplify::judge;
/// let equal = vec![0.0; 600];
/// assert!(judge(&equal, 0.01, 0.05)?.accepted);
/// assert!(!judge(&equal[..100], 0.01, 0.05)?.accepted, "a hundred examples may miss a loss of 1 %");
/// let worse: Vec<f64> = (0..600).map(|i| if i % 20 == 0 { -1.0 } else { 0.0 }).collect();
/// assert!(!judge(&worse, 0.01, 0.05)?.accepted);
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
pub fn judge(differences: &[f64], margin: f64, level: f64) -> Result<NonInferiority, PromptError> {
    for (field, value) in [("margin", margin), ("level", level)] {
        if !(value > 0.0 && value < 1.0) {
            return Err(PromptError::range(field, value, "above 0 and below 1"));
        }
    }
    let sound: Vec<f64> = differences.iter().copied().filter(|d| (-1.0..=1.0).contains(d)).collect();
    let wealth = |bet: f64| sound.iter().map(|d| 1.0 + bet * (d + margin)).product::<f64>();
    let e = (1..=BETS).map(|k| wealth(f64::from(k) / f64::from(BETS))).sum::<f64>() / f64::from(BETS);
    let p = (1.0 / e).min(1.0);
    let examples = sound.len();
    let difference = sound.iter().sum::<f64>() / examples.max(1) as f64;
    Ok(NonInferiority { difference, p, examples, accepted: p <= level })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On the border of the null hypothesis the test is wrong in at most a share `level` of the cases.
    #[test]
    fn a_prompt_that_is_worse_by_the_margin_is_seldom_accepted() {
        let margin = 0.05;
        let accepted = |seed: u64| {
            let mut rng = Stream::root(seed);
            let differences: Vec<f64> =
                (0..400).map(|_| if rng.chance(margin) { -1.0 } else { 0.0 }).collect();
            judge(&differences, margin, 0.05).expect("sound").accepted
        };
        let wrong = (0..400).filter(|seed| accepted(*seed)).count();
        assert!(wrong <= 32, "{wrong} of 400");
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        let judged = judge(&[f64::NAN, 2.0, 0.5], 0.01, 0.05).expect("sound");
        assert_eq!((judged.examples, judged.difference), (1, 0.5));
        assert!(judge(&[], 0.01, 0.05).is_ok_and(|j| !j.accepted));
        assert!(judge(&[], f64::NAN, 0.05).is_err());
    }
}
