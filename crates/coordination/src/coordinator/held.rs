use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use meta_traits::{Cost, Lease};

use super::{CoordinateError, Coordinator, tell};
use crate::admit::{Stop, Ticket};
use crate::timeline::What;

/// A place in the order and a reservation, given back when dropped.
pub(super) struct Held {
    coordinator: Coordinator,
    ticket: Ticket,
    /// What is reserved; none once it has ended.
    lease: Option<Lease>,
}

impl Held {
    pub(super) fn new(coordinator: Coordinator, ticket: Ticket, lease: Lease) -> Self {
        Self { coordinator, ticket, lease: Some(lease) }
    }

    /// Ends the update and its reservation; what was used beyond the cap.
    fn end(&mut self, used: Used, well: bool) -> Cost {
        let Some(lease) = self.lease.take() else { return Cost::ZERO };
        let now = self.coordinator.shared.clock.now();
        let mut state = self.coordinator.lock();
        let waker = state.seat(self.ticket).and_then(|seat| seat.waker.take());
        let ran = state.admission.is_running(self.ticket);
        // With children still running there is no good end: they lose what they stood on.
        let finished = well && state.admission.finish(self.ticket, true, now).is_ok();
        if !finished {
            state.admission.cancel(self.ticket, now);
        }
        if state.dropped.remove(&self.ticket).is_none() {
            state.note(now, self.ticket, if finished { What::Finished } else { What::Failed });
        }
        let beyond = match used {
            Used::Told(used) => state.meter.commit(lease, used),
            Used::Unknown if ran => {
                let cap = lease.reserved();
                state.meter.commit(lease, cap)
            }
            Used::Unknown => {
                state.meter.refund(lease);
                Cost::ZERO
            }
        };
        tell(state, now);
        drop(waker);
        beyond
    }
}

/// What an update has used when it ends.
#[derive(Clone, Copy)]
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

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let pass = self.get_mut();
        let Some(held) = &pass.held else { return Poll::Pending };
        let ticket = held.ticket;
        let mut state = held.coordinator.lock();
        let dropped = if state.admission.is_running(ticket) {
            None
        } else if let Some(because) = state.dropped.remove(&ticket) {
            Some(CoordinateError::Dropped { ticket, because })
        } else {
            let before = state.seat(ticket).and_then(|seat| seat.waker.replace(context.waker().clone()));
            drop(state);
            drop(before);
            return Poll::Pending;
        };
        drop(state);
        match (pass.held.take(), dropped) {
            (Some(held), None) => Poll::Ready(Ok(Grant { held })),
            (_, Some(error)) => Poll::Ready(Err(error)),
            (None, None) => Poll::Pending,
        }
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").field("ticket", &self.ticket()).finish()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.end(Used::Unknown, false);
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
            let Some(seat) = state.seat(self.held.ticket) else { return Poll::Pending };
            if let Some(why) = seat.stop {
                return Poll::Ready(why);
            }
            let before = seat.waker.replace(context.waker().clone());
            drop(state);
            drop(before);
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
