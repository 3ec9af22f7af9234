//! Tasks that can be evaluated in part, at a part of the cost.
//!
//! Costs are in units of one full evaluation. The Hartmann and Branin families with fidelities are those of
//! Kandasamy et al. (2017), "Multi-fidelity Bayesian optimisation with continuous approximations", with all fidelity
//! inputs tied to one z and cost 0.05 + 0.95 z^1.5.

use std::sync::LazyLock;

use serde::Deserialize;

use super::functions::{
    BRANIN, BRANIN_FLOOR, Function, HARTMANN6, HARTMANN6_FLOOR, Input, branin, hartmann6,
};

/// The share of a full evaluation at each level, cheapest first.
pub const LEVELS: [f64; 4] = [1.0 / 27.0, 1.0 / 9.0, 1.0 / 3.0, 1.0];

/// A task that can be evaluated at the four [`LEVELS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Hartmann's function; lower levels flatten its bumps.
    HartmannMf,
    /// Branin's function; lower levels bend it.
    BraninMf,
    /// Validation log-loss of a small neural network on handwritten digits; levels are 1, 3, 9 and 27 epochs.
    DigitsLogloss,
    /// Validation error of the same.
    DigitsError,
}

impl Task {
    /// Every task.
    pub const ALL: [Self; 4] = [Self::HartmannMf, Self::BraninMf, Self::DigitsLogloss, Self::DigitsError];

    /// What one writes on the command line and reads in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::HartmannMf => "h6",
            Self::BraninMf => "branin",
            Self::DigitsLogloss => "digits_logloss",
            Self::DigitsError => "digits_error",
        }
    }

    /// The costs at which regret is reported; a search ends at the last.
    pub fn costs(self) -> &'static [f64] {
        match self {
            Self::HartmannMf | Self::BraninMf => &[5.0, 10.0, 20.0, 30.0, 50.0, 100.0],
            Self::DigitsLogloss | Self::DigitsError => &[2.0, 3.0, 5.0, 8.0, 10.0, 12.0, 20.0, 30.0, 40.0],
        }
    }

    /// The inputs of a point; see [`Function`] for how a point is written.
    pub fn inputs(self) -> &'static [Input] {
        let of = |name| Function::named(name).map_or(&[][..], |function| function.inputs);
        match self {
            Self::HartmannMf => of("hartmann6"),
            Self::BraninMf => of("branin2"),
            Self::DigitsLogloss | Self::DigitsError => &DIGITS_INPUTS,
        }
    }

    /// Whether raising a point from one level to the next costs only the difference.
    pub fn resumes(self) -> bool {
        matches!(self, Self::DigitsLogloss | Self::DigitsError)
    }

    /// The least value at the full level.
    pub fn minimum(self) -> f64 {
        match self {
            Self::HartmannMf => HARTMANN6_FLOOR,
            Self::BraninMf => BRANIN_FLOOR,
            Self::DigitsLogloss => DIGITS.least_logloss,
            Self::DigitsError => DIGITS.least_error,
        }
    }

    /// The loss of `point` at level `level` of [`LEVELS`]; levels above the last count as the last.
    pub fn loss(self, point: &[f64], level: usize) -> f64 {
        let level = level.min(LEVELS.len() - 1);
        let missing = 1.0 - LEVELS[level];
        match self {
            Self::HartmannMf => hartmann6(point, HARTMANN6.map(|weight| weight - 0.1 * missing)),
            Self::BraninMf => {
                let mut with = BRANIN;
                with.b -= 0.01 * missing;
                with.c -= 0.1 * missing;
                with.t += 0.05 * missing;
                branin(point, with)
            }
            Self::DigitsLogloss => DIGITS.row(point).logloss[level],
            Self::DigitsError => DIGITS.row(point).err[level],
        }
    }

    /// What an evaluation of `point` from its start to `level` costs.
    pub fn cost(self, point: &[f64], level: usize) -> f64 {
        let level = level.min(LEVELS.len() - 1);
        match self {
            Self::HartmannMf | Self::BraninMf => 0.05 + 0.95 * LEVELS[level].powf(1.5),
            Self::DigitsLogloss | Self::DigitsError => DIGITS.row(point).cost[level] / DIGITS.full_cost,
        }
    }
}

/// Learning rate, hidden units, weight decay, batch size, activation: every combination was trained once.
const DIGITS_INPUTS: [Input; 5] = [
    Input::Ordinal(&[1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2]),
    Input::Ordinal(&[8.0, 16.0, 32.0, 64.0]),
    Input::Ordinal(&[1e-5, 1e-2, 1.0]),
    Input::Ordinal(&[32.0, 128.0]),
    Input::Choice(&["relu", "tanh"]),
];

/// `data/README.md` says what the table is and where the images come from.
static DIGITS: LazyLock<Digits> = LazyLock::new(Digits::read);

struct Digits {
    rows: Vec<Row>,
    full_cost: f64,
    least_error: f64,
    least_logloss: f64,
}

#[derive(Deserialize)]
struct File {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    config: Config,
    err: [f64; 4],
    logloss: [f64; 4],
    cost: [f64; 4],
}

#[derive(Deserialize)]
struct Config {
    lr: f64,
    hidden: f64,
    alpha: f64,
    batch: f64,
    activation: String,
}

impl Digits {
    fn read() -> Self {
        let text = include_str!("../../data/digits_tabular.json");
        let mut rows = serde_json::from_str::<File>(text).map(|file| file.rows).unwrap_or_default();
        rows.sort_by_cached_key(|row| position(&row.config.point()));
        let least = |of: fn(&Row) -> f64| rows.iter().map(of).fold(f64::INFINITY, f64::min);
        let full_cost = rows.iter().map(|row| row.cost[3]).sum::<f64>() / rows.len() as f64;
        let (least_error, least_logloss) = (least(|row| row.err[3]), least(|row| row.logloss[3]));
        Self { rows, full_cost, least_error, least_logloss }
    }

    /// The nearest row: what lies between the values of an ordinal input counts as the one below.
    fn row(&self, point: &[f64]) -> &Row {
        &self.rows[position(point)]
    }
}

impl Config {
    fn point(&self) -> [f64; 5] {
        let activation = f64::from(u8::from(self.activation != "relu"));
        [self.lr, self.hidden, self.alpha, self.batch, activation]
    }
}

/// Where a point stands when the last input turns fastest.
fn position(point: &[f64]) -> usize {
    DIGITS_INPUTS.iter().zip(point).fold(0, |position, (input, value)| {
        let (index, count) = match input {
            Input::Ordinal(values) => (values.iter().rposition(|v| v <= value).unwrap_or(0), values.len()),
            _ => (*value as usize % 2, 2),
        };
        position * count + index
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Golden {
        function: String,
        point: Vec<f64>,
        level: Option<usize>,
        cost: Option<f64>,
        value: f64,
    }

    /// Values of an independent version in Python (`tests/golden/bayes_functions.py`).
    #[test]
    fn values_are_those_of_the_reference() {
        let rows: Vec<Golden> =
            serde_json::from_str(include_str!("../../tests/golden/bayes_functions.json")).unwrap();
        let mut seen = 0;
        for task in Task::ALL {
            let name = format!("{}@", task.name());
            for row in rows.iter().filter(|row| row.function == name) {
                let level = row.level.unwrap();
                let found = [task.loss(&row.point, level), task.cost(&row.point, level)];
                for (found, expected) in found.into_iter().zip([row.value, row.cost.unwrap()]) {
                    let error = (found - expected).abs() / (1.0 + expected.abs());
                    assert!(error < 1e-13, "{name} {found} at {:?} {level}, expected {expected}", row.point);
                }
                seen += 1;
            }
        }
        assert!(seen >= 4 * 4 * 4, "{seen}");
    }

    #[test]
    fn the_table_is_whole() {
        assert_eq!(DIGITS.rows.len(), 288);
        for (i, row) in DIGITS.rows.iter().enumerate() {
            assert_eq!(position(&row.config.point()), i);
        }
        assert!((Task::DigitsError.minimum() - 0.04167).abs() < 1e-12);
    }
}
