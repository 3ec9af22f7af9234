use core::fmt;
use core::ops::{Add, AddAssign};
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// What something used. Integers, so that sums are exact in any order; additions saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cost {
    /// Metric calls: one candidate on one example.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub evaluations: u64,
    /// Model calls.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls: u64,
    /// Tokens read by models.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tokens_in: u64,
    /// Tokens written by models.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tokens_out: u64,
    /// Money in 10^-9 US dollars.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub nano_usd: u64,
    /// Time of the work itself.
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    pub wall: Duration,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Cost {
    /// Nothing.
    pub const ZERO: Self =
        Self { evaluations: 0, calls: 0, tokens_in: 0, tokens_out: 0, nano_usd: 0, wall: Duration::ZERO };

    /// `n` metric calls and nothing else.
    pub const fn evaluations(n: u64) -> Self {
        Self { evaluations: n, ..Self::ZERO }
    }

    /// `calls` model calls that read and wrote so many tokens.
    pub const fn tokens(calls: u64, tokens_in: u64, tokens_out: u64) -> Self {
        Self { calls, tokens_in, tokens_out, ..Self::ZERO }
    }

    /// The same cost with this money.
    #[must_use]
    pub const fn with_nano_usd(mut self, nano_usd: u64) -> Self {
        self.nano_usd = nano_usd;
        self
    }

    /// The same cost with this time.
    #[must_use]
    pub const fn with_wall(mut self, wall: Duration) -> Self {
        self.wall = wall;
        self
    }

    /// `n` times this cost, saturating.
    #[must_use]
    pub fn times(self, n: u64) -> Self {
        Self {
            evaluations: self.evaluations.saturating_mul(n),
            calls: self.calls.saturating_mul(n),
            tokens_in: self.tokens_in.saturating_mul(n),
            tokens_out: self.tokens_out.saturating_mul(n),
            nano_usd: self.nano_usd.saturating_mul(n),
            wall: self.wall.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX)),
        }
    }

    /// This cost less `other`, each unit at least 0.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self {
            evaluations: self.evaluations.saturating_sub(other.evaluations),
            calls: self.calls.saturating_sub(other.calls),
            tokens_in: self.tokens_in.saturating_sub(other.tokens_in),
            tokens_out: self.tokens_out.saturating_sub(other.tokens_out),
            nano_usd: self.nano_usd.saturating_sub(other.nano_usd),
            wall: self.wall.saturating_sub(other.wall),
        }
    }

    /// The amount of `unit` used; time in nanoseconds.
    pub fn of(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Evaluations => self.evaluations,
            Unit::ModelCalls => self.calls,
            Unit::Tokens => self.tokens_in.saturating_add(self.tokens_out),
            Unit::NanoUsd => self.nano_usd,
            Unit::Wall => u64::try_from(self.wall.as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

impl Add for Cost {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            evaluations: self.evaluations.saturating_add(other.evaluations),
            calls: self.calls.saturating_add(other.calls),
            tokens_in: self.tokens_in.saturating_add(other.tokens_in),
            tokens_out: self.tokens_out.saturating_add(other.tokens_out),
            nano_usd: self.nano_usd.saturating_add(other.nano_usd),
            wall: self.wall.saturating_add(other.wall),
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl core::iter::Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::ZERO, Add::add)
    }
}

/// What a budget can limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// Metric calls.
    Evaluations,
    /// Model calls.
    ModelCalls,
    /// Tokens read and written.
    Tokens,
    /// Money in 10^-9 US dollars.
    NanoUsd,
    /// Time in nanoseconds.
    Wall,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 5] = [Self::Evaluations, Self::ModelCalls, Self::Tokens, Self::NanoUsd, Self::Wall];

    /// What a reader calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Evaluations => "metric calls",
            Self::ModelCalls => "model calls",
            Self::Tokens => "tokens",
            Self::NanoUsd => "nano-dollars",
            Self::Wall => "nanoseconds",
        }
    }
}

/// Hard limits; the smallest one reached ends the search. `None` is no limit.
///
/// ```
/// use core::time::Duration;
/// use meta_traits::{Budget, Unit};
/// let budget = Budget::calls(600).and(Budget::usd(1.5)).and(Budget::time(Duration::from_secs(1200)));
/// assert_eq!(budget.limit(Unit::NanoUsd), Some(1_500_000_000));
/// assert_eq!(budget.limit(Unit::Tokens), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Budget {
    /// Metric calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluations: Option<u64>,
    /// Model calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_calls: Option<u64>,
    /// Tokens read and written, together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Money in 10^-9 US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nano_usd: Option<u64>,
    /// Time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall: Option<Duration>,
}

impl Budget {
    /// No limit at all.
    pub const UNLIMITED: Self =
        Self { evaluations: None, model_calls: None, tokens: None, nano_usd: None, wall: None };

    /// At most `n` metric calls.
    pub const fn calls(n: u64) -> Self {
        Self { evaluations: Some(n), ..Self::UNLIMITED }
    }

    /// At most `n` model calls.
    pub const fn model_calls(n: u64) -> Self {
        Self { model_calls: Some(n), ..Self::UNLIMITED }
    }

    /// At most `n` tokens.
    pub const fn tokens(n: u64) -> Self {
        Self { tokens: Some(n), ..Self::UNLIMITED }
    }

    /// At most this money, rounded down to nano-dollars; negative and NaN count as 0.
    pub fn usd(dollars: f64) -> Self {
        Self { nano_usd: Some((dollars * 1e9) as u64), ..Self::UNLIMITED }
    }

    /// At most this time.
    pub const fn time(wall: Duration) -> Self {
        Self { wall: Some(wall), ..Self::UNLIMITED }
    }

    /// Both limits: the smaller one of each unit.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
            match (a, b) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            }
        }
        Self {
            evaluations: least(self.evaluations, other.evaluations),
            model_calls: least(self.model_calls, other.model_calls),
            tokens: least(self.tokens, other.tokens),
            nano_usd: least(self.nano_usd, other.nano_usd),
            wall: least(self.wall, other.wall),
        }
    }

    /// The limit of `unit`; time in nanoseconds.
    pub fn limit(&self, unit: Unit) -> Option<u64> {
        match unit {
            Unit::Evaluations => self.evaluations,
            Unit::ModelCalls => self.model_calls,
            Unit::Tokens => self.tokens,
            Unit::NanoUsd => self.nano_usd,
            Unit::Wall => self.wall.map(|w| u64::try_from(w.as_nanos()).unwrap_or(u64::MAX)),
        }
    }
}

/// A reservation that a budget cannot grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exhausted {
    /// The unit that is short.
    pub unit: Unit,
    /// What was asked for.
    pub asked: u64,
    /// What is left.
    pub left: u64,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "budget: {} {} asked for, {} left", self.asked, self.unit.name(), self.left)
    }
}

impl core::error::Error for Exhausted {}

impl crate::Classify for Exhausted {
    fn kind(&self) -> crate::ErrorKind {
        crate::ErrorKind::Budget
    }
}

/// A granted reservation. Give it back with [`Meter::commit`] or [`Meter::refund`]; one that is lost stays reserved,
/// so losing it can never overspend.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "commit or refund the lease, or its cost stays reserved"]
pub struct Lease {
    reserved: Cost,
}

impl Lease {
    /// What is reserved.
    pub fn reserved(&self) -> Cost {
        self.reserved
    }
}

/// Guards a [`Budget`]: reserve the cap before, commit the truth after.
///
/// Law: committed + reserved <= limit in every unit and under every order of calls, as long as nobody uses more than
/// was reserved. A commit beyond its lease is recorded as it was (money spent is spent) and reported as an overrun.
///
/// ```
/// use meta_traits::{Budget, Cost, Meter};
/// let mut meter = Meter::new(Budget::calls(10));
/// let lease = meter.reserve(Cost::evaluations(8)).unwrap();
/// assert!(meter.reserve(Cost::evaluations(3)).is_err());
/// assert_eq!(meter.commit(lease, Cost::evaluations(5)), Cost::ZERO);
/// assert!(meter.reserve(Cost::evaluations(5)).is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    budget: Budget,
    committed: Cost,
    reserved: Cost,
}

impl Meter {
    /// Nothing spent yet.
    pub fn new(budget: Budget) -> Self {
        Self { budget, committed: Cost::ZERO, reserved: Cost::ZERO }
    }

    /// The limits.
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// What was spent.
    pub fn committed(&self) -> Cost {
        self.committed
    }

    /// What is reserved and neither spent nor given back.
    pub fn reserved(&self) -> Cost {
        self.reserved
    }

    /// What is neither spent nor reserved; `None` where `unit` has no limit.
    pub fn left(&self, unit: Unit) -> Option<u64> {
        let used = (self.committed + self.reserved).of(unit);
        self.budget.limit(unit).map(|limit| limit.saturating_sub(used))
    }

    /// Reserves the most that the coming work may use.
    ///
    /// # Errors
    /// [`Exhausted`] names the first unit that is short; nothing is reserved then.
    pub fn reserve(&mut self, cap: Cost) -> Result<Lease, Exhausted> {
        for unit in Unit::ALL {
            if let Some(left) = self.left(unit) {
                let asked = cap.of(unit);
                if asked > left {
                    return Err(Exhausted { unit, asked, left });
                }
            }
        }
        self.reserved += cap;
        Ok(Lease { reserved: cap })
    }

    /// Ends a reservation with what was really used, and returns what went beyond it ([`Cost::ZERO`] if all is well).
    #[expect(clippy::needless_pass_by_value, reason = "a lease that is taken cannot be used twice")]
    pub fn commit(&mut self, lease: Lease, used: Cost) -> Cost {
        self.reserved = self.reserved.less(lease.reserved);
        self.committed += used;
        used.less(lease.reserved)
    }

    /// Ends a reservation of which nothing was used.
    #[expect(clippy::needless_pass_by_value, reason = "a lease that is taken cannot be used twice")]
    pub fn refund(&mut self, lease: Lease) {
        self.reserved = self.reserved.less(lease.reserved);
    }

    /// Records spending of the past, such as that of a run being resumed.
    pub fn record(&mut self, used: Cost) {
        self.committed += used;
    }
}
