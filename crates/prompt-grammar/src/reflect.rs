//! Asking a language model for a better text: the request and the reading of its reply.

use meta_traits::{Query, Scored};

use crate::{PromptError, placeholder};

/// Turns a [`Query`] into a request for an instruction-following model, and its reply into a new text.
///
/// Both are pure functions of their arguments. The request shows the present text, what happened on each example
/// (score, and the notes on the component), and asks for the new text in a fenced block.
///
/// ```
/// use meta_traits::{Components, Query, QueryId};
/// use prompt_grammar::Reflection;
/// let candidate: Components = [("sort", "Sort: {{ input }}")].into_iter().collect();
/// let query = Query::new(QueryId(0), "sort".into(), candidate, Vec::new());
/// let reflection = Reflection::new(Some("Sort support tickets.".into()), 2000);
/// assert!(reflection.render(&query).contains("{{ input }}"));
/// let new = reflection.parse("Here it is:\n```text\nSort by team: {{ input }}\n```", &query)?;
/// assert_eq!(new, "Sort by team: {{ input }}");
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reflection {
    task: Option<String>,
    max_length: usize,
}

impl Reflection {
    /// `task` says what the whole system is for; `max_length` is the number of characters a new text may have.
    pub fn new(task: Option<String>, max_length: usize) -> Self {
        Self { task, max_length }
    }

    /// The request.
    pub fn render(&self, query: &Query) -> String {
        let text = query.candidate.get(&query.component).unwrap_or_default();
        let fence = "`".repeat(longest_ticks(text).max(2) + 1);
        let name = &query.component;
        let mut out = vec![format!(
            "You improve the prompt of '{name}', one step of a system that uses language models.\n"
        )];
        if let Some(task) = &self.task {
            out.push(format!("The system's task: {}\n", task.trim()));
        }
        out.push(format!("\nThe present prompt:\n{fence}\n{text}\n{fence}\n\n"));
        out.push(evidence(query));
        out.push(
            "\nFind out what the failures have in common. Then write a better prompt: say what the task is, what \
                form the answer must have, and every fact or rule that the remarks reveal and the prompt lacks. Keep \
                what works. Do not mention these examples as such.\n"
            .into());
        let kept = placeholder::find(text);
        if !kept.is_empty() {
            let list: Vec<&str> = kept.iter().map(|p| &text[p.at.clone()]).collect();
            out.push(format!(
                "The prompt is a template. Keep each of these placeholders exactly as often as it is there now, \
                 letter for letter, and add no others: {}\n",
                list.join("  ")
            ));
        }
        out.push(format!(
            "Use at most {} characters. Answer with the new prompt only, inside one block that opens and closes with \
             {fence} on lines of their own.\n",
            self.max_length
        ));
        out.concat()
    }

    /// The new text in `reply`: the last fenced block without its language tag, or all of it where there is none.
    ///
    /// # Errors
    /// [`PromptError::EmptyReply`], [`PromptError::TooLong`], and [`PromptError::Placeholders`] when the placeholders
    /// are not those of the present text, each as often as there.
    pub fn parse(&self, reply: &str, query: &Query) -> Result<String, PromptError> {
        let component = || query.component.clone();
        let text = last_block(reply).unwrap_or_else(|| reply.trim().to_string());
        if text.is_empty() {
            return Err(PromptError::EmptyReply { component: component() });
        }
        let length = text.chars().count();
        if length > self.max_length {
            return Err(PromptError::TooLong { component: component(), length, limit: self.max_length });
        }
        let old = query.candidate.get(&query.component).unwrap_or_default();
        let (missing, surplus) = placeholder::difference(old, &text);
        if !missing.is_empty() || !surplus.is_empty() {
            let (missing, surplus) = (missing.join(", "), surplus.join(", "));
            return Err(PromptError::Placeholders { component: component(), missing, surplus });
        }
        Ok(text)
    }
}

/// What happened, example by example; the worst first, of equals in the order given.
fn evidence(query: &Query) -> String {
    let mut seen: Vec<_> = query.evidence.iter().collect();
    seen.sort_by(|a, b| a.score.total_cmp(&b.score));
    let block = |(i, scored): (usize, &&Scored)| {
        let notes = scored.notes.iter().filter(|n| n.component == query.component);
        let remarks: Vec<String> =
            notes.flat_map(|n| n.text.trim().lines()).map(|line| format!("  {line}\n")).collect();
        let remarks = if remarks.is_empty() { "  no remark on this step\n".into() } else { remarks.concat() };
        format!("Example {}: score {:.2}\n{remarks}", i + 1, scored.score)
    };
    let blocks: Vec<String> = seen.iter().enumerate().map(block).collect();
    if blocks.is_empty() {
        "There are no examples yet.\n".into()
    } else {
        format!("What happened with it:\n{}", blocks.concat())
    }
}

fn longest_ticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// The last block between lines that open and close with three or more backticks. A block that is not closed goes to
/// the end; a block on one line counts.
fn last_block(reply: &str) -> Option<String> {
    let mut found = None;
    let mut open: Option<(usize, Vec<&str>)> = None;
    for line in reply.lines() {
        let bare = line.trim();
        let ticks = bare.len() - bare.trim_start_matches('`').len();
        match &mut open {
            Some((width, lines)) => {
                if ticks >= *width && ticks == bare.len() {
                    found = Some(lines.join("\n"));
                    open = None;
                } else {
                    lines.push(line);
                }
            }
            None if ticks >= 3 => {
                let rest = &bare[ticks..];
                match rest.strip_suffix(&bare[..ticks]) {
                    Some(inline) if !inline.is_empty() => found = Some(inline.to_string()),
                    // One word after the opening is the language; more is text.
                    _ if rest.trim().contains(char::is_whitespace) => open = Some((ticks, vec![rest])),
                    _ => open = Some((ticks, Vec::new())),
                }
            }
            None => {}
        }
    }
    let unclosed = open.map(|(_, lines)| lines.join("\n")).filter(|text| !text.trim().is_empty());
    unclosed.or(found).map(|text| text.trim().to_string())
}

#[cfg(test)]
mod tests {
    use meta_traits::{Components, Draw, ExampleId, Note, QueryId, Split};

    use super::*;

    fn query(text: &str) -> Query {
        let candidate: Components = [("a", text), ("b", "other")].into_iter().collect();
        let scored = |i: u32, score: f32, notes: &[(&str, &str)]| {
            let mut s = Scored::new(Draw { example: ExampleId::new(Split::Train, i), repeat: 0 }, score);
            s.notes = notes.iter().map(|(c, t)| Note { component: (*c).into(), text: (*t).into() }).collect();
            s
        };
        let evidence =
            vec![scored(0, 1.0, &[]), scored(1, 0.0, &[("a", "input: x\nexpected: y"), ("b", "not for a")])];
        Query::new(QueryId(3), "a".into(), candidate, evidence)
    }

    #[test]
    fn the_request_shows_text_evidence_and_placeholders() {
        let text = "Do `this`:\n```\n{{input}}\n```";
        let request = Reflection::new(Some("sorting".into()), 700).render(&query(text));
        assert!(
            request.contains(&format!("````\n{text}\n````")),
            "the fence is longer than any inside: {request}"
        );
        let worst = "What happened with it:\nExample 1: score 0.00\n  input: x\n  expected: y\nExample 2: score 1.00\n";
        assert!(request.contains(worst), "{request}");
        assert!(!request.contains("not for a"));
        assert!(request.contains("no others: {{input}}\n"));
        assert!(request.contains("700 characters"));
        assert!(request.contains("sorting"));
    }

    #[track_caller]
    fn check(reply: &str, text: &str) {
        let parsed = Reflection::new(None, 40).parse(reply, &query("{{ x }}"));
        assert_eq!(parsed.unwrap_or_else(|e| e.to_string()), text);
    }

    #[test]
    fn replies_are_read_in_every_usual_form() {
        check("New {{ x }}.", "New {{ x }}.");
        check("```\nNew {{ x }}\n```", "New {{ x }}");
        check("Sure:\n```markdown\nNew\n\n{{x}}\n```\nGood luck!", "New\n\n{{x}}");
        check("```\nold\n```\nthen\n````text\n```\n{{ x }}\n```\n````", "```\n{{ x }}\n```");
        check("```\nNot closed {{ x }}", "Not closed {{ x }}");
        check("```Inline {{ x }}```", "Inline {{ x }}");
        check("```Text at once {{ x }}\nmore\n```", "Text at once {{ x }}\nmore");
    }

    #[test]
    fn unusable_replies_are_refused_by_name() {
        check(" \n", "prompt: the reply for 'a' has no text; ask again, or use a stronger model");
        check("```\n\n```", "prompt: the reply for 'a' has no text; ask again, or use a stronger model");
        check(
            "New {{ y }}",
            "prompt: the new text of 'a' must keep its placeholders: missing [{{ x }}], surplus [{{ y }}]; ask again",
        );
        check(
            "{{ x }} {{ x }}",
            "prompt: the new text of 'a' must keep its placeholders: missing [], surplus [{{ x }}]; ask again",
        );
        let long = "é".repeat(41);
        check(&long, "prompt: the new text of 'a' has 41 characters; at most 40 are allowed");
    }
}
