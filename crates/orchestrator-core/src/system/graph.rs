//! Flows that are graphs: every module reads what certain others made, and nothing else.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::scope::{Reply, Scope};
use super::spec::{ModuleSpec, SystemSpec};
use super::template::Template;

/// The vertex that makes one answer of several: the most frequent, the first of equals.
pub const VOTE: &str = "vote";
/// Names that the modules of a graph may use: material gathered, the answer so far, what was said about it.
pub(super) const GRAPH_NAMES: [&str; 3] = ["material", "draft", "critique"];
/// Most vertices of a graph.
const MOST: usize = 24;

/// A flow as an acyclic graph, written in one line: modules, each with the vertices it reads, and those that the output
/// reads.
///
/// Vertex 0 is the input, vertex `i` the `i`-th module written, or [`VOTE`]. A module's template sees the input's fields,
/// the results of what it reads and of what those read, under their modules' names, and as `material`, `draft` and
/// `critique`; all other names are empty. The output is the answer of what it reads: one that passed its checks before one
/// that was not checked, that before one that failed, the last of equals.
///
/// ```
/// use orchestrator_core::system::GraphStep;
/// let graph: GraphStep = "similar(0) topic(1) plain(0) vote(2,3) -> 4".parse().unwrap();
/// assert_eq!(graph.to_string(), "similar(0) topic(1) plain(0) vote(2,3) -> 4");
/// assert!("topic(1) -> 1".parse::<GraphStep>().unwrap_err().contains("topic(1) reads vertex 1"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GraphStep {
    vertices: Vec<Vertex>,
    output: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vertex {
    pub(super) module: String,
    reads: Vec<usize>,
}

impl GraphStep {
    /// Modules, each with the vertices it reads, and the vertices that the output reads.
    ///
    /// # Errors
    /// A sentence about the first vertex that reads itself, a later one or nothing, or about the size.
    pub fn new(vertices: Vec<(String, Vec<usize>)>, output: Vec<usize>) -> Result<Self, String> {
        let n = vertices.len();
        if n == 0 || n > MOST {
            return Err(format!("has {n} modules; allowed 1 to {MOST}"));
        }
        for (i, (module, reads)) in vertices.iter().enumerate() {
            let this = written(module, reads);
            if let Some(later) = reads.iter().find(|r| **r > i) {
                return Err(format!("{this} reads vertex {later}, which comes later; allowed 0 to {i}"));
            }
            if reads.is_empty() {
                return Err(format!("{this} reads nothing; the input is vertex 0"));
            }
        }
        if output.is_empty() || output.iter().any(|r| *r == 0 || *r > n) {
            return Err(format!("the output must read vertices from 1 to {n}"));
        }
        let vertices = vertices.into_iter().map(|(module, reads)| Vertex { module, reads }).collect();
        Ok(Self { vertices, output })
    }

    pub(super) fn vertices(&self) -> &[Vertex] {
        &self.vertices
    }

    /// Modules that run, votes left out.
    pub(super) fn modules(&self) -> impl Iterator<Item = &str> {
        self.vertices.iter().map(|v| v.module.as_str()).filter(|module| *module != VOTE)
    }
}

fn written(module: &str, reads: &[usize]) -> String {
    let list: Vec<String> = reads.iter().map(ToString::to_string).collect();
    format!("{module}({})", list.join(","))
}

impl fmt::Display for GraphStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for vertex in &self.vertices {
            write!(f, "{} ", written(&vertex.module, &vertex.reads))?;
        }
        let list: Vec<String> = self.output.iter().map(ToString::to_string).collect();
        write!(f, "-> {}", list.join(","))
    }
}

impl FromStr for GraphStep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = |list: &str| -> Result<Vec<usize>, String> {
            let number = |n: &str| n.trim().parse().map_err(|_| format!("'{n}' is no number of a vertex"));
            list.split(',').map(number).collect()
        };
        let Some((modules, output)) = text.split_once("->") else {
            return Err(format!("'{text}' is no graph such as: topic(0) -> 1"));
        };
        let vertex = |word: &str| -> Result<(String, Vec<usize>), String> {
            let parts = word.strip_suffix(')').and_then(|word| word.split_once('('));
            let (module, reads) =
                parts.ok_or_else(|| format!("'{word}' is no vertex such as topic(0), without blanks"))?;
            Ok((module.to_owned(), numbers(reads)?))
        };
        Self::new(modules.split_whitespace().map(vertex).collect::<Result<_, _>>()?, numbers(output)?)
    }
}

impl TryFrom<String> for GraphStep {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<GraphStep> for String {
    fn from(graph: GraphStep) -> Self {
        graph.to_string()
    }
}

/// What a module does in a graph that is made by evolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GraphRole {
    /// Answers.
    Generate,
    /// Adds passages.
    Retrieve,
    /// Adds what a program says.
    Tool,
    /// Takes the task apart.
    Analyzer,
    /// Says what sort of task it is.
    Classifier,
    /// Says what is wrong with an answer.
    Critique,
    /// Checks the form of an answer.
    Validator,
    /// Passes or fails an answer.
    Verify,
    /// Answers again in the light of an answer and what was said about it.
    Refine,
    /// Improves the wording of an answer.
    Enhancer,
    /// Answers with less text.
    Summarizer,
}

impl GraphRole {
    /// The role that a module's kind and template give it, unless the author gave it one; none for modules that run others.
    pub(super) fn of(module: &ModuleSpec) -> Option<Self> {
        let uses = |name: &str| {
            let template = module.template().and_then(|(_, source)| Template::parse(source).ok());
            template.is_some_and(|t| t.variables().any(|v| v == name))
        };
        match module {
            ModuleSpec::Llm(_) if uses("draft") && uses("critique") => Some(Self::Refine),
            ModuleSpec::Llm(_) if uses("draft") => Some(Self::Critique),
            ModuleSpec::Llm(_) => Some(Self::Generate),
            ModuleSpec::Retrieve(_) => Some(Self::Retrieve),
            ModuleSpec::Tool(_) => Some(Self::Tool),
            ModuleSpec::Verify(_) => Some(Self::Verify),
            ModuleSpec::Vote(_) | ModuleSpec::Route(_) => None,
        }
    }

    /// Whether an answer comes of it.
    fn answers(self) -> bool {
        matches!(self, Self::Generate | Self::Refine | Self::Enhancer | Self::Summarizer)
    }

    /// Whether it adds to what is known of the task.
    fn gathers(self) -> bool {
        matches!(self, Self::Retrieve | Self::Tool | Self::Analyzer | Self::Classifier)
    }
}

/// What is known at a vertex of a graph.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried {
    named: BTreeMap<String, Reply>,
    material: Vec<String>,
    draft: String,
    critique: String,
    passed: Option<bool>,
}

impl Carried {
    /// What the vertices read together know: of drafts and critiques the last, or in a forecast the longest.
    fn together<'c>(read: impl IntoIterator<Item = &'c Self>, forecast: bool) -> Self {
        let takes = |new: &str, old: &str| !new.is_empty() && (!forecast || new.len() > old.len());
        let mut all = Self::default();
        for one in read {
            all.named.extend(one.named.iter().map(|(name, reply)| (name.clone(), reply.clone())));
            for text in &one.material {
                if !all.material.contains(text) {
                    all.material.push(text.clone());
                }
            }
            if takes(&one.draft, &all.draft) {
                all.draft.clone_from(&one.draft);
                all.passed = one.passed;
            }
            if takes(&one.critique, &all.critique) {
                all.critique.clone_from(&one.critique);
            }
        }
        all
    }

    /// 0 for an answer that failed its check, 1 for one that was not checked, 2 for one that passed.
    fn standing(&self) -> u8 {
        self.passed.map_or(1, |passed| if passed { 2 } else { 0 })
    }
}

/// The values at every vertex of a graph while it is walked: modules are run, or only forecast.
pub(super) struct Walk<'w> {
    spec: &'w SystemSpec,
    graph: &'w GraphStep,
    /// Nobody knows yet which answers will pass, nor which will be empty.
    forecast: bool,
    /// By vertex; the input knows nothing.
    carried: Vec<Carried>,
}

impl<'w> Walk<'w> {
    pub(super) fn new(spec: &'w SystemSpec, graph: &'w GraphStep, forecast: bool) -> Self {
        Self { spec, graph, forecast, carried: vec![Carried::default()] }
    }

    fn known(&self, vertex: &'w Vertex) -> Carried {
        Carried::together(self.read(&vertex.reads), self.forecast)
    }

    fn read(&self, reads: &'w [usize]) -> impl Iterator<Item = &Carried> {
        reads.iter().filter_map(|r| self.carried.get(*r))
    }

    /// What the next module sees, on top of the values of `input`.
    pub(super) fn scope(&self, vertex: &'w Vertex, input: &Scope) -> Scope {
        self.visible(&self.known(vertex), input)
    }

    fn visible(&self, known: &Carried, input: &Scope) -> Scope {
        let mut scope = input.clone();
        for name in self.spec.modules.keys() {
            match known.named.get(name) {
                Some(reply) => scope.bind_reply(name, reply.clone()),
                None => scope.set(name, ""),
            }
        }
        let texts = [known.material.join("\n"), known.draft.clone(), known.critique.clone()];
        GRAPH_NAMES.iter().zip(&texts).for_each(|(name, text)| scope.set(name, text));
        scope
    }

    /// Takes the reply of the module at the next vertex.
    pub(super) fn take(&mut self, vertex: &'w Vertex, reply: Reply) {
        let mut known = self.known(vertex);
        let text = reply.text.clone();
        let module = self.spec.modules.get(&vertex.module);
        let role = self.spec.role(&vertex.module);
        known.named.insert(vertex.module.clone(), reply);
        match role {
            Some(role) if role.answers() => {
                known.draft = text;
                known.critique = String::new();
                known.passed = None;
            }
            Some(role) if role.gathers() => known.material.push(text),
            Some(GraphRole::Verify) => {
                let accepts = matches!(module, Some(ModuleSpec::Verify(v)) if v.accept.trim() == text.trim());
                known.passed = (!self.forecast).then_some(accepts);
            }
            _ => known.critique = text,
        }
        self.carried.push(known);
    }

    /// Takes a vote at the next vertex: `choose` among the best drafts read.
    pub(super) fn vote(&mut self, vertex: &'w Vertex, choose: impl Fn(&[&str]) -> Option<String>) {
        let best = self.read(&vertex.reads).map(Carried::standing).max();
        let able = |c: &&Carried| Some(c.standing()) == best && !c.draft.is_empty();
        let drafts: Vec<&str> = self.read(&vertex.reads).filter(able).map(|c| c.draft.as_str()).collect();
        let winner = choose(&drafts).unwrap_or_default();
        let mut known = self.known(vertex);
        known.draft = winner;
        known.passed = best.and_then(|standing| (standing != 1).then_some(standing == 2));
        self.carried.push(known);
    }

    /// The answer, and what is visible with it.
    pub(super) fn end(&self, input: &Scope) -> (String, Scope) {
        let read = self.read(&self.graph.output).filter(|c| !c.draft.is_empty());
        let best = read.max_by_key(|c| (c.standing(), if self.forecast { c.draft.len() } else { 0 }));
        let known = best.cloned().unwrap_or_default();
        (known.draft.clone(), self.visible(&known, input))
    }
}

impl SystemSpec {
    /// What a module does in a graph: the author's word, else what its kind and template say.
    pub fn role(&self, module: &str) -> Option<GraphRole> {
        let given = self.evolve.as_ref().and_then(|evolve| evolve.roles.get(module)).copied();
        given.or_else(|| GraphRole::of(self.modules.get(module)?))
    }

    /// The modules that evolution may use, in the author's order.
    pub fn library(&self) -> Vec<&str> {
        let Some(evolve) = &self.evolve else { return Vec::new() };
        if !evolve.modules.is_empty() {
            return evolve.modules.iter().map(String::as_str).collect();
        }
        self.modules.keys().map(String::as_str).filter(|name| self.role(name).is_some()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_graphs_are_named() {
        let fault = |text: &str| text.parse::<GraphStep>().unwrap_err();
        assert_eq!(fault("topic"), "'topic' is no graph such as: topic(0) -> 1");
        assert_eq!(fault("topic (0) -> 1"), "'topic' is no vertex such as topic(0), without blanks");
        assert_eq!(fault("a(x) -> 1"), "'x' is no number of a vertex");
        assert_eq!(fault("a(0) b(2) -> 1"), "b(2) reads vertex 2, which comes later; allowed 0 to 1");
        assert_eq!(fault("a(0) -> 2"), "the output must read vertices from 1 to 1");
        assert_eq!(fault("-> 0"), "has 0 modules; allowed 1 to 24");
        let many = "a(0) ".repeat(25);
        assert_eq!(fault(&format!("{many}-> 1")), "has 25 modules; allowed 1 to 24");
    }

    #[test]
    fn roles_follow_templates_unless_given() {
        let spec = SystemSpec::from_yaml(
            "
modules:
  a: {kind: llm, model: m, prompt: '{{ input }}'}
  b: {kind: llm, model: m, prompt: 'Wrong? {{ draft }}'}
  c: {kind: llm, model: m, prompt: '{{ draft }} {{ critique }}'}
  d: {kind: llm, model: m, prompt: 'Polish {{ draft }}'}
  e: {kind: vote, of: [a, d]}
flow: [a]
evolve: {roles: {d: enhancer}}",
        )
        .unwrap();
        let role = |name| spec.role(name);
        assert_eq!(role("a"), Some(GraphRole::Generate));
        assert_eq!(role("b"), Some(GraphRole::Critique));
        assert_eq!(role("c"), Some(GraphRole::Refine));
        assert_eq!(role("d"), Some(GraphRole::Enhancer));
        assert_eq!(role("e"), None);
        assert_eq!(spec.library(), ["a", "b", "c", "d"]);
    }
}
