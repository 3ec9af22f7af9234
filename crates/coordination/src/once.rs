use std::cell::RefCell;
use std::future::Future;
use std::time::Duration;

use meta_traits::{Classify, Cost, ErrorKind, Stream};
use thiserror::Error;

use crate::coordinator::Coordinator;
use crate::journal::Storage;
use crate::ledger::{Begun, Ledger, LedgerError};
use crate::retry::Retry;
use crate::run::RunError;
use crate::sync::{Mutex, MutexGuard};
use crate::update::Update;

/// Why the work of an update that happens once failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OnceError<E> {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The work did.
    #[error("{0}")]
    Work(E),
}

impl<E: Classify + std::error::Error + 'static> Classify for OnceError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Ledger(error) => error.kind(),
            Self::Work(error) => error.kind(),
        }
    }
}

/// A [`Ledger`] that several updates share.
#[derive(Debug)]
pub struct SharedLedger<S>(Mutex<Ledger<S>>);

impl<S: Storage> SharedLedger<S> {
    /// Shares `ledger`.
    pub fn new(ledger: Ledger<S>) -> Self {
        Self(Mutex::new(ledger))
    }

    /// The ledger, for as long as nobody else is to use it.
    pub fn lock(&self) -> MutexGuard<'_, Ledger<S>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Coordinator {
    /// As [`Coordinator::run`], but an update with an idempotency key whose effect has happened is not made again: its first
    /// result is returned, and nothing is spent. Without a key it is made each time.
    ///
    /// Every attempt is begun in the ledger before its work starts and ended there after it; one that is cut short stays open,
    /// for nobody knows how far it came. `work` returns its result as text.
    ///
    /// # Errors
    /// As [`Coordinator::run`].
    pub async fn run_once<L, E, W, F, S, Z>(
        &self,
        ledger: &SharedLedger<L>,
        update: &Update,
        cap: Cost,
        retry: (&Retry, &Stream),
        sleep: S,
        work: W,
    ) -> Result<String, RunError<OnceError<E>>>
    where
        L: Storage,
        E: Classify + std::error::Error + 'static,
        W: FnMut(u32) -> F,
        F: Future<Output = Result<(String, Cost), E>>,
        S: Fn(Duration) -> Z,
        Z: Future<Output = ()>,
    {
        let key = update.idempotency.as_deref();
        if let Some(first) = key.and_then(|key| ledger.lock().result(key).map(str::to_owned)) {
            return Ok(first);
        }
        let work = RefCell::new(work);
        let work = &work;
        let attempt = |attempt| async move {
            let make = || (work.borrow_mut())(attempt);
            let Some(key) = key else {
                return make().await.map_err(OnceError::Work);
            };
            let begun = ledger.lock().begin(key)?;
            let number = match begun {
                Begun::Attempt(number) => number,
                // Somebody else's attempt was done while this one waited.
                Begun::Done(first) => return Ok((first, Cost::ZERO)),
            };
            match make().await {
                Ok((result, used)) => {
                    let first = ledger.lock().apply(key, number, &result)?;
                    Ok((first.unwrap_or(result), used))
                }
                Err(error) => {
                    ledger.lock().fail(key, number)?;
                    Err(OnceError::Work(error))
                }
            }
        };
        self.run(update, cap, retry, sleep, attempt).await
    }
}
