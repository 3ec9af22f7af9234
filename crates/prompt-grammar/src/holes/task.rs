use super::{Copies, FillRules, read_reply, request};
use crate::grammar::{Body, Grammar, HoleKind};
use crate::tree::Tree;

/// Tokens asked for where a hole sets no limit.
const USUAL: usize = 120;

/// A hole of a derivation that a language model is asked to fill anew.
///
/// ```
/// use prompt_grammar::holes::{Copies, FillTask};
/// use prompt_grammar::library::Library;
/// use prompt_grammar::outline::Outline;
/// let outline = Outline::parse("You are a clerk.\n\nSort {{ input }}.");
/// let (grammar, tree) = outline.grammar(&Library::empty())?;
/// let tasks = FillTask::all(&grammar, &tree);
/// assert_eq!(tasks.len(), 1, "the text with the placeholder is protected");
/// let request = tasks[0].request(2, &[("no invoice came", "billing", "access")]);
/// assert!(request.contains("You are a clerk."));
/// let reply = r#"["You know every team.", "no invoice came to {{ input }}"]"#;
/// let fills = tasks[0].admitted(reply, &Copies::default());
/// assert_eq!(fills, ["You know every team."]);
/// let new = tasks[0].written(&tree, &fills[0]);
/// assert_eq!(new.render(&grammar), "You know every team.\n\nSort {{ input }}.");
/// # Ok::<(), prompt_grammar::GrammarError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FillTask {
    /// The node of the hole.
    pub node: usize,
    /// Its kind.
    pub kind: HoleKind,
    /// Tokens it takes.
    pub most: usize,
    /// What stands there.
    pub old: String,
}

impl FillTask {
    /// The holes of a derivation that may be filled anew, in order.
    pub fn all(grammar: &Grammar, tree: &Tree) -> Vec<Self> {
        let task = |node: usize| match &grammar.rule(tree.nodes()[node].rule)?.body {
            Body::Hole(hole) if !hole.protected => {
                let old = tree.fill(node, grammar)?.to_string();
                Some(Self { node, kind: hole.kind, most: hole.most, old })
            }
            _ => None,
        };
        (0..tree.nodes().len()).filter_map(task).collect()
    }

    /// What to ask the model: `n` fills in the light of failures (input, wanted, given).
    pub fn request(&self, n: usize, failures: &[(&str, &str, &str)]) -> String {
        request(self.kind, &self.old, n, self.most.min(USUAL), failures)
    }

    /// The fills of a reply that may enter, each repaired once if it must be; distinct, and other than what stands there.
    /// Nothing that a reply holds is an error.
    pub fn admitted(&self, reply: &str, copies: &Copies) -> Vec<String> {
        let rules = FillRules { kind: self.kind, most: self.most, old: &self.old, copies };
        let mut out: Vec<String> = Vec::new();
        for text in read_reply(reply) {
            if let Ok(text) = rules.admit(&text)
                && text != self.old
                && !out.contains(&text)
            {
                out.push(text);
            }
        }
        out
    }

    /// The derivation with this text in the hole.
    pub fn written(&self, tree: &Tree, text: &str) -> Tree {
        let mut new = tree.clone();
        if self.node < new.nodes().len() {
            new.write(self.node, text.to_string());
        }
        new
    }
}
