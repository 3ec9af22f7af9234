use std::sync::atomic::{AtomicU64, Ordering};

use meta_traits::conformance::{PREDICTOR_LAWS, PredictorCheck, check_predictor, predictor};
use meta_traits::{Prediction, Predictor};

static CALLS: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    NanBeforeData,
    NegativeSpread,
    CountsNan,
    SharedCounter,
    RefitAdds,
    TooSure,
    NeverWrong,
}

/// Predicts the mean and spread of all it has seen (Welford's update), whatever the input.
struct Spread {
    fault: Fault,
    n: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn new(fault: Fault) -> Self {
        Self { fault, n: 0.0, mean: 0.0, squares: 0.0 }
    }
}

impl Predictor<[f64]> for Spread {
    fn predict(&self, _: &[f64]) -> Prediction {
        let sd = if self.n > 1.0 { (self.squares / (self.n - 1.0)).sqrt() } else { 1.0 };
        let (mean, sd) = match self.fault {
            Fault::NanBeforeData if self.n < 1.0 => (f64::NAN, sd),
            Fault::NegativeSpread => (self.mean, -sd),
            Fault::SharedCounter => (self.mean + CALLS.fetch_add(1, Ordering::Relaxed) as f64 * 1e-9, sd),
            Fault::TooSure => (self.mean, sd * 0.2),
            Fault::NeverWrong => (self.mean, sd * 20.0),
            _ => (self.mean, sd),
        };
        Prediction::new(mean, sd)
    }

    fn observe(&mut self, _: &[f64], y: f64) {
        if !y.is_finite() {
            self.n += f64::from(u8::from(self.fault == Fault::CountsNan));
            return;
        }
        self.n += 1.0;
        let off = y - self.mean;
        self.mean += off / self.n;
        self.squares += off * (y - self.mean);
    }

    fn refit(&mut self, rows: &mut dyn Iterator<Item = (&[f64], f64, f64)>) {
        if self.fault != Fault::RefitAdds {
            *self = Self::new(self.fault);
        }
        for (x, y, _) in rows {
            self.observe(x, y);
        }
    }
}

fn kit_for(fault: Fault) -> PredictorCheck<'static, [f64], Spread> {
    PredictorCheck::new(move |_| Spread::new(fault), |point| Box::new(*point))
}

#[test]
fn a_sound_predictor_passes() {
    check_predictor(&kit_for(Fault::None));
    check_predictor(&kit_for(Fault::None).train(100));
}

#[test]
fn each_law_is_enforced() {
    let cases = [
        ("prediction-is-finite", Fault::NanBeforeData),
        ("sd-not-negative", Fault::NegativeSpread),
        ("non-finite-observation-ignored", Fault::CountsNan),
        ("same-data-same-prediction", Fault::SharedCounter),
        ("refit-forgets", Fault::RefitAdds),
        ("interval-coverage", Fault::TooSure),
        ("interval-sharpness", Fault::NeverWrong),
    ];
    super::check(PREDICTOR_LAWS, &cases, |fault| predictor(&kit_for(fault)));
}
