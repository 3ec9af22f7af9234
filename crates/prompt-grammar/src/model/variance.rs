use super::cholesky::{Lower, dot};
use super::code::pair_at;
use super::kernel::{Alike, Variances, beside};
use super::posterior::{Posterior, STEPS};

/// Prompts that must have been tried before variances are learnt.
const LEAST: usize = 8;

/// What is believed about a variance before the evidence.
#[derive(Clone, Copy, Debug)]
struct Belief {
    /// Expected variance.
    mode: f64,
    /// How firmly.
    shape: f64,
}

impl Belief {
    /// The next variance of a group in the minorize-maximize scheme of Zhou et al. (2019), "MM algorithms for variance
    /// components models", with an inverse gamma prior.
    fn step(self, old: f64, quadratic: f64, trace: f64) -> f64 {
        let scale = (self.shape + 1.0) * self.mode;
        let up = 0.5 * quadratic * old * old + scale;
        let down = 0.5 * trace + (self.shape + 1.0) / old;
        (up / down).sqrt().clamp(1e-5, 4.0)
    }
}

/// For each group of effects: the quadratic form of its part of the covariance, and the trace.
struct Sums(Variances, Variances);

impl Posterior {
    /// One step of the prior variances towards those the evidence speaks for, then a fit. O(prompts^3).
    pub fn learn_variances(&mut self) {
        self.expect_variances();
        self.adopt_variances(STEPS);
    }

    /// The first half of [`Posterior::learn_variances`]: what the variances are to become. O(prompts^3).
    pub(crate) fn expect_variances(&mut self) {
        if self.rows.len() < LEAST {
            return;
        }
        let Sums(quadratic, trace) = self.sums(&self.factor.inverse());
        let slots = self.shape.sizes().len();
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len().max(1) as f64;
        let main = Belief { mode: mean(&self.variances.main), shape: 2.0 };
        let pair = Belief { mode: mean(&self.variances.pair), shape: 1.0 };
        let mut new = self.variances.clone();
        for s in 0..slots {
            new.main[s] = main.step(self.variances.main[s], quadratic.main[s], trace.main[s]);
        }
        for p in 0..new.pair.len() {
            new.pair[p] = pair.step(self.variances.pair[p], quadratic.pair[p], trace.pair[p]);
        }
        let rest = |mode: f64| Belief { mode, shape: 1.0 };
        new.order = rest(0.05).step(self.variances.order, quadratic.order, trace.order);
        new.length = rest(0.2).step(self.variances.length, quadratic.length, trace.length);
        new.shared = rest(0.1).step(self.variances.shared, quadratic.shared, trace.shared);
        new.own = rest(0.05).step(self.variances.own, quadratic.own, trace.own);
        self.expected = Some(new);
    }

    /// Whether variances are expected that were not adopted yet.
    pub(crate) fn expects_variances(&self) -> bool {
        self.expected.is_some()
    }

    /// The second half: takes over the variances expected, if any, and fits. O(prompts^3).
    pub(crate) fn adopt_variances(&mut self, steps: usize) {
        if let Some(new) = self.expected.take() {
            self.set_variances(new);
        }
        self.fit_within(steps);
    }

    /// Replaces the prior variances; a fit must follow. O(prompts^2).
    pub(super) fn set_variances(&mut self, new: Variances) {
        self.variances = new;
        self.kernel.clear();
        for (i, row) in self.rows.iter().enumerate() {
            let before = self.rows[..=i].iter().map(|r| &r.code);
            self.kernel.push(&self.variances.covariances(&row.code, before));
        }
        self.follow_steps();
    }

    fn sums(&self, inverse: &Lower) -> Sums {
        let slots = self.shape.sizes().len();
        let zero = || Variances {
            order: 0.0,
            length: 0.0,
            own: 0.0,
            shared: 0.0,
            ..Variances::new(slots, 0.0, 0.0)
        };
        // Over slots with the same option; and where fewer differ, over those that do.
        let (mut t, mut without) = (zero(), zero());
        let mut all = 0.0;
        let mut alike = Alike::new(slots);
        for (i, a) in self.rows.iter().enumerate() {
            for (j, (b, entry)) in self.rows.iter().zip(inverse.row(i)).enumerate() {
                let trace = if i == j { *entry } else { 2.0 * entry };
                alike.compare(&a.code, &b.code);
                if alike.differing.len() < alike.same.len() {
                    all += trace;
                    add_pairs(&mut without, &alike.differing, trace);
                } else {
                    add_pairs(&mut t, &alike.same, trace);
                }
                let (signs, length, kin) = beside(&a.code, &b.code);
                t.order += signs * trace;
                t.length += length * trace;
                t.shared += kin * trace;
            }
            t.own += inverse.row(i)[i];
        }
        for high in 0..slots {
            t.main[high] += all - without.main[high];
            for low in 0..high {
                let pair = pair_at(low, high);
                t.pair[pair] += all - without.main[high] - without.main[low] + without.pair[pair];
            }
        }
        Sums(self.quadratic(zero()), t)
    }

    /// By groups, the squares of what the working residuals say about each effect.
    fn quadratic(&self, mut q: Variances) -> Variances {
        let parts = self.gathered(&self.alpha);
        let squares = |from: usize, n: usize| dot(&parts[from..from + n], &parts[from..from + n]);
        let sizes = self.shape.sizes();
        for (high, &n) in sizes.iter().enumerate() {
            q.main[high] = squares(self.shape.main_at(high), n);
            for (low, &m) in sizes[..high].iter().enumerate() {
                let pair = pair_at(low, high);
                q.pair[pair] = squares(self.shape.pair_first(pair), n * m);
            }
        }
        let (order, length, kin) = (self.shape.order_at(), self.shape.length_at(), self.shape.kin_at());
        q.order = squares(order, length - order);
        q.length = squares(length, kin - length);
        q.shared = squares(kin, self.shape.size() - kin);
        q.own = dot(&self.alpha, &self.alpha);
        q
    }
}

/// Adds to some slots and to their pairs.
fn add_pairs(to: &mut Variances, slots: &[usize], value: f64) {
    for (i, &high) in slots.iter().enumerate() {
        to.main[high] += value;
        let row = &mut to.pair[pair_at(0, high)..][..high];
        slots[..i].iter().for_each(|low| row[*low] += value);
    }
}
