use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::{InferenceError, Score, Scored};

/// Most requests evaluated together.
pub(crate) const TOGETHER: usize = 16;

/// Requests for scores that wait for a worker. A worker takes several at once, for they are evaluated together.
#[derive(Default)]
pub(crate) struct Queue(Mutex<VecDeque<Waiting>>);

/// A request that waits.
pub(crate) struct Waiting {
    pub(crate) request: Score,
    /// Whether nobody waits for the answer any more.
    pub(crate) given_up: Arc<AtomicBool>,
    pub(crate) answer: oneshot::Sender<Result<Scored, InferenceError>>,
}

impl Queue {
    /// Adds a request at the end.
    pub(crate) fn push(&self, waiting: Waiting) {
        self.lock().push_back(waiting);
    }

    /// Takes what one of `workers` workers should do next: the oldest request and its fair share of those behind it.
    pub(crate) fn take(&self, workers: usize) -> Vec<Waiting> {
        let mut waiting = self.lock();
        waiting.retain(|w| !w.given_up.load(Ordering::Relaxed));
        let count = waiting.len().div_ceil(workers.max(1)).min(TOGETHER);
        waiting.drain(..count).collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Prompt;

    fn push(queue: &Queue, name: &str, given_up: bool) {
        let request = Score::new(Prompt::Text(name.to_owned()), vec![]);
        let answer = oneshot::channel().0;
        queue.push(Waiting { request, given_up: Arc::new(AtomicBool::new(given_up)), answer });
    }

    fn names(queue: &Queue, workers: usize) -> Vec<Prompt> {
        queue.take(workers).into_iter().map(|w| w.request.prompt).collect()
    }

    #[test]
    fn workers_share_what_waits_and_skip_what_is_given_up() {
        let queue = Queue::default();
        for (name, given_up) in [("a", false), ("b", true), ("c", false), ("d", false)] {
            push(&queue, name, given_up);
        }
        assert_eq!(names(&queue, 2), ["a", "c"].map(|n| Prompt::Text(n.to_owned())));
        assert_eq!(names(&queue, 2), [Prompt::Text("d".to_owned())]);
        assert!(names(&queue, 2).is_empty());
        for _ in 0..2 * TOGETHER {
            push(&queue, "x", false);
        }
        assert_eq!([queue.take(1).len(), queue.take(1).len(), queue.take(1).len()], [TOGETHER, TOGETHER, 0]);
    }
}
