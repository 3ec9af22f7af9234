use meta_traits::{Components, Cost, Draw, ErrorKind, Note, Observation, Outcome, Scored, Trial};

use crate::run::Record;

/// The scores of a trial as they come in.
pub(super) struct Collected {
    pub(super) scores: Vec<Scored>,
    pub(super) len: usize,
    pub(super) wanted: usize,
    failed: usize,
    first: Option<(ErrorKind, String)>,
    cost: Cost,
    traced: Option<Vec<String>>,
}

impl Collected {
    pub(super) fn new(trial: &Trial<Components>, wanted: usize) -> Self {
        let traced = trial.trace.then(|| trial.candidate.names().map(str::to_owned).collect());
        Self {
            scores: Vec::with_capacity(wanted),
            len: 0,
            wanted,
            failed: 0,
            first: None,
            cost: Cost::ZERO,
            traced,
        }
    }

    /// A failed example scores 0, with the failure as its note.
    pub(super) fn take(&mut self, record: &Record, draws: &[Draw]) {
        self.len += draws.len();
        match record {
            Record::Scored { scores, notes, cost, .. } => {
                self.cost += *cost;
                let first = self.scores.len();
                self.scores.extend(draws.iter().zip(scores).map(|(draw, score)| Scored::new(*draw, *score)));
                for (position, notes) in notes {
                    if let Some(scored) = self.scores.get_mut(first + *position as usize) {
                        scored.notes.clone_from(notes);
                    }
                }
            }
            Record::Failed { error, message, cost, .. } => {
                self.cost += *cost;
                self.failed += draws.len();
                if self.first.is_none() {
                    self.first = Some((*error, message.clone()));
                }
                let note = |component: &String| Note {
                    component: component.clone(),
                    text: format!("the evaluation failed: {message}"),
                };
                self.scores.extend(draws.iter().map(|draw| {
                    let mut scored = Scored::new(*draw, 0.0);
                    scored.notes = self.traced.iter().flatten().map(note).collect();
                    scored
                }));
            }
            _ => {}
        }
    }

    pub(super) fn mean(&self) -> Option<f64> {
        let n = self.scores.len();
        (n > 0).then(|| self.scores.iter().map(|s| f64::from(s.score)).sum::<f64>() / n as f64)
    }

    /// Complete, unless every example failed.
    pub(super) fn outcome(&self) -> Outcome {
        match &self.first {
            Some((kind, message)) if self.failed == self.len => {
                Outcome::Failed { kind: *kind, message: message.clone(), cost: self.cost }
            }
            _ => Outcome::Complete(Observation::of_scores(self.scores.clone(), self.cost)),
        }
    }
}
