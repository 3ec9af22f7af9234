use super::cholesky::{Lower, dot};
use super::code::{Code, Effects, Shape};
use super::kernel::Variances;
use crate::space::{Choices, PromptSpace};

/// Newton steps of a fit at most.
pub(super) const STEPS: usize = 3;
/// A fit is done when no prompt's log odds move by more.
const SETTLED: f64 = 0.03;
/// Least information a prompt's results may have.
const LEAST_WEIGHT: f64 = 1e-3;
/// Prior variance of an example's offset around the mean offset.
const OFFSET_VARIANCE: f64 = 1.0;

/// What is known of one prompt that was tried.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) code: Code,
    /// Example and score.
    pub(super) scores: Vec<(usize, f64)>,
    /// How far the steps that a proposer made lead towards this prompt.
    pub(super) pull: f64,
}

/// The posterior over all prompts of a space; see the [module](super) for the model.
///
/// Scores lie in [0, 1]. Prompts and examples are named by consecutive numbers. Deterministic.
///
/// ```
/// use prompt_grammar::model::Posterior;
/// use prompt_grammar::space::{PromptSpace, Slot, SlotOption};
/// let options = || vec![SlotOption::new("", 0), SlotOption::new("a", 1), SlotOption::new("b", 1)];
/// let space = PromptSpace::new(vec![Slot::new("x", options()), Slot::new("y", options())], vec![], None)?;
/// let mut posterior = Posterior::new(space.clone(), 8);
/// for (n, (x, y)) in [(0, 0), (1, 0), (0, 1), (1, 2)].into_iter().enumerate() {
///     let mut prompt = space.seed();
///     prompt.choose(0, x);
///     prompt.choose(1, y);
///     posterior.add(&prompt);
///     for example in 0..8 {
///         posterior.observe(n, example, f64::from(x));
///     }
/// }
/// posterior.fit();
/// let mut unseen = space.seed();
/// unseen.choose(0, 1);
/// unseen.choose(1, 1);
/// let (mean, sd) = posterior.predict(&unseen);
/// assert!(mean > 0.5 && sd > 0.0);
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Posterior {
    pub(super) shape: Shape,
    pub(super) variances: Variances,
    /// What they are to become at the next fit, once that is known.
    pub(super) expected: Option<Variances>,
    pub(super) rows: Vec<Row>,
    /// Prior covariance of the rows, without what is their own and without the pull.
    pub(super) kernel: Lower,
    /// Log odds of the examples at f = 0.
    pub(super) offsets: Vec<f64>,
    pub(super) centre: f64,
    /// The prompts of the rows, and the steps of a proposer (from, to), as they were given.
    pub(super) prompts: Vec<Choices>,
    pub(super) suggested: Vec<(Choices, Choices)>,
    /// The same steps as the model sees them.
    pub(super) steps: Vec<(Code, Code)>,
    /// How many of them the fit has taken up.
    pub(super) known: usize,
    /// Prior mean and variance of what a step of a proposer is worth.
    pub(super) trust: (f64, f64),
    pub(super) mode: Vec<f64>,
    pub(super) weight: Vec<f64>,
    /// Latest working responses of the Laplace approximation.
    pub(super) target: Vec<f64>,
    pub(super) alpha: Vec<f64>,
    pub(super) factor: Lower,
}

impl Posterior {
    /// Nothing is known yet. `examples` is the number of examples.
    pub fn new(space: PromptSpace, examples: usize) -> Self {
        let slots = space.slots().len();
        Self {
            shape: Shape::new(space),
            variances: Variances::new(slots, 0.25, 0.05),
            expected: None,
            rows: Vec::new(),
            kernel: Lower::default(),
            offsets: vec![-1.0; examples],
            centre: -1.0,
            prompts: Vec::new(),
            suggested: Vec::new(),
            steps: Vec::new(),
            known: 0,
            trust: (0.5, 0.25),
            mode: Vec::new(),
            weight: Vec::new(),
            target: Vec::new(),
            alpha: Vec::new(),
            factor: Lower::default(),
        }
    }

    /// The prior variances as learnt so far.
    pub fn variances(&self) -> &Variances {
        &self.variances
    }

    /// Number of prompts added.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Number of prompts that the latest fit or update knows.
    pub(crate) fn fitted(&self) -> usize {
        self.mode.len()
    }

    /// Whether no prompt was added.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a prompt without results; gives its number. O(prompts).
    pub fn add(&mut self, prompt: &Choices) -> usize {
        let code = self.shape.code(prompt);
        let mut row: Vec<f64> = self.rows.iter().map(|r| self.variances.covariance(&r.code, &code)).collect();
        row.push(self.variances.covariance(&code, &code));
        let pull = self.known_steps().iter().map(|step| self.pull(&code, step)).sum();
        self.kernel.push(&row);
        self.prompts.push(prompt.clone());
        self.rows.push(Row { code, scores: Vec::new(), pull });
        self.rows.len() - 1
    }

    /// Takes one score of a prompt. Scores outside of [0, 1] are clamped; what is no number is left out.
    pub fn observe(&mut self, prompt: usize, example: usize, score: f64) {
        if score.is_finite() && example < self.offsets.len() && prompt < self.rows.len() {
            self.rows[prompt].scores.push((example, score.clamp(0.0, 1.0)));
        }
    }

    /// Takes note that a proposer went from one prompt to another; the next fit takes it up.
    pub fn suggest(&mut self, from: &Choices, to: &Choices) {
        self.suggested.push((from.clone(), to.clone()));
        self.steps.push((self.shape.code(from), self.shape.code(to)));
    }

    /// All steps of proposers (from, to), in the order given.
    pub fn suggestions(&self) -> &[(Choices, Choices)] {
        &self.suggested
    }

    pub(super) fn known_steps(&self) -> &[(Code, Code)] {
        &self.steps[..self.known]
    }

    fn pull(&self, code: &Code, (from, to): &(Code, Code)) -> f64 {
        self.variances.covariance(code, to) - self.variances.covariance(code, from)
    }

    /// Brings the posterior up to date with everything added. O(prompts^3).
    pub fn fit(&mut self) {
        self.fit_within(STEPS);
    }

    /// A fit of at most so many Newton steps. One does where little has changed since the last fit.
    pub(crate) fn fit_within(&mut self, steps: usize) {
        self.update();
        for known in self.known..self.steps.len() {
            for i in 0..self.rows.len() {
                self.rows[i].pull += self.pull(&self.rows[i].code, &self.steps[known]);
            }
        }
        self.known = self.steps.len();
        for _ in 0..steps {
            self.fit_offsets();
            for i in 0..self.rows.len() {
                (self.target[i], self.weight[i]) = self.response(i, self.mode[i]);
            }
            self.refactor();
            let before = self.mode.clone();
            self.solve();
            let moved = before.iter().zip(&self.mode).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            if moved < SETTLED {
                break;
            }
        }
    }

    /// Takes up prompts added since, with everything older as the last fit left it. O(new prompts x prompts^2).
    pub fn update(&mut self) {
        for i in self.factor.size()..self.rows.len() {
            let row = self.kernel_row(i);
            let expected = self.trust.0 * self.rows[i].pull + dot(&row[..i], &self.alpha);
            let (target, weight) = self.response(i, expected);
            self.target.push(target);
            self.weight.push(weight);
            self.factor.extend(&row, self.variances.own + 1.0 / weight);
        }
        self.solve();
    }

    /// Working response and weight of a prompt's results around the log odds `f`.
    fn response(&self, prompt: usize, f: f64) -> (f64, f64) {
        let (mut gradient, mut weight) = (0.0, 0.0);
        for &(example, score) in &self.rows[prompt].scores {
            let p = logistic(self.offsets[example] + f);
            gradient += score - p;
            weight += p * (1.0 - p);
        }
        let weight = f64::max(weight, LEAST_WEIGHT);
        (f + gradient / weight, weight)
    }

    /// Factors anew with the present weights.
    pub(super) fn refactor(&mut self) {
        let mut whole = Lower::default();
        (0..self.rows.len()).for_each(|i| whole.push(&self.kernel_row(i)));
        let extra: Vec<f64> = self.weight.iter().map(|w| self.variances.own + 1.0 / w).collect();
        self.factor = whole.factor(&extra);
    }

    /// Finds what follows from responses, weights and factor.
    pub(super) fn solve(&mut self) {
        let above: Vec<f64> =
            self.target.iter().zip(&self.rows).map(|(t, r)| t - self.trust.0 * r.pull).collect();
        self.alpha = self.factor.solve(&above);
        let pairs = self.alpha.iter().zip(&self.weight);
        self.mode = self.target.iter().zip(pairs).map(|(t, (a, w))| t - a / w).collect();
    }

    /// A row of the kernel with the uncertainty about the worth of steps.
    fn kernel_row(&self, i: usize) -> Vec<f64> {
        let own = self.rows[i].pull;
        let rows = self.rows[..=i].iter().zip(self.kernel.row(i));
        rows.map(|(r, k)| k + self.trust.1 * own * r.pull).collect()
    }

    /// One Newton step of every offset, with the prompts' log odds as they are.
    fn fit_offsets(&mut self) {
        let mut sums = vec![(0.0, 0.0, false); self.offsets.len()];
        for (row, f) in self.rows.iter().zip(&self.mode) {
            for &(example, score) in &row.scores {
                let p = logistic(self.offsets[example] + f);
                let sum = &mut sums[example];
                *sum = (sum.0 + score - p, sum.1 + p * (1.0 - p), true);
            }
        }
        for (offset, (gradient, weight, _)) in self.offsets.iter_mut().zip(&sums) {
            let pull = (self.centre - *offset) / OFFSET_VARIANCE;
            *offset += ((gradient + pull) / (weight + 1.0 / OFFSET_VARIANCE)).clamp(-1.0, 1.0);
        }
        let seen = self.offsets.iter().zip(&sums).filter(|(_, s)| s.2).map(|(o, _)| *o);
        let (total, n) = seen.fold((0.0, 0.0), |(t, n), o| (t + o, n + 1.0));
        // As if one example at -1 had been seen.
        self.centre = (total - 1.0) / (n + 1.0);
    }

    /// Posterior mean of the log odds of a prompt that was added, what is its own included.
    ///
    /// # Panics
    /// When there is no such prompt, or no fit or update since it was added.
    pub fn value(&self, prompt: usize) -> f64 {
        self.mode[prompt]
    }

    /// Posterior standard deviation of the log odds of a prompt that was added, what is its own included. O(prompts^2).
    pub fn deviation(&self, prompt: usize) -> f64 {
        let column = self.own_column(prompt);
        let prior = column[prompt];
        let half = self.factor.forward(&column);
        (prior - dot(&half, &half)).max(0.0).sqrt()
    }

    /// Posterior mean and standard deviation of the log odds of prompt `a` less those of prompt `b`, both added before
    /// the latest fit or update, with what is their own. O(prompts^2).
    ///
    /// # Panics
    /// As [`Posterior::value`].
    pub fn contrast(&self, a: usize, b: usize) -> (f64, f64) {
        if a == b {
            return (0.0, 0.0);
        }
        let [of_a, of_b] = [a, b].map(|i| self.own_column(i));
        let prior = of_a[a] + of_b[b] - 2.0 * of_a[b];
        let difference: Vec<f64> = of_a.iter().zip(&of_b).map(|(x, y)| x - y).collect();
        let half = self.factor.forward(&difference);
        (self.mode[a] - self.mode[b], (prior - dot(&half, &half)).max(0.0).sqrt())
    }

    /// Posterior mean and standard deviation of the log odds of any prompt, before what is its own. O(prompts^2).
    pub fn predict(&self, prompt: &Choices) -> (f64, f64) {
        let code = self.shape.code(prompt);
        let pull: f64 = self.known_steps().iter().map(|step| self.pull(&code, step)).sum();
        let column = self.column(&code, pull);
        let prior = self.variances.covariance(&code, &code) + self.trust.1 * pull * pull;
        let mean = self.trust.0 * pull + dot(&column, &self.alpha);
        let half = self.factor.forward(&column);
        (mean, (prior - dot(&half, &half)).max(0.0).sqrt())
    }

    /// Prior covariances of a prompt that was added with all of them, what is its own included.
    fn own_column(&self, prompt: usize) -> Vec<f64> {
        let pull = self.rows[prompt].pull;
        let with = |i: usize| {
            let (low, high) = (i.min(prompt), i.max(prompt));
            self.kernel.row(high)[low] + self.trust.1 * pull * self.rows[i].pull
        };
        let mut column: Vec<f64> = (0..self.rows.len()).map(with).collect();
        column[prompt] += self.variances.own;
        column
    }

    fn column(&self, code: &Code, pull: f64) -> Vec<f64> {
        let one = |r: &Row| self.variances.covariance(&r.code, code) + self.trust.1 * pull * r.pull;
        self.rows.iter().map(one).collect()
    }

    /// Mean success over the examples at these log odds.
    pub fn success(&self, log_odds: f64) -> f64 {
        self.offsets.iter().map(|o| logistic(o + log_odds)).sum::<f64>() / self.offsets.len().max(1) as f64
    }

    /// Number of effects.
    pub(crate) fn effects(&self) -> usize {
        self.shape.size()
    }

    /// Calls `each` with the position and value of every effect that has a part in `prompt`.
    pub(crate) fn visit(&self, prompt: &Choices, each: impl FnMut(usize, f64)) {
        self.shape.visit(&self.shape.code(prompt), each);
    }

    /// The value of `effects` at `prompt`, in log odds.
    pub fn value_of(&self, effects: &Effects, prompt: &Choices) -> f64 {
        effects.of(&self.shape, &self.shape.code(prompt))
    }
}

pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
