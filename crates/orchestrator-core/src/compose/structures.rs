//! Flows made by evolution inside the joint search.

use meta_traits::{Components, Stream};
use topology_neat::{
    Library, Module, ModuleKind, SearchOptions, TopologyConfig, Workflow, WorkflowSearch, WorkflowSpace,
};

use super::written::{Writing, Written};
use crate::algorithms::joint::InnerSearch;
use crate::config::ConfigError;
use crate::system::{GraphRole, GraphStep, SETTINGS, SystemSpec, VOTE};

/// Modules that flows may be made of, and how they are searched.
#[derive(Clone, Debug)]
pub struct Structures {
    space: WorkflowSpace,
    /// Of each kind the modules, variant by variant.
    modules: Vec<(ModuleKind, Vec<String>)>,
    options: SearchOptions,
}

/// Workflows, written as the line that sets the flow.
#[derive(Clone, Debug)]
struct FlowLine(Vec<(ModuleKind, Vec<String>)>);

impl Structures {
    /// Those of a system that lets flows be made; none where it does not. Without settings of structure there is no price on
    /// complexity, and no limit but the system's own.
    ///
    /// # Errors
    /// [`ConfigError`] when a setting is outside its range.
    pub fn of(spec: &SystemSpec, config: Option<&TopologyConfig>) -> Result<Option<Self>, ConfigError> {
        let Some(evolve) = &spec.evolve else { return Ok(None) };
        let mut modules: Vec<(ModuleKind, Vec<String>)> = Vec::new();
        let votes = (ModuleKind::Vote, VOTE.to_owned());
        let roles =
            spec.library().into_iter().filter_map(|name| Some((kind(spec.role(name)?), name.to_owned())));
        for (kind, name) in roles.chain([votes]) {
            match modules.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, names)) => names.push(name),
                None => modules.push((kind, vec![name])),
            }
        }
        let kinds = modules.iter().map(|(kind, names)| (*kind, u8::try_from(names.len()).unwrap_or(u8::MAX)));
        let library = Library::new(kinds.collect()).map_err(inconsistent)?;
        let space =
            WorkflowSpace::new(library, evolve.max_modules, evolve.max_modules).map_err(inconsistent)?;
        let options = config.map(SearchOptions::of).unwrap_or_default();
        options.check().map_err(inconsistent)?;
        Ok(Some(Self { space, modules, options }))
    }
}

fn inconsistent(error: impl std::fmt::Display) -> ConfigError {
    ConfigError::inconsistent(format!("system.evolve: {error}"))
}

fn kind(role: GraphRole) -> ModuleKind {
    match role {
        GraphRole::Generate => ModuleKind::Generate,
        GraphRole::Retrieve => ModuleKind::Retrieve,
        GraphRole::Tool => ModuleKind::Tool,
        GraphRole::Analyzer => ModuleKind::Analyzer,
        GraphRole::Classifier => ModuleKind::Classifier,
        GraphRole::Critique => ModuleKind::Critique,
        GraphRole::Validator => ModuleKind::Validator,
        GraphRole::Verify => ModuleKind::Verify,
        GraphRole::Refine => ModuleKind::Refine,
        GraphRole::Enhancer => ModuleKind::Enhancer,
        GraphRole::Summarizer => ModuleKind::Summarizer,
    }
}

/// The search over `structures`; draws come from `rng`.
///
/// # Errors
/// [`ConfigError`] when a setting of the search is outside its range.
pub(crate) fn structure_search(
    structures: &Structures,
    rng: Stream,
) -> Result<Box<dyn InnerSearch>, ConfigError> {
    let Structures { space, modules, options } = structures.clone();
    let search = WorkflowSearch::new(space, options, rng).map_err(inconsistent)?;
    Ok(Box::new(Written::new(search, FlowLine(modules))))
}

impl Writing<Workflow> for FlowLine {
    const SCHEMA: &'static str = "orchestrator-core/structures";

    fn lines(&self, workflow: &Workflow) -> Components {
        let name = |module: &Module| {
            let of_kind = self.0.iter().find(|(kind, _)| *kind == module.kind);
            of_kind.and_then(|(_, names)| names.get(usize::from(module.variant))).cloned().unwrap_or_default()
        };
        let modules = workflow.modules().iter().enumerate();
        let vertices = modules.map(|(i, module)| (name(module), workflow.reads(i).collect())).collect();
        let graph = GraphStep::new(vertices, workflow.reads(workflow.modules().len()).collect());
        // A workflow holds all that a graph asks for.
        let text = graph.map(|graph| format!("flow: {graph}")).unwrap_or_default();
        [(SETTINGS, text)].into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
    use meta_traits::{Ask, Observation, Optimizer as _, Outcome, Trial};

    use super::*;

    const SYSTEM: &str = "
modules:
  similar: {kind: retrieve, corpus: train, k: 2, query: '{{ input }}'}
  topic: {kind: llm, model: task, prompt: '{{ material }} {{ input }}'}
  plain: {kind: llm, model: task, prompt: '{{ input }}'}
  judge: {kind: verify, model: task, prompt: 'Is {{ draft }} right?'}
  mend: {kind: llm, model: task, prompt: '{{ draft }}, but {{ critique }}'}
flow: [plain]
evolve: {max_modules: 4}";

    fn structures(config: Option<&TopologyConfig>) -> Structures {
        let spec = SystemSpec::from_yaml(SYSTEM).unwrap();
        spec.validate(&["task"]).unwrap();
        Structures::of(&spec, config).unwrap().unwrap()
    }

    fn graph(line: &Components) -> Option<GraphStep> {
        line.get(SETTINGS)?.strip_prefix("flow: ")?.parse().ok()
    }

    #[test]
    fn the_laws_are_kept() {
        let make = |seed| {
            let Structures { space, modules, options } = structures(None);
            let search = WorkflowSearch::new(space, options, Stream::root(seed)).unwrap();
            Written::new(search, FlowLine(modules))
        };
        let outcome = |trial: &Trial<Components>, _: &mut Stream| {
            let length = graph(&trial.candidate).unwrap().to_string().len();
            Outcome::Complete(Observation::of_loss(1.0 / length as f64))
        };
        let check = Check::new(make, |line: &Components| graph(line).is_some(), outcome).steps(20);
        check_optimizer(&check);
        check_optimizer_snapshot(&check);
    }

    #[test]
    fn settings_limit_what_is_made() {
        let longest = |config: Option<&TopologyConfig>| {
            let mut search = structure_search(&structures(config), Stream::root(2)).unwrap();
            let mut most = 0;
            for _ in 0..40 {
                let Ask::Run(trial) = search.ask() else { panic!("it never ends") };
                let modules = graph(&trial.candidate).unwrap().to_string().matches('(').count();
                most = most.max(modules);
                search.tell(trial.id, Outcome::Complete(Observation::of_loss(0.5))).unwrap();
            }
            most
        };
        assert!(longest(None) > 2);
        assert_eq!(longest(Some(&TopologyConfig::default())), 2, "the default complexity is 2");
    }
}
