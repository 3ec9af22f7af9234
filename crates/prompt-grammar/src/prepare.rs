//! From a user's prompt and settings to a search.

use crate::features::{Corpus, Latent, Linguistic};
use crate::flat::{Flat, FlatOptions, FlatSystem};
use crate::holes::{DataSource, FillBank};
use crate::library::{Library, TaskKind};
use crate::optimizer::ModelOptions;
use crate::outline::Outline;
use crate::{Characters, PromptConfig, PromptError};

/// Examples of the data that prompts may show.
const MOST_EXAMPLES: usize = 8;
/// Share of the calls in which patterns are toggled.
const TOGGLES: f64 = 0.1;

/// What prompts can be composed of, beside what the user wrote.
#[derive(Clone, Copy, Debug, Default)]
pub struct Materials<'a> {
    /// The task, whose components of the library are offered.
    pub task: TaskKind,
    /// Components of the user's own, such as those a language model proposed; see [`Library::with_reply`].
    pub own: Option<&'a Library>,
    /// Training data.
    pub data: Option<&'a DataSource>,
    /// Earlier fills.
    pub bank: Option<&'a FillBank>,
    /// Training inputs that the wording is compared with.
    pub corpus: Option<&'a Corpus>,
    /// The directions of their words that the wording is compared in.
    pub latent: Option<&'a Latent>,
}

/// All that a search needs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Prepared {
    /// The space around the prompt.
    pub flat: Flat,
    /// Settings of [`ModelSearch`](crate::optimizer::ModelSearch) in it.
    pub options: ModelOptions,
    /// Measures the wording of prompts; none where the settings do without.
    pub features: Option<Linguistic>,
    /// Keeps fills for other prompts.
    pub bank: FillBank,
}

impl PromptConfig {
    /// Reads a prompt and opens the space around it.
    ///
    /// - `compositional_generation`: without it nothing but the user's own text is there to compose of.
    /// - `semantic_pattern_discovery`: without it what earlier prompts taught (the bank) is not used, and the search spends
    ///   nothing on patterns of its own results.
    /// - `discriminative_pattern_threshold`: the chance with which a fill of the bank must raise scores to be offered.
    /// - `pattern_cache_size`: fills of a kind that the bank keeps.
    /// - `grammar_evolution_enabled`: without it structure stays, and only texts vary.
    /// - `max_prompt_length`: characters of every prompt of the space; a longer prompt of the user is refused.
    /// - `evolution_temperature`: how far draws lie from what the model believes, and how readily the first prompts leave
    ///   the user's; 0.7 leaves the weights of the grammar as they are.
    /// - `linguistic_feature_extraction`: whether there is a measure of the wording.
    ///
    /// `component_analysis_depth` and `min_component_frequency` are for [`Worth`](crate::worth::Worth). Deterministic.
    ///
    /// # Errors
    /// What [`PromptConfig::validate`] and [`Flat::new`] refuse.
    ///
    /// ```
    /// use meta_traits::{ExampleId, Split, Stream};
    /// use prompt_grammar::PromptConfig;
    /// use prompt_grammar::library::TaskKind;
    /// use prompt_grammar::optimizer::ModelSearch;
    /// use prompt_grammar::prepare::Materials;
    /// let materials = Materials { task: TaskKind::Summarization, ..Materials::default() };
    /// let prepared = PromptConfig::default().prepare("Shorten this: {{ input }}", &materials)?;
    /// let examples = (0..20).map(|i| ExampleId::new(Split::Train, i)).collect();
    /// let space = prepared.flat.space().clone();
    /// let search = ModelSearch::new(space, examples, prepared.options, Stream::root(0))?;
    /// assert!(search.space().slots().len() > 4);
    /// # Ok::<(), prompt_grammar::PromptError>(())
    /// ```
    pub fn prepare(&self, text: &str, materials: &Materials<'_>) -> Result<Prepared, PromptError> {
        self.validate()?;
        let default = Self::default().evolution_temperature;
        let warmth = self.evolution_temperature / default;
        let options = FlatOptions {
            limit: Some(self.max_prompt_length),
            structure: self.grammar_evolution_enabled,
            temperature: warmth,
        };
        let flat = Flat::of_outline(&Outline::parse(text), &self.library(materials), &Characters, &options)?;
        let options = ModelOptions::default();
        let temperature = (options.temperature * warmth).clamp(0.1, 2.0);
        let toggles = if self.semantic_pattern_discovery { TOGGLES } else { 0.0 };
        let measure = || {
            let plain =
                materials.corpus.map_or_else(Linguistic::default, |c| Linguistic::with_corpus(c.clone()));
            materials.latent.map_or(plain.clone(), |l| plain.within(l.clone()))
        };
        Ok(Prepared {
            flat,
            options: ModelOptions { temperature, toggles, ..options },
            features: self.linguistic_feature_extraction.then(measure),
            bank: FillBank::new(self.pattern_cache_size),
        })
    }

    /// Reads the prompts of a system's modules and opens the space around them all, with the settings of a search in it;
    /// see [`PromptConfig::prepare`] for what the fields do. Every module may have `max_prompt_length` characters.
    ///
    /// # Errors
    /// What [`PromptConfig::prepare`] and [`FlatSystem::new`] refuse.
    ///
    /// ```
    /// use prompt_grammar::PromptConfig;
    /// use prompt_grammar::prepare::Materials;
    /// let modules = [("sort", "Sort: {{ input }}"), ("check", "Check: {{ answer }}")];
    /// let (system, _) = PromptConfig::default().prepare_system(&modules, &Materials::default())?;
    /// assert_eq!(system.render(&system.space().seed()).get("check"), Some("Check: {{ answer }}"));
    /// # Ok::<(), prompt_grammar::PromptError>(())
    /// ```
    pub fn prepare_system(
        &self,
        modules: &[(&str, &str)],
        materials: &Materials<'_>,
    ) -> Result<(FlatSystem, ModelOptions), PromptError> {
        let mut flats = Vec::with_capacity(modules.len());
        let mut options = ModelOptions::default();
        for (name, text) in modules {
            let prepared = self.prepare(text, materials)?;
            options = prepared.options;
            flats.push(((*name).to_string(), prepared.flat));
        }
        Ok((FlatSystem::new(flats)?, options))
    }

    /// The components that prompts may be composed of under these settings.
    pub fn library(&self, materials: &Materials<'_>) -> Library {
        if !self.compositional_generation {
            return Library::empty();
        }
        let mut library = Library::of_task(materials.task);
        if let Some(own) = materials.own {
            library = library.joined(own);
        }
        if let Some(data) = materials.data {
            library = library.with_data(data, MOST_EXAMPLES);
        }
        match materials.bank {
            Some(bank) if self.semantic_pattern_discovery => {
                library.with_bank(bank, self.discriminative_pattern_threshold)
            }
            _ => library,
        }
    }
}
