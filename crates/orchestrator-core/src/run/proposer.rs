use std::sync::Arc;

use meta_traits::{BoxFuture, Cost, Query, Reply, Stream};

/// A text, or why there is none, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The answer to the query.
    pub reply: Reply,
    /// What writing it cost.
    pub cost: Cost,
}

/// What answering a query takes, as far as can be told without answering it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effort {
    /// Nothing: a text comes at once, for no money, and a forecast may ask for as many as it likes.
    None,
    /// A model is sent a request of so many characters.
    Request {
        /// Its length.
        characters: usize,
    },
    /// Nobody can tell; not above the cap.
    Unknown,
}

/// Writes the texts that optimizers ask for: a reflecting model, a script, an outside program.
///
/// # Contract
/// The same query and stream give the same text, unless a hosted model is behind it. A proposer that cannot write
/// answers [`Reply::Failed`]; the search goes on without.
pub trait Proposer: Send + Sync {
    /// Answers `query`; all randomness comes from `rng`.
    fn propose<'a>(&'a self, query: &'a Query, rng: Stream) -> BoxFuture<'a, Proposal>;

    /// The most that answering `query` can use: what the budget reserves before.
    fn cap(&self, query: &Query) -> Cost {
        let _ = query;
        Cost::ZERO
    }

    /// What answering `query` takes, for forecasts.
    fn effort(&self, query: &Query) -> Effort {
        let _ = query;
        Effort::Unknown
    }
}

impl<P: Proposer + ?Sized> Proposer for Arc<P> {
    fn propose<'a>(&'a self, query: &'a Query, rng: Stream) -> BoxFuture<'a, Proposal> {
        (**self).propose(query, rng)
    }
    fn cap(&self, query: &Query) -> Cost {
        (**self).cap(query)
    }
    fn effort(&self, query: &Query) -> Effort {
        (**self).effort(query)
    }
}
