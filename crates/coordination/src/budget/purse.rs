use meta_traits::{Budget, Classify, Cost, ErrorKind, Exhausted, Lease, Meter, RestoreError, Snapshot, Unit};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Allocation, OverShare, Shares, Strategy};
use crate::Component;

/// The budget of a run: a [`Meter`] over every unit, and an [`Allocation`] of one of them to components.
///
/// Reserve the enforced cap before, settle the truth after. Laws, under every order of calls and as long as nobody uses more
/// than was reserved: spent and reserved together are within the limit of every unit, and each component is within its part
/// of the divided one. A lost [`Hold`] stays reserved.
///
/// ```
/// use coordination::Component::{Prompt, Topology};
/// use coordination::budget::{OptimizationMode, Purse, Strategy};
/// use meta_traits::{Budget, Cost, Unit};
/// let mut purse = Purse::new(Budget::calls(100), Unit::Evaluations, OptimizationMode::Balanced.shares(), Strategy::Fixed);
/// let hold = purse.reserve(Topology, Cost::evaluations(20))?;
/// purse.settle(hold, Cost::evaluations(12));
/// assert_eq!(purse.left(Unit::Evaluations), Some(88));
/// // Nobody knows what a call used that was given up: its cap counts.
/// let hold = purse.reserve(Prompt, Cost::evaluations(10))?;
/// purse.settle_unknown(hold);
/// assert_eq!(purse.share_left(), 0.78);
/// # Ok::<(), coordination::budget::PurseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Purse {
    meter: Meter,
    unit: Unit,
    allocation: Allocation,
}

/// A reservation by a component. Give it back with [`Purse::settle`], [`Purse::settle_unknown`] or [`Purse::refund`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "settle or refund the hold, or its cost stays reserved"]
pub struct Hold {
    component: Component,
    lease: Lease,
}

impl Hold {
    /// Whose it is.
    pub fn component(&self) -> Component {
        self.component
    }

    /// What is reserved.
    pub fn reserved(&self) -> Cost {
        self.lease.reserved()
    }
}

/// Why nothing is reserved.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PurseError {
    /// The run has not so much left: a hard stop if nothing smaller will do.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// The component has not; others may go on.
    #[error(transparent)]
    OverShare(#[from] OverShare),
}

impl Classify for PurseError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Budget
    }
}

impl Purse {
    /// Guards every unit of `budget`, and divides `unit` by `shares`, which move with `strategy`.
    pub fn new(budget: Budget, unit: Unit, shares: Shares, strategy: Strategy) -> Self {
        let allocation = Allocation::new(budget.limit(unit), shares, strategy);
        Self { meter: Meter::new(budget), unit, allocation }
    }

    /// The same with this division.
    #[must_use]
    pub fn with_allocation(mut self, allocation: Allocation) -> Self {
        self.allocation = allocation;
        self
    }

    /// Who is meant to spend what, and has.
    pub fn allocation(&self) -> &Allocation {
        &self.allocation
    }

    /// Lets a component take no further part; see [`Allocation::retire`].
    pub fn retire(&mut self, component: Component) {
        self.allocation.retire(component);
    }

    /// Lets a component that was retired take part again.
    pub fn rejoin(&mut self, component: Component) {
        self.allocation.rejoin(component);
    }

    /// Reserves the most that a task of a component may use.
    ///
    /// # Errors
    /// [`PurseError`]; nothing is reserved then.
    pub fn reserve(&mut self, component: Component, cap: Cost) -> Result<Hold, PurseError> {
        let lease = self.meter.reserve(cap)?;
        if let Err(error) = self.allocation.reserve(component, cap.of(self.unit)) {
            self.meter.refund(lease);
            return Err(error.into());
        }
        Ok(Hold { component, lease })
    }

    /// Ends a reservation with what was used; returns what went beyond it ([`Cost::ZERO`] if all is well).
    pub fn settle(&mut self, hold: Hold, used: Cost) -> Cost {
        self.allocation.settle(hold.component, hold.reserved().of(self.unit), used.of(self.unit));
        self.meter.commit(hold.lease, used)
    }

    /// The same with what the task has gained, at least 0: what moving strategies learn from.
    pub fn settle_with_gain(&mut self, hold: Hold, used: Cost, gain: f64) -> Cost {
        self.allocation.reward(hold.component, used.of(self.unit), gain);
        self.settle(hold, used)
    }

    /// Ends a reservation of which nobody knows what was used, as after a time-out: its cap counts.
    pub fn settle_unknown(&mut self, hold: Hold) {
        let cap = hold.reserved();
        self.settle(hold, cap);
    }

    /// Ends a reservation of a task that never started.
    pub fn refund(&mut self, hold: Hold) {
        self.allocation.settle(hold.component, hold.reserved().of(self.unit), 0);
        self.meter.refund(hold.lease);
    }

    /// What was spent.
    pub fn spent(&self) -> Cost {
        self.meter.committed()
    }

    /// What is reserved.
    pub fn reserved(&self) -> Cost {
        self.meter.reserved()
    }

    /// What is neither spent nor reserved; `None` where `unit` has no limit.
    pub fn left(&self, unit: Unit) -> Option<u64> {
        self.meter.left(unit)
    }

    /// The part of the budget that is left, 0 to 1: of the unit that is shortest. 1 without limits.
    pub fn share_left(&self) -> f64 {
        let share = |unit: Unit| {
            let limit = self.meter.budget().limit(unit)?;
            let left = self.meter.left(unit)?;
            Some(if limit == 0 { 0.0 } else { left as f64 / limit as f64 })
        };
        Unit::ALL.into_iter().filter_map(share).fold(1.0, f64::min)
    }

    /// The first unit of which nothing is left, not even reserved: no task that uses any of it can ever run again.
    pub fn ended(&self) -> Option<Unit> {
        let spent = self.meter.committed();
        let ended =
            |unit: &Unit| self.meter.budget().limit(*unit).is_some_and(|limit| spent.of(*unit) >= limit);
        Unit::ALL.into_iter().find(ended)
    }
}

/// What a [`Purse`] is when saved. Reservations that were open count as spent at their caps: nobody can tell any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PurseState {
    budget: Budget,
    unit: Unit,
    spent: Cost,
    allocation: Allocation,
}

impl Snapshot for Purse {
    const SCHEMA: &'static str = "coordination/purse";
    const VERSION: u32 = 1;
    type State = PurseState;

    fn snapshot(&self) -> PurseState {
        PurseState {
            budget: self.meter.budget(),
            unit: self.unit,
            spent: self.meter.committed() + self.meter.reserved(),
            allocation: self.allocation.abandoned(),
        }
    }

    fn restore(&mut self, state: PurseState) -> Result<(), RestoreError> {
        let mut meter = Meter::new(state.budget);
        meter.record(state.spent);
        *self = Self { meter, unit: state.unit, allocation: state.allocation };
        Ok(())
    }
}
