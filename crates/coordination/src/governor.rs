use meta_traits::{Budget, Classify, Cost, ErrorKind, Unit};
use thiserror::Error;

use crate::approx::{Directives, HyperoptDirective, Ladder, Thresholds, TopologyDirective};
use crate::budget::{Allocation, Hold, OptimizationMode, Purse, PurseError, Strategy};
use crate::memory::{MemoryGuard, MemoryHold, MemoryShort};
use crate::predict::{CostForecast, CostPredictor, Resource, Usage};
use crate::{Component, CoordinationConfig};

/// Tasks of a component that must have ended before the P99 of its memory is believed, and not only the median.
const TRUSTED: u64 = 30;

/// What a run may use; everything has a default but the budget.
///
/// ```
/// use coordination::Limits;
/// use meta_traits::{Budget, Unit};
/// let limits = Limits { memory_limit_mb: Some(1024), ..Limits::new(Budget::calls(600)) };
/// assert_eq!(limits.divided, Unit::Evaluations);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The hard budget.
    pub budget: Budget,
    /// The unit of it that components share; by default the first one that is limited.
    pub divided: Unit,
    /// What the run is after: decides the shares; by default balanced.
    pub mode: OptimizationMode,
    /// By what shares move; by default as `resource_allocation_strategy` says.
    pub strategy: Option<Strategy>,
    /// Priorities for [`Strategy::Priority`]; by default equal.
    pub priorities: [f64; 4],
    /// Mebibytes that the process may hold; by default no limit.
    pub memory_limit_mb: Option<u64>,
    /// Features that tasks are described by, for the prediction of costs.
    pub features: usize,
}

impl Limits {
    /// The defaults around a budget, with one feature a task.
    pub fn new(budget: Budget) -> Self {
        let limited = |unit: &Unit| budget.limit(*unit).is_some();
        Self {
            budget,
            divided: Unit::ALL.into_iter().find(limited).unwrap_or(Unit::Evaluations),
            mode: OptimizationMode::default(),
            strategy: None,
            priorities: [1.0; 4],
            memory_limit_mb: None,
            features: 1,
        }
    }
}

/// Manages what a run uses: predicts costs, reserves caps, divides the budget, has components work cheaper when it runs short,
/// and keeps within the memory limit.
///
/// With `complexity_management` off nobody is told to work cheaper, nobody is held to a share and no memory is set aside; the hard
/// budget holds all the same.
///
/// ```
/// use coordination::{Component, CoordinationConfig, Ended, Governor, Limits};
/// use coordination::approx::SelectorDirective;
/// use meta_traits::{Budget, Cost};
/// let mut governor = Governor::new(&CoordinationConfig::default(), &Limits::new(Budget::calls(100)));
/// while let Some(component) = governor.next(&Component::ALL) {
///     let Ok(permit) = governor.begin(component, &[1.0], Cost::evaluations(5)) else { break };
///     // The component works as `permit.directives()` say.
///     governor.end(permit, Ended::Used { cost: Cost::evaluations(3), memory: 0, gain: 0.0 });
/// }
/// assert!(governor.purse().share_left() < 0.3);
/// assert_eq!(governor.directives().selector, SelectorDirective::GreedySelection);
/// ```
#[derive(Debug)]
pub struct Governor {
    purse: Purse,
    ladder: Ladder,
    memory: MemoryGuard,
    predictor: CostPredictor,
    managed: bool,
    cycles: u32,
    most_cycles: u32,
}

/// A task that may run: what it reserved, and how it is to work. Give it back with [`Governor::end`].
#[derive(Debug)]
#[must_use = "end the permit, or what it reserved stays reserved"]
pub struct Permit {
    hold: Hold,
    memory: Option<MemoryHold>,
    features: Vec<f64>,
    directives: Directives,
}

impl Permit {
    /// Whose task it is.
    pub fn component(&self) -> Component {
        self.hold.component()
    }

    /// The cap that must be enforced.
    pub fn cap(&self) -> Cost {
        self.hold.reserved()
    }

    /// How everybody is to work.
    pub fn directives(&self) -> Directives {
        self.directives
    }
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ended {
    /// Well or badly, and what it used is known.
    Used {
        /// What it used.
        cost: Cost,
        /// Bytes of memory it took at the most; 0 if nobody measured.
        memory: u64,
        /// By how much it improved the score, at least 0.
        gain: f64,
    },
    /// Given up, and nobody knows what it used: its cap counts.
    Unknown,
    /// It never started.
    Never,
}

/// Why a task may not run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GovernError {
    /// The budget, or the component's part of it.
    #[error(transparent)]
    Purse(#[from] PurseError),
    /// Memory, until running tasks end.
    #[error(transparent)]
    Memory(#[from] MemoryShort),
}

impl Classify for GovernError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Purse(error) => error.kind(),
            Self::Memory(error) => error.kind(),
        }
    }
}

impl Governor {
    /// Governs by the settings, within the limits.
    pub fn new(config: &CoordinationConfig, limits: &Limits) -> Self {
        let managed = config.complexity_management;
        let strategy = limits.strategy.unwrap_or_else(|| config.resource_allocation_strategy.into());
        // Nobody is held to a share of an amount that is not divided.
        let divided = limits.budget.limit(limits.divided).filter(|_| managed);
        let allocation =
            Allocation::new(divided, limits.mode.shares(), strategy).with_priorities(limits.priorities);
        let purse = Purse::new(limits.budget, limits.divided, limits.mode.shares(), strategy);
        let ladder = if managed { Ladder::new(Thresholds::default()).ok() } else { None };
        Self {
            purse: purse.with_allocation(allocation),
            ladder: ladder.unwrap_or_else(Ladder::never),
            memory: MemoryGuard::new(limits.memory_limit_mb.filter(|_| managed)),
            predictor: CostPredictor::new(limits.features),
            managed,
            cycles: 0,
            most_cycles: config.max_coordination_cycles,
        }
    }

    /// Begins a round of coordination: its number from 0, or `None` after `max_coordination_cycles` rounds or when the budget has
    /// ended. A hard stop either way.
    pub fn begin_cycle(&mut self) -> Option<u32> {
        if self.cycles >= self.most_cycles || self.purse.ended().is_some() {
            return None;
        }
        self.cycles += 1;
        Some(self.cycles - 1)
    }

    /// Takes notice of the memory that the process holds, in bytes.
    pub fn observe_memory(&mut self, resident: u64) {
        self.memory.observe(resident);
    }

    /// Of those that want to, whoever is furthest behind its intended share; `None` when nobody may go on.
    ///
    /// Components that are told to skip their work are passed over, and the others take over their part.
    pub fn next(&mut self, among: &[Component]) -> Option<Component> {
        if self.purse.ended().is_some() {
            return None;
        }
        self.notice();
        self.purse.allocation().next(among)
    }

    /// What a task of these features will probably use: for plans, never for guarantees.
    pub fn forecast(&self, component: Component, features: &[f64]) -> Option<CostForecast> {
        self.predictor.forecast(component.name(), features)
    }

    /// Lets a task run that will use `cap` at the most, which the caller enforces.
    ///
    /// Memory is set aside by the predicted P99 (the median while few tasks were seen), for nobody can enforce it.
    ///
    /// # Errors
    /// [`GovernError`]; nothing is reserved then.
    pub fn begin(
        &mut self,
        component: Component,
        features: &[f64],
        cap: Cost,
    ) -> Result<Permit, GovernError> {
        let expected = self.forecast(component, features).filter(|_| self.managed);
        let bytes = expected.map_or(0, |forecast| {
            let memory = forecast.of(Resource::Memory);
            if forecast.seen() < TRUSTED { memory.p50 as u64 } else { memory.p99 as u64 }
        });
        let memory = self.memory.reserve(bytes)?;
        match self.purse.reserve(component, cap) {
            Ok(hold) => {
                let directives = self.notice();
                Ok(Permit { hold, memory: Some(memory), features: features.to_vec(), directives })
            }
            Err(error) => {
                self.memory.release(memory);
                Err(error.into())
            }
        }
    }

    /// Ends a task and learns from it. Returns what it used beyond its cap ([`Cost::ZERO`] if all is well).
    pub fn end(&mut self, permit: Permit, ended: Ended) -> Cost {
        if let Some(memory) = permit.memory {
            self.memory.release(memory);
        }
        let component = permit.hold.component();
        let beyond = match ended {
            Ended::Used { cost, memory, gain } => {
                self.predictor.observe(component.name(), &permit.features, &Usage::new(cost, memory));
                self.purse.settle_with_gain(permit.hold, cost, gain)
            }
            Ended::Unknown => {
                self.purse.settle_unknown(permit.hold);
                Cost::ZERO
            }
            Ended::Never => {
                self.purse.refund(permit.hold);
                Cost::ZERO
            }
        };
        self.notice();
        beyond
    }

    /// How everybody is to work.
    pub fn directives(&self) -> Directives {
        self.ladder.directives()
    }

    /// What was spent, reserved and is left.
    pub fn purse(&self) -> &Purse {
        &self.purse
    }

    /// What is measured and set aside.
    pub fn memory(&self) -> &MemoryGuard {
        &self.memory
    }

    /// Steps on the ladder by what is left.
    fn notice(&mut self) -> Directives {
        let directives = self.ladder.observe(self.purse.share_left());
        for (component, skips) in [
            (Component::Topology, directives.topology == TopologyDirective::SkipEvolution),
            (Component::Hyperopt, directives.hyperopt == HyperoptDirective::DefaultParams),
        ] {
            if skips {
                self.purse.retire(component);
            } else {
                self.purse.rejoin(component);
            }
        }
        directives
    }
}
