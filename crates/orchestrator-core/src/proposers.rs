//! Who writes new texts: a reflecting model, structural edits, or an outside program.

use std::sync::Arc;

use evaluation::External;
use inference::{Generate, LlmClient, Message, Prompt, Role};
use meta_traits::{BoxFuture, Classify as _, Cost, Query, Reply, Stream};
use prompt_grammar::reflect::Reflection;
use prompt_grammar::structural::Structural;

use crate::run::{Effort, Proposal, Proposer};
use crate::system::{SETTINGS, Setting, changed};

/// Sets one of a system's settings to another of its values, at no cost; prompts are left to another proposer.
///
/// Every other value of every setting is as likely as the next.
///
/// ```
/// use meta_traits::{Query, QueryId, Reply, Stream};
/// use orchestrator_core::proposers::{SettingsProposer, StructuralProposer};
/// use orchestrator_core::run::Proposer;
/// use orchestrator_core::system::{SETTINGS, SystemSpec};
/// use prompt_grammar::structural::{Bank, Structural, StructuralOptions};
/// let spec = SystemSpec::from_yaml("
/// modules: {sort: {kind: llm, model: task, prompt: 'Sort: {{ input }}'}}
/// search: {sort.temperature: [0, 0.7]}").unwrap();
/// let prompts = Structural::new(Bank::new([])?, StructuralOptions::default())?;
/// let proposer = SettingsProposer::new(spec.settings(), Box::new(StructuralProposer(prompts)));
/// let seed = [("sort", "Sort: {{ input }}"), (SETTINGS, "sort.temperature: 0")].into_iter().collect();
/// let query = Query::new(QueryId(0), SETTINGS.into(), seed, Vec::new());
/// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// let written = runtime.block_on(proposer.propose(&query, Stream::root(1)));
/// assert_eq!(written.reply, Reply::Text("sort.temperature: 0.7".into()));
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
pub struct SettingsProposer {
    settings: Vec<Setting>,
    prompts: Box<dyn Proposer>,
}

impl SettingsProposer {
    /// Sets `settings`, and leaves the prompts to `prompts`.
    pub fn new(settings: Vec<Setting>, prompts: Box<dyn Proposer>) -> Self {
        Self { settings, prompts }
    }
}

impl Proposer for SettingsProposer {
    fn propose<'a>(&'a self, query: &'a Query, mut rng: Stream) -> BoxFuture<'a, Proposal> {
        if query.component != SETTINGS {
            return self.prompts.propose(query, rng);
        }
        let text = query.candidate.get(SETTINGS).unwrap_or_default();
        let reply = match changed(&self.settings, text, &mut rng) {
            Some(text) => Reply::Text(text),
            None => Reply::Failed("no setting has another value".to_owned()),
        };
        Box::pin(std::future::ready(Proposal { reply, cost: Cost::ZERO }))
    }

    fn cap(&self, query: &Query) -> Cost {
        if query.component == SETTINGS { Cost::ZERO } else { self.prompts.cap(query) }
    }

    fn effort(&self, query: &Query) -> Effort {
        if query.component == SETTINGS { Effort::None } else { self.prompts.effort(query) }
    }
}

/// Edits of structure, without any model and at no cost.
#[derive(Clone, Debug)]
pub struct StructuralProposer(
    /// What writes.
    pub Structural,
);

impl Proposer for StructuralProposer {
    fn propose<'a>(&'a self, query: &'a Query, rng: Stream) -> BoxFuture<'a, Proposal> {
        let reply = match self.0.propose(query, rng) {
            Ok(text) => Reply::Text(text),
            Err(error) => Reply::Failed(error.to_string()),
        };
        Box::pin(std::future::ready(Proposal { reply, cost: Cost::ZERO }))
    }

    fn effort(&self, _: &Query) -> Effort {
        Effort::None
    }
}

/// A model that is shown what failed and writes a better text.
pub struct ReflectiveProposer {
    client: Arc<dyn LlmClient>,
    reflection: Reflection,
    max_tokens: u32,
}

impl ReflectiveProposer {
    /// Lets `client` write texts of up to `max_length` characters; `task` says what the system is for.
    pub fn new(client: Arc<dyn LlmClient>, task: Option<String>, max_length: usize) -> Self {
        // A token holds about four characters of English; half of that leaves room for every other language.
        let max_tokens = u32::try_from(max_length / 2).unwrap_or(u32::MAX).max(64);
        Self { client, reflection: Reflection::new(task, max_length), max_tokens }
    }

    fn request(&self, query: &Query, seed: u64) -> Generate {
        let content = self.reflection.render(query);
        let mut request = Generate::new(Prompt::Chat(vec![Message { role: Role::User, content }]));
        request.max_tokens = self.max_tokens;
        request.temperature = 0.7;
        request.seed = seed;
        request
    }
}

impl Proposer for ReflectiveProposer {
    fn propose<'a>(&'a self, query: &'a Query, rng: Stream) -> BoxFuture<'a, Proposal> {
        Box::pin(async move {
            let request = self.request(query, rng.key());
            match self.client.generate(&request).await {
                Ok(answer) => {
                    let reply = match self.reflection.parse(&answer.text, query) {
                        Ok(text) => Reply::Text(text),
                        Err(error) => Reply::Failed(error.to_string()),
                    };
                    Proposal { reply, cost: answer.usage.cost() }
                }
                Err(error) => Proposal { reply: Reply::Failed(error.to_string()), cost: Cost::ZERO },
            }
        })
    }

    fn cap(&self, query: &Query) -> Cost {
        self.client.cap(&self.request(query, 0))
    }

    fn effort(&self, query: &Query) -> Effort {
        Effort::Request { characters: self.reflection.render(query).chars().count() }
    }
}

/// The evaluator program, where it offers to propose.
pub struct ExternalProposer(
    /// The program.
    pub Arc<External>,
);

impl Proposer for ExternalProposer {
    fn propose<'a>(&'a self, query: &'a Query, rng: Stream) -> BoxFuture<'a, Proposal> {
        Box::pin(async move {
            match self.0.propose(query, rng.key()).await {
                Ok((text, cost)) => Proposal { reply: Reply::Text(text), cost },
                Err(error) => {
                    let kind = error.kind();
                    Proposal { reply: Reply::Failed(format!("{error} ({kind:?})")), cost: Cost::ZERO }
                }
            }
        })
    }
}
