//! A checked description with everything it needs at hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evaluation::Dataset;
use indexmap::IndexMap;
use inference::LlmClient;
use meta_traits::{Components, Split};

use super::graph::GRAPH_NAMES;
use super::retrieve::{Index, Passage, read_corpus};
use super::scope::Scope;
use super::settings::{SETTINGS, Setting, start};
use super::spec::{ModuleSpec, RetrieveSpec, SystemSpec, nearest};
use super::template::{Template, check_rewriting};
use super::validate::LOOP_NAMES;
use super::{Step, SystemError};

/// A compound AI system that can be run with any candidate's prompts.
///
/// ```
/// use std::collections::BTreeMap;
/// use evaluation::{Dataset, Example};
/// use orchestrator_core::system::{CompoundAISystem, SystemSpec};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let spec = SystemSpec::from_yaml(r#"
/// modules:
///   shout: {kind: tool, command: [tr, a-z, A-Z], input: "{{ input }}"}
/// "#)?;
/// let data = Dataset::from_examples(vec![Example::new("hello", "HELLO")], None, None)?;
/// let system = CompoundAISystem::new(spec, ".".as_ref(), BTreeMap::new(), &data)?;
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// let stream = meta_traits::Stream::root(0);
/// let done = runtime.block_on(system.run(&system.components(), &"hello".into(), &stream, false))?;
/// assert_eq!(done.output, "HELLO");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct CompoundAISystem {
    pub(super) spec: SystemSpec,
    /// Those of the description as its author wrote it.
    pub(super) settings: Vec<Setting>,
    pub(super) parts: IndexMap<String, Part>,
    pub(super) steps: Vec<Step>,
    pub(super) output: Option<Template>,
    pub(super) models: Models,
    pub(super) corpora: Corpora,
    pub(super) folder: PathBuf,
}

/// Indexed passages by what the description calls them.
pub(super) type Corpora = BTreeMap<String, Arc<Index>>;

#[derive(Clone)]
pub(super) struct Models(pub(super) BTreeMap<String, Arc<dyn LlmClient>>);

impl std::fmt::Debug for Models {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A module, its templates parsed and its corpus indexed.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) spec: ModuleSpec,
    pub(super) template: Option<Template>,
    pub(super) each: Option<Template>,
    pub(super) index: Option<Arc<Index>>,
}

/// The templates of a candidate.
pub(super) type Prompts = BTreeMap<String, Template>;

fn parse(path: &str, source: &str) -> Result<Template, SystemError> {
    Template::parse(source)
        .map_err(|fault| SystemError::Spec { path: path.to_owned(), message: fault.to_string() })
}

impl CompoundAISystem {
    /// Checks `spec` and loads its corpora. No model is called and no tool is run.
    ///
    /// `folder` is that of the configuration: corpora are looked up and tools run there. `models` are the clients by the
    /// names that modules use; of `data`, only the train split is read, for modules that retrieve from it.
    ///
    /// # Errors
    /// [`SystemError::Spec`] for the first fault in document order, [`SystemError::Corpus`] for an unusable corpus.
    pub fn new(
        spec: SystemSpec,
        folder: &Path,
        models: BTreeMap<String, Arc<dyn LlmClient>>,
        data: &Dataset,
    ) -> Result<Self, SystemError> {
        let names: Vec<&str> = models.keys().map(String::as_str).collect();
        spec.validate(&names)?;
        let mut corpora = Corpora::new();
        for (name, module) in &spec.modules {
            let ModuleSpec::Retrieve(RetrieveSpec { corpus, .. }) = module else { continue };
            if corpora.contains_key(corpus) {
                continue;
            }
            let passages = if corpus == "train" {
                let rows = data.rows(Split::Train).unwrap_or_default();
                rows.iter().map(|r| Passage::of_example(&r.input, &r.expected)).collect()
            } else {
                let fault = |message| SystemError::Corpus {
                    path: format!("system.modules.{name}.corpus"),
                    file: corpus.clone(),
                    message,
                };
                read_corpus(&folder.join(corpus)).map_err(fault)?
            };
            corpora.insert(corpus.clone(), Arc::new(Index::new(passages)));
        }
        let settings = spec.settings();
        Self::assemble(spec, settings, folder, Models(models), corpora)
    }

    /// Puts a checked description together.
    pub(super) fn assemble(
        spec: SystemSpec,
        settings: Vec<Setting>,
        folder: &Path,
        models: Models,
        corpora: Corpora,
    ) -> Result<Self, SystemError> {
        let mut parts = IndexMap::new();
        for (name, module) in &spec.modules {
            let path = format!("system.modules.{name}");
            let template =
                module.template().map(|(key, source)| parse(&format!("{path}.{key}"), source)).transpose()?;
            let mut part = Part { spec: module.clone(), template, each: None, index: None };
            if let ModuleSpec::Retrieve(retrieve) = module {
                part.each =
                    retrieve.each.as_deref().map(|e| parse(&format!("{path}.each"), e)).transpose()?;
                part.index = corpora.get(&retrieve.corpus).map(Arc::clone);
            }
            parts.insert(name.clone(), part);
        }
        let output = spec.output.as_deref().map(|o| parse("system.output", o)).transpose()?;
        let steps = match spec.flows.values().next().or(spec.flow.as_ref()) {
            Some(steps) => steps.clone(),
            None => in_order_of_use(&parts).into_iter().map(Step::Module).collect(),
        };
        Ok(Self { spec, settings, parts, steps, output, models, corpora, folder: folder.to_owned() })
    }

    /// The description.
    pub fn spec(&self) -> &SystemSpec {
        &self.spec
    }

    /// The candidate that the description itself is: the prompts that may be rewritten, in document order, then
    /// [`SETTINGS`] where there is something to choose.
    pub fn components(&self) -> Components {
        let settings = start(&self.settings).map(|text| (SETTINGS.to_owned(), text));
        let prompts = self.spec.modules.iter();
        let prompts = prompts.filter_map(|(name, m)| Some((name.clone(), m.component()?.to_owned())));
        prompts.chain(settings).collect()
    }

    /// Checks that `candidate` can be run: the seed's components, templates that keep the seed's placeholders, settings
    /// that are allowed and fit each other.
    ///
    /// # Errors
    /// [`SystemError::Candidate`] names the component and what is allowed.
    pub fn check_components(&self, candidate: &Components) -> Result<(), SystemError> {
        self.varied(candidate)?;
        self.prompts(candidate).map(|_| ())
    }

    pub(super) fn prompts(&self, candidate: &Components) -> Result<Prompts, SystemError> {
        let fault = |component: &str, message: String| SystemError::Candidate {
            component: component.to_owned(),
            message,
        };
        let seed = self.components();
        if let Some(name) = candidate.names().find(|n| seed.get(n).is_none()) {
            let hint = nearest(name, seed.names());
            let known = seed.names().collect::<Vec<_>>().join(", ");
            return Err(fault(name, format!("is none of this system{hint}; allowed: {known}")));
        }
        let mut prompts = Prompts::new();
        for name in seed.names() {
            let text = candidate.get(name).ok_or_else(|| fault(name, "is missing".into()))?;
            if name == SETTINGS && !self.settings.is_empty() {
                continue;
            }
            let Some(own) = self.parts.get(name).and_then(|p| p.template.as_ref()) else { continue };
            // What the seed's own prompt reads is certainly there when the module runs.
            let known = |variable: &str| {
                own.variables().any(|v| v == variable)
                    || (self.spec.input.iter().any(|f| f == variable) && !LOOP_NAMES.contains(&variable))
            };
            prompts.insert(name.to_owned(), check_rewriting(text, own, &known).map_err(|m| fault(name, m))?);
        }
        Ok(prompts)
    }

    /// What templates see before anything has run: the input's fields, and empty names of graphs where those are made.
    pub(super) fn scope(&self, input: &serde_json::Value) -> Result<Scope, SystemError> {
        let mut scope = Scope::of_input(&self.spec.input, input)?;
        if self.spec.evolve.is_some() {
            for name in GRAPH_NAMES {
                scope.set(name, "");
            }
        }
        Ok(scope)
    }

    /// Calls worth having in flight at once: the most that any of the models takes.
    pub fn concurrency(&self) -> usize {
        self.models.0.values().map(LlmClient::concurrency).max().unwrap_or(1).max(1)
    }
}

/// Every module after those it uses, else in document order. Terminates on circles too, which validation excludes.
fn in_order_of_use(parts: &IndexMap<String, Part>) -> Vec<String> {
    fn visit(name: &str, parts: &IndexMap<String, Part>, seen: &mut Vec<String>, out: &mut Vec<String>) {
        let Some(part) = parts.get(name) else { return };
        if seen.iter().any(|s| s == name) {
            return;
        }
        seen.push(name.to_owned());
        for used in part.template.iter().flat_map(Template::variables).chain(part.spec.members()) {
            visit(used, parts, seen, out);
        }
        out.push(name.to_owned());
    }
    let (mut seen, mut out) = (Vec::new(), Vec::new());
    for name in parts.keys() {
        visit(name, parts, &mut seen, &mut out);
    }
    out
}
