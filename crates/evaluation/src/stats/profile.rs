use super::undefined;
use crate::EvaluationError;

const NAME: &str = "performance profile";

/// Performance profiles of solvers on a set of problems (Dolan & More 2002).
///
/// The cost of each solver on each problem (calls, seconds) is divided by the least any solver needed there; the
/// profile of a solver is the share of problems on which that ratio is at most tau. At tau = 1 it says how often the
/// solver is best, for large tau how often it solves at all. Removing a solver changes the ratios of the others: with
/// more than two, compare the curves of the best with the rest pair by pair before ranking the rest (Gould & Scott
/// 2016).
///
/// ```
/// use evaluation::stats::PerformanceProfile;
/// let never = f64::INFINITY;
/// // Rows are solvers, columns problems.
/// let profile = PerformanceProfile::of(&[vec![10.0, 30.0, never], vec![20.0, 10.0, 50.0]])?;
/// assert_eq!(profile.share(0, 1.0), 1.0 / 3.0);
/// assert_eq!(profile.share(1, 2.0), 1.0);
/// assert_eq!(profile.steps(0), [(1.0, 1.0 / 3.0), (3.0, 2.0 / 3.0)]);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PerformanceProfile {
    /// For each solver the ratios in ascending order, infinite where it failed.
    ratios: Vec<Vec<f64>>,
}

impl PerformanceProfile {
    /// The profiles of `costs[solver][problem]`, infinite where a solver failed. O(n log n) in the number of costs.
    ///
    /// A problem that no solver solved counts against all.
    ///
    /// # Errors
    /// [`EvaluationError::Undefined`] without solvers or problems, for rows of unequal length, or for a cost that is
    /// not positive.
    pub fn of(costs: &[Vec<f64>]) -> Result<Self, EvaluationError> {
        let problems = costs.first().map_or(0, Vec::len);
        if problems == 0 {
            return undefined(NAME, "there is no cost. Needed: at least one solver and one problem");
        }
        for (solver, row) in costs.iter().enumerate() {
            if row.len() != problems {
                let n = row.len();
                return undefined(
                    NAME,
                    format!("solver {solver} has {n} costs, solver 0 {problems}. Needed: as many of each"),
                );
            }
            if let Some(at) = row.iter().position(|c| c.is_nan() || *c <= 0.0) {
                let c = row[at];
                return undefined(
                    NAME,
                    format!(
                        "solver {solver} has the cost {c} on problem {at}. Needed: above 0, infinite for a failure"
                    ),
                );
            }
        }
        let least: Vec<f64> =
            (0..problems).map(|p| costs.iter().map(|row| row[p]).fold(f64::INFINITY, f64::min)).collect();
        let ratios = costs.iter().map(|row| {
            let ratio = |(c, l): (&f64, &f64)| if c.is_finite() { c / l } else { f64::INFINITY };
            let mut ratios: Vec<f64> = row.iter().zip(&least).map(ratio).collect();
            ratios.sort_unstable_by(f64::total_cmp);
            ratios
        });
        Ok(Self { ratios: ratios.collect() })
    }

    /// The share of problems that `solver` solved within `tau` times the least cost; 0 for an unknown solver or
    /// `tau` below 1.
    pub fn share(&self, solver: usize, tau: f64) -> f64 {
        let Some(ratios) = self.ratios.get(solver) else { return 0.0 };
        let within = ratios.partition_point(|r| *r <= tau && r.is_finite());
        within as f64 / ratios.len() as f64
    }

    /// Where the profile of `solver` rises, and to what: (tau, share) with both ascending; failures never enter.
    pub fn steps(&self, solver: usize) -> Vec<(f64, f64)> {
        let ratios = self.ratios.get(solver).map_or(&[][..], Vec::as_slice);
        let mut steps: Vec<(f64, f64)> = Vec::new();
        for (i, ratio) in ratios.iter().enumerate().filter(|(_, r)| r.is_finite()) {
            let share = (i + 1) as f64 / ratios.len() as f64;
            match steps.last_mut() {
                Some(last) if last.0.total_cmp(ratio).is_eq() => last.1 = share,
                _ => steps.push((*ratio, share)),
            }
        }
        steps
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use super::*;

    #[test]
    fn problems_that_nobody_solves_count_against_all() {
        let never = f64::INFINITY;
        let profile = PerformanceProfile::of(&[vec![1.0, never], vec![2.0, never]]).unwrap();
        assert_eq!((profile.share(0, 1e300), profile.share(1, 1.9)), (0.5, 0.0));
        assert_eq!(profile.share(0, f64::INFINITY), 0.5);
        assert_eq!(profile.share(7, 1.0), 0.0);
        assert_eq!(profile.steps(1), [(2.0, 0.5)]);
    }

    #[test]
    fn wrong_costs_are_named() {
        for costs in [vec![], vec![vec![]], vec![vec![1.0], vec![]], vec![vec![0.0]], vec![vec![f64::NAN]]] {
            assert!(PerformanceProfile::of(&costs).is_err(), "{costs:?}");
        }
    }
}
