use meta_traits::{Space as _, Stream};
use prompt_grammar::space::{Choices, PromptSpace};

/// The best prompt that coordinate ascent finds from so many random prompts, and its value.
pub(super) fn ascent(space: &PromptSpace, restarts: u64, value: impl Fn(&Choices) -> f64) -> (Choices, f64) {
    let stream = Stream::root(5);
    let mut best = (space.seed(), value(&space.seed()));
    for restart in 0..restarts {
        let mut at = space.sample(&mut stream.child("restart", restart));
        let mut now = value(&at);
        loop {
            let before = now;
            let mut take = |at: &mut Choices, next: Choices| {
                let new = value(&next);
                if new > now + 1e-9 {
                    (*at, now) = (next, new);
                }
            };
            for (slot, options) in space.slots().iter().enumerate() {
                for option in 0..options.options.len() as u16 {
                    let mut next = at.clone();
                    next.choose(slot, option);
                    take(&mut at, next);
                }
            }
            let n = space.sections().len();
            for (from, to) in (0..n).flat_map(|from| (0..n).map(move |to| (from, to))) {
                let mut next = at.clone();
                next.move_section(from, to);
                take(&mut at, next);
            }
            if now <= before {
                break;
            }
        }
        if now > best.1 {
            best = (at, now);
        }
    }
    best
}

impl super::Landscape {
    /// The best true score found with the truth in hand: gain 1.
    pub fn optimum(&self) -> f64 {
        ascent(&self.space(), 8, |x| self.truth(x)).1
    }
}
