use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use meta_traits::Cost;

use super::{CoordinateError, Coordinator, tell};
use crate::admit::{Stop, Ticket};
use crate::timeline::What;

/// A place in the order and a reservation, given back when dropped.
pub(super) struct Held {
    coordinator: Coordinator,
    ticket: Ticket,
    ended: bool,
}

impl Held {
    pub(super) fn new(coordinator: Coordinator, ticket: Ticket) -> Self {
        Self { coordinator, ticket, ended: false }
    }

    /// Ends the update and its reservation; what was used beyond the cap.
    fn end(&mut self, used: Used, well: bool) -> Cost {
        self.ended = true;
        let now = self.coordinator.shared.clock.now();
        let mut state = self.coordinator.lock();
        let (lease, waker) = state.leave(self.ticket);
        let ran = state.admission.is_running(self.ticket);
        // With children still running there is no good end: they lose what they stood on.
        let finished = well && state.admission.finish(self.ticket, true, now).is_ok();
        if !finished {
            state.admission.cancel(self.ticket, now);
        }
        if state.dropped.remove(&self.ticket).is_none() {
            state.note(now, self.ticket, if finished { What::Finished } else { What::Failed });
        }
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
        tell(state, now);
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
    pub(super) fn new(held: Held) -> Self {
        Self { held: Some(held) }
    }

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
