use meta_traits::Stream;
use prompt_grammar::keeps_placeholders;

use super::Joint;
use super::versions::VersionId;
use super::wording::Choices;
use crate::draws::normal;
use crate::posterior::{FeatureId, Sample};

/// A text that may not exist yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Text {
    Known(VersionId),
    New(String),
}

/// What a component's text adds: to every stage, and to the price.
#[derive(Clone, Debug)]
struct Share {
    stages: Vec<f64>,
    price: f64,
}

/// A draw of the posterior under which systems are compared.
struct Draw<'a> {
    search: &'a Joint,
    sample: Sample,
    /// None when nothing is drawn.
    stream: Option<Stream>,
}

/// Sweeps over the components.
const SWEEPS: usize = 2;

impl Joint {
    /// The best system if effects are as drawn, or without a stream as expected: first of the texts there are, then with
    /// lines of theirs combined anew.
    pub(super) fn promising(&self, leader: &[VersionId], stream: Option<&Stream>) -> Vec<Text> {
        let draw = Draw { search: self, sample: self.posterior.draw(stream), stream: stream.cloned() };
        let (known, shares) = draw.known(leader);
        draw.anew(&known, shares)
    }

    /// The leader with one line changed, whatever is believed.
    pub(super) fn unscreened(&self, leader: &[VersionId], stream: &Stream) -> Vec<Text> {
        let mut rng = stream.child("unscreened", 0);
        let mut system: Vec<Text> = leader.iter().map(|v| Text::Known(*v)).collect();
        for _ in 0..20 {
            let component = rng.below(leader.len());
            let wording = self.versions.wording(component);
            let topic = rng.below(wording.topics().max(1));
            let mut choices = self.versions.get(leader[component]).choices.clone();
            let others: Vec<Option<usize>> =
                wording.options(topic).filter(|o| *o != choices.get(topic)).collect();
            let Some(line) = rng.pick(&others) else { continue };
            choices.set(topic, *line);
            system[component] = self.text(leader[component], &choices);
            if system[component] != Text::Known(leader[component]) {
                break;
            }
        }
        system
    }

    /// The text of these clauses in the order of `like`; `like` itself when they would lose a placeholder or grow too long.
    fn text(&self, like: VersionId, choices: &Choices) -> Text {
        let version = self.versions.get(like);
        if let Some(known) = self.versions.of_choices(version.component, choices) {
            return Text::Known(known);
        }
        let text = self.versions.wording(version.component).write(choices, &version.order);
        let fits = keeps_placeholders(&version.text, &text) && text.chars().count() <= self.options.longest;
        if fits { Text::New(text) } else { Text::Known(like) }
    }
}

impl Draw<'_> {
    fn share(
        &self,
        clauses: impl Iterator<Item = FeatureId>,
        rest: Option<FeatureId>,
        component: usize,
        key: u64,
    ) -> Share {
        let mut share = Share { stages: vec![0.0; self.sample.stages()], price: 0.0 };
        for clause in clauses {
            for (sum, effect) in share.stages.iter_mut().zip(self.sample.effects(clause)) {
                *sum += effect;
            }
            share.price += self.search.posterior.price(clause);
        }
        if let Some(rest) = rest {
            share.stages.iter_mut().zip(self.sample.effects(rest)).for_each(|(s, e)| *s += e);
        } else if let Some(stream) = &self.stream {
            let mut rng = stream.child("rest", component as u64).child("text", key);
            share
                .stages
                .iter_mut()
                .zip(self.sample.rests(component))
                .for_each(|(s, sd)| *s += sd * normal(&mut rng));
        }
        share
    }

    fn of_version(&self, version: VersionId) -> Share {
        let v = self.search.versions.get(version);
        self.share(self.search.versions.clauses(version), v.rest, v.component, version as u64 + 1)
    }

    /// All new texts of a component are lucky or unlucky together: else the luckiest of many would win.
    fn of_choices(&self, component: usize, choices: &Choices) -> Share {
        match self.search.versions.of_choices(component, choices) {
            Some(version) => self.of_version(version),
            None => self.share(self.search.versions.wording(component).clauses(choices), None, component, 0),
        }
    }

    fn value(&self, shares: &[Share]) -> f64 {
        let sums: Vec<f64> =
            (0..self.sample.stages()).map(|s| shares.iter().map(|share| share.stages[s]).sum()).collect();
        self.sample.passing(&sums) - shares.iter().map(|s| s.price).sum::<f64>()
    }

    /// The best system of known texts, component by component from the leader.
    fn known(&self, leader: &[VersionId]) -> (Vec<VersionId>, Vec<Share>) {
        let mut system = leader.to_vec();
        let mut shares: Vec<Share> = system.iter().map(|v| self.of_version(*v)).collect();
        let mut value = self.value(&shares);
        for _ in 0..SWEEPS {
            let before = system.clone();
            for component in 0..system.len() {
                for version in self.search.versions.of(component) {
                    let old = std::mem::replace(&mut shares[component], self.of_version(version));
                    let new = self.value(&shares);
                    if new > value {
                        (value, system[component]) = (new, version);
                    } else {
                        shares[component] = old;
                    }
                }
            }
            if system == before {
                break;
            }
        }
        (system, shares)
    }

    /// The best system of known lines, line by line from a system of known texts.
    fn anew(&self, known: &[VersionId], mut shares: Vec<Share>) -> Vec<Text> {
        let versions = &self.search.versions;
        let mut choices: Vec<Choices> = known.iter().map(|v| versions.get(*v).choices.clone()).collect();
        let mut value = self.value(&shares);
        for _ in 0..SWEEPS {
            let before = choices.clone();
            for component in 0..choices.len() {
                let wording = versions.wording(component);
                for topic in 0..wording.topics() {
                    for option in wording.options(topic) {
                        let stood = choices[component].get(topic);
                        if option == stood {
                            continue;
                        }
                        choices[component].set(topic, option);
                        let share = self.of_choices(component, &choices[component]);
                        let old = std::mem::replace(&mut shares[component], share);
                        let new = self.value(&shares);
                        if new > value {
                            value = new;
                        } else {
                            shares[component] = old;
                            choices[component].set(topic, stood);
                        }
                    }
                }
            }
            if choices == before {
                break;
            }
        }
        let text = |(component, choices): (usize, Choices)| match known[component] {
            version if versions.get(version).choices == choices => Text::Known(version),
            version => self.search.text(version, &choices),
        };
        choices.into_iter().enumerate().map(text).collect()
    }
}
