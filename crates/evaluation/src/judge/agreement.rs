use serde::{Deserialize, Serialize};

use crate::EvaluationError;

/// How much a disagreement between two categories counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// Every disagreement counts the same.
    #[default]
    None,
    /// As the distance of the categories in their order.
    Linear,
    /// As its square.
    Quadratic,
}

/// Cohen's kappa of two graders who graded the same items: 1 is full agreement, 0 that of chance.
///
/// Categories are the values that occur, in their order. Deterministic. Source: Cohen 1960 and 1968; equal to
/// scikit-learn's `cohen_kappa_score`.
///
/// ```
/// use evaluation::judge::{Weights, cohen_kappa};
/// let kappa = cohen_kappa(&[1, 2, 3, 3], &[1, 2, 3, 2], Weights::None)?;
/// assert!((kappa - 7.0 / 11.0).abs() < 1e-12);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
///
/// # Errors
/// [`EvaluationError::Undefined`] for lists of unequal length, empty ones, and where both graders give one and the
/// same category only.
pub fn cohen_kappa<T: Ord>(first: &[T], second: &[T], weights: Weights) -> Result<f64, EvaluationError> {
    let undefined = |message: String| EvaluationError::Undefined { statistic: "Cohen's kappa", message };
    if first.len() != second.len() || first.is_empty() {
        let (n, m) = (first.len(), second.len());
        return Err(undefined(format!("{n} and {m} grades. Give as many for both, at least one")));
    }
    let mut categories: Vec<&T> = first.iter().chain(second).collect();
    categories.sort_unstable();
    categories.dedup();
    let place = |grade: &T| categories.binary_search(&grade).unwrap_or_default();
    let (n, k) = (first.len() as f64, categories.len());
    let (mut by_first, mut by_second) = (vec![0.0; k], vec![0.0; k]);
    let weight = |a: usize, b: usize| match weights {
        Weights::None => f64::from(u8::from(a != b)),
        Weights::Linear => a.abs_diff(b) as f64,
        Weights::Quadratic => (a.abs_diff(b) as f64).powi(2),
    };
    let mut seen = 0.0;
    for (a, b) in first.iter().zip(second) {
        let (a, b) = (place(a), place(b));
        by_first[a] += 1.0;
        by_second[b] += 1.0;
        seen += weight(a, b);
    }
    let pairs = (0..k).flat_map(|a| (0..k).map(move |b| (a, b)));
    let chance: f64 = pairs.map(|(a, b)| weight(a, b) * by_first[a] * by_second[b]).sum::<f64>() / n;
    if chance <= 0.0 {
        return Err(undefined("all grades are the same. Grade items that differ".into()));
    }
    Ok(1.0 - seen / chance)
}

/// What differences between grades mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Grades are names.
    Nominal,
    /// Grades have an order.
    Ordinal,
    /// Differences of grades mean the same everywhere.
    Interval,
    /// Grades are quantities with a true zero.
    Ratio,
}

/// Krippendorff's alpha of any number of graders with gaps: 1 is full agreement, 0 that of chance.
///
/// `grades` holds one list a grader, all of the same length, `None` where a grader left an item out. Items with fewer
/// than two grades are left out. Deterministic. Source: Krippendorff 2011; equal to the package `krippendorff`.
///
/// ```
/// use evaluation::judge::{Level, krippendorff_alpha};
/// let grades = [vec![Some(1.0), Some(2.0), Some(3.0), None], vec![Some(1.0), Some(2.0), Some(4.0), Some(4.0)]];
/// let alpha = krippendorff_alpha(&grades, Level::Interval)?;
/// assert!(alpha > 0.8 && alpha < 1.0);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
///
/// # Errors
/// [`EvaluationError::Undefined`] for lists of unequal length, grades that are not finite (for
/// [`Level::Ratio`]: negative ones too), and fewer than two different grades among items that two graded.
pub fn krippendorff_alpha(grades: &[Vec<Option<f64>>], level: Level) -> Result<f64, EvaluationError> {
    let undefined = |message: &str| EvaluationError::Undefined {
        statistic: "Krippendorff's alpha",
        message: message.into(),
    };
    let items = grades.first().map_or(0, Vec::len);
    if grades.iter().any(|grader| grader.len() != items) {
        return Err(undefined("graders have lists of unequal length. Write None where one left an item out"));
    }
    let allowed = |x: &f64| x.is_finite() && (level != Level::Ratio || *x >= 0.0);
    if !grades.iter().flatten().flatten().all(allowed) {
        return Err(undefined("a grade is not finite, or negative on a ratio scale"));
    }
    let units: Vec<Vec<f64>> = (0..items)
        .map(|item| grades.iter().filter_map(|grader| grader[item]).collect::<Vec<f64>>())
        .filter(|unit| unit.len() > 1)
        .collect();
    let mut values: Vec<f64> = units.iter().flatten().copied().collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    if values.len() < 2 {
        return Err(undefined("fewer than two different grades on items that two graded. Grade more items"));
    }
    let k = values.len();
    let place = |x: &f64| values.partition_point(|value| value < x);
    // Pairs of grades within an item, each item weighing as much as it has grades.
    let mut coincidences = vec![vec![0.0; k]; k];
    for unit in &units {
        let weight = 1.0 / (unit.len() - 1) as f64;
        for (i, a) in unit.iter().enumerate() {
            for (j, b) in unit.iter().enumerate() {
                if i != j {
                    coincidences[place(a)][place(b)] += weight;
                }
            }
        }
    }
    let totals: Vec<f64> = coincidences.iter().map(|row| row.iter().sum()).collect();
    let n: f64 = totals.iter().sum();
    let mut before = vec![0.0; k + 1];
    for (i, total) in totals.iter().enumerate() {
        before[i + 1] = before[i] + total;
    }
    let distance = |a: usize, b: usize| {
        let (low, high) = (a.min(b), a.max(b));
        match level {
            Level::Nominal => f64::from(u8::from(a != b)),
            Level::Ordinal => {
                (before[high + 1] - before[low] - f64::midpoint(totals[low], totals[high])).powi(2)
            }
            Level::Interval => (values[a] - values[b]).powi(2),
            Level::Ratio if a == b => 0.0,
            Level::Ratio => ((values[a] - values[b]) / (values[a] + values[b])).powi(2),
        }
    };
    let (mut seen, mut chance) = (0.0, 0.0);
    for a in 0..k {
        for b in 0..k {
            seen += coincidences[a][b] * distance(a, b);
            chance += totals[a] * totals[b] * distance(a, b);
        }
    }
    Ok(1.0 - (n - 1.0) * seen / chance)
}
