use meta_traits::Stream;

use super::agent::DoubleDqn;
use super::loss::quantile_huber;
use crate::DqnError;
use crate::optim::norm_squared;
use crate::qnet::Pass;

impl DoubleDqn {
    /// Learns values from labels instead of rewards: in each state what every action is worth, as an exact simulator
    /// knows it. No bootstrapping, so nothing can diverge.
    ///
    /// `values[i][a]` is the value of action `a` in `states[i]`; one that is not finite is unknown and not learnt from.
    /// Takes `steps` gradient steps, each on `batch_size` rows drawn with replacement; the step size falls to 0 along a
    /// half cosine (Loshchilov & Hutter 2017). One quantile: squared error, so that the mean is learnt; more: the
    /// quantile Huber loss. With several heads each learns from its own resample of the rows. The target becomes equal
    /// to the network, and exploration starts at its end, as with loaded weights. Returns the mean loss of the last
    /// tenth of the steps.
    ///
    /// # Errors
    /// [`DqnError::Experience`] when there is no row, or a row has another width; nothing is changed then.
    pub fn fit(&mut self, states: &[Vec<f64>], values: &[Vec<f64>], steps: usize) -> Result<f64, DqnError> {
        let (width, actions) = (self.config.rl.state_dim, self.config.rl.action_dim);
        let fault = |message: String| Err(DqnError::Experience(message));
        if states.is_empty() || states.len() != values.len() {
            return fault(format!(
                "{} states and {} rows of values; needed: as many, at least 1",
                states.len(),
                values.len()
            ));
        }
        if let Some(row) = states.iter().find(|row| row.len() != width) {
            return fault(format!("a state of {} numbers; needed: {width}", row.len()));
        }
        if let Some(row) = values.iter().find(|row| row.len() != actions) {
            return fault(format!("{} values; needed: {actions}, one an action", row.len()));
        }
        let rows = Rows {
            states: states.iter().map(|row| self.clean(row)).collect(),
            values: values.iter().map(|row| row.iter().map(|v| *v as f32).collect()).collect(),
            quantiles: self.config.quantiles,
            heads: self.config.heads,
        };
        let stream = self.stream.child("fit", self.learner.updates);
        let limit = self.config.gradient_limit as f32;
        let mut pass = Pass::new();
        let mut gradient = vec![0.0; self.learner.net.parameters().len()];
        let (mut batch, mut slope) = (Vec::new(), Vec::new());
        let mut tail = Vec::new();
        for step in 0..steps {
            let drawn =
                rows.draw(self.config.rl.batch_size, &mut stream.child("draw", step as u64), &mut batch);
            let outputs = pass.forward(&self.learner.net, &batch);
            let loss = rows.slope(&drawn, outputs, &stream, &mut slope);
            pass.backward(&self.learner.net, &batch, &slope, &mut gradient);
            let norm = norm_squared(self.learner.cpu, &gradient).sqrt();
            if !norm.is_finite() {
                continue;
            }
            let scale = if norm > limit { limit / norm } else { 1.0 };
            let progress = step as f64 / steps as f64;
            let rate = f64::midpoint(1.0, (std::f64::consts::PI * progress).cos());
            let learner = &mut self.learner;
            learner.adam.step(learner.cpu, learner.net.parameters_mut(), &gradient, scale, rate);
            learner.updates += 1;
            if step >= steps - steps.div_ceil(10) {
                tail.push(loss);
            }
        }
        let parameters = self.learner.net.parameters().to_vec();
        self.learner.replace(&self.config, &parameters);
        self.counters.pretrained = true;
        Ok(tail.iter().sum::<f64>() / tail.len().max(1) as f64)
    }
}

/// Labelled states as the network takes them.
struct Rows {
    states: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
    quantiles: usize,
    heads: usize,
}

impl Rows {
    /// Draws rows, and puts their states into `batch`.
    fn draw(&self, size: usize, rng: &mut Stream, batch: &mut Vec<f32>) -> Vec<usize> {
        batch.clear();
        let drawn: Vec<usize> = (0..size).map(|_| rng.below(self.states.len())).collect();
        for row in &drawn {
            batch.extend_from_slice(&self.states[*row]);
        }
        drawn
    }

    /// The mean loss of the drawn rows; its slope at `outputs` goes out.
    fn slope(&self, drawn: &[usize], outputs: &[f32], stream: &Stream, slope: &mut Vec<f32>) -> f64 {
        let n = self.quantiles;
        slope.clear();
        slope.resize(outputs.len(), 0.0);
        let share = 1.0 / (drawn.len() * self.heads) as f32;
        let per_row = outputs.len() / drawn.len();
        let mut loss = 0.0;
        for ((row, outputs), slope) in
            drawn.iter().zip(outputs.chunks(per_row)).zip(slope.chunks_mut(per_row))
        {
            let mut counts = stream.child("resample", *row as u64);
            let heads = outputs.chunks(per_row / self.heads).zip(slope.chunks_mut(per_row / self.heads));
            for (outputs, slope) in heads {
                let share = if self.heads > 1 { share * poisson_1(&mut counts) } else { share };
                let actions = outputs.chunks(n).zip(slope.chunks_mut(n)).zip(&self.values[*row]);
                for ((outputs, slope), value) in actions.filter(|(_, value)| value.is_finite()) {
                    let own = if n == 1 {
                        let error = outputs[0] - value;
                        slope[0] += 2.0 * share * error;
                        error * error
                    } else {
                        quantile_huber(outputs, &[*value], share, slope)
                    };
                    loss += f64::from(share) * f64::from(own);
                }
            }
        }
        loss
    }
}

/// How often a row is in a bootstrap resample of many: Poisson with mean 1 (Oza & Russell 2001).
fn poisson_1(rng: &mut Stream) -> f32 {
    let (mut count, mut product) = (0.0, rng.unit());
    while product > 1.0 / std::f64::consts::E && count < 8.0 {
        count += 1.0;
        product *= rng.unit();
    }
    count
}
