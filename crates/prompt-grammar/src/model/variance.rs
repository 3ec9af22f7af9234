use super::cholesky::{Lower, dot};
use super::code::pair_at;
use super::kernel::{Variances, matches};
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
        for i in 0..self.rows.len() {
            let row: Vec<f64> = self.rows[..=i]
                .iter()
                .map(|r| self.variances.covariance(&r.code, &self.rows[i].code))
                .collect();
            self.kernel.push(&row);
        }
        for i in 0..self.rows.len() {
            let code = &self.rows[i].code;
            let pull =
                |(from, to)| self.variances.covariance(code, to) - self.variances.covariance(code, from);
            let pull: f64 = self.known_steps().iter().map(|(from, to)| pull((from, to))).sum();
            self.rows[i].pull = pull;
        }
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
        let (mut q, mut t) = (zero(), zero());
        let mut same = vec![0.0; slots];
        for (i, a) in self.rows.iter().enumerate() {
            for (j, b) in self.rows[..=i].iter().enumerate() {
                let twice = if i == j { 1.0 } else { 2.0 };
                let quadratic = twice * self.alpha[i] * self.alpha[j];
                let trace = twice * inverse.row(i)[j];
                same.fill(0.0);
                let matching = matches(&a.code, &b.code);
                for &slot in &matching {
                    same[slot] = 1.0;
                }
                for &high in &matching {
                    q.main[high] += quadratic;
                    t.main[high] += trace;
                    // Slots that do not match add 0: a plain loop over all is faster than one over those that do.
                    let pairs = pair_at(0, high)..pair_at(0, high) + high;
                    add_scaled(&mut q.pair[pairs.clone()], quadratic, &same);
                    add_scaled(&mut t.pair[pairs], trace, &same);
                }
                let signs: i32 = a.code.signs.iter().zip(&b.code.signs).map(|(x, y)| i32::from(x * y)).sum();
                let length: f64 = a.code.length.iter().zip(&b.code.length).map(|(x, y)| x * y).sum();
                q.order += 0.25 * f64::from(signs) * quadratic;
                t.order += 0.25 * f64::from(signs) * trace;
                q.length += length * quadratic;
                t.length += length * trace;
                let kin = dot(&a.code.kin, &b.code.kin);
                q.shared += kin * quadratic;
                t.shared += kin * trace;
            }
            q.own += self.alpha[i] * self.alpha[i];
            t.own += inverse.row(i)[i];
        }
        Sums(q, t)
    }
}

fn add_scaled(to: &mut [f64], factor: f64, values: &[f64]) {
    to.iter_mut().zip(values).for_each(|(t, v)| *t += factor * v);
}
