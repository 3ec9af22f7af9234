use std::borrow::Cow;

use crate::{Generate, Prompt};

type Condition = Box<dyn Fn(&Generate) -> bool + Send + Sync>;

/// A condition on a request and the answer it gets.
///
/// The text of a chat is its messages joined by line breaks.
pub struct Rule {
    condition: Condition,
    answer: String,
}

impl Rule {
    /// Answers prompts whose text is `text`.
    pub fn exact(text: impl Into<String>, answer: impl Into<String>) -> Self {
        let text = text.into();
        Self::when(move |request| text_of(&request.prompt) == text, answer)
    }

    /// Answers prompts that contain `text`.
    pub fn contains(text: impl Into<String>, answer: impl Into<String>) -> Self {
        let text = text.into();
        Self::when(move |request| text_of(&request.prompt).contains(&text), answer)
    }

    /// Answers every prompt.
    pub fn always(answer: impl Into<String>) -> Self {
        Self::when(|_| true, answer)
    }

    /// Answers requests of which `condition` is true.
    pub fn when(
        condition: impl Fn(&Generate) -> bool + Send + Sync + 'static,
        answer: impl Into<String>,
    ) -> Self {
        Self { condition: Box::new(condition), answer: answer.into() }
    }

    pub(super) fn matches(&self, request: &Generate) -> bool {
        (self.condition)(request)
    }

    pub(super) fn answer(&self) -> &str {
        &self.answer
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("answer", &self.answer).finish_non_exhaustive()
    }
}

pub(super) fn text_of(prompt: &Prompt) -> Cow<'_, str> {
    match prompt {
        Prompt::Text(text) => Cow::Borrowed(text),
        Prompt::Chat(messages) => {
            let contents: Vec<&str> = messages.iter().map(|message| message.content.as_str()).collect();
            Cow::Owned(contents.join("\n"))
        }
    }
}
