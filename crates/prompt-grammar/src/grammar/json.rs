//! The JSON form of grammars: that of a [`super::Draft`].

use super::{Draft, Grammar, GrammarError};

impl Grammar {
    /// Reads a grammar in its JSON form.
    ///
    /// The form is that of a [`Draft`]: `{"start": "a", "attributes": [..], "rules": [{"name": "a", "choice": [{"parts":
    /// [{"text": "x"}, {"rule": "b"}]}]}, ..]}`.
    ///
    /// # Errors
    /// [`GrammarError::Syntax`] with line and column, and what [`Draft::build`] refuses.
    ///
    /// ```
    /// use prompt_grammar::Grammar;
    /// let text = r#"{"start": "a", "rules": [{"name": "a", "choice": [{"parts": [{"text": "x"}]}]}]}"#;
    /// let grammar = Grammar::from_json(text)?;
    /// assert_eq!(Grammar::from_json(&grammar.to_json())?, grammar);
    /// # Ok::<(), prompt_grammar::GrammarError>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, GrammarError> {
        let draft: Draft = serde_json::from_str(text).map_err(|e| GrammarError::Syntax {
            format: "JSON",
            line: e.line(),
            column: e.column(),
            message: e.to_string().split(" at line ").next().unwrap_or_default().to_string(),
        })?;
        draft.build()
    }

    /// The JSON form, with two spaces of indentation.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&self.draft()).unwrap_or_default()
    }
}
