use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use meta_traits::{BoxFuture, Cost};

use crate::{
    Embed, Embedded, Generate, Generated, InferenceError, LlmClient, Prompt, Score, Scored, StopCause, Usage,
};

mod rule;

pub use rule::Rule;

type Answering = Box<dyn Fn(&Generate) -> Option<Result<String, InferenceError>> + Send + Sync>;
type Scoring = Box<dyn Fn(&Score) -> Vec<f64> + Send + Sync>;
type Embedding = Box<dyn Fn(&str) -> Vec<f32> + Send + Sync>;

/// What a [`ScriptedClient`] was asked, in order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Asked {
    /// For text.
    Generate(Generate),
    /// For scores.
    Score(Score),
    /// For vectors.
    Embed(Embed),
}

/// A model that answers from a script: for tests, and wherever a model would be in the way.
///
/// A token is a word between white space, in prompts and answers alike. Answers keep to the request: they end before
/// the first of its `stop` texts and after its `max_tokens` words. Every request is kept for inspection.
///
/// # Determinism
/// Full, as long as the given functions are; only [`ScriptedClient::queue`] depends on the order of requests.
///
/// ```
/// use inference::{Generate, LlmClient, Prompt, Rule, ScriptedClient};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let client = ScriptedClient::rules([Rule::contains("refund", "billing"), Rule::always("other")]);
/// let request = Generate::new(Prompt::Text("Where is my refund?".into()));
/// let answer = client.generate(&request).await?;
/// assert_eq!(answer.text, "billing");
/// assert_eq!((answer.usage.tokens_in, answer.usage.tokens_out), (4, 1));
/// assert_eq!(client.asked().len(), 1);
/// # Ok::<(), inference::InferenceError>(()) }).unwrap();
/// ```
pub struct ScriptedClient {
    identity: String,
    answering: Answering,
    scoring: Option<Scoring>,
    embedding: Option<Embedding>,
    asked: Mutex<Vec<Asked>>,
}

impl ScriptedClient {
    fn of(answering: Answering) -> Self {
        Self {
            identity: "scripted".to_owned(),
            answering,
            scoring: None,
            embedding: None,
            asked: Mutex::default(),
        }
    }

    /// Answers by a function of the request.
    pub fn answering(answer: impl Fn(&Generate) -> String + Send + Sync + 'static) -> Self {
        Self::of(Box::new(move |request| Some(Ok(answer(request)))))
    }

    /// Gives the same answer to everything; labels are scored by a hash of prompt and label: arbitrary, but the same
    /// every time.
    pub fn always(answer: &str) -> Self {
        let answer = answer.to_owned();
        Self::answering(move |_| answer.clone()).scoring(|request| {
            let prompt = format!("{:?}", request.prompt);
            let score = |label: &String| {
                let hash = blake3::hash(format!("{prompt}\0{label}").as_bytes());
                -f64::from(hash.as_bytes()[0]) / 32.0 - 0.1
            };
            request.continuations.iter().map(score).collect()
        })
    }

    /// Answers by the first rule that matches; without one, [`InferenceError::Script`].
    pub fn rules(rules: impl IntoIterator<Item = Rule>) -> Self {
        let rules: Vec<Rule> = rules.into_iter().collect();
        Self::of(Box::new(move |request| {
            rules.iter().find(|rule| rule.matches(request)).map(|rule| Ok(rule.answer().to_owned()))
        }))
    }

    /// Gives these answers and failures in turn; after the last one, [`InferenceError::Script`].
    pub fn queue(answers: impl IntoIterator<Item = Result<String, InferenceError>>) -> Self {
        let queue: Mutex<VecDeque<_>> = Mutex::new(answers.into_iter().collect());
        Self::of(Box::new(move |_| locked(&queue).pop_front()))
    }

    /// The same script, scoring continuations by a function that gives one log-probability each, in nats.
    #[must_use]
    pub fn scoring(mut self, score: impl Fn(&Score) -> Vec<f64> + Send + Sync + 'static) -> Self {
        self.scoring = Some(Box::new(score));
        self
    }

    /// The same script, embedding by a function whose vectors are scaled to length 1.
    #[must_use]
    pub fn embedding(mut self, embed: impl Fn(&str) -> Vec<f32> + Send + Sync + 'static) -> Self {
        self.embedding = Some(Box::new(embed));
        self
    }

    /// The same script under another [`LlmClient::identity`].
    #[must_use]
    pub fn named(mut self, identity: impl Into<String>) -> Self {
        self.identity = identity.into();
        self
    }

    /// Every request so far, in order of arrival.
    pub fn asked(&self) -> Vec<Asked> {
        locked(&self.asked).clone()
    }

    fn note(&self, asked: Asked) {
        locked(&self.asked).push(asked);
    }

    fn answer(&self, request: &Generate) -> Result<Generated, InferenceError> {
        self.note(Asked::Generate(request.clone()));
        if request.log_probs.is_some() {
            return Err(self.offers_no("log-probabilities of written tokens (`log_probs`)"));
        }
        let text = (self.answering)(request).unwrap_or_else(|| Err(no_answer(&request.prompt)))?;
        let before_stop =
            request.stop.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| text.find(stop));
        let text = &text[..before_stop.min().unwrap_or(text.len())];
        let kept = first_words(text, request.max_tokens);
        let stop = if kept.len() < text.trim_end().len() { StopCause::Length } else { StopCause::Stop };
        Ok(Generated::new(kept, stop, Usage::new(prompt_words(&request.prompt), words(kept))))
    }

    fn judge(&self, request: &Score) -> Result<Scored, InferenceError> {
        let Some(scoring) = &self.scoring else {
            return Err(self.offers_no("scoring of labels"));
        };
        self.note(Asked::Score(request.clone()));
        let log_probs = scoring(request);
        if log_probs.len() != request.continuations.len() {
            let (given, asked) = (log_probs.len(), request.continuations.len());
            let message = format!("the scoring function gave {given} numbers for {asked} continuations");
            return Err(InferenceError::Script { message });
        }
        let tokens: Vec<u32> = request.continuations.iter().map(|text| words(text) as u32).collect();
        let read = prompt_words(&request.prompt) + tokens.iter().map(|n| u64::from(*n)).sum::<u64>();
        Ok(Scored::new(log_probs, tokens, Usage::new(read, 0)))
    }

    fn vectors(&self, request: &Embed) -> Result<Embedded, InferenceError> {
        let Some(embedding) = &self.embedding else {
            return Err(self.offers_no("embedding"));
        };
        self.note(Asked::Embed(request.clone()));
        let vectors = request.texts.iter().map(|text| unit(embedding(text))).collect();
        let read = request.texts.iter().map(|text| words(text)).sum();
        Ok(Embedded::new(vectors, Usage::new(read, 0)))
    }

    fn offers_no(&self, what: &'static str) -> InferenceError {
        InferenceError::Unsupported { what, model: self.identity.clone() }
    }
}

impl std::fmt::Debug for ScriptedClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedClient").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl LlmClient for ScriptedClient {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn generate<'a>(&'a self, request: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(async move { self.answer(request) })
    }

    fn score<'a>(&'a self, request: &'a Score) -> BoxFuture<'a, Result<Scored, InferenceError>> {
        Box::pin(async move { self.judge(request) })
    }

    fn embed<'a>(&'a self, request: &'a Embed) -> BoxFuture<'a, Result<Embedded, InferenceError>> {
        Box::pin(async move { self.vectors(request) })
    }

    fn cap(&self, request: &Generate) -> Cost {
        Cost::tokens(1, prompt_words(&request.prompt), u64::from(request.max_tokens))
    }
}

/// The guarded value, whatever became of the last holder: every change here is a single step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_answer(prompt: &Prompt) -> InferenceError {
    let start: String = rule::text_of(prompt).chars().take(80).collect();
    let message = format!("no answer for the prompt {start:?}; add a rule or lengthen the queue");
    InferenceError::Script { message }
}

fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

fn prompt_words(prompt: &Prompt) -> u64 {
    match prompt {
        Prompt::Text(text) => words(text),
        Prompt::Chat(messages) => messages.iter().map(|message| words(&message.content)).sum(),
    }
}

/// `text` up to the end of its word number `n`, or all of it.
fn first_words(text: &str, n: u32) -> &str {
    let Some(last) = (n as usize).checked_sub(1) else {
        return "";
    };
    if words(text) <= u64::from(n) {
        return text;
    }
    let end = text.split_whitespace().nth(last).map_or(0, |word| {
        // The word is a part of `text`, so the distance of their starts is its place.
        word.as_ptr() as usize - text.as_ptr() as usize + word.len()
    });
    &text[..end]
}

fn unit(vector: Vec<f32>) -> Vec<f32> {
    let norm = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    if norm > 0.0 { vector.into_iter().map(|x| (f64::from(x) / norm) as f32).collect() } else { vector }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, Role};

    fn ask(text: &str) -> Generate {
        Generate::new(Prompt::Text(text.to_owned()))
    }

    #[tokio::test]
    async fn the_first_matching_rule_answers_and_none_is_an_error() {
        let client = ScriptedClient::rules([
            Rule::exact("ping", "pong"),
            Rule::contains("pin", "sharp"),
            Rule::when(|request| request.temperature > 0.0, "warm"),
        ]);
        assert_eq!(client.generate(&ask("ping")).await.unwrap().text, "pong");
        assert_eq!(client.generate(&ask("a pin")).await.unwrap().text, "sharp");
        let error = client.generate(&ask("else")).await.unwrap_err();
        assert!(error.to_string().contains("\"else\""), "{error}");
        let warm = Generate { temperature: 0.5, ..ask("else") };
        assert_eq!(client.generate(&warm).await.unwrap().text, "warm");
        assert_eq!(client.asked().len(), 4);
        assert_eq!(client.asked()[3], Asked::Generate(warm));
    }

    #[tokio::test]
    async fn a_chat_is_matched_as_its_messages_joined_by_line_breaks() {
        let message = |role, text: &str| Message { role, content: text.to_owned() };
        let chat = Prompt::Chat(vec![message(Role::System, "be brief"), message(Role::User, "hello")]);
        let client = ScriptedClient::rules([Rule::exact("be brief\nhello", "hi")]);
        let answer = client.generate(&Generate::new(chat)).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.usage.tokens_in), ("hi", 3));
    }

    #[tokio::test]
    async fn answers_keep_to_the_limit_and_the_stop_texts() {
        let client = ScriptedClient::answering(|_| " one  two three\nfour".to_owned());
        let limited = client.generate(&Generate { max_tokens: 2, ..ask("x") }).await.unwrap();
        assert_eq!((limited.text.as_str(), limited.stop), (" one  two", StopCause::Length));
        assert_eq!(limited.usage, Usage::new(1, 2));
        let stopped = Generate { stop: vec!["\n".into(), "three".into()], ..ask("x") };
        let stopped = client.generate(&stopped).await.unwrap();
        assert_eq!((stopped.text.as_str(), stopped.stop), (" one  two ", StopCause::Stop));
        let whole = client.generate(&Generate { max_tokens: 4, ..ask("x") }).await.unwrap();
        assert_eq!((whole.text.as_str(), whole.stop), (" one  two three\nfour", StopCause::Stop));
    }

    #[tokio::test]
    async fn a_queue_gives_failures_in_turn_and_then_runs_out() {
        let failure = InferenceError::RateLimited { endpoint: "test".to_owned(), wait: None };
        let client = ScriptedClient::queue([Ok("a".to_owned()), Err(failure)]);
        assert_eq!(client.generate(&ask("x")).await.unwrap().text, "a");
        assert!(matches!(client.generate(&ask("x")).await, Err(InferenceError::RateLimited { .. })));
        assert!(matches!(client.generate(&ask("x")).await, Err(InferenceError::Script { .. })));
    }

    #[tokio::test]
    async fn scores_and_vectors_come_from_their_functions_or_are_unsupported() {
        let bare = ScriptedClient::answering(|_| String::new());
        let score = Score::new(Prompt::Text("a b".into()), vec![" yes".into(), " not at all".into()]);
        assert!(matches!(bare.score(&score).await, Err(InferenceError::Unsupported { .. })));
        let client = bare
            .scoring(|request| request.continuations.iter().map(|text| -(text.len() as f64)).collect())
            .embedding(|text| vec![3.0, 4.0 * text.len() as f32]);
        let scored = client.score(&score).await.unwrap();
        assert_eq!((scored.best(), scored.tokens, scored.usage.tokens_in), (Some(0), vec![1, 3], 6));
        let embedded = client.embed(&Embed::new(vec!["x".into()])).await.unwrap();
        assert_eq!(embedded.vectors, vec![vec![0.6, 0.8]]);
        let short = client.scoring(|_| vec![]);
        assert!(matches!(short.score(&score).await, Err(InferenceError::Script { .. })));
    }
}
