//! What the search sets beside prompts: keys of modules, and which flow.

use std::collections::BTreeSet;

use meta_traits::{Components, Stream};
use serde_json::Value;

use super::spec::{ModuleSpec, SystemSpec, nearest};
use super::{CompoundAISystem, Fault, Step, SystemError};

/// The component that holds the settings of a system: a line `key: value` for each.
pub const SETTINGS: &str = "settings";

/// The setting that names one of the description's `flows`.
const FLOW: &str = "flow";

/// Keys of modules that can be searched: none that changes what a template needs.
const KEYS: [&str; 8] = ["calibrate", "choose", "format", "k", "max_tokens", "model", "temperature", "top_p"];

/// Something the search sets, and the values that it may take.
///
/// ```
/// use orchestrator_core::system::SystemSpec;
/// let spec = SystemSpec::from_yaml(r#"
/// modules:
///   similar: {kind: retrieve, corpus: train, k: 4, query: "{{ input }}"}
///   topic: {kind: llm, model: task, prompt: "{{ similar }} {{ input }}"}
/// search:
///   similar.k: [1, 4, 8]
///   topic.temperature: [0, 0.7]
/// "#).unwrap();
/// let settings = spec.settings();
/// assert_eq!((settings[0].key.as_str(), settings[0].start), ("similar.k", Some(1)));
/// assert_eq!(settings[1].options, ["0", "0.7"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// `module.key`, or `flow`.
    pub key: String,
    /// The values as candidates write them, in the author's order.
    pub options: Vec<String>,
    /// Which of them the description itself has; none where it has another, which [`SystemSpec::validate`] refuses.
    pub start: Option<usize>,
}

/// A value as candidates write it.
fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Settings as a candidate's component holds them.
fn write<'a>(lines: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let lines: Vec<String> = lines.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
    lines.join("\n")
}

/// Keys and values of a candidate's component, blank lines left out.
fn read(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let pair = |line: &'_ str| format!("has the line '{line}', which is no `key: value`");
    lines.map(|l| l.split_once(':').map(|(k, v)| (k.trim(), v.trim())).ok_or_else(|| pair(l))).collect()
}

/// The component of the description's own settings; none where there is nothing to choose.
pub(super) fn start(settings: &[Setting]) -> Option<String> {
    (!settings.is_empty()).then(|| write(settings.iter().map(|s| (s.key.as_str(), s.own()))))
}

/// The component with one setting at another value, every such change as likely as the next; none where there is none.
pub(crate) fn changed(settings: &[Setting], text: &str, rng: &mut Stream) -> Option<String> {
    let mut lines = read(text).ok()?;
    let others = |(at, (key, value)): (usize, &(&str, &str))| {
        let options = settings.iter().filter(|s| s.key == *key).flat_map(|s| &s.options);
        options.filter(|o| o != value).map(|o| (at, o.as_str())).collect::<Vec<_>>()
    };
    let all: Vec<(usize, &str)> = lines.iter().enumerate().flat_map(others).collect();
    let (at, value) = *rng.pick(&all)?;
    lines[at].1 = value;
    Some(write(lines))
}

impl Setting {
    /// The description's own value.
    fn own(&self) -> &str {
        self.options.get(self.start.unwrap_or(0)).map_or("", String::as_str)
    }
}

impl SystemSpec {
    /// What the search sets, in the author's order, the flow last; empty where it rewrites prompts alone.
    pub fn settings(&self) -> Vec<Setting> {
        let of_module = |(key, values): (&String, &Vec<Value>)| Setting {
            key: key.clone(),
            options: values.iter().map(written).collect(),
            start: values.iter().position(|value| self.with(key, value).is_ok_and(|spec| spec == *self)),
        };
        let flow =
            Setting { key: FLOW.to_owned(), options: self.flows.keys().cloned().collect(), start: Some(0) };
        let flow = (!self.flows.is_empty()).then_some(flow);
        self.search.iter().map(of_module).chain(flow).collect()
    }

    /// The description with one value in place of its own.
    fn with(&self, key: &str, value: &Value) -> Result<Self, String> {
        let mut spec = self.clone();
        if key == FLOW {
            let name = written(value);
            let at = spec.flows.get_index_of(&name).ok_or_else(|| format!("there is no flow '{name}'"))?;
            spec.flows.move_index(at, 0);
            return Ok(spec);
        }
        let (name, key) = key.split_once('.').ok_or("it is no module.key")?;
        let module = spec.modules.get_mut(name).ok_or_else(|| format!("there is no module '{name}'"))?;
        let mut keys = serde_json::to_value(&*module).map_err(|e| e.to_string())?;
        if let Some(keys) = keys.as_object_mut() {
            keys.insert(key.to_owned(), value.clone());
            // Follows the format, unless the author set it to something of its own.
            if key == "format" && keys.get("label_prefix").is_some_and(|p| p == "" || p == " ") {
                keys.remove("label_prefix");
            }
        }
        *module = serde_json::from_value(keys).map_err(|e| e.to_string())?;
        Ok(spec)
    }

    /// The description with these settings; none where they are its own.
    fn with_settings(&self, settings: &[Setting], text: &str) -> Result<Option<Self>, String> {
        let lines = read(text)?;
        for (key, value) in &lines {
            let Some(setting) = settings.iter().find(|s| s.key == *key) else {
                let hint = nearest(key, settings.iter().map(|s| s.key.as_str()));
                return Err(format!("sets '{key}', which is none of this system's settings{hint}"));
            };
            if !setting.options.iter().any(|o| o == value) {
                return Err(format!("sets {key} to '{value}'; allowed: {}", setting.options.join(", ")));
            }
        }
        let mut varied: Option<Self> = None;
        for setting in settings {
            let mut given = lines.iter().filter(|(key, _)| *key == setting.key);
            let (Some((key, text)), None) = (given.next(), given.next()) else {
                return Err(format!("must set {} once", setting.key));
            };
            if *text != setting.own() {
                let value = self.search.get(*key).into_iter().flatten().find(|v| written(v) == *text);
                let spec = varied.as_ref().unwrap_or(self);
                varied = Some(spec.with(key, value.unwrap_or(&Value::from(*text)))?);
            }
        }
        Ok(varied)
    }

    /// The description with its first flow alone and without modules that never run in it.
    fn first(&self) -> Self {
        let mut spec =
            Self { flows: indexmap::IndexMap::new(), search: indexmap::IndexMap::new(), ..self.clone() };
        if let Some(steps) = self.flows.values().next() {
            let used = self.used(steps);
            // An unknown name is a fault to be told, so nothing is taken away then.
            if used.iter().all(|name| self.modules.contains_key(*name)) {
                spec.modules.retain(|name, _| used.contains(name.as_str()));
            }
            spec.flow = Some(steps.clone());
        }
        spec
    }

    /// Modules that steps run, those that they run in turn included.
    fn used<'a>(&'a self, steps: &'a [Step]) -> BTreeSet<&'a str> {
        let mut used = BTreeSet::new();
        let mut open: Vec<&str> = Vec::new();
        let mut rest: Vec<&Step> = steps.iter().collect();
        while let Some(step) = rest.pop() {
            match step {
                Step::Module(name) => open.push(name),
                Step::Vote(vote) => open.push(&vote.of),
                Step::Refine(refine) => open.extend([refine.draft.as_str(), &refine.critique]),
                Step::Branch(branch) => rest.extend(branch.cases.values().chain(&branch.default).flatten()),
            }
        }
        while let Some(name) = open.pop() {
            if used.insert(name) {
                open.extend(self.modules.get(name).map(ModuleSpec::members).unwrap_or_default());
            }
        }
        used
    }

    /// Faults of every flow, then of every value that the search may set, each tried alone.
    pub(super) fn faults_of_settings(&self, models: &[&str]) -> Vec<Fault> {
        let fault = |path: String, message: String| Fault { path, message };
        let mut faults: Vec<Fault> = Vec::new();
        if self.flow.is_some() && !self.flows.is_empty() {
            faults.push(fault("system.flows".into(), "stands beside flow; keep one of them".into()));
        }
        if !self.flows.is_empty() {
            faults.extend(self.faults_of_flows(models));
        }
        for name in self.modules.keys().filter(|_| !self.flows.is_empty()) {
            if !self.flows.values().any(|steps| self.used(steps).contains(name.as_str())) {
                let message = "never runs; add it to one of system.flows, or remove it";
                faults.push(fault(format!("system.modules.{name}"), message.into()));
            }
        }
        if self.modules.contains_key(SETTINGS) && !self.settings().is_empty() {
            let message = "has the name under which candidates hold what is searched; rename it";
            faults.push(fault(format!("system.modules.{SETTINGS}"), message.into()));
        }
        if faults.is_empty() {
            self.search.iter().for_each(|(key, values)| faults.extend(self.fault_of(key, values, models)));
        }
        faults
    }

    /// Faults of the flow, or of all flows.
    fn faults_of_flows(&self, models: &[&str]) -> Vec<Fault> {
        if self.flows.is_empty() {
            return self.first().own_faults(models);
        }
        let mut faults: Vec<Fault> = Vec::new();
        for name in self.flows.keys() {
            let Ok(spec) = self.with(FLOW, &Value::from(name.as_str())) else { continue };
            let own = format!("system.flows.{name}");
            let place = |f: Fault| Fault { path: f.path.replacen("system.flow", &own, 1), ..f };
            let found = spec.first().own_faults(models).into_iter().map(place);
            // A module's own faults show in every flow that runs it.
            faults.extend(found.filter(|f| !faults.contains(f)).collect::<Vec<_>>());
        }
        faults
    }

    fn fault_of(&self, key: &str, values: &[Value], models: &[&str]) -> Option<Fault> {
        let path = format!("system.search.{key}");
        let fault = |message: String| Some(Fault { path: path.clone(), message });
        let Some((module, field)) = key.split_once('.') else {
            return fault("is no module.key, such as topic.temperature".into());
        };
        if !self.modules.contains_key(module) {
            let hint = nearest(module, self.modules.keys().map(String::as_str));
            return fault(format!("names module '{module}', which is not defined{hint}"));
        }
        if !KEYS.contains(&field) {
            let hint = nearest(field, KEYS);
            return fault(format!("cannot be searched{hint}; allowed: {}", KEYS.join(", ")));
        }
        if values.len() < 2 {
            return fault("has fewer than two values; a search needs two".into());
        }
        let mut own = false;
        for (i, value) in values.iter().enumerate() {
            let text = written(value);
            if value.is_array() || value.is_object() || value.is_null() || text.lines().count() != 1 {
                return fault(format!("[{i}] is {value}; allowed: a number, true, false or a line of text"));
            }
            if values[..i].iter().any(|v| written(v) == text) {
                return fault(format!("names {text} a second time"));
            }
            let spec = match self.with(key, value) {
                Ok(spec) => spec,
                Err(message) => return fault(format!("= {text}: {message}")),
            };
            if let Some(found) = spec.faults_of_flows(models).into_iter().next() {
                return fault(format!("= {text}: {} {}", found.path, found.message));
            }
            own |= spec == *self;
        }
        if own {
            None
        } else {
            fault("lacks the module's own value, from which the search starts; add it".into())
        }
    }
}

impl CompoundAISystem {
    /// The system that the settings of `candidate` ask for; none where they are the description's own. It takes the
    /// same candidates. Takes as long as checking the description and parsing its templates.
    ///
    /// # Errors
    /// [`SystemError::Candidate`] for settings that are not allowed or do not fit each other.
    pub(super) fn varied(&self, candidate: &Components) -> Result<Option<Box<Self>>, SystemError> {
        let fault = |message| SystemError::Candidate { component: SETTINGS.to_owned(), message };
        let Some(text) = candidate.get(SETTINGS).filter(|_| !self.settings.is_empty()) else {
            return Ok(None);
        };
        let Some(spec) = self.spec.with_settings(&self.settings, text).map_err(fault)? else {
            return Ok(None);
        };
        let models: Vec<&str> = self.models.0.keys().map(String::as_str).collect();
        if let Some(found) = spec.first().own_faults(&models).into_iter().next() {
            return Err(fault(format!("do not fit each other: {} {}", found.path, found.message)));
        }
        let settings = self.settings.clone();
        Self::assemble(spec, settings, &self.folder, self.models.clone(), self.corpora.clone())
            .map(|s| Some(Box::new(s)))
    }
}
