use meta_traits::{Classify, ErrorKind};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::strategy::Record;
use super::{Shares, Strategy};
use crate::Component;

/// What a component may spend above its intended share, as a part of the limit.
const SLACK: f64 = 0.05;
/// How far any strategy may move spending away from the mode's share, as a part of the limit.
const MOST: f64 = 0.15;

/// Divides one unit of a budget among components: what each is meant to spend, has spent and has reserved.
///
/// Laws, under every order of calls and as long as nobody uses more than was reserved:
/// - a component never spends more than its intended share and 5 points of the limit, nor than its share in the mode
///   and 15 points; with [`Strategy::Fixed`] both are the mode's share, so that spending is held within 5 points;
/// - intended shares sum to 1 and are within 15 points of the mode's.
///
/// [`Allocation::next`] keeps shares close all along, not only at the end. It guards shares only; the limit itself is the
/// [`Meter`](meta_traits::Meter)'s: see [`Purse`](super::Purse) for both. Without a limit nobody is refused anything and
/// `next` alone governs.
///
/// ```
/// use coordination::Component::{Prompt, Topology};
/// use coordination::budget::{Allocation, OptimizationMode, Strategy};
/// let mut allocation = Allocation::new(Some(1000), OptimizationMode::Balanced.shares(), Strategy::Fixed);
/// assert_eq!(allocation.next(&[Topology, Prompt]), Some(Topology));
/// allocation.reserve(Topology, 200)?;
/// assert_eq!(allocation.next(&[Topology, Prompt]), Some(Prompt));
/// allocation.settle(Topology, 200, 150);
/// assert_eq!(allocation.reserve(Topology, 151).unwrap_err().left, 150);
/// # Ok::<(), coordination::budget::OverShare>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    limit: Option<u64>,
    base: Shares,
    strategy: Strategy,
    active: [bool; 4],
    spent: [u64; 4],
    reserved: [u64; 4],
    record: Record,
}

/// A reservation that is beyond a component's part of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "coordination: {component} asks for {asked} and has {left} left of its part of the budget; ask for less, or let others spend"
)]
#[non_exhaustive]
pub struct OverShare {
    /// Whose.
    pub component: Component,
    /// What was asked for.
    pub asked: u64,
    /// What is left of its part.
    pub left: u64,
}

impl Classify for OverShare {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Budget
    }
}

impl Allocation {
    /// Divides `limit` (if there is one) by `shares`, which move with `strategy`. All priorities are the same.
    pub fn new(limit: Option<u64>, shares: Shares, strategy: Strategy) -> Self {
        Self {
            limit,
            base: shares,
            strategy,
            active: [true; 4],
            spent: [0; 4],
            reserved: [0; 4],
            record: Record::new([1.0; 4]),
        }
    }

    /// The same with priorities for [`Strategy::Priority`], in the order of [`Component::ALL`]; such as are not positive numbers
    /// count as 1.
    #[must_use]
    pub fn with_priorities(mut self, priorities: [f64; 4]) -> Self {
        self.record = Record::new(priorities);
        self
    }

    /// Lets a component take no further part: the others take over what it does not spend, in proportion to their shares.
    pub fn retire(&mut self, component: Component) {
        self.active[component as usize] = false;
    }

    /// Lets a component that was retired take part again.
    pub fn rejoin(&mut self, component: Component) {
        self.active[component as usize] = true;
    }

    /// The share of the mode, less those that take no part.
    pub fn base(&self, component: Component) -> f64 {
        self.base.among(self.active).of(component)
    }

    /// The share that the component is meant to spend now.
    pub fn intended(&self, component: Component) -> f64 {
        self.target().of(component)
    }

    fn target(&self) -> Shares {
        self.base.among(self.active).moved(self.record.weights(self.strategy), MOST)
    }

    /// What a component has spent.
    pub fn spent(&self, component: Component) -> u64 {
        self.spent[component as usize]
    }

    /// Its share of all that was spent; 0 while nothing was.
    pub fn share(&self, component: Component) -> f64 {
        let total = total(&self.spent);
        if total > 0.0 { self.spent(component) as f64 / total } else { 0.0 }
    }

    /// The most that a component may spend in all; nothing if there is no limit.
    pub fn ceiling(&self, component: Component) -> Option<u64> {
        let share = (self.intended(component) + SLACK).min(self.base(component) + MOST);
        // The nudge keeps 0.3 + 0.05 of 100 at 35 where binary fractions fall short of it.
        self.limit.map(|limit| ((share.min(1.0) * limit as f64 + 1e-6) as u64).min(limit))
    }

    /// Of `among`, whoever is furthest behind its intended share, counting what is reserved; the first of equals.
    ///
    /// Those that were retired are passed over. `None` when nobody remains.
    pub fn next(&self, among: &[Component]) -> Option<Component> {
        let target = self.target();
        let used = |c: Component| self.spent[c as usize].saturating_add(self.reserved[c as usize]) as f64;
        let all: f64 = Component::ALL.into_iter().map(used).sum();
        // Of the next unit: so that shares decide the very first choice, too.
        let behind = |c: Component| target.of(c) * (all + 1.0) - used(c);
        let mut best: Option<(f64, Component)> = None;
        for component in among.iter().copied().filter(|c| self.active[*c as usize]) {
            let deficit = behind(component);
            if best.is_none_or(|(most, _)| deficit > most) {
                best = Some((deficit, component));
            }
        }
        best.map(|(_, component)| component)
    }

    /// Sets `cap` aside for a task of a component.
    ///
    /// # Errors
    /// [`OverShare`] when it is beyond the component's part; nothing is set aside then.
    pub fn reserve(&mut self, component: Component, cap: u64) -> Result<(), OverShare> {
        let at = component as usize;
        if let Some(ceiling) = self.ceiling(component) {
            let left = ceiling.saturating_sub(self.spent[at].saturating_add(self.reserved[at]));
            if cap > left {
                return Err(OverShare { component, asked: cap, left });
            }
        }
        self.reserved[at] = self.reserved[at].saturating_add(cap);
        Ok(())
    }

    /// Ends a reservation of `cap` with what was used.
    pub fn settle(&mut self, component: Component, cap: u64, used: u64) {
        let at = component as usize;
        self.reserved[at] = self.reserved[at].saturating_sub(cap);
        self.spent[at] = self.spent[at].saturating_add(used);
    }

    /// The same with everything reserved counted as spent.
    pub(super) fn abandoned(&self) -> Self {
        let mut after = self.clone();
        for (spent, reserved) in after.spent.iter_mut().zip(&mut after.reserved) {
            *spent = spent.saturating_add(std::mem::take(reserved));
        }
        after
    }

    /// Tells what a task that used so much has brought: improvement of the score, at least 0.
    pub fn reward(&mut self, component: Component, used: u64, gain: f64) {
        self.record.observe(component as usize, used, gain);
    }
}

fn total(amounts: &[u64; 4]) -> f64 {
    amounts.iter().map(|n| *n as f64).sum()
}
