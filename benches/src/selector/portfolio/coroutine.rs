use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Where a paused optimiser and its driver meet: a point one way, a value the other.
#[derive(Clone, Default)]
pub(super) struct Port(Rc<Inner>);

#[derive(Default)]
struct Inner {
    asked: RefCell<Option<Vec<f64>>>,
    answer: Cell<Option<f64>>,
    injected: RefCell<Option<(Vec<f64>, f64)>>,
    best: Cell<Option<f64>>,
}

impl Port {
    /// The value at `x`, once the driver has told it.
    pub(super) fn value(&self, x: &[f64]) -> impl Future<Output = f64> + use<> {
        let inner = Rc::clone(&self.0);
        *inner.asked.borrow_mut() = Some(x.to_vec());
        std::future::poll_fn(move |_| match inner.answer.take() {
            Some(value) => Poll::Ready(value),
            None => Poll::Pending,
        })
    }

    /// What was handed on since the last look.
    pub(super) fn injected(&self) -> Option<(Vec<f64>, f64)> {
        self.0.injected.borrow_mut().take()
    }

    pub(super) fn inject(&self, x: Vec<f64>, f: f64) {
        *self.0.injected.borrow_mut() = Some((x, f));
    }

    pub(super) fn answer(&self, value: f64) {
        self.0.best.set(Some(self.best().min(value)));
        self.0.answer.set(Some(value));
    }

    /// The best value told so far.
    pub(super) fn best(&self) -> f64 {
        self.0.best.get().unwrap_or(f64::INFINITY)
    }

    /// Runs the optimiser up to its next question; `None` when it has ended.
    pub(super) fn resume(&self, body: &mut Pin<Box<dyn Future<Output = ()>>>) -> Option<Vec<f64>> {
        match body.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(()) => None,
            Poll::Pending => self.0.asked.borrow_mut().take(),
        }
    }
}
