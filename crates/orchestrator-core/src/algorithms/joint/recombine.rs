//! What each operator proposes.

use coordination::Component;
use meta_traits::Stream;

use super::operator::Operator;
use super::propose::Text;
use super::versions::VersionId;
use super::{Entrant, Joint};

/// Changes among which a pillar that has nothing better than the leader chooses.
const TRIES: u64 = 8;

impl Joint {
    /// Whether an operator has anything to work with.
    pub(super) fn can(&self, operator: Operator) -> bool {
        match operator {
            Operator::ReflectiveMutation => !self.fresh.is_empty(),
            Operator::ParetoSampling | Operator::SystemAwareMerge | Operator::RandomSearch => true,
            Operator::Crossover => self.entrants.len() > 1,
            Operator::StructuralMutation | Operator::Numbers | Operator::Words
                if self.inner.has(operator.component()) =>
            {
                true
            }
            Operator::StructuralMutation | Operator::Numbers | Operator::Words => {
                self.open(Some(operator.component())).iter().enumerate().any(|(component, topics)| {
                    let wording = self.versions.wording(component);
                    (0..topics.len()).any(|t| topics[t] && wording.options(t).nth(1).is_some())
                })
            }
        }
    }

    /// What belongs to a pillar; everything without one.
    fn open(&self, pillar: Option<Component>) -> Vec<Vec<bool>> {
        let topics = |(component, name): (usize, &String)| {
            let wording = self.versions.wording(component);
            let belongs = |topic| self.options.pillar(name, wording.name(topic));
            (0..wording.topics()).map(|topic| pillar.is_none_or(|pillar| belongs(topic) == pillar)).collect()
        };
        self.names.iter().enumerate().map(topics).collect()
    }

    /// The system that an operator proposes.
    pub(super) fn proposed(&self, operator: Operator, leader: &[VersionId], stream: &Stream) -> Vec<Text> {
        match operator {
            Operator::ReflectiveMutation => self.reflected(stream),
            Operator::ParetoSampling => self.promising(leader, &self.open(None), Some(stream)),
            Operator::SystemAwareMerge => self.promising(leader, &self.open(None), None),
            Operator::Crossover => self.crossed(stream),
            Operator::RandomSearch => self.unscreened(leader, &self.open(None), stream),
            Operator::StructuralMutation | Operator::Numbers | Operator::Words => {
                self.within(leader, operator.component(), stream)
            }
        }
    }

    /// The system that was rewritten, with the text of this round that is best under a draw.
    fn reflected(&self, stream: &Stream) -> Vec<Text> {
        let base: Vec<Text> = self.base.iter().map(|version| Text::Known(*version)).collect();
        let changed = |version: &VersionId| {
            let mut system = base.clone();
            system[self.versions.get(*version).component] = Text::Known(*version);
            system
        };
        self.best_drawn(self.fresh.iter().map(changed).collect(), stream).unwrap_or(base)
    }

    /// Two measured systems, the better ones more often, mixed topic by topic.
    fn crossed(&self, stream: &Stream) -> Vec<Text> {
        let mut rng = stream.child("crossover", 0);
        let value = |e: &Entrant| self.posterior.estimate(&self.versions.features(&e.system)).mean;
        let mut ranked: Vec<(f64, usize)> =
            self.entrants.iter().enumerate().map(|(i, e)| (value(e), i)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        // Linear ranking: the best is twice as likely as the middle one.
        let weights: Vec<f64> = (0..ranked.len()).map(|rank| (ranked.len() - rank) as f64).collect();
        let mut parent = || rng.weighted(&weights).map_or(0, |rank| ranked[rank].1);
        let (mother, father) = (parent(), parent());
        let (mother, father) = (&self.entrants[mother].system, &self.entrants[father].system);
        let mixed = |component: usize| {
            let (a, b) = (self.versions.get(mother[component]), self.versions.get(father[component]));
            let mut choices = a.choices.clone();
            for topic in 0..self.versions.wording(component).topics() {
                if rng.chance(0.5) {
                    choices.set(topic, b.choices.get(topic));
                }
            }
            self.text(mother[component], &choices)
        };
        (0..mother.len()).map(mixed).collect()
    }

    /// The leader with the part of one pillar as it is best under a draw; with a single change of that part, the best of a
    /// few, where nothing is better.
    fn within(&self, leader: &[VersionId], pillar: Component, stream: &Stream) -> Vec<Text> {
        let open = self.open(Some(pillar));
        let best = self.promising(leader, &open, Some(stream));
        if best.iter().zip(leader).any(|(text, old)| *text != Text::Known(*old)) {
            return best;
        }
        let other = |i| self.unscreened(leader, &open, &stream.child("other", i));
        let others: Vec<Vec<Text>> = (0..TRIES).map(other).collect();
        self.best_drawn(others, stream).unwrap_or(best)
    }
}
