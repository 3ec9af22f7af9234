use meta_traits::{Space as _, Stream};

use crate::space::{Choices, PromptSpace};

/// `n` prompts in which every option of every slot stands equally often, as far as `n` allows, each slot dealt out by
/// chance and independently of the others, sections in random order.
///
/// It is made for [`Additive`](super::Additive): try each on one example. What options do together then spreads over
/// the estimates as noise that more prompts reduce, while more examples of one prompt would not. Slots that take no part
/// have option 0; a prompt with too many tokens is replaced by a random one. Weights of options are left aside.
///
/// ```
/// use meta_traits::Stream;
/// use prompt_grammar::attribution::design;
/// use prompt_grammar::space::{PromptSpace, Slot, SlotOption};
/// let options = (0..3).map(|i| SlotOption::new(format!("o{i}"), 1)).collect();
/// let space = PromptSpace::new(vec![Slot::new("x", options)], vec![], None)?;
/// let prompts = design(&space, 9, &Stream::root(0));
/// for option in 0..3 {
///     assert_eq!(prompts.iter().filter(|p| p.option(0) == option).count(), 3);
/// }
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
pub fn design(space: &PromptSpace, n: usize, stream: &Stream) -> Vec<Choices> {
    let columns: Vec<Vec<u16>> = space
        .slots()
        .iter()
        .enumerate()
        .map(|(slot, of)| {
            let mut rng = stream.child("slot", slot as u64);
            let mut names: Vec<u16> = (0..of.options.len() as u16).collect();
            let mut column = Vec::with_capacity(n);
            while column.len() < n {
                // Which options come once more than others is up to chance.
                rng.shuffle(&mut names);
                column.extend(names.iter().take(n - column.len()));
            }
            rng.shuffle(&mut column);
            column
        })
        .collect();
    let prompt = |i: usize| {
        let mut rng = stream.child("prompt", i as u64);
        let mut order: Vec<u16> = (0..space.sections().len() as u16).collect();
        rng.shuffle(&mut order);
        let prompt = space.canonical(Choices::new(columns.iter().map(|c| c[i]).collect(), order));
        if space.fits(&prompt) { prompt } else { space.sample(&mut rng) }
    };
    (0..n).map(prompt).collect()
}
