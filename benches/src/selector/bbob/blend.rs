use super::Problem;

/// Values below this are level with the optimum of a blend.
const LEAST: f64 = 1e-12;

/// One function of the suite, or the geometric mean of two with a common optimum (MA-BBOB, Vermetten et al. 2023).
///
/// Blends are what learning sees beside the functions themselves: two functions give landscapes that neither has, so
/// that a policy cannot know a function by heart.
#[derive(Clone, Debug)]
pub struct Blend {
    first: Problem,
    second: Option<(Problem, f64)>,
}

impl Blend {
    /// A function as it is.
    pub fn pure(problem: Problem) -> Self {
        Self { first: problem, second: None }
    }

    /// `first^(1 - weight) second^weight` of the distances from the optimal values, both moved to the optimum of `first`;
    /// `None` when dimensions differ.
    pub fn of(first: Problem, second: Problem, weight: f64) -> Option<Self> {
        (first.dim() == second.dim())
            .then_some(Self { first, second: Some((second, weight.clamp(0.0, 1.0))) })
    }

    /// The value at `x`.
    ///
    /// # Panics
    /// When `x` has another dimension.
    pub fn value(&self, x: &[f64]) -> f64 {
        let Some((second, weight)) = &self.second else { return self.first.value(x) };
        let moved: Vec<f64> =
            x.iter().zip(self.first.x_opt()).zip(second.x_opt()).map(|((x, a), b)| x - a + b).collect();
        let log = |problem: &Problem, x: &[f64]| (problem.value(x) - problem.f_opt()).max(LEAST).ln();
        ((1.0 - weight) * log(&self.first, x) + weight * log(second, &moved)).exp()
    }

    /// The least value.
    pub fn f_opt(&self) -> f64 {
        if self.second.is_some() { 0.0 } else { self.first.f_opt() }
    }

    /// The number of variables.
    pub fn dim(&self) -> usize {
        self.first.dim()
    }
}
