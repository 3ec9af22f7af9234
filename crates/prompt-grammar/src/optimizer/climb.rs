use crate::model::{Effects, Posterior};
use crate::space::{Choices, Edit, PromptSpace};

/// Sweeps over all single edits at most.
const SWEEPS: usize = 12;

/// The prompt that single edits lead to from `start` as long as one raises the value under `effects`; and its value.
pub(super) fn climb(
    space: &PromptSpace,
    posterior: &Posterior,
    effects: &Effects,
    start: &Choices,
) -> (Choices, f64) {
    let mut at = start.clone();
    let mut value = posterior.value_of(effects, &at);
    for _ in 0..SWEEPS {
        let mut moved = false;
        let mut attempt = |at: &mut Choices, edit: Edit| {
            if let Some(next) = space.edited(at, &[edit]) {
                let new = posterior.value_of(effects, &next);
                if new > value + 1e-9 {
                    (*at, value) = (next, new);
                    return true;
                }
            }
            false
        };
        for slot in 0..space.slots().len() {
            if !space.is_active(&at, slot) {
                continue;
            }
            for option in 0..space.slots()[slot].options.len() as u16 {
                moved |= attempt(&mut at, Edit::Choose { slot, option });
            }
        }
        for from in 0..space.sections().len() {
            for to in 0..space.sections().len() {
                let section = at.order()[from];
                if from != to && space.is_present(&at, usize::from(section)) {
                    moved |= attempt(&mut at, Edit::Move { section, to });
                }
            }
        }
        if !moved {
            break;
        }
    }
    (at, value)
}
