use std::collections::BTreeMap;
use std::fmt::Write as _;

use evaluation::RowsDigest;
use meta_traits::{
    Components, Cost, Draw, ErrorKind, ExampleId, Note, Outcome, Reply, Scored, Split, StopReason,
};
use serde::{Deserialize, Serialize};

use crate::run::RunError;

/// Reports number their trials from here on, far beyond any search.
pub const REPORT_TRIALS: u64 = 1 << 48;

/// What an evaluation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The search asked for it.
    Search,
    /// It scores the seed or the winner on the untouched test split, after the search.
    Report,
}

/// One line of the event log. The log is the only record of a run; replaying it rebuilds everything else.
///
/// No record holds a time, an address or anything else that differs between two equal runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Record {
    /// The first line: what is being run.
    Start {
        /// Version of this format.
        format: u32,
        /// Digest of everything that decides the result: system, data, optimizer, budget.
        run: String,
        /// Seed of all random draws.
        seed: u64,
        /// Length and hash of every split; absent in logs of earlier versions and where there is no data.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        data: BTreeMap<String, RowsDigest>,
    },
    /// A candidate that was not seen before; later lines name it by its index.
    Candidate {
        /// Position among the run's candidates, from 0.
        index: u32,
        /// Its texts.
        components: Components,
    },
    /// An evaluation is about to start.
    Trial {
        /// The optimizer's id; reports have ids from [`REPORT_TRIALS`] on.
        trial: u64,
        /// What it is for.
        phase: Phase,
        /// Which candidate.
        candidate: u32,
        /// On which examples, as [`write_draws`] puts it; repeats follow from the lines before.
        on: String,
    },
    /// The next examples of a trial were scored.
    Scored {
        /// The trial.
        trial: u64,
        /// One score an example, in the trial's order.
        scores: Vec<f32>,
        /// Notes by position in `scores`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<(u32, Vec<Note>)>,
        /// What it cost.
        cost: Cost,
    },
    /// The next examples of a trial could not be scored.
    Failed {
        /// The trial.
        trial: u64,
        /// How many examples.
        draws: u32,
        /// The sort of fault.
        error: ErrorKind,
        /// What happened.
        message: String,
        /// What was spent all the same.
        cost: Cost,
    },
    /// A text is about to be asked for.
    Query {
        /// The optimizer's id.
        query: u64,
        /// The component to rewrite.
        component: String,
        /// Of which candidate.
        candidate: u32,
    },
    /// The text arrived, or did not.
    Reply {
        /// The query.
        query: u64,
        /// The answer.
        reply: Reply,
        /// What it cost.
        cost: Cost,
    },
    /// The optimizer would now return another candidate.
    Best {
        /// Which.
        candidate: u32,
        /// Its score on the validation split; higher is better.
        score: f64,
        /// Metric calls charged to the search until then.
        evaluations: u64,
    },
    /// The search is over.
    Stop {
        /// Why.
        reason: StopReason,
    },
}

impl Record {
    /// The record of a block's outcome, and the outcome itself made sound: an answer with the wrong number of scores,
    /// or one that is not finite, becomes a failure.
    pub(crate) fn of_block(trial: u64, draws: &[Draw], outcome: Outcome) -> Self {
        let failed = |error, message: String, cost| Self::Failed {
            trial,
            draws: draws.len() as u32,
            error,
            message,
            cost,
        };
        match outcome {
            Outcome::Complete(seen) | Outcome::Pruned { last: seen, .. } => {
                let cost = charged(seen.cost, draws.len());
                if seen.instances.len() != draws.len() {
                    let (got, wanted) = (seen.instances.len(), draws.len());
                    let message = format!("the evaluator gave {got} scores for {wanted} examples");
                    return failed(ErrorKind::Protocol, message, cost);
                }
                if let Some((draw, s)) = draws.iter().zip(&seen.instances).find(|(_, s)| !s.score.is_finite())
                {
                    let message =
                        format!("score {} on {}; allowed are finite numbers", s.score, draw.example);
                    return failed(ErrorKind::Numerical, message, cost);
                }
                let scores = seen.instances.iter().map(|s| s.score).collect();
                let noted = |(i, s): (usize, Scored)| (!s.notes.is_empty()).then_some((i as u32, s.notes));
                let notes = seen.instances.into_iter().enumerate().filter_map(noted).collect();
                Self::Scored { trial, scores, notes, cost }
            }
            Outcome::Failed { kind, message, cost } => failed(kind, message, charged(cost, draws.len())),
            _ => failed(
                ErrorKind::Protocol,
                "the evaluator gave no outcome".into(),
                charged(Cost::ZERO, draws.len()),
            ),
        }
    }
}

/// The driver counts metric calls, not the evaluator.
fn charged(mut cost: Cost, draws: usize) -> Cost {
    cost.evaluations = draws as u64;
    cost.wall = std::time::Duration::ZERO;
    cost
}

/// Writes examples shortly: `val/0-99`, `train/3,17,4 val/2`. Order is kept; runs of neighbours become ranges.
pub fn write_draws(draws: &[Draw]) -> String {
    let mut out = String::new();
    let mut i = 0;
    let mut split: Option<Split> = None;
    while i < draws.len() {
        let ExampleId { split: here, index: first } = draws[i].example;
        let mut end = i + 1;
        while end < draws.len() && draws[end].example == ExampleId::new(here, first + (end - i) as u32) {
            end += 1;
        }
        let (separator, name) = match split {
            Some(s) if s == here => (",", ""),
            Some(_) => (" ", here.name()),
            None => ("", here.name()),
        };
        let slash = if name.is_empty() { "" } else { "/" };
        let last = first + (end - i - 1) as u32;
        let written = if last > first {
            write!(out, "{separator}{name}{slash}{first}-{last}")
        } else {
            write!(out, "{separator}{name}{slash}{first}")
        };
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        split = Some(here);
        i = end;
    }
    out
}

/// Reads what [`write_draws`] wrote.
///
/// # Errors
/// [`RunError::Log`] when the text is no such list.
pub fn read_draws(text: &str) -> Result<Vec<ExampleId>, RunError> {
    let wrong = || RunError::Log { message: format!("'{text}' is no list of examples") };
    let mut out = Vec::new();
    for group in text.split(' ').filter(|g| !g.is_empty()) {
        let (split, list) = group.split_once('/').ok_or_else(wrong)?;
        let ExampleId { split, .. } = format!("{split}/0").parse().map_err(|_| wrong())?;
        for item in list.split(',') {
            let (first, last) = item.split_once('-').unwrap_or((item, item));
            let first: u32 = first.parse().map_err(|_| wrong())?;
            let last: u32 = last.parse().map_err(|_| wrong())?;
            out.extend((first..=last).map(|index| ExampleId::new(split, index)));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ids: &[(Split, u32)], text: &str) {
        let ids: Vec<_> = ids.iter().map(|(s, i)| ExampleId::new(*s, *i)).collect();
        let draws: Vec<_> = ids.iter().map(|e| Draw { example: *e, repeat: 0 }).collect();
        assert_eq!(write_draws(&draws), text);
        assert_eq!(read_draws(text).unwrap(), ids);
    }

    #[test]
    fn draws_are_written_shortly_and_read_back() {
        use Split::{Train, Val};
        check(&[], "");
        check(&[(Train, 3), (Train, 17), (Train, 4)], "train/3,17,4");
        check(&[(Val, 0), (Val, 1), (Val, 2)], "val/0-2");
        check(&[(Val, 7), (Val, 7), (Train, 8), (Val, 9), (Val, 10)], "val/7,7 train/8 val/9-10");
        assert!(read_draws("val").is_err() && read_draws("val/a").is_err() && read_draws("dev/1").is_err());
    }

    #[test]
    fn unsound_answers_become_failures() {
        let draws = [Draw { example: ExampleId::new(Split::Val, 3), repeat: 0 }];
        let nan = Outcome::Complete(meta_traits::Observation::of_scores(
            vec![Scored::new(draws[0], f32::NAN)],
            Cost::ZERO,
        ));
        let Record::Failed { error, message, cost, .. } = Record::of_block(1, &draws, nan) else { panic!() };
        assert_eq!((error, cost.evaluations), (ErrorKind::Numerical, 1));
        assert!(message.contains("NaN on val/3"), "{message}");
        let none = Outcome::Complete(meta_traits::Observation::of_scores(vec![], Cost::ZERO));
        assert!(matches!(Record::of_block(1, &draws, none), Record::Failed { draws: 1, .. }));
        assert!(matches!(Record::of_block(1, &draws, Outcome::Abandoned), Record::Failed { .. }));
    }
}
