use std::fmt;

use coordination::Component;
use coordination::budget::Allocation;
use meta_traits::{ChoiceId, DynSnapshot, Envelope, RestoreError, Selector, Stream};
use serde::{Deserialize, Serialize};

use super::operator::Operator;

const OPERATORS: usize = Operator::ALL.len();

/// A selector among [`Operator::ALL`] that can be saved: what [`super::Joint::with_selector`] takes.
pub trait OperatorSelector: Selector<Context = [f64]> + DynSnapshot + Send {}

impl<S: Selector<Context = [f64]> + DynSnapshot + Send> OperatorSelector for S {}

/// What an operator was given and brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Systems that it proposed.
    pub systems: u64,
    /// Metric calls spent on them.
    pub calls: u64,
    /// By how much the recommendation's cautious estimate rose when one of them was measured, in all.
    pub gain: f64,
}

/// Decides which operator proposes next: first whose part of the budget it is, then within that by weights or by a
/// selector.
pub(super) struct Allocator {
    weights: [f64; OPERATORS],
    shares: Option<Allocation>,
    selector: Option<Box<dyn OperatorSelector>>,
    /// The probability that the selector is asked; else the weights decide.
    learned: f64,
    records: [Record; OPERATORS],
    history: Vec<(Operator, u64)>,
    under_way: Option<UnderWay>,
}

/// The operator whose proposal is being measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct UnderWay {
    operator: Operator,
    choice: Option<ChoiceId>,
}

/// The saved form.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AllocatorState {
    shares: Option<Allocation>,
    selector: Option<Envelope>,
    records: [Record; OPERATORS],
    history: Vec<(Operator, u64)>,
    under_way: Option<UnderWay>,
}

impl Allocator {
    pub(super) fn new(weights: [f64; OPERATORS], learned: f64) -> Self {
        let records = [Record::default(); OPERATORS];
        Self { weights, shares: None, selector: None, learned, records, history: Vec::new(), under_way: None }
    }

    pub(super) fn set_weights(&mut self, weights: [f64; OPERATORS], learned: f64) {
        self.weights = weights;
        self.learned = learned;
    }

    pub(super) fn set_shares(&mut self, shares: Allocation) {
        self.shares = Some(shares);
    }

    pub(super) fn set_selector(&mut self, selector: Box<dyn OperatorSelector>) {
        self.selector = Some(selector);
    }

    pub(super) fn shares(&self) -> Option<&Allocation> {
        self.shares.as_ref()
    }

    pub(super) fn records(&self) -> &[Record; OPERATORS] {
        &self.records
    }

    pub(super) fn history(&self) -> &[(Operator, u64)] {
        &self.history
    }

    /// Who proposed what is being measured.
    pub(super) fn proposer(&self) -> Option<Operator> {
        self.under_way.map(|u| u.operator)
    }

    /// Chooses among the operators that are `able`. Without shares only those with a weight take part. When none is able,
    /// the answer is [`Operator::ParetoSampling`], which always is.
    pub(super) fn next(&mut self, able: [bool; OPERATORS], context: &[f64], rng: &Stream) -> Operator {
        let mut open = able;
        if let Some(shares) = &self.shares {
            let has = |c: &Component| Operator::ALL.iter().zip(able).any(|(o, a)| a && o.component() == *c);
            let among: Vec<Component> = Component::ALL.into_iter().filter(has).collect();
            let turn = shares.next(&among);
            for (open, operator) in open.iter_mut().zip(Operator::ALL) {
                *open &= turn == Some(operator.component());
            }
        }
        let weighed = |i: usize| if open[i] { self.weights[i] } else { 0.0 };
        // A pillar whose turn it is has one operator, which needs no weight.
        let of_pillar = |(i, o): &(usize, Operator)| {
            open[*i] && self.shares.is_some() && o.component() != Component::Selector
        };
        if let Some((_, operator)) = Operator::ALL.into_iter().enumerate().find(of_pillar) {
            return self.take(operator, None);
        }
        let total: f64 = (0..OPERATORS).map(weighed).sum();
        if total <= 0.0 {
            return self.take(Operator::ParetoSampling, None);
        }
        if rng.child("learned", 0).chance(self.learned)
            && let Some(selector) = &mut self.selector
        {
            let allowed: Vec<bool> = (0..OPERATORS).map(|i| open[i] && self.weights[i] > 0.0).collect();
            if let Some(choice) = selector.select(context, &allowed) {
                return self.take(Operator::ALL[choice.arm.min(OPERATORS - 1)], Some(choice.id));
            }
        }
        let mut left = rng.child("screen", 0).unit() * total;
        for i in (0..OPERATORS).rev().filter(|i| weighed(*i) > 0.0) {
            left -= weighed(i);
            if left < 0.0 {
                return self.take(Operator::ALL[i], None);
            }
        }
        self.take(Operator::ParetoSampling, None)
    }

    fn take(&mut self, operator: Operator, choice: Option<ChoiceId>) -> Operator {
        self.under_way = Some(UnderWay { operator, choice });
        operator
    }

    /// What measuring the proposal under way, or the seed, has cost and brought; `led` whether it became the recommendation.
    pub(super) fn settle(&mut self, calls: u64, gain: f64, led: bool, context: &[f64]) {
        let under_way = self.under_way.take();
        if let Some(shares) = &mut self.shares {
            let payer = under_way.map_or(Component::Selector, |u| u.operator.component());
            shares.settle(payer, 0, calls);
            shares.reward(payer, calls, gain);
        }
        let Some(UnderWay { operator, choice }) = under_way else { return };
        match self.history.last_mut() {
            Some((last, spent)) if *last == operator => *spent += calls,
            _ => self.history.push((operator, calls)),
        }
        let record = &mut self.records[operator as usize];
        record.systems += 1;
        record.calls += calls;
        record.gain += gain;
        if let (Some(selector), Some(choice)) = (&mut self.selector, choice) {
            // The selector knows of its own choice; nothing else can be wrong with it.
            let _ = selector.reward(choice, f64::from(u8::from(led)), Some(context));
        }
    }

    pub(super) fn save(&self) -> AllocatorState {
        AllocatorState {
            shares: self.shares.clone(),
            selector: self.selector.as_ref().map(|s| s.save()),
            records: self.records,
            history: self.history.clone(),
            under_way: self.under_way,
        }
    }

    /// Takes up what was saved; a selector that is not there, or not of the same kind, is refused.
    pub(super) fn load(&mut self, state: AllocatorState) -> Result<(), RestoreError> {
        match (&mut self.selector, state.selector) {
            (Some(selector), Some(envelope)) => selector.load(envelope)?,
            (None, None) => {}
            _ => return Err(RestoreError::Body("one of the two searches has no selector".into())),
        }
        self.shares = state.shares;
        self.records = state.records;
        self.history = state.history;
        self.under_way = state.under_way;
        Ok(())
    }
}

impl fmt::Debug for Allocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allocator").field("state", &self.save()).finish_non_exhaustive()
    }
}
