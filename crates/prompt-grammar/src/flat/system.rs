use meta_traits::Components;

use super::{Flat, FlatOptions};
use crate::forest::Forest;
use crate::space::{Choices, PromptSpace};
use crate::tree::Tree;
use crate::{PromptError, Tokens};

/// The prompts of several modules as one space: what a search of a whole system works in.
///
/// A component that stands in several modules is one thing to the [model](crate::model), so what is learnt of it in one
/// module is tried in the others. Each module keeps its own limit of length.
///
/// ```
/// use prompt_grammar::flat::{Flat, FlatOptions, FlatSystem};
/// use prompt_grammar::library::{Library, TaskKind};
/// use prompt_grammar::outline::Outline;
/// use prompt_grammar::Characters;
/// use meta_traits::{Space, Stream};
///
/// let library = Library::of_task(TaskKind::Qa);
/// let module = |text: &str| {
///     Flat::of_outline(&Outline::parse(text), &library, &Characters, &FlatOptions::within(300))
/// };
/// let system = FlatSystem::new(vec![
///     ("search".into(), module("Write a search query for: {{ question }}")?),
///     ("answer".into(), module("Answer from the notes: {{ notes }}")?),
/// ])?;
/// let prompts = system.render(&system.space().sample(&mut Stream::root(1)));
/// assert!(prompts.get("search").unwrap().contains("{{ question }}"));
/// assert!(prompts.get("answer").unwrap().contains("{{ notes }}"));
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FlatSystem {
    modules: Vec<(String, Flat)>,
    space: PromptSpace,
}

impl FlatSystem {
    /// The system of these modules.
    ///
    /// # Errors
    /// What [`PromptSpace::joined`] refuses.
    pub fn new(modules: Vec<(String, Flat)>) -> Result<Self, PromptError> {
        let spaces: Vec<(&str, &PromptSpace)> =
            modules.iter().map(|(name, flat)| (name.as_str(), flat.space())).collect();
        let space = PromptSpace::joined(&spaces)?;
        Ok(Self { modules, space })
    }

    /// The joint space; its seed is that of every module.
    pub fn space(&self) -> &PromptSpace {
        &self.space
    }

    /// The modules with their own spaces.
    pub fn modules(&self) -> &[(String, Flat)] {
        &self.modules
    }

    /// The text of every module's prompt.
    pub fn render(&self, prompt: &Choices) -> Components {
        let parts = self.space.parts(prompt);
        self.modules
            .iter()
            .zip(&parts)
            .map(|((name, flat), part)| (name.clone(), flat.render(part)))
            .collect()
    }

    /// The derivation of every module's prompt, such as for [`Forest::learn`].
    pub fn trees(&self, prompt: &Choices) -> Vec<Tree> {
        let parts = self.space.parts(prompt);
        self.modules.iter().zip(&parts).map(|((_, flat), part)| flat.tree(part)).collect()
    }
}

impl Forest {
    /// The space around one derivation of every module, drawn by the weights that the modules share.
    ///
    /// # Errors
    /// [`PromptError::Range`] when there is not one derivation for each module; what [`Flat::new`] refuses.
    pub fn flat(
        &self,
        seeds: &[Tree],
        tokens: &dyn Tokens,
        options: &FlatOptions,
    ) -> Result<FlatSystem, PromptError> {
        let n = self.modules().len();
        if seeds.len() != n {
            return Err(PromptError::range("seeds", seeds.len(), &format!("{n}, one a module")));
        }
        let flat = |((name, grammar), seed): (&(String, _), &Tree)| {
            Ok((name.clone(), Flat::new(grammar, seed, tokens, options)?))
        };
        let modules = self.modules().iter().zip(seeds).map(flat);
        FlatSystem::new(modules.collect::<Result<_, PromptError>>()?)
    }
}
