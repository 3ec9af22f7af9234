//! The scenarios an optimizer is put through.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt::Debug;

use super::session::{Round, Session, Treat};
use super::{ACCEPTED, Check, MEMORY, ORDER, PROPOSES, REFUSED, SEED, STORM, UNTOUCHED};
use crate::conformance::Violation;
use crate::conformance::snapshot::{CONTINUES, reborn};
use crate::{DynSnapshot, Observation, Optimizer, Outcome, QueryId, Reply, Snapshot, Stream, TrialId};

/// An honest search, one at a time and in batches.
pub(super) fn plain_run<O: Optimizer>(check: &Check<'_, O>, seed: u64) -> Result<(), Violation>
where
    O::Candidate: Debug,
{
    for width in [1, check.width] {
        let mut session = Session::new(check, seed);
        for _ in 0..check.steps {
            if let Round::Done(_) = session.round(width, Treat::Honest)? {
                break;
            }
        }
        if session.last_trial.is_none() {
            return Err(Violation::new(PROPOSES, format!("no trial in {} rounds of asking", check.steps)));
        }
    }
    Ok(())
}

/// Work piles up untold for as long as the optimizer gives any; then all of it is told at once.
pub(super) fn pile_up<O: Optimizer>(check: &Check<'_, O>, seed: u64) -> Result<(), Violation>
where
    O::Candidate: Debug,
{
    let mut session = Session::new(check, seed);
    for _ in 0..check.steps {
        if !matches!(session.ask(1)?, Round::Work { .. }) {
            break;
        }
    }
    session.answer_all(true)?;
    while let Some(newest) = session.trials.len().checked_sub(1) {
        session.tell(newest, Treat::Mixed)?;
    }
    session.round(1, Treat::Honest).map(drop)
}

/// A twin is told nonsense between the steps; it must refuse and go on like its sibling.
pub(super) fn refusals<O: Optimizer>(check: &Check<'_, O>, seed: u64) -> Result<(), Violation>
where
    O::Candidate: Debug,
{
    let (mut calm, mut pestered) = (Session::new(check, seed), Session::new(check, seed));
    pester(&mut pestered, None)?;
    for step in 0..check.steps {
        let round = calm.ask(check.width)?;
        pestered.ask(check.width)?;
        pester(&mut pestered, None)?;
        calm.answer_all(true)?;
        pestered.answer_all(true)?;
        while let (Some(_), Some(trial)) = (calm.trials.first(), pestered.trials.first()) {
            let told = trial.id;
            let treat = if step % 3 == 2 { Treat::Abandon } else { Treat::Honest };
            calm.tell(0, treat)?;
            pestered.tell(0, treat)?;
            pester(&mut pestered, Some(told))?;
        }
        if let Some((expected, found)) = first_difference(calm.take_seen(), pestered.take_seen()) {
            return Err(Violation::new(
                UNTOUCHED,
                format!("step {step}: {expected} in the untouched twin, {found} after refused tells"),
            ));
        }
        if let Round::Done(_) = round {
            break;
        }
    }
    Ok(())
}

/// Tells ids that are not pending a loss better than any other; every one must be refused.
fn pester<O: Optimizer>(session: &mut Session<'_, '_, O>, told: Option<TrialId>) -> Result<(), Violation>
where
    O::Candidate: Debug,
{
    let next = TrialId(session.last_trial.map_or(0, |id| id.0.saturating_add(1)));
    let far = TrialId(u64::MAX);
    for id in told.into_iter().chain([next, far]) {
        let wonderful = session
            .trials
            .first()
            .map_or_else(|| Outcome::Complete(Observation::of_loss(-1e9)), |trial| session.evaluate(trial));
        for outcome in [improved(wonderful), Outcome::Abandoned] {
            if session.optimizer.tell(id, outcome).is_ok() {
                return Err(Violation::new(
                    REFUSED,
                    format!("{id:?} is not pending, yet telling it succeeded"),
                ));
            }
        }
    }
    let next = QueryId(session.last_query.map_or(0, |id| id.0.saturating_add(1)));
    let settled = session.last_query.filter(|_| session.queries.is_empty());
    for id in settled.into_iter().chain([next]) {
        if session.optimizer.answer(id, Reply::Text("nobody asked".to_string())).is_ok() {
            return Err(Violation::new(
                REFUSED,
                format!("{id:?} is not pending, yet answering it succeeded"),
            ));
        }
    }
    Ok(())
}

fn improved(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Complete(mut o) => {
            o.losses.iter_mut().for_each(|loss| *loss = -1e9);
            Outcome::Complete(o)
        }
        other => other,
    }
}

/// Losses that are not finite: first of all, in between, and last of all.
pub(super) fn unsound_losses<O: Optimizer>(check: &Check<'_, O>, seed: u64) -> Result<(), Violation>
where
    O::Candidate: Debug,
{
    for phase in 0..3 {
        for width in [1, check.width] {
            let mut session = Session::new(check, seed);
            for step in 0..check.steps {
                let treat = match (phase, step % 4) {
                    (0, _) if step < check.steps / 2 => Treat::Unsound,
                    (1, 1) | (2, 0..=2) => Treat::Unsound,
                    _ => Treat::Honest,
                };
                if let Round::Done(_) = session.round(width, treat)? {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Every trial fails or is dropped, and every query stays unanswered; then all goes well again.
pub(super) fn storms<O: Optimizer>(check: &Check<'_, O>, seed: u64) -> Result<(), Violation>
where
    O::Candidate: Debug,
{
    for treat in [Treat::Transient, Treat::Permanent, Treat::Abandon, Treat::Storm, Treat::Mixed] {
        for (width, calm_before) in [(1, 0), (check.width, 0), (check.width, check.steps / 4)] {
            let mut session = Session::new(check, seed);
            let mut over = rounds(&mut session, calm_before, width, Treat::Honest)?;
            over = over || rounds(&mut session, check.steps, width, treat)?;
            if over {
                continue;
            }
            let before = session.last_trial;
            over = rounds(&mut session, check.steps, width, Treat::Honest)?;
            if !over && session.last_trial == before {
                return Err(Violation::new(
                    STORM,
                    format!("after a storm of {treat:?}, {} honest rounds brought no trial", check.steps),
                ));
            }
        }
    }
    Ok(())
}

/// Plays rounds; true when the search is over. Queries without a trial between them are counted.
fn rounds<O: Optimizer>(
    session: &mut Session<'_, '_, O>,
    count: usize,
    width: usize,
    treat: Treat,
) -> Result<bool, Violation>
where
    O::Candidate: Debug,
{
    const QUERIES_IN_A_ROW: usize = 1000;
    for _ in 0..count {
        let mut queries_in_a_row = 0;
        loop {
            match session.round(width, treat)? {
                Round::Done(_) => return Ok(true),
                Round::Work { trials: 0, queries } => queries_in_a_row += queries,
                Round::Work { .. } => break,
                Round::Wait => {
                    return Err(Violation::new(STORM, "Wait, though all that was asked for has been told"));
                }
            }
            if queries_in_a_row > QUERIES_IN_A_ROW {
                return Err(Violation::new(
                    STORM,
                    format!("{queries_in_a_row} queries in a row under {treat:?}, and no trial"),
                ));
            }
        }
    }
    Ok(false)
}

/// The same batch told in order, reversed and shuffled.
pub(super) fn order_of_telling<O: Optimizer>(check: &Check<'_, O>, seed: u64) -> Result<(), Violation>
where
    O::Candidate: Debug,
{
    for before in [0, 1, 2, 5, 11] {
        let told = |order: &dyn Fn(usize) -> usize| -> Result<_, Violation> {
            let mut session = Session::new(check, seed);
            if rounds(&mut session, before, check.width, Treat::Honest)? {
                return Ok(None);
            }
            session.ask(check.width)?;
            session.answer_all(true)?;
            while !session.trials.is_empty() {
                session.tell(order(session.trials.len()), Treat::Honest)?;
            }
            Ok(Some(session.best()))
        };
        let forward = told(&|_| 0)?;
        let backward = told(&|left| left - 1)?;
        let shuffled = told(&|left| Stream::root(seed).child("conformance/order", left as u64).below(left))?;
        for (name, other) in [("reversed", backward), ("shuffled", shuffled)] {
            if other != forward {
                return Err(Violation::new(
                    ORDER,
                    format!("batch {before}: {forward:?} when told in order, {other:?} when {name}"),
                ));
            }
        }
    }
    Ok(())
}

/// Two of the same seed under the same calls.
pub(super) fn determinism<O: Optimizer>(check: &Check<'_, O>, seed: u64) -> Result<(), Violation>
where
    O::Candidate: Debug,
{
    for (width, treat) in [(1, Treat::Honest), (check.width, Treat::Mixed)] {
        let (mut one, mut two) = (Session::new(check, seed), Session::new(check, seed));
        for step in 0..check.steps {
            let round = one.round(width, treat)?;
            two.round(width, treat)?;
            if let Some((a, b)) = first_difference(one.take_seen(), two.take_seen()) {
                return Err(Violation::new(SEED, format!("step {step} of seed {seed}: {a}, and again: {b}")));
            }
            if let Round::Done(_) = round {
                break;
            }
        }
    }
    Ok(())
}

/// One is saved and taken up by another after every ask, answer and tell; its twin is left alone.
pub(super) fn snapshots<O: Optimizer + Snapshot>(check: &Check<'_, O>, seed: u64) -> Result<(), Violation>
where
    O::Candidate: Debug,
{
    for (width, treat) in [(1, Treat::Honest), (check.width, Treat::Mixed)] {
        let (mut whole, mut chained) = (Session::new(check, seed), Session::new(check, seed));
        let renew = |session: &mut Session<'_, '_, O>| -> Result<(), Violation> {
            session.optimizer = reborn(&session.optimizer, || (check.factory)(seed ^ 0x5eed))?;
            Ok(())
        };
        for step in 0..check.steps {
            renew(&mut chained)?;
            let round = whole.ask(width)?;
            chained.ask(width).map_err(lost)?;
            renew(&mut chained)?;
            whole.answer_all(true)?;
            chained.answer_all(true).map_err(lost)?;
            while !whole.trials.is_empty() && !chained.trials.is_empty() {
                renew(&mut chained)?;
                whole.tell(0, treat)?;
                chained.tell(0, treat).map_err(lost)?;
            }
            if let Some((a, b)) = first_difference(whole.take_seen(), chained.take_seen()) {
                return Err(Violation::new(
                    CONTINUES,
                    format!("step {step} of seed {seed}: {a} without snapshots, {b} with"),
                ));
            }
            if let Round::Done(_) = round {
                break;
            }
        }
    }
    Ok(())
}

/// A refusal that only the saved and restored twin meets is a loss of state.
fn lost(violation: Violation) -> Violation {
    if violation.law == ACCEPTED { Violation { law: CONTINUES, ..violation } } else { violation }
}

/// The snapshot's size after many asks that were all abandoned.
pub(super) fn memory<O: Optimizer + Snapshot>(check: &Check<'_, O>, seed: u64) -> Result<(), Violation>
where
    O::Candidate: Debug,
{
    let mut session = Session::new(check, seed);
    let mut sizes = Vec::new();
    for part in [check.steps, 3 * check.steps] {
        if rounds(&mut session, part, 1, Treat::Abandon)? {
            return Ok(());
        }
        sizes.push(session.optimizer.save().body.len());
    }
    let (early, late) = (sizes[0], sizes[1]);
    let allowed = 3 * check.steps / 2 + 32;
    if late > early + allowed {
        return Err(Violation::new(
            MEMORY,
            format!(
                "the snapshot grew from {early} to {late} bytes over {} abandoned trials; allowed: {allowed} more",
                3 * check.steps
            ),
        ));
    }
    Ok(())
}

/// The first place where two records differ.
fn first_difference(
    a: Vec<alloc::string::String>,
    b: Vec<alloc::string::String>,
) -> Option<(alloc::string::String, alloc::string::String)> {
    let end = || "nothing".to_string();
    let longest = a.len().max(b.len());
    let (mut a, mut b) = (a.into_iter(), b.into_iter());
    (0..longest).find_map(|_| {
        let (x, y) = (a.next().unwrap_or_else(end), b.next().unwrap_or_else(end));
        (x != y).then_some((x, y))
    })
}
