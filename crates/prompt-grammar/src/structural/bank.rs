use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use meta_traits::{ExampleId, Split};

use crate::PromptError;

/// More distinct answers than this are no labels.
const MOST_LABELS: usize = 30;

/// Training examples that prompts may show, and what is known of the task.
///
/// ```
/// use meta_traits::{ExampleId, Split};
/// use prompt_grammar::structural::Bank;
/// let item = |i, text: &str, label: &str| (ExampleId::new(Split::Train, i), text.into(), label.into());
/// let bank = Bank::new(vec![
///     item(0, "I paid twice", "billing"),
///     item(1, "No login", "access"),
///     item(2, "Refund?", "billing"),
///     item(3, "Password lost", "access"),
/// ])?;
/// assert_eq!(bank.labels(), ["billing", "access"]);
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bank {
    items: BTreeMap<ExampleId, Item>,
    labels: Vec<String>,
    task: Option<String>,
    placeholder: String,
    components: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) input: String,
    pub(super) answer: String,
}

impl Bank {
    /// A bank of (example, input, expected answer).
    ///
    /// Where there are 2 to 30 distinct answers, each given twice on average, they are taken for labels, in the order
    /// of their first example. Examples without input or answer are left out: they could not be shown.
    ///
    /// # Errors
    /// [`PromptError::Examples`] when an example is not of the training split: prompts may show no others.
    pub fn new(items: impl IntoIterator<Item = (ExampleId, String, String)>) -> Result<Self, PromptError> {
        let mut kept = BTreeMap::new();
        for (example, input, answer) in items {
            if example.split != Split::Train {
                let why = "which is no training example; prompts may show no others";
                return Err(PromptError::Examples { list: "the bank", example, why });
            }
            let (input, answer) = (input.trim().to_string(), answer.trim().to_string());
            if !input.is_empty() && !answer.is_empty() {
                kept.insert(example, Item { input, answer });
            }
        }
        let labels = labels_of(kept.values());
        Ok(Self { items: kept, labels, task: None, placeholder: "input".into(), components: None })
    }

    /// The same bank with these labels, for instance those that a data set declares.
    #[must_use]
    pub fn with_labels(mut self, labels: Vec<String>) -> Self {
        self.labels = labels;
        self
    }

    /// The same bank with an instruction that says what the task is, such as `Assign the ticket to a team.`
    #[must_use]
    pub fn with_task(mut self, task: impl Into<String>) -> Self {
        self.task = Some(task.into().trim().to_string());
        self
    }

    /// The same bank with another name of the placeholder its inputs stand for; the default is `input`.
    #[must_use]
    pub fn with_placeholder(mut self, name: impl Into<String>) -> Self {
        self.placeholder = name.into();
        self
    }

    /// The same bank for these components alone: those that give the system's answer. Prompts of other components,
    /// whose answers the data does not hold, get no examples, labels or task. The default is every component.
    #[must_use]
    pub fn with_components(mut self, names: Vec<String>) -> Self {
        self.components = Some(names);
        self
    }

    /// This bank where it fits `component`, else one that is empty.
    pub(super) fn of_component(&self, component: &str) -> Cow<'_, Self> {
        let fits = self.components.as_ref().is_none_or(|names| names.iter().any(|n| n == component));
        if fits {
            return Cow::Borrowed(self);
        }
        let (items, labels) = (BTreeMap::new(), Vec::new());
        Cow::Owned(Self {
            items,
            labels,
            task: None,
            placeholder: self.placeholder.clone(),
            components: None,
        })
    }

    /// The labels of the task; empty where answers are free.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    pub(super) fn task(&self) -> Option<&str> {
        self.task.as_deref().filter(|t| !t.is_empty())
    }

    pub(super) fn placeholder(&self) -> &str {
        &self.placeholder
    }

    pub(super) fn items(&self) -> impl Iterator<Item = (&ExampleId, &Item)> {
        self.items.iter()
    }

    pub(super) fn item(&self, example: ExampleId) -> Option<&Item> {
        self.items.get(&example)
    }
}

fn labels_of<'a>(items: impl Iterator<Item = &'a Item>) -> Vec<String> {
    let (mut labels, mut seen, mut n) = (Vec::new(), BTreeSet::new(), 0);
    for item in items {
        n += 1;
        if seen.insert(item.answer.as_str()) {
            labels.push(item.answer.clone());
        }
    }
    if (2..=MOST_LABELS).contains(&labels.len()) && labels.len() * 2 <= n { labels } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(split: Split, i: u32, answer: &str) -> (ExampleId, String, String) {
        (ExampleId::new(split, i), format!("input {i}"), answer.into())
    }

    #[test]
    fn other_splits_are_refused() {
        for split in [Split::Val, Split::Test] {
            let fault = Bank::new([item(split, 4, "a")]).unwrap_err().to_string();
            assert!(fault.contains(&format!("{}/4", split.name())), "{fault}");
        }
    }

    #[test]
    fn free_answers_are_no_labels() {
        let free: Vec<_> = (0..10).map(|i| item(Split::Train, i, &i.to_string())).collect();
        assert!(Bank::new(free).unwrap().labels().is_empty());
        let two: Vec<_> = (0..4).map(|i| item(Split::Train, i, ["a", "b"][i as usize % 2])).collect();
        assert_eq!(Bank::new(two).unwrap().labels(), ["a", "b"]);
        assert!(Bank::new([item(Split::Train, 0, "")]).unwrap().items().next().is_none());
    }
}
