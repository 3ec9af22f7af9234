//! What the search sets beside prompts: keys of modules, and which flow.

use std::collections::BTreeSet;

use meta_traits::{Components, Stream};
use serde_json::Value;

use super::spec::{ModuleSpec, SystemSpec, nearest};
use super::{Allowed, CompoundAISystem, Fault, GraphStep, NumberRange, Step, SystemError};

/// The component that holds the settings of a system: a line `key: value` for each.
pub const SETTINGS: &str = "settings";

/// The setting that names one of the description's `flows`.
const FLOW: &str = "flow";

/// What the description's `flow` is called where flows are made by evolution.
const OWN: &str = "own";

/// Keys of modules that can be searched: none that changes what a template needs.
const KEYS: [&str; 8] = ["calibrate", "choose", "format", "k", "max_tokens", "model", "temperature", "top_p"];

/// Those of them that may have a range, and whether they count something.
const NUMBERS: [(&str, bool); 4] =
    [("k", true), ("max_tokens", true), ("temperature", false), ("top_p", false)];

/// As many values of a range compete with the values of lists when a setting is changed at random.
const DRAWS: usize = 4;

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
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Setting {
    /// `module.key`, or `flow`.
    pub key: String,
    /// The values as candidates write them, in the author's order; the description's own alone where there is a range.
    pub options: Vec<String>,
    /// The numbers that it may be set to instead.
    pub range: Option<NumberRange>,
    /// Whether it may be set to any graph of modules as well ([`super::GraphStep`]).
    pub evolved: bool,
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
    let mut all: Vec<(usize, String)> = Vec::new();
    for (at, (key, value)) in lines.iter().enumerate() {
        let Some(setting) = settings.iter().find(|s| s.key == *key) else { continue };
        let drawn: Vec<String> = match &setting.range {
            Some(range) => {
                let whole = setting.is_whole();
                (0..DRAWS).map(|_| range.write(whole, range.draw(whole, rng))).collect()
            }
            None => setting.options.clone(),
        };
        all.extend(drawn.into_iter().filter(|o| o != value).map(|o| (at, o)));
    }
    let (at, value) = rng.pick(&all)?;
    lines[*at].1 = value;
    Some(write(lines))
}

/// Whether a key counts something; none for keys that are no numbers.
fn counts(key: &str) -> Option<bool> {
    let field = key.rsplit_once('.').map_or(key, |(_, field)| field);
    NUMBERS.iter().find(|(name, _)| *name == field).map(|(_, whole)| *whole)
}

impl Setting {
    /// Whether it names the flow.
    pub fn is_flow(&self) -> bool {
        self.key == FLOW
    }

    /// Whether only whole numbers are values.
    pub fn is_whole(&self) -> bool {
        counts(&self.key) == Some(true)
    }

    /// What is wrong with a value, if anything.
    fn refuses(&self, value: &str) -> Option<String> {
        let allowed = match &self.range {
            Some(range) => {
                let sound = |x: f64| range.contains(x) && (!self.is_whole() || x.fract() == 0.0);
                if value.parse().is_ok_and(sound) {
                    return None;
                }
                let whole = if self.is_whole() { "whole numbers from " } else { "" };
                format!("{whole}{} to {}", range.from, range.to)
            }
            None if self.options.iter().any(|o| o == value) => return None,
            None if self.evolved => match value.parse::<GraphStep>() {
                Ok(_) => return None,
                Err(message) => format!("{}, or a graph; {message}", self.options.join(", ")),
            },
            None => self.options.join(", "),
        };
        Some(format!("sets {} to '{value}'; allowed: {allowed}", self.key))
    }

    /// The description's own value.
    fn own(&self) -> &str {
        self.options.get(self.start.unwrap_or(0)).map_or("", String::as_str)
    }
}

impl SystemSpec {
    /// What the search sets, in the author's order, the flow last; empty where it rewrites prompts alone.
    pub fn settings(&self) -> Vec<Setting> {
        let of_module = |(key, allowed): (&String, &Allowed)| {
            let (options, start, range) = match allowed {
                Allowed::Values(values) => {
                    let own = |value: &Value| self.with(key, value).is_ok_and(|spec| spec == *self);
                    (values.iter().map(written).collect(), values.iter().position(own), None)
                }
                Allowed::Range(range) => {
                    let own = self.number(key).map(|x| x.to_string());
                    (own.into_iter().collect(), Some(0), Some(*range))
                }
            };
            Setting { key: key.clone(), options, range, evolved: false, start }
        };
        let mut options: Vec<String> = self.flows.keys().cloned().collect();
        let evolved = self.evolve.is_some();
        if evolved && options.is_empty() {
            options.push(OWN.to_owned());
        }
        let flow = Setting { key: FLOW.to_owned(), options, range: None, evolved, start: Some(0) };
        let flow = (!flow.options.is_empty()).then_some(flow);
        self.search.iter().map(of_module).chain(flow).collect()
    }

    /// The number that a module has at `module.key`.
    fn number(&self, key: &str) -> Option<f64> {
        let (module, field) = key.split_once('.')?;
        let number = serde_json::to_value(self.modules.get(module)?).ok()?.get(field)?.as_f64()?;
        // Modules hold fractions in single precision: its shortest form is what the author wrote.
        format!("{}", number as f32).parse().ok()
    }

    /// The description with one value in place of its own.
    fn with(&self, key: &str, value: &Value) -> Result<Self, String> {
        let mut spec = self.clone();
        if key == FLOW {
            let name = written(value);
            if let Some(at) = spec.flows.get_index_of(&name) {
                spec.flows.move_index(at, 0);
            } else if self.evolve.is_none() {
                return Err(format!("there is no flow '{name}'"));
            } else if name != OWN || !self.flows.is_empty() {
                let graph: GraphStep = name.parse()?;
                spec.flow = None;
                spec.flows.shift_insert(0, name, vec![Step::Graph(graph)]);
            }
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
            if let Some(refused) = setting.refuses(value) {
                return Err(refused);
            }
        }
        let mut varied: Option<Self> = None;
        for setting in settings {
            let mut given = lines.iter().filter(|(key, _)| *key == setting.key);
            let (Some((key, text)), None) = (given.next(), given.next()) else {
                return Err(format!("must set {} once", setting.key));
            };
            if *text != setting.own() {
                let value = match self.search.get(*key) {
                    Some(Allowed::Values(values)) => values.iter().find(|v| written(v) == *text).cloned(),
                    Some(Allowed::Range(_)) => serde_json::from_str(text).ok(),
                    None => None,
                };
                let spec = varied.as_ref().unwrap_or(self);
                varied = Some(spec.with(key, &value.unwrap_or_else(|| Value::from(*text)))?);
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
            // An unknown name is a fault to be told, so nothing is taken away then. Templates of graphs may name any module.
            if self.evolve.is_none() && used.iter().all(|name| self.modules.contains_key(*name)) {
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
                Step::Graph(graph) => open.extend(graph.modules()),
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
        if self.evolve.is_some() && self.flow.is_none() && self.flows.is_empty() {
            let message = "needs a flow to start from; give system.flow or system.flows";
            faults.push(fault("system.evolve".into(), message.into()));
        }
        for name in self.modules.keys().filter(|_| !self.flows.is_empty() && self.evolve.is_none()) {
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
            self.search.iter().for_each(|(key, allowed)| faults.extend(self.fault_of(key, allowed, models)));
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

    fn fault_of(&self, key: &str, allowed: &Allowed, models: &[&str]) -> Option<Fault> {
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
        let values = match allowed {
            Allowed::Values(values) => values,
            Allowed::Range(range) => return self.fault_of_range(key, range, models),
        };
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

    fn fault_of_range(&self, key: &str, range: &NumberRange, models: &[&str]) -> Option<Fault> {
        let path = format!("system.search.{key}");
        let fault = |message: String| Some(Fault { path: path.clone(), message });
        let Some(whole) = counts(key) else {
            let names: Vec<&str> = NUMBERS.iter().map(|(name, _)| *name).collect();
            return fault(format!("is no number; give a list of values. Ranges: {}", names.join(", ")));
        };
        if let Some(message) = range.fault(whole) {
            return fault(message.to_owned());
        }
        for end in [range.from, range.to] {
            let text = range.write(whole, end);
            let value = serde_json::from_str(&text).unwrap_or(Value::Null);
            let spec = match self.with(key, &value) {
                Ok(spec) => spec,
                Err(message) => return fault(format!("= {text}: {message}")),
            };
            if let Some(found) = spec.faults_of_flows(models).into_iter().next() {
                return fault(format!("= {text}: {} {}", found.path, found.message));
            }
        }
        match self.number(key) {
            Some(own) if range.contains(own) => None,
            own => fault(format!(
                "lacks the module's own value{}, from which the search starts; widen it",
                own.map(|own| format!(" {own}")).unwrap_or_default()
            )),
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
