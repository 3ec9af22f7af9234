use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use meta_traits::{Budget, Classify, Cost, ErrorKind, Exhausted, Lease, Meter};
use smallvec::SmallVec;
use thiserror::Error;

use crate::admit::{Admission, AdmitError, Notice, Stop, Ticket, Why};
use crate::clock::{Clock, MachineClock};
use crate::sync::{Arc, Mutex, MutexGuard};
use crate::update::Update;

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
    /// Leases of updates that were cancelled with their parent or dropped, until their holders hear of it.
    strays: BTreeMap<Ticket, Lease>,
    dropped: BTreeMap<Ticket, Ticket>,
}

#[derive(Default)]
struct Seat {
    lease: Option<(Ticket, Lease)>,
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
    /// What was kept for an update that ends.
    fn leave(&mut self, ticket: Ticket) -> (Option<Lease>, Option<Waker>) {
        let own = |seat: &&mut Seat| seat.lease.as_ref().is_some_and(|(t, _)| *t == ticket);
        match self.seats.get_mut(ticket.slot()).filter(own).map(std::mem::take) {
            Some(Seat { lease, waker, .. }) => (lease.map(|(_, lease)| lease), waker),
            None => (self.strays.remove(&ticket), None),
        }
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
        let state =
            Mutex::new(State { admission, meter, seats, strays: BTreeMap::new(), dropped: BTreeMap::new() });
        Self { shared: Arc::new(Shared { clock: Box::new(clock), state }) }
    }

    /// Takes an update that will use `cap` at the most; its place in the order and the reservation are fixed on return.
    ///
    /// # Errors
    /// [`CoordinateError::Budget`], [`CoordinateError::Admit`]; nothing is reserved then.
    pub fn submit(&self, update: Update, cap: Cost) -> Result<Pass, CoordinateError> {
        self.take(cap, |admission, now| admission.submit(update, now))
    }

    /// Takes an update that the holder of `parent` needs done; see [`Admission::submit_child`].
    ///
    /// # Errors
    /// As [`Coordinator::submit`].
    pub fn submit_child(&self, parent: &Grant, update: Update, cap: Cost) -> Result<Pass, CoordinateError> {
        self.take(cap, |admission, now| admission.submit_child(parent.held.ticket, update, now))
    }

    fn take(
        &self,
        cap: Cost,
        submit: impl FnOnce(&mut Admission, std::time::Duration) -> Result<Ticket, AdmitError>,
    ) -> Result<Pass, CoordinateError> {
        let mut state = self.lock();
        let lease = state.meter.reserve(cap)?;
        let ticket = match submit(&mut state.admission, self.shared.clock.now()) {
            Ok(ticket) => ticket,
            Err(error) => {
                state.meter.refund(lease);
                return Err(error.into());
            }
        };
        let slot = ticket.slot();
        if state.seats.len() <= slot {
            state.seats.resize_with(slot + 1, Seat::default);
        }
        let seat = Seat { lease: Some((ticket, lease)), waker: None, stop: None };
        if let Some((stray, lease)) = std::mem::replace(&mut state.seats[slot], seat).lease {
            state.strays.insert(stray, lease);
        }
        tell(state);
        Ok(Pass { held: Some(Held { coordinator: self.clone(), ticket, ended: false }) })
    }

    /// Why an update is not running yet; `None` if it has ended.
    pub fn why(&self, ticket: Ticket) -> Option<Why> {
        self.lock().admission.why(ticket)
    }

    /// Asks updates to stop that have run for as long as they may; how many. See [`Admission::expire`].
    pub fn expire(&self) -> usize {
        let mut state = self.lock();
        let asked = state.admission.expire(self.shared.clock.now());
        tell(state);
        asked
    }

    /// How long until [`Coordinator::expire`] has something to do, if nothing ends before.
    pub fn next_deadline(&self) -> Option<std::time::Duration> {
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
fn tell(mut state: MutexGuard<'_, State>) {
    let mut wakers: SmallVec<[Waker; 4]> = SmallVec::new();
    while let Some(notice) = state.admission.poll() {
        let ticket = match notice {
            Notice::Granted { ticket, .. } => ticket,
            Notice::Dropped { ticket, because } => {
                state.dropped.insert(ticket, because);
                ticket
            }
            Notice::Stop { ticket, why } => {
                if let Some(seat) = state.seats.get_mut(ticket.slot()) {
                    seat.stop = Some(why);
                }
                ticket
            }
        };
        if let Some(seat) = state.seats.get_mut(ticket.slot()) {
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

/// A place in the order and a reservation, given back when dropped.
struct Held {
    coordinator: Coordinator,
    ticket: Ticket,
    ended: bool,
}

impl Held {
    /// Ends the update and its reservation; what was used beyond the cap.
    fn end(&mut self, used: Used, well: bool) -> Cost {
        self.ended = true;
        let now = self.coordinator.shared.clock.now();
        let mut state = self.coordinator.lock();
        let (lease, waker) = state.leave(self.ticket);
        let ran = state.admission.is_running(self.ticket);
        // With children still running there is no good end: they lose what they stood on.
        if !well || state.admission.finish(self.ticket, true, now).is_err() {
            state.admission.cancel(self.ticket, now);
        }
        state.dropped.remove(&self.ticket);
        let beyond = match (lease, used) {
            (Some(lease), Used::Told(used)) => state.meter.commit(lease, used),
            (Some(lease), Used::Unknown) if ran => {
                let cap = lease.reserved();
                state.meter.commit(lease, cap)
            }
            (Some(lease), Used::Unknown) => {
                state.meter.refund(lease);
                Cost::ZERO
            }
            (None, _) => Cost::ZERO,
        };
        tell(state);
        drop(waker);
        beyond
    }
}

/// What an update has used when it ends.
enum Used {
    Told(Cost),
    /// Nobody can know of an abandoned one: its cap counts, if it ever ran.
    Unknown,
}

/// An update that waits: a future of its [`Grant`]. Dropped, it is taken back and nothing is spent.
#[must_use = "an update whose pass is dropped is taken back"]
pub struct Pass {
    held: Option<Held>,
}

impl Pass {
    /// The update's place in the order.
    pub fn ticket(&self) -> Option<Ticket> {
        self.held.as_ref().map(|h| h.ticket)
    }
}

impl Future for Pass {
    type Output = Result<Grant, CoordinateError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(held) = self.held.take() else { return Poll::Pending };
        let mut state = held.coordinator.lock();
        if state.admission.is_running(held.ticket) {
            drop(state);
            return Poll::Ready(Ok(Grant { held }));
        }
        if let Some(because) = state.dropped.remove(&held.ticket) {
            drop(state);
            return Poll::Ready(Err(CoordinateError::Dropped { ticket: held.ticket, because }));
        }
        state.seats[held.ticket.slot()].waker = Some(context.waker().clone());
        drop(state);
        self.held = Some(held);
        Poll::Pending
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").field("ticket", &self.ticket()).finish()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Used::Unknown, false);
        }
    }
}

/// An update that runs and holds all it declared. Dropped, it counts as failed and its whole cap as spent.
#[must_use = "an update whose grant is dropped has failed"]
pub struct Grant {
    held: Held,
}

impl Grant {
    /// The update's place in the order.
    pub fn ticket(&self) -> Ticket {
        self.held.ticket
    }

    /// Waits until it is asked to stop, for ever if it never is. Whoever is asked lets the grant go as soon as it can.
    pub async fn stopped(&self) -> Stop {
        std::future::poll_fn(|context| {
            let mut state = self.held.coordinator.lock();
            let seat = &mut state.seats[self.held.ticket.slot()];
            if let Some(why) = seat.stop {
                return Poll::Ready(why);
            }
            seat.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Ends it well, having used so much; returns what went beyond the cap.
    ///
    /// With children that have not ended it ends badly: they are asked to stop, and its keys are free with the last one.
    pub fn finish(mut self, used: Cost) -> Cost {
        self.held.end(Used::Told(used), true)
    }

    /// Ends it badly, having used so much: what depends on it is dropped. Returns what went beyond the cap.
    pub fn fail(mut self, used: Cost) -> Cost {
        self.held.end(Used::Told(used), false)
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("ticket", &self.held.ticket).finish()
    }
}
