use std::borrow::Cow;
use std::time::Duration;

use crate::admit::Ticket;
use crate::key::Access;

/// One change of shared state, declared whole before it starts.
///
/// ```
/// use coordination::{Access, Keys, Update};
/// let mut keys = Keys::default();
/// let topology = keys.key("topology");
/// let update = Update::new("topology", Access::new([], [topology])).with_priority(2).with_units(1);
/// assert_eq!(update.priority, 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Update {
    /// Who changes, for traces and rules; not unique.
    pub component: Cow<'static, str>,
    /// What sort of change it is, for traces; default empty.
    pub kind: Cow<'static, str>,
    /// Names its effect, which [`Coordinator::run_once`](crate::Coordinator::run_once) lets happen once; default none.
    pub idempotency: Option<Cow<'static, str>>,
    /// What is read and written. Held whole from grant to finish.
    pub access: Access,
    /// Higher goes first among those that wait; default 0.
    pub priority: i32,
    /// Must have finished well before this starts. If one of them fails or is cancelled, so is this.
    pub after: Vec<Ticket>,
    /// How long it may run before it is asked to stop; default for ever.
    pub timeout: Option<Duration>,
    /// Units of the shared capacity held while running (components at a time, memory, ...); default 1.
    pub units: u32,
}

impl Update {
    /// An update with defaults.
    pub fn new(component: impl Into<Cow<'static, str>>, access: Access) -> Self {
        Self {
            component: component.into(),
            kind: Cow::Borrowed(""),
            idempotency: None,
            access,
            priority: 0,
            after: Vec::new(),
            timeout: None,
            units: 1,
        }
    }

    /// The same of this kind.
    #[must_use]
    pub fn with_kind(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.kind = kind.into();
        self
    }

    /// The same with a name for its effect.
    #[must_use]
    pub fn with_idempotency(mut self, key: impl Into<Cow<'static, str>>) -> Self {
        self.idempotency = Some(key.into());
        self
    }

    /// The same with another priority.
    #[must_use]
    pub fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// The same, held back until those have finished well.
    #[must_use]
    pub fn after(mut self, tickets: impl IntoIterator<Item = Ticket>) -> Self {
        self.after.extend(tickets);
        self
    }

    /// The same, asked to stop when it has run for so long.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The same with so many units of the capacity.
    #[must_use]
    pub fn with_units(mut self, units: u32) -> Self {
        self.units = units;
        self
    }
}
