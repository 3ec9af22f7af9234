use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use meta_traits::{Classify, Cost, ErrorKind, Stream};
use thiserror::Error;

use crate::admit::Stop;
use crate::coordinator::{CoordinateError, Coordinator, Grant};
use crate::retry::Retry;
use crate::update::Update;

/// Why an update that was run came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RunError<E> {
    /// It was not admitted.
    #[error(transparent)]
    Coordinate(#[from] CoordinateError),
    /// Its work failed in a way that trying again does not help, or too often.
    #[error("coordination: '{component}' failed in attempt {attempt}: {source}")]
    Work {
        /// Whose update.
        component: String,
        /// The last attempt, from 1.
        attempt: u32,
        /// What the work said.
        source: E,
    },
    /// It was asked to stop in its last attempt, or with its parent.
    #[error("coordination: '{component}' was stopped in attempt {attempt}: {why:?}")]
    Stopped {
        /// Whose update.
        component: String,
        /// The last attempt, from 1.
        attempt: u32,
        /// Why.
        why: Stop,
    },
}

impl<E: Classify + std::error::Error + 'static> Classify for RunError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Coordinate(error) => error.kind(),
            Self::Work { source, .. } => source.kind(),
            Self::Stopped { .. } => ErrorKind::Cancelled,
        }
    }
}

impl Coordinator {
    /// Makes an update: waits for its grant, does its work, and tries again what failed for a reason that may pass
    /// ([`ErrorKind::Transient`]), ran into its timeout, or was wounded.
    ///
    /// `work` is told the attempt, from 1, and says what it made and used. It is dropped where it stands when the update
    /// is asked to stop; so it must leave nothing half done at an `await`. Of a failed attempt nobody knows what it used:
    /// `cap` counts. `sleep` is the executor's; delays between attempts are drawn from `stream`.
    ///
    /// # Errors
    /// [`RunError`]. Budget that does not suffice for a further attempt ends it with the budget's error.
    pub async fn run<T, E, W, F, S, Z>(
        &self,
        update: &Update,
        cap: Cost,
        (retry, stream): (&Retry, &Stream),
        sleep: S,
        mut work: W,
    ) -> Result<T, RunError<E>>
    where
        E: Classify + std::error::Error + 'static,
        W: FnMut(u32) -> F,
        F: Future<Output = Result<(T, Cost), E>>,
        S: Fn(Duration) -> Z,
        Z: Future<Output = ()>,
    {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let grant = self.submit(update.clone(), cap)?.await?;
            let (component, delay) = (|| update.component.to_string(), retry.delay(attempt, stream));
            match self.unless_stopped(&grant, update.timeout.map(&sleep), work(attempt)).await {
                Ok(Ok((value, used))) => {
                    grant.finish(used);
                    return Ok(value);
                }
                Ok(Err(source)) if delay.is_none() || source.kind() != ErrorKind::Transient => {
                    return Err(RunError::Work { component: component(), attempt, source });
                }
                Err(why) if delay.is_none() || matches!(why, Stop::Parent(_)) => {
                    return Err(RunError::Stopped { component: component(), attempt, why });
                }
                _ => drop(grant),
            }
            sleep(delay.unwrap_or_default()).await;
        }
    }

    /// The work's outcome, or why it was dropped before it had one.
    async fn unless_stopped<R>(
        &self,
        grant: &Grant,
        timer: Option<impl Future<Output = ()>>,
        work: impl Future<Output = R>,
    ) -> Result<R, Stop> {
        let (mut work, mut stopped) = (pin!(work), pin!(grant.stopped()));
        let mut timer = pin!(async {
            match timer {
                Some(timer) => timer.await,
                None => std::future::pending().await,
            }
        });
        let mut runs = true;
        std::future::poll_fn(|context| {
            if let Poll::Ready(outcome) = work.as_mut().poll(context) {
                return Poll::Ready(Ok(outcome));
            }
            if runs && timer.as_mut().poll(context).is_ready() {
                runs = false;
                self.expire();
            }
            stopped.as_mut().poll(context).map(Err)
        })
        .await
    }
}
