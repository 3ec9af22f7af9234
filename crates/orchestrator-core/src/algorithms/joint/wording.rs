use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::posterior::FeatureId;

/// The clauses that texts of one component are made of: for every topic the lines that some text has on it.
///
/// A line whose start up to `=` or `:` occurs once in its text is on the topic of that name; any other line is a topic of
/// its own, present or absent. Blank lines belong to the line before them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Wording {
    topics: Vec<Topic>,
    numbers: BTreeMap<String, usize>,
    /// How often complaints asked for a line, whether or not some text has it.
    wanted: BTreeMap<String, u32>,
    /// Texts read.
    texts: usize,
}

/// What a text says: on which topics, in order, and what on each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Reading {
    pub(super) order: Vec<usize>,
    pub(super) choices: Choices,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Topic {
    name: String,
    lines: Vec<Line>,
    /// Whether some text says nothing on it.
    optional: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    text: String,
    clause: FeatureId,
    /// Complaints that name its topic while it stood there, of all complaints while it stood there.
    blamed: u32,
    exposed: u32,
}

/// For each topic the number of a line, or `None`; topics found later count as `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Choices(Vec<Option<usize>>);

impl Choices {
    pub(super) fn get(&self, topic: usize) -> Option<usize> {
        self.0.get(topic).copied().flatten()
    }
    pub(super) fn set(&mut self, topic: usize, line: Option<usize>) {
        if self.0.len() <= topic {
            self.0.resize(topic + 1, None);
        }
        self.0[topic] = line;
        while self.0.last() == Some(&None) {
            self.0.pop();
        }
    }
}

/// What complaints say of a clause: how strongly it is asked for, how often it is complained of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hearsay {
    pub(super) clause: FeatureId,
    pub(super) wanted: f64,
    pub(super) blamed: f64,
}

/// Longest name of a topic in characters.
const NAME: usize = 40;

fn topic_name(line: &str) -> Option<&str> {
    let at = line.find(['=', ':'])?;
    let name = line[..at].trim();
    (!name.is_empty() && name.chars().count() <= NAME).then_some(name)
}

/// So many of so many, with two that say nothing.
fn share(n: u32, of: u32) -> f64 {
    f64::from(n) / (f64::from(of) + 2.0)
}

/// The lines of a text, blank ones with what they follow; joined by line feeds they are the text.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        match lines.last_mut() {
            Some(last) if line.trim().is_empty() => {
                last.push('\n');
                last.push_str(line);
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

impl Wording {
    /// The clauses of a text; those never seen get a feature of their own.
    pub(super) fn read(&mut self, text: &str, mut feature: impl FnMut() -> FeatureId) -> Reading {
        let mut reading = Reading { order: Vec::new(), choices: Choices::default() };
        let lines = lines(text);
        let named = |line: &str| lines.iter().filter(|l| topic_name(l) == topic_name(line)).count();
        for line in &lines {
            let name = topic_name(line).filter(|_| named(line) == 1).unwrap_or(line);
            let topic = self.topic(name, &reading.order);
            let lines = &mut self.topics[topic].lines;
            let number = lines.iter().position(|l| l.text == *line).unwrap_or_else(|| {
                lines.push(Line { text: line.clone(), clause: feature(), blamed: 0, exposed: 0 });
                lines.len() - 1
            });
            reading.choices.set(topic, Some(number));
            reading.order.push(topic);
        }
        self.texts += 1;
        for (number, topic) in self.topics.iter_mut().enumerate() {
            topic.optional |= reading.choices.get(number).is_none();
        }
        reading
    }

    /// A line that no text needs to have: another option of its topic. Its topic and number there.
    pub(super) fn know(&mut self, line: &str, feature: impl FnOnce() -> FeatureId) -> (usize, usize) {
        let name = topic_name(line).unwrap_or(line);
        let topic = self.topic(name, &[]);
        let lines = &mut self.topics[topic].lines;
        let known = lines.iter().position(|known| known.text == line);
        let number = known.unwrap_or_else(|| {
            lines.push(Line { text: line.to_owned(), clause: feature(), blamed: 0, exposed: 0 });
            lines.len() - 1
        });
        (topic, number)
    }

    /// The number of a topic that is not among those `taken`: what a text repeats counts as topics of their own.
    fn topic(&mut self, name: &str, taken: &[usize]) -> usize {
        let mut repeat = 0_usize;
        loop {
            let known = self.topics.len();
            let topic = *self.numbers.entry(format!("{name}\n{repeat}")).or_insert(known);
            if topic == known {
                // Texts before this one said nothing on it.
                self.topics.push(Topic {
                    name: name.to_owned(),
                    lines: Vec::new(),
                    optional: self.texts > 0,
                });
            }
            if !taken.contains(&topic) {
                return topic;
            }
            repeat += 1;
        }
    }

    /// Whether a saved state refers to nothing that it does not hold, of so many features.
    pub(super) fn is_sound(&self, features: usize) -> bool {
        self.numbers.values().all(|topic| *topic < self.topics.len())
            && self.topics.iter().flat_map(|t| &t.lines).all(|line| line.clause < features)
    }

    /// Whether a text's topics and lines exist.
    pub(super) fn knows(&self, order: &[usize], choices: &Choices) -> bool {
        let line = |(topic, line): (usize, &Option<usize>)| match (self.topics.get(topic), line) {
            (Some(topic), Some(line)) => *line < topic.lines.len(),
            (topic, None) => topic.is_some(),
            (None, Some(_)) => false,
        };
        order.iter().all(|topic| *topic < self.topics.len()) && choices.0.iter().enumerate().all(line)
    }

    /// The text of these clauses: topics in `order`, then the others in the order in which they were found.
    pub(super) fn write(&self, choices: &Choices, order: &[usize]) -> String {
        let others = (0..self.topics.len()).filter(|topic| !order.contains(topic));
        let topics = order.iter().copied().chain(others);
        let lines = topics.filter_map(|t| Some(self.topics[t].lines[choices.get(t)?].text.as_str()));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The features of these clauses.
    pub(super) fn clauses<'a>(&'a self, choices: &'a Choices) -> impl Iterator<Item = FeatureId> + 'a {
        let clause = |(number, topic): (usize, &Topic)| Some(topic.lines[choices.get(number)?].clause);
        self.topics.iter().enumerate().filter_map(clause)
    }

    /// Every line with its feature, in the order of topics.
    pub(super) fn all_lines(&self) -> impl Iterator<Item = (&str, FeatureId)> {
        self.topics.iter().flat_map(|t| &t.lines).map(|line| (line.text.as_str(), line.clause))
    }

    /// The feature of a topic's line.
    pub(super) fn clause(&self, topic: usize, line: usize) -> FeatureId {
        self.topics[topic].lines[line].clause
    }

    pub(super) fn topics(&self) -> usize {
        self.topics.len()
    }

    /// What a topic is called.
    pub(super) fn name(&self, topic: usize) -> &str {
        &self.topics[topic].name
    }

    /// Number of lines.
    pub(super) fn lines(&self) -> usize {
        self.topics.iter().map(|t| t.lines.len()).sum()
    }

    /// What a text may say on a topic.
    pub(super) fn options(&self, topic: usize) -> impl Iterator<Item = Option<usize>> {
        let Topic { lines, optional, .. } = &self.topics[topic];
        optional.then_some(None).into_iter().chain((0..lines.len()).map(Some))
    }

    /// Hears a complaint about a text: the line on the topic it names is blamed, one that it asks for wanted.
    pub(super) fn hear(&mut self, text: &Choices, complaint: &str) {
        let complaint = complaint.trim();
        let named = topic_name(complaint).unwrap_or(complaint);
        for (number, topic) in self.topics.iter_mut().enumerate() {
            let Some(stood) = text.get(number) else { continue };
            let line = &mut topic.lines[stood];
            line.exposed += 1;
            if topic.name == named {
                line.blamed += 1;
                if line.text.trim() != complaint {
                    *self.wanted.entry(complaint.to_owned()).or_default() += 1;
                }
            }
        }
    }

    /// All that complaints say.
    pub(super) fn hearsay(&self) -> impl Iterator<Item = Hearsay> + '_ {
        self.topics.iter().flat_map(|t| &t.lines).map(|line| {
            let wanted = self.wanted.get(line.text.trim()).copied().unwrap_or(0);
            Hearsay {
                clause: line.clause,
                wanted: share(wanted, wanted),
                blamed: share(line.blamed, line.exposed),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reader() -> impl FnMut(&mut Wording, &str) -> Reading {
        let mut features = 0..;
        move |wording, text| wording.read(text, || features.next().unwrap())
    }

    #[test]
    fn lines_are_shared_by_topic() {
        let (mut wording, mut read) = (Wording::default(), reader());
        let a = read(&mut wording, "role=1\nBe brief.\ntask: sort").choices;
        let b = read(&mut wording, "role=2\ntask: sort\nNo jargon.").choices;
        assert_eq!(wording.clauses(&a).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(wording.clauses(&b).collect::<Vec<_>>(), [3, 2, 4]);
        let options = |topic| wording.options(topic).collect::<Vec<_>>();
        assert_eq!(options(0), [Some(0), Some(1)]);
        assert_eq!(options(1), [None, Some(0)]);
        assert_eq!(options(2), [Some(0)]);
        let mut mixed = b.clone();
        mixed.set(1, Some(0));
        assert_eq!(wording.write(&mixed, &[2, 0]), "task: sort\nrole=2\nBe brief.\nNo jargon.");
        assert_eq!((wording.topics(), wording.lines()), (4, 5));
    }

    #[test]
    fn complaints_blame_what_stood_there_and_want_what_they_name() {
        let (mut wording, mut read) = (Wording::default(), reader());
        let a = read(&mut wording, "role=1\ntask=1").choices;
        for complaint in ["role", "role=2", "other"] {
            wording.hear(&a, complaint);
        }
        read(&mut wording, "role=2\ntask=1");
        let said: Vec<Hearsay> = wording.hearsay().collect();
        assert_eq!(said[0], Hearsay { clause: 0, wanted: 0.0, blamed: 2.0 / 5.0 });
        assert_eq!(said[1], Hearsay { clause: 2, wanted: 1.0 / 3.0, blamed: 0.0 });
        assert_eq!(said[2], Hearsay { clause: 1, wanted: 0.0, blamed: 0.0 });
    }

    proptest! {
        #[test]
        fn texts_come_back(texts in prop::collection::vec("([ab]|[ab]=[12]|[ab]: x| |\n){0,12}", 1..6)) {
            let (mut wording, mut read) = (Wording::default(), reader());
            let readings: Vec<Reading> = texts.iter().map(|text| read(&mut wording, text)).collect();
            for (text, reading) in texts.iter().zip(&readings) {
                prop_assert_eq!(&wording.write(&reading.choices, &reading.order), text);
                prop_assert_eq!(&read(&mut wording, text), reading);
            }
        }
    }
}
