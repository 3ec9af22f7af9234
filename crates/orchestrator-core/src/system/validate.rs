//! What a description must satisfy beyond its grammar. Every fault is found; the first in document order is returned.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::graph::{GRAPH_NAMES, VOTE};
use super::spec::{LlmSpec, ModuleSpec, SystemSpec, nearest};
use super::template::Template;
use super::{BranchStep, GraphRole, GraphStep, RefineStep, Step, SystemError, VoteStep};

mod graph;

/// Names that a refine loop gives to its modules.
pub(super) const LOOP_NAMES: [&str; 2] = ["draft", "critique"];

/// A fault of a description and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The faulty entry, such as `system.flow[2]`.
    pub path: String,
    /// What is wrong, what is allowed.
    pub message: String,
}

impl SystemSpec {
    /// Checks the description; `models` are the names that the configuration defines.
    ///
    /// # Errors
    /// The first of [`SystemSpec::faults`], as [`SystemError::Spec`].
    pub fn validate(&self, models: &[&str]) -> Result<(), SystemError> {
        match self.faults(models).into_iter().next() {
            None => Ok(()),
            Some(Fault { path, message }) => Err(SystemError::Spec { path, message }),
        }
    }

    /// Everything that is wrong, in document order; faults of the whole graph (cycles, unused modules) come last.
    pub fn faults(&self, models: &[&str]) -> Vec<Fault> {
        let mut faults = if self.flows.is_empty() { self.own_faults(models) } else { Vec::new() };
        if faults.is_empty() {
            faults = self.faults_of_settings(models);
        }
        faults
    }

    /// Faults of a description that the search sets nothing of.
    pub(super) fn own_faults(&self, models: &[&str]) -> Vec<Fault> {
        let mut check = Check { spec: self, models, faults: Vec::new(), templates: BTreeMap::new() };
        check.fields();
        check.output();
        if self.modules.is_empty() {
            check.fault("system.modules", "is empty; define at least one module");
        }
        for (name, module) in &self.modules {
            check.module(name, module);
        }
        check.evolve();
        check.flow();
        check.faults
    }
}

struct Check<'a> {
    spec: &'a SystemSpec,
    models: &'a [&'a str],
    faults: Vec<Fault>,
    /// Variables of each module's template that parses.
    templates: BTreeMap<&'a str, Vec<String>>,
}

impl<'a> Check<'a> {
    fn fault(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.faults.push(Fault { path: path.into(), message: message.into() });
    }

    fn fields(&mut self) {
        if self.spec.input.is_empty() {
            self.fault("system.input", "is empty; name at least one field of the examples' input");
        }
        for (i, field) in self.spec.input.iter().enumerate() {
            let path = format!("system.input[{i}]");
            if let Some(why) = bad_name(field) {
                self.fault(&path, format!("is '{field}', which {why}"));
            }
            if self.spec.input[..i].contains(field) {
                self.fault(&path, format!("names '{field}' a second time"));
            }
            if self.spec.modules.contains_key(field) {
                self.fault(&path, format!("is '{field}', which is also a module; rename the module"));
            }
        }
    }

    fn output(&mut self) {
        if let Some(output) = &self.spec.output {
            self.template("system.output", output, &[]);
        }
    }

    fn known_names(&self) -> impl Iterator<Item = &'a str> {
        self.spec.input.iter().chain(self.spec.modules.keys()).map(String::as_str)
    }

    /// Checks syntax and names; gives the variables.
    fn template(&mut self, path: &str, source: &str, also: &[&str]) -> Option<Template> {
        let template = match Template::parse(source) {
            Ok(template) => template,
            Err(fault) => {
                self.fault(path, fault.to_string());
                return None;
            }
        };
        for variable in template.variables() {
            let of_graphs = self.spec.evolve.is_some() && GRAPH_NAMES.contains(&variable);
            if self.known_names().any(|n| n == variable) || also.contains(&variable) || of_graphs {
                continue;
            }
            let message = if LOOP_NAMES.contains(&variable) {
                format!("uses {{{{ {variable} }}}}, which only the modules of a refine step have")
            } else {
                let hint = nearest(variable, self.known_names());
                let known = self.known_names().collect::<Vec<_>>().join(", ");
                format!("uses the unknown name '{variable}'{hint}; known: {known}")
            };
            self.fault(path, message);
        }
        Some(template)
    }

    fn module(&mut self, name: &'a str, module: &'a ModuleSpec) {
        let path = format!("system.modules.{name}");
        if let Some(why) = bad_name(name) {
            self.fault(&path, format!("has a name that {why}"));
        }
        if let Some(model) = module.model()
            && !self.models.contains(&model)
        {
            let hint = nearest(model, self.models.iter().copied());
            let message = if self.models.is_empty() {
                format!("is '{model}', but the configuration defines no models")
            } else {
                format!("is '{model}', which is not defined{hint}; defined: {}", self.models.join(", "))
            };
            self.fault(format!("{path}.model"), message);
        }
        if let Some((key, source)) = module.template() {
            let also = self.loop_names(name);
            if let Some(template) = self.template(&format!("{path}.{key}"), source, &also) {
                self.templates.insert(name, template.variables().map(str::to_owned).collect());
            }
        }
        match module {
            ModuleSpec::Llm(m) => self.llm(&path, m),
            ModuleSpec::Retrieve(m) => {
                self.within(&format!("{path}.k"), m.k, 1, 100);
                if let Some(each) = &m.each
                    && let Err(fault) = Template::parse(each)
                {
                    self.fault(format!("{path}.each"), fault.to_string());
                }
            }
            ModuleSpec::Tool(m) => {
                match (m.command.first(), &m.url) {
                    (None, None) => self.fault(&path, "needs a command or a url"),
                    (Some(_), Some(_)) => self.fault(&path, "has a command and a url; keep one"),
                    (None, Some(url)) if !url.starts_with("http://") && !url.starts_with("https://") => {
                        self.fault(format!("{path}.url"), "must start with http:// or https://");
                    }
                    _ => {}
                }
                if !(m.timeout_s > 0.0 && m.timeout_s <= 3600.0) {
                    let message = format!("= {} is out of range; allowed above 0 to 3600", m.timeout_s);
                    self.fault(format!("{path}.timeout_s"), message);
                }
                self.within(&format!("{path}.max_bytes"), m.max_bytes, 1, 1 << 20);
            }
            ModuleSpec::Vote(m) => {
                if m.of.len() < 2 {
                    self.fault(format!("{path}.of"), "names fewer than two modules; a vote needs two");
                }
                self.members(&format!("{path}.of"), &m.of);
            }
            ModuleSpec::Verify(m) => {
                if m.accept.trim().is_empty() || m.accept.trim() == m.reject.trim() {
                    let message = "must not be empty and must differ from reject";
                    self.fault(format!("{path}.accept"), message);
                }
            }
            ModuleSpec::Route(m) => {
                if m.cases.is_empty() {
                    self.fault(format!("{path}.cases"), "is empty; name at least one case");
                }
                self.cases(&path, &m.on, &keys(&m.cases), m.default.is_some());
                for (case, names) in &m.cases {
                    self.members(&format!("{path}.cases.{case}"), names);
                }
                if let Some(names) = &m.default {
                    self.members(&format!("{path}.default"), names);
                }
            }
        }
    }

    fn llm(&mut self, path: &str, m: &LlmSpec) {
        if let Some(labels) = &m.labels {
            if labels.len() < 2 {
                let message = "names fewer than two labels; name two, or leave the key out for free text";
                self.fault(format!("{path}.labels"), message);
            }
            for (i, label) in labels.iter().enumerate() {
                if label.trim().is_empty() {
                    self.fault(format!("{path}.labels[{i}]"), "is empty");
                } else if labels[..i].iter().any(|l| l.trim() == label.trim()) {
                    self.fault(format!("{path}.labels[{i}]"), format!("names '{label}' a second time"));
                }
            }
        }
        self.within(&format!("{path}.max_tokens"), m.max_tokens as usize, 1, 32_768);
        if !(0.0..=2.0).contains(&m.temperature) {
            let message = format!("= {} is out of range; allowed 0 to 2", m.temperature);
            self.fault(format!("{path}.temperature"), message);
        }
        if !(m.top_p > 0.0 && m.top_p <= 1.0) {
            let message = format!("= {} is out of range; allowed above 0 to 1", m.top_p);
            self.fault(format!("{path}.top_p"), message);
        }
        for (i, stop) in m.stop.iter().enumerate() {
            if stop.is_empty() {
                self.fault(format!("{path}.stop[{i}]"), "is empty; name the text that ends an answer");
            }
        }
    }

    fn within(&mut self, path: &str, value: usize, low: usize, high: usize) {
        if !(low..=high).contains(&value) {
            self.fault(path, format!("= {value} is out of range; allowed {low} to {high}"));
        }
    }

    fn members(&mut self, path: &str, names: &[String]) {
        if names.is_empty() {
            self.fault(path, "is empty; name at least one module");
        }
        for (i, name) in names.iter().enumerate() {
            self.exists(&format!("{path}[{i}]"), name);
        }
    }

    fn exists(&mut self, path: &str, name: &str) -> bool {
        let known = self.spec.modules.contains_key(name);
        if !known {
            let hint = nearest(name, self.spec.modules.keys().map(String::as_str));
            self.fault(path, format!("names module '{name}'{hint}"));
        }
        known
    }

    /// When `on` is one module with labels: every case is a label, and every label has a case or the default.
    fn cases(&mut self, path: &str, on: &str, cases: &[&str], default: bool) {
        let Ok(on) = Template::parse(on) else { return };
        let labels = match on.plain_variable().and_then(|name| self.spec.modules.get(name)) {
            Some(ModuleSpec::Llm(LlmSpec { labels: Some(labels), choose, .. }))
                if *choose == super::Choose::Score =>
            {
                labels
            }
            _ => return,
        };
        for case in cases {
            if !labels.iter().any(|l| l.trim() == *case) {
                let hint = nearest(case, labels.iter().map(String::as_str));
                let message = format!("can never match{hint}; labels: {}", labels.join(", "));
                self.fault(format!("{path}.cases.{case}"), message);
            }
        }
        if !default && let Some(label) = labels.iter().find(|l| !cases.contains(&l.trim())) {
            let message = format!("has no case for the label '{label}' and no default; add one of them");
            self.fault(format!("{path}.cases"), message);
        }
    }

    /// Which of [`LOOP_NAMES`] a module may use.
    fn loop_names(&self, module: &str) -> Vec<&'static str> {
        fn search(steps: &[Step], module: &str, out: &mut Vec<&'static str>) {
            for step in steps {
                match step {
                    Step::Refine(r) if r.draft == module => out.extend(LOOP_NAMES),
                    Step::Refine(r) if r.critique == module => out.push(LOOP_NAMES[0]),
                    Step::Branch(b) => {
                        b.cases.values().chain(&b.default).for_each(|steps| search(steps, module, out));
                    }
                    _ => {}
                }
            }
        }
        let mut out = Vec::new();
        search(self.spec.flow.as_deref().unwrap_or_default(), module, &mut out);
        out
    }

    fn flow(&mut self) {
        let sound_so_far = self.faults.is_empty();
        if let Some(steps) = &self.spec.flow {
            if steps.is_empty() {
                self.fault("system.flow", "is empty; name at least one module, or leave the key out");
            }
            self.steps_exist("system.flow", steps);
        }
        if let Some(cycle) = graph::cycle(self.spec, &self.templates) {
            let first = cycle.first().map_or("", |n| n);
            let message = format!(
                "depends on itself: {}; cut the circle, or use a refine step with {{{{ critique }}}}",
                cycle.join(" -> ")
            );
            self.fault(format!("system.modules.{first}"), message);
        } else if sound_so_far && self.faults.is_empty() {
            self.order();
        }
    }

    fn steps_exist(&mut self, path: &str, steps: &'a [Step]) {
        for (i, step) in steps.iter().enumerate() {
            let path = format!("{path}[{i}]");
            match step {
                Step::Module(name) => {
                    self.exists(&path, name);
                }
                Step::Vote(vote) => self.vote(&format!("{path}.vote"), vote),
                Step::Refine(refine) => self.refine(&format!("{path}.refine"), refine),
                Step::Branch(branch) => self.branch(&format!("{path}.branch"), branch),
                Step::Graph(graph) => self.graph(&format!("{path}.graph"), graph),
            }
        }
    }

    fn vote(&mut self, path: &str, vote: &VoteStep) {
        if self.exists(&format!("{path}.of"), &vote.of) {
            let message = match self.spec.modules.get(&vote.of) {
                Some(ModuleSpec::Llm(m)) if m.labels.is_some() && m.choose == super::Choose::Score => {
                    "scores its labels, which gives the same answer every time; drop labels or set choose: generate"
                }
                Some(ModuleSpec::Llm(m)) if m.temperature <= 0.0 => {
                    "gives the same answer every time; set its temperature above 0"
                }
                Some(ModuleSpec::Llm(_)) => "",
                _ => "is not of kind llm; only those can be sampled",
            };
            if !message.is_empty() {
                self.fault(format!("{path}.of"), format!("names '{}', which {message}", vote.of));
            }
        }
        self.within(&format!("{path}.samples"), vote.samples as usize, 2, 64);
    }

    fn refine(&mut self, path: &str, refine: &RefineStep) {
        self.exists(&format!("{path}.draft"), &refine.draft);
        if self.exists(&format!("{path}.critique"), &refine.critique) {
            let verify = matches!(self.spec.modules.get(&refine.critique), Some(ModuleSpec::Verify(_)));
            if verify && refine.accept.is_some() {
                let message = format!("is set, but '{}' is a verify module with its own", refine.critique);
                self.fault(format!("{path}.accept"), message);
            } else if !verify && refine.accept.as_ref().is_none_or(|a| a.trim().is_empty()) {
                let message = format!(
                    "needs accept: the text an accepting answer of '{}' starts with (only verify modules have their own)",
                    refine.critique
                );
                self.fault(path, message);
            }
        }
        if refine.draft == refine.critique {
            self.fault(path, format!("has '{}' as both draft and critique; name two modules", refine.draft));
        }
        self.within(&format!("{path}.max_rounds"), refine.max_rounds as usize, 1, 10);
    }

    fn graph(&mut self, path: &str, graph: &GraphStep) {
        for name in graph.modules() {
            if self.exists(path, name) && self.spec.role(name).is_none() {
                self.fault(
                    path,
                    format!("names '{name}', which runs other modules; graphs vote by themselves"),
                );
            }
        }
        if self.spec.modules.contains_key(VOTE) {
            self.fault(format!("system.modules.{VOTE}"), "has the name of a graph's votes; rename it");
        }
    }

    fn evolve(&mut self) {
        let Some(evolve) = &self.spec.evolve else { return };
        for (i, name) in evolve.modules.iter().enumerate() {
            let path = format!("system.evolve.modules[{i}]");
            if self.exists(&path, name) && self.spec.role(name).is_none() {
                self.fault(path, format!("is '{name}', which runs other modules; graphs vote by themselves"));
            }
        }
        for name in evolve.roles.keys() {
            self.exists(&format!("system.evolve.roles.{name}"), name);
        }
        self.within("system.evolve.max_modules", evolve.max_modules, 1, 24);
        if self.spec.modules.contains_key(VOTE) {
            self.fault(format!("system.modules.{VOTE}"), "has the name of a graph's votes; rename it");
        }
        let mut names = self.spec.modules.keys().chain(&self.spec.input);
        if names.any(|name| GRAPH_NAMES.contains(&name.as_str())) {
            let message =
                format!("makes {}; rename the module or field of that name", GRAPH_NAMES.join(", "));
            self.fault("system.evolve", message);
        }
        let answers = |name: &&str| self.spec.role(name) == Some(GraphRole::Generate);
        if !self.spec.library().iter().any(answers) {
            self.fault(
                "system.evolve",
                "has no module that answers; add an llm module without draft in its prompt",
            );
        }
    }

    fn branch(&mut self, path: &str, branch: &'a BranchStep) {
        self.template(&format!("{path}.on"), &branch.on, &[]);
        if branch.cases.is_empty() {
            self.fault(format!("{path}.cases"), "is empty; name at least one case");
        }
        self.cases(path, &branch.on, &keys(&branch.cases), branch.default.is_some());
        for (case, steps) in &branch.cases {
            let path = format!("{path}.cases.{case}");
            if steps.is_empty() {
                self.fault(&path, "is empty; name at least one module");
            }
            self.steps_exist(&path, steps);
        }
        if let Some(steps) = &branch.default {
            self.steps_exist(&format!("{path}.default"), steps);
        }
    }

    /// Every value is there before it is used, and every module has a use.
    fn order(&mut self) {
        let mut ran: BTreeSet<&str> = BTreeSet::new();
        match &self.spec.flow {
            Some(steps) => self.steps_order(steps, "system.flow", &mut ran),
            None => ran.extend(self.spec.modules.keys().map(String::as_str)),
        }
        if let Some(output) = self.spec.output.as_deref().and_then(|o| Template::parse(o).ok()) {
            for name in output.variables() {
                if self.spec.modules.contains_key(name) && !ran.contains(name) {
                    let message = format!("uses '{name}', which never runs; add it to system.flow");
                    self.fault("system.output", message);
                }
            }
        }
        for name in self.spec.modules.keys().filter(|_| self.spec.evolve.is_none()) {
            if !ran.contains(name.as_str()) {
                let message = "never runs; add it to system.flow, or remove it";
                self.fault(format!("system.modules.{name}"), message);
            }
        }
    }

    fn steps_order(&mut self, steps: &'a [Step], path: &str, ran: &mut BTreeSet<&'a str>) {
        for (i, step) in steps.iter().enumerate() {
            let path = format!("{path}[{i}]");
            match step {
                Step::Module(name) => self.runs(name, &path, ran),
                Step::Vote(vote) => self.runs(&vote.of, &path, ran),
                Step::Refine(refine) => {
                    self.runs(&refine.draft, &path, ran);
                    self.runs(&refine.critique, &path, ran);
                }
                Step::Branch(branch) => {
                    if let Ok(on) = Template::parse(&branch.on) {
                        let names: Vec<String> = on.variables().map(str::to_owned).collect();
                        self.there(&names, &format!("{path}.branch.on"), ran);
                    }
                    let before = ran.clone();
                    let cases = branch.cases.iter().map(|(c, s)| (format!("{path}.branch.cases.{c}"), s));
                    let default = branch.default.iter().map(|s| (format!("{path}.branch.default"), s));
                    for (path, steps) in cases.chain(default) {
                        let mut inner = before.clone();
                        self.steps_order(steps, &path, &mut inner);
                        ran.extend(inner);
                    }
                }
                Step::Graph(graph) => {
                    // What is not read there is empty, and what is not on the way to the output may be named all the same.
                    let names: Vec<&str> = graph.modules().collect();
                    ran.extend(self.spec.modules.keys().map(String::as_str).filter(|n| names.contains(n)));
                }
            }
        }
    }

    fn runs(&mut self, name: &str, path: &str, ran: &mut BTreeSet<&'a str>) {
        let Some((name, module)) = self.spec.modules.get_key_value(name) else { return };
        let used = self.templates.get(name.as_str()).cloned().unwrap_or_default();
        self.there(&used, &format!("{path} runs '{name}', which"), ran);
        for member in module.members() {
            if !ran.contains(member) {
                self.runs(member, path, ran);
            }
        }
        ran.insert(name);
    }

    fn there(&mut self, used: &[String], who: &str, ran: &BTreeSet<&'a str>) {
        for name in used {
            if self.spec.modules.contains_key(name) && !ran.contains(name.as_str()) {
                self.fault(who, format!("uses '{name}' before it has run; put '{name}' earlier in the flow"));
            }
        }
    }
}

fn keys<T>(cases: &IndexMap<String, T>) -> Vec<&str> {
    cases.keys().map(String::as_str).collect()
}

/// Why `name` cannot be used in templates, if so.
fn bad_name(name: &str) -> Option<&'static str> {
    let mut chars = name.chars();
    let word = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !word {
        Some("is no name; allowed: letters, digits and _, no digit first")
    } else if LOOP_NAMES.contains(&name) {
        Some("is reserved for refine steps; rename it")
    } else if [
        "not",
        "and",
        "or",
        "in",
        "is",
        "if",
        "else",
        "true",
        "false",
        "none",
        "loop",
        "range",
        "dict",
        "namespace",
    ]
    .contains(&name)
    {
        Some("means something else in templates; rename it")
    } else {
        None
    }
}
