use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use meta_traits::conformance::{EVALUATOR_LAWS, EvaluatorCheck, check_evaluator, evaluator};
use meta_traits::{
    Batching, BoxFuture, Cost, ErrorKind, Evaluator, ExampleId, Instances, Observation, Outcome, Scored,
    Split, Stream, Trial,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    NoBlock,
    Reverses,
    ChargesOne,
    HidesTokens,
    ScoresNan,
    Drifts,
    ScoresMissing,
    StaysBusy,
}

/// Scores val/0 to val/9 by candidate, index, repeat and a draw of the stream.
struct Table {
    fault: Fault,
    calls: AtomicU64,
    busy: AtomicBool,
}

impl Table {
    fn new(fault: Fault) -> Self {
        Self { fault, calls: AtomicU64::new(0), busy: AtomicBool::new(false) }
    }

    fn failed(kind: ErrorKind, message: &str) -> Outcome {
        Outcome::Failed { kind, message: message.into(), cost: Cost::ZERO }
    }

    fn score(&self, trial: &Trial<u32>, rng: &Stream) -> Outcome {
        let Instances::Draws(draws) = &trial.on else {
            return Self::failed(ErrorKind::InvalidInput, "draws are needed");
        };
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut scores = Vec::new();
        for draw in draws {
            let missing = draw.example.split != Split::Val || draw.example.index > 9;
            if missing && self.fault != Fault::ScoresMissing {
                return Self::failed(ErrorKind::InvalidInput, "no such example");
            }
            let noise = rng.child("noise", u64::from(draw.example.index)).child("repeat", draw.repeat.into());
            let mut score = noise.clone().unit() as f32 + trial.candidate as f32;
            match self.fault {
                Fault::ScoresNan if draw.example.index == 2 => score = f32::NAN,
                Fault::Drifts => score += call as f32,
                _ => {}
            }
            scores.push(Scored::new(*draw, score));
        }
        if self.fault == Fault::Reverses {
            scores.reverse();
        }
        let charged = if self.fault == Fault::ChargesOne { 1 } else { scores.len() as u64 };
        let tokens = if self.fault == Fault::HidesTokens { 10 } else { 0 };
        Outcome::Complete(Observation::of_scores(
            scores,
            Cost::evaluations(charged) + Cost::tokens(0, tokens, 0),
        ))
    }
}

/// Pending at the first poll, ready at the second.
struct Later(bool);

impl Future for Later {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Evaluator<u32> for Table {
    fn evaluate<'a>(&'a self, trial: &'a Trial<u32>, rng: Stream) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let taken = self.busy.swap(true, Ordering::Relaxed);
            if taken && self.fault == Fault::StaysBusy {
                return Self::failed(ErrorKind::Transient, "busy");
            }
            Later(false).await;
            self.busy.store(false, Ordering::Relaxed);
            self.score(trial, &rng)
        })
    }

    fn batching(&self) -> Batching {
        Batching { block: usize::from(self.fault != Fault::NoBlock), concurrent: 1 }
    }
}

fn kit_for(fault: Fault) -> EvaluatorCheck<'static, Table, u32> {
    EvaluatorCheck::new(move || Table::new(fault), 3, (0..5).map(|i| ExampleId::new(Split::Val, i)))
}

#[test]
fn a_sound_evaluator_passes() {
    check_evaluator(&kit_for(Fault::None));
}

#[test]
fn a_random_world_need_not_repeat() {
    assert_eq!(evaluator(&kit_for(Fault::Drifts).random_world()), Ok(()));
}

#[test]
fn each_law_is_enforced() {
    let cases = [
        ("batching-at-least-one", Fault::NoBlock),
        ("scores-in-order", Fault::Reverses),
        ("evaluations-counted", Fault::ChargesOne),
        ("cost-within-cap", Fault::HidesTokens),
        ("scores-finite", Fault::ScoresNan),
        ("same-draw-same-score", Fault::Drifts),
        ("usable-after-failure", Fault::ScoresMissing),
        ("usable-after-cancel", Fault::StaysBusy),
    ];
    super::check(EVALUATOR_LAWS, &cases, |fault| evaluator(&kit_for(fault)));
}
