mod held;

use std::collections::BTreeMap;
use std::fmt;
use std::task::Waker;
use std::time::Duration;

use meta_traits::{Budget, Classify, Cost, ErrorKind, Exhausted, Meter};
use smallvec::SmallVec;
use thiserror::Error;

use crate::admit::{Admission, AdmitError, Notice, Stop, Ticket, Why};
use crate::clock::{Clock, MachineClock};
use crate::sync::{Arc, Mutex, MutexGuard};
use crate::timeline::{Happening, What};
use crate::update::Update;
use held::Held;
pub use held::{Grant, Pass};

/// Admission and budget for concurrent tasks: the asynchronous edge of [`Admission`] and [`Meter`].
///
/// Tickets are taken and caps reserved when [`Coordinator::submit`] is called, never when a future is first polled, so the
/// order of calls decides and not a runtime's. Nothing polls; waiting costs nothing. Whoever drops a [`Pass`] or a
/// [`Grant`], by a time-out, a cancellation or a panic, gives back all it held. Clones share one state. Any executor will
/// do; none is needed.
///
/// ```
/// use coordination::{Access, Admission, Coordinator, Keys, Update};
/// use meta_traits::{Budget, Cost};
/// let mut keys = Keys::default();
/// let prompts = keys.key("prompts");
/// let coordinator = Coordinator::new(Admission::new(4), Budget::calls(100));
/// let update = Update::new("prompt", Access::new([], [prompts]));
/// let pass = coordinator.submit(update, Cost::evaluations(10))?;
/// let grant = std::pin::pin!(pass);
/// # let grant = match grant.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
/// #     std::task::Poll::Ready(grant) => grant?,
/// #     std::task::Poll::Pending => unreachable!(),
/// # };
/// # use std::future::Future;
/// // .. = pass.await?; the update is made, and then:
/// assert_eq!(grant.finish(Cost::evaluations(7)), Cost::ZERO);
/// assert_eq!(coordinator.spent(), Cost::evaluations(7));
/// # Ok::<(), coordination::CoordinateError>(())
/// ```
#[derive(Clone)]
pub struct Coordinator {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Box<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    admission: Admission,
    meter: Meter,
    /// What is kept for each unended update, by the slot of its ticket.
    seats: Vec<Seat>,
    trace: Option<Vec<Happening>>,
    dropped: BTreeMap<Ticket, Ticket>,
}

struct Seat {
    ticket: Ticket,
    /// Who is to be told.
    waker: Option<Waker>,
    stop: Option<Stop>,
}

/// Why an update does not run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CoordinateError {
    /// It was not taken.
    #[error(transparent)]
    Admit(#[from] AdmitError),
    /// Its cap does not fit what is left of the budget.
    #[error(transparent)]
    Budget(#[from] Exhausted),
    /// An update it depended on failed or was cancelled while it waited.
    #[error("coordination: update {} was dropped, because update {} failed or was cancelled", .ticket.number(), .because.number())]
    Dropped {
        /// Which.
        ticket: Ticket,
        /// The dependency.
        because: Ticket,
    },
}

impl Classify for CoordinateError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Admit(error) => error.kind(),
            Self::Budget(error) => error.kind(),
            Self::Dropped { .. } => ErrorKind::Cancelled,
        }
    }
}

impl State {
    fn note(&mut self, at: Duration, ticket: Ticket, what: What) {
        if let Some(trace) = &mut self.trace {
            trace.push(Happening { at, ticket, what });
        }
    }

    fn seat(&mut self, ticket: Ticket) -> Option<&mut Seat> {
        self.seats.get_mut(ticket.slot()).filter(|seat| seat.ticket == ticket)
    }
}

impl Coordinator {
    /// Coordinates by `admission` within `budget`, on the machine's clock.
    pub fn new(admission: Admission, budget: Budget) -> Self {
        Self::with_clock(admission, budget, MachineClock::default())
    }

    /// The same on another clock.
    pub fn with_clock(admission: Admission, budget: Budget, clock: impl Clock + 'static) -> Self {
        let (meter, seats) = (Meter::new(budget), Vec::new());
        let state = Mutex::new(State { admission, meter, seats, trace: None, dropped: BTreeMap::new() });
        Self { shared: Arc::new(Shared { clock: Box::new(clock), state }) }
    }

    /// The same, recording what happens to every update from now on, for [`crate::timeline`]. Memory grows with each.
    #[must_use]
    pub fn traced(self) -> Self {
        self.lock().trace.get_or_insert_default();
        self
    }

    /// What has happened since it was [`traced`](Coordinator::traced), in order.
    pub fn trace(&self) -> Vec<Happening> {
        self.lock().trace.clone().unwrap_or_default()
    }

    /// Takes an update that will use `cap` at the most; its place in the order and the reservation are fixed on return.
    ///
    /// # Errors
    /// [`CoordinateError::Budget`], [`CoordinateError::Admit`]; nothing is reserved then.
    pub fn submit(&self, update: Update, cap: Cost) -> Result<Pass, CoordinateError> {
        self.take(cap, update, Admission::submit)
    }

    /// Takes an update that the holder of `parent` needs done; see [`Admission::submit_child`].
    ///
    /// # Errors
    /// As [`Coordinator::submit`].
    pub fn submit_child(&self, parent: &Grant, update: Update, cap: Cost) -> Result<Pass, CoordinateError> {
        let parent = parent.ticket();
        self.take(cap, update, |admission, update, now| admission.submit_child(parent, update, now))
    }

    fn take(
        &self,
        cap: Cost,
        update: Update,
        submit: impl FnOnce(&mut Admission, Update, Duration) -> Result<Ticket, AdmitError>,
    ) -> Result<Pass, CoordinateError> {
        let mut state = self.lock();
        let lease = state.meter.reserve(cap)?;
        let now = self.shared.clock.now();
        let names = state.trace.is_some().then(|| (update.component.to_string(), update.kind.to_string()));
        let ticket = match submit(&mut state.admission, update, now) {
            Ok(ticket) => ticket,
            Err(error) => {
                state.meter.refund(lease);
                return Err(error.into());
            }
        };
        if let Some((component, kind)) = names {
            let why = state.admission.why(ticket).unwrap_or_default();
            let behind = why.conflicts.into_iter().map(|(_, holder)| holder).collect();
            state.note(now, ticket, What::Submitted { component, kind, behind });
        }
        let seat = || Seat { ticket, waker: None, stop: None };
        let slot = ticket.slot();
        // Wakers are let go without the lock: what hangs on one may want it.
        let _before = state.seats.get_mut(slot).map(|before| std::mem::replace(before, seat()));
        if state.seats.len() == slot {
            state.seats.push(seat());
        }
        tell(state, now);
        Ok(Pass::new(Held::new(self.clone(), ticket, lease)))
    }

    /// Why an update is not running yet; `None` if it has ended.
    pub fn why(&self, ticket: Ticket) -> Option<Why> {
        self.lock().admission.why(ticket)
    }

    /// Asks updates to stop that have run for as long as they may; how many. See [`Admission::expire`].
    pub fn expire(&self) -> usize {
        let mut state = self.lock();
        let now = self.shared.clock.now();
        let asked = state.admission.expire(now);
        tell(state, now);
        asked
    }

    /// How long until [`Coordinator::expire`] has something to do, if nothing ends before.
    pub fn next_deadline(&self) -> Option<Duration> {
        let now = self.shared.clock.now();
        self.lock().admission.next_deadline().map(|deadline| deadline.saturating_sub(now))
    }

    /// What finished and abandoned updates have used.
    pub fn spent(&self) -> Cost {
        self.lock().meter.committed()
    }

    /// What waiting and running updates may still use.
    pub fn reserved(&self) -> Cost {
        self.lock().meter.reserved()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Wakes those to whom something happened, after the lock is let go.
fn tell(mut state: MutexGuard<'_, State>, now: Duration) {
    let mut wakers: SmallVec<[Waker; 4]> = SmallVec::new();
    while let Some(notice) = state.admission.poll() {
        let (ticket, what) = match notice {
            Notice::Granted { ticket, .. } => (ticket, What::Granted),
            Notice::Dropped { ticket, because } => {
                state.dropped.insert(ticket, because);
                (ticket, What::Dropped)
            }
            Notice::Stop { ticket, why } => {
                if let Some(seat) = state.seat(ticket) {
                    seat.stop = Some(why);
                }
                (ticket, What::AskedToStop)
            }
        };
        state.note(now, ticket, what);
        if let Some(seat) = state.seat(ticket) {
            wakers.extend(seat.waker.take());
        }
    }
    drop(state);
    for waker in wakers {
        waker.wake();
    }
}

impl fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Coordinator").field("meter", &state.meter).finish_non_exhaustive()
    }
}
