//! Runs a flow.

use futures_util::future::join_all;
use meta_traits::{BoxFuture, Components, Cost, Stream};

use super::compound::{CompoundAISystem, Prompts};
use super::graph::{VOTE, Walk};
use super::scope::{Reply, Scope};
use super::spec::ModuleSpec;
use super::template::Template;
use super::{BranchStep, Execution, Failure, GraphStep, ModuleTrace, RefineStep, Step, SystemError};

/// What one execution works with.
pub(super) struct Run<'a> {
    pub(super) system: &'a CompoundAISystem,
    pub(super) prompts: &'a Prompts,
    pub(super) input: &'a serde_json::Value,
    pub(super) stream: &'a Stream,
    pub(super) trace: bool,
}

/// What one execution has done so far.
#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) scope: Scope,
    pub(super) trace: Vec<ModuleTrace>,
    pub(super) cost: Cost,
}

impl State {
    /// The same values, nothing done yet.
    fn fork(&self) -> Self {
        Self { scope: self.scope.clone(), ..Self::default() }
    }
}

impl CompoundAISystem {
    /// Runs the system on one input with the prompts of `candidate`.
    ///
    /// All sampling seeds come from `stream`; with `trace`, every module call is reported. Dropping the future stops
    /// model calls and kills tools.
    ///
    /// # Errors
    /// [`Failure`] holds the reason and what was spent until then.
    pub async fn run(
        &self,
        candidate: &Components,
        input: &serde_json::Value,
        stream: &Stream,
        trace: bool,
    ) -> Result<Execution, Box<Failure>> {
        let varied = self.varied(candidate).map_err(Failure::free)?;
        varied.as_deref().unwrap_or(self).run_here(candidate, input, stream, trace).await
    }

    /// Runs this system, whatever the settings.
    async fn run_here(
        &self,
        candidate: &Components,
        input: &serde_json::Value,
        stream: &Stream,
        trace: bool,
    ) -> Result<Execution, Box<Failure>> {
        let prompts = self.prompts(candidate).map_err(Failure::free)?;
        let scope = self.scope(input).map_err(Failure::free)?;
        let run = Run { system: self, prompts: &prompts, input, stream, trace };
        let mut state = State { scope, ..State::default() };
        let result = match run.steps(&self.steps, "system.flow", &mut state).await {
            Ok(()) => run.output(&state),
            Err(error) => Err(error),
        };
        let State { trace, cost, .. } = state;
        match result {
            Ok(output) => Ok(Execution { output, trace, cost }),
            Err(error) => Err(Box::new(Failure { error, cost, trace })),
        }
    }
}

impl Run<'_> {
    fn output(&self, state: &State) -> Result<String, SystemError> {
        match &self.system.output {
            Some(template) => render("system.output", template, state),
            None => Ok(state.scope.last().unwrap_or_default().to_owned()),
        }
    }

    fn steps<'s>(
        &'s self,
        steps: &'s [Step],
        path: &'s str,
        state: &'s mut State,
    ) -> BoxFuture<'s, Result<(), SystemError>> {
        Box::pin(async move {
            let mut at = 0;
            while at < steps.len() {
                let side_by_side = self.independent(&steps[at..]);
                if side_by_side.len() > 1 {
                    self.together(&side_by_side, state).await?;
                    at += side_by_side.len();
                    continue;
                }
                match &steps[at] {
                    Step::Module(name) => self.module(name, state).await?,
                    Step::Vote(vote) => self.sample(&vote.of, vote.samples, state).await?,
                    Step::Refine(refine) => self.refine(refine, state).await?,
                    Step::Branch(branch) => self.branch(branch, &format!("{path}[{at}]"), state).await?,
                    Step::Graph(graph) => self.graph(graph, state).await?,
                }
                at += 1;
            }
            Ok(())
        })
    }

    /// The names at the start of `steps` that can run at the same time: plain modules that do not use each other.
    fn independent<'s>(&self, steps: &'s [Step]) -> Vec<&'s str> {
        let mut group: Vec<&str> = Vec::new();
        for step in steps {
            let Step::Module(name) = step else { break };
            let Some(part) = self.system.parts.get(name) else { break };
            let template = self.prompts.get(name).or(part.template.as_ref());
            let waits = template.is_some_and(|t| t.variables().any(|v| group.contains(&v)));
            let plain = !matches!(part.spec, ModuleSpec::Vote(_) | ModuleSpec::Route(_));
            if waits || !plain || group.contains(&name.as_str()) {
                break;
            }
            group.push(name);
        }
        group
    }

    /// Runs modules at the same time; their effects take place in order. All end before a failure is reported.
    async fn together(&self, names: &[&str], state: &mut State) -> Result<(), SystemError> {
        let runs = names.iter().map(|name| {
            let mut own = state.fork();
            async move {
                let result = self.module(name, &mut own).await;
                (own, result)
            }
        });
        let mut failed = None;
        for (name, (own, result)) in names.iter().zip(join_all(runs).await) {
            state.cost += own.cost;
            state.trace.extend(own.trace);
            match result {
                Ok(()) => {
                    if let Some(reply) = own.scope.reply(name) {
                        state.scope.put(name, reply);
                    }
                    state.scope.count(name, 1);
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Runs one module, and first those members of a vote or route that have not run.
    fn module<'s>(&'s self, name: &'s str, state: &'s mut State) -> BoxFuture<'s, Result<(), SystemError>> {
        Box::pin(async move {
            let Some(part) = self.system.parts.get(name) else { return Ok(()) };
            let reply = match &part.spec {
                ModuleSpec::Vote(vote) => {
                    for member in &vote.of {
                        self.if_needed(member, state).await?;
                    }
                    let texts: Vec<&str> = vote.of.iter().filter_map(|m| state.scope.text(m)).collect();
                    let winner = majority(&texts).unwrap_or_default().to_owned();
                    let inputs = named(&vote.of, state);
                    self.note(
                        state,
                        ModuleTrace {
                            module: name.to_owned(),
                            inputs,
                            output: winner.clone(),
                            ..ModuleTrace::default()
                        },
                    );
                    Reply::text(winner)
                }
                ModuleSpec::Route(route) => {
                    let Some(template) = &part.template else { return Ok(()) };
                    let value = render(name, template, state)?;
                    let Some(targets) = route.cases.get(value.trim()).or(route.default.as_ref()) else {
                        return Err(SystemError::NoCase { place: format!("module '{name}'"), value });
                    };
                    for target in targets {
                        self.if_needed(target, state).await?;
                    }
                    let last = targets.last().and_then(|t| state.scope.reply(t));
                    let reply = last.unwrap_or_else(|| Reply::text(""));
                    let inputs = named(targets, state);
                    self.note(
                        state,
                        ModuleTrace {
                            module: name.to_owned(),
                            inputs,
                            prompt: value,
                            output: reply.text.clone(),
                            ..ModuleTrace::default()
                        },
                    );
                    reply
                }
                _ => {
                    let call = state.scope.calls(name);
                    let (trace, reply) = self.invoke(name, part, &state.scope, call).await;
                    state.cost += trace.cost;
                    self.note(state, trace);
                    reply?
                }
            };
            state.scope.count(name, 1);
            state.scope.put(name, reply);
            Ok(())
        })
    }

    async fn if_needed(&self, name: &str, state: &mut State) -> Result<(), SystemError> {
        if state.scope.text(name).is_none() { self.module(name, state).await } else { Ok(()) }
    }

    fn note(&self, state: &mut State, trace: ModuleTrace) {
        if self.trace {
            state.trace.push(trace);
        }
    }

    /// Calls one module `samples` times at the same time, each with its own seed, and keeps the majority.
    async fn sample(&self, name: &str, samples: u32, state: &mut State) -> Result<(), SystemError> {
        let Some(part) = self.system.parts.get(name) else { return Ok(()) };
        let first = state.scope.calls(name);
        let scope = state.scope.clone();
        let calls = (0..u64::from(samples)).map(|i| self.invoke(name, part, &scope, first + i));
        let (mut texts, mut failed) = (Vec::new(), None);
        for (trace, reply) in join_all(calls).await {
            state.cost += trace.cost;
            self.note(state, trace);
            match reply {
                Ok(reply) => texts.push(reply.text),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        state.scope.count(name, u64::from(samples));
        state.scope.put(name, Reply::text(majority(&texts).unwrap_or_default()));
        Ok(())
    }

    async fn refine(&self, step: &RefineStep, state: &mut State) -> Result<(), SystemError> {
        state.scope.set("draft", "");
        state.scope.set("critique", "");
        let own = match self.system.parts.get(&step.critique).map(|p| &p.spec) {
            Some(ModuleSpec::Verify(verify)) => Some(verify.accept.as_str()),
            _ => None,
        };
        for _ in 0..step.max_rounds {
            self.module(&step.draft, state).await?;
            let draft = state.scope.text(&step.draft).unwrap_or_default().to_owned();
            state.scope.set("draft", &draft);
            self.module(&step.critique, state).await?;
            let critique = state.scope.text(&step.critique).unwrap_or_default().to_owned();
            let accepted = match (own, &step.accept) {
                (Some(own), _) => critique == own,
                (None, Some(start)) => starts_with(&critique, start),
                (None, None) => false,
            };
            if accepted {
                break;
            }
            state.scope.set("critique", &critique);
        }
        if let Some(draft) = state.scope.reply(&step.draft) {
            state.scope.put(&step.draft, draft);
        }
        Ok(())
    }

    /// Runs the modules of a graph one after another, each with what it reads.
    async fn graph(&self, graph: &GraphStep, state: &mut State) -> Result<(), SystemError> {
        let mut walk = Walk::new(&self.system.spec, graph, false);
        for vertex in graph.vertices() {
            if vertex.module == VOTE {
                walk.vote(vertex, |drafts| majority(drafts).map(str::to_owned));
                continue;
            }
            let mut own = State { scope: walk.scope(vertex, &state.scope), ..State::default() };
            let result = self.module(&vertex.module, &mut own).await;
            state.cost += own.cost;
            state.trace.append(&mut own.trace);
            result?;
            state.scope.count(&vertex.module, 1);
            walk.take(vertex, own.scope.reply(&vertex.module).unwrap_or_else(|| Reply::text("")));
        }
        let (answer, scope) = walk.end(&state.scope);
        state.scope = scope;
        state.scope.put("draft", Reply::text(answer));
        Ok(())
    }

    async fn branch(&self, branch: &BranchStep, path: &str, state: &mut State) -> Result<(), SystemError> {
        let path = format!("{path}.branch");
        let template = Template::parse(&branch.on)
            .map_err(|fault| SystemError::Spec { path: format!("{path}.on"), message: fault.to_string() })?;
        let value = render(&path, &template, state)?;
        match branch.cases.get_key_value(value.trim()) {
            Some((case, steps)) => self.steps(steps, &format!("{path}.cases.{case}"), state).await,
            None => match &branch.default {
                Some(steps) => self.steps(steps, &format!("{path}.default"), state).await,
                None => Err(SystemError::NoCase { place: path, value }),
            },
        }
    }
}

fn named(modules: &[String], state: &State) -> Vec<(String, String)> {
    modules.iter().map(|name| (name.clone(), state.scope.text(name).unwrap_or_default().to_owned())).collect()
}

pub(super) fn render(place: &str, template: &Template, state: &State) -> Result<String, SystemError> {
    template
        .render(&state.scope.values())
        .map_err(|message| SystemError::Render { module: place.to_owned(), message })
}

/// The most frequent text, outer blanks ignored; the first of equals.
fn majority<'t>(texts: &[&'t str]) -> Option<&'t str> {
    let mut best: Option<(usize, &str)> = None;
    for text in texts {
        let votes = texts.iter().filter(|other| other.trim() == text.trim()).count();
        if best.is_none_or(|(most, _)| votes > most) {
            best = Some((votes, text.trim()));
        }
    }
    best.map(|(_, text)| text)
}

/// Whether `text` starts with `start` in any case, outer blanks ignored.
pub(super) fn starts_with(text: &str, start: &str) -> bool {
    text.trim().to_lowercase().starts_with(&start.trim().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::majority;

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(majority(&["a", "b", " b ", "a"]), Some("a"));
        assert_eq!(majority(&["c", "b", "b\n"]), Some("b"));
        assert_eq!(majority(&[]), None);
    }
}
