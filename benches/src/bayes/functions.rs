//! Functions to minimise, with the spaces they live on.

mod classic;
mod further;

use std::f64::consts::PI;

use meta_traits::{Cost, ErrorKind, Observation, Outcome, Stream};

pub use classic::FUNCTIONS;
pub(super) use classic::{BRANIN, BRANIN_FLOOR, HARTMANN6, HARTMANN6_FLOOR, branin, hartmann6};
pub use further::FURTHER;

/// One input of a function. Bounds are included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Input {
    /// A number.
    Float(f64, f64),
    /// A positive number searched on a logarithmic scale.
    Log(f64, f64),
    /// An integer.
    Int(i64, i64),
    /// A positive integer searched on a logarithmic scale.
    LogInt(i64, i64),
    /// One of these numbers, in order.
    Ordinal(&'static [f64]),
    /// One of these names, in no order.
    Choice(&'static [&'static str]),
}

/// What is added to a value when it is observed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    /// Nothing.
    None,
    /// A normal number of this standard deviation.
    Normal(f64),
    /// A Cauchy number of this scale: no mean, wild outliers.
    Cauchy(f64),
}

/// A function to minimise.
///
/// A point is one number an input, in the input's own units; a choice is its position from 0, an ordinal its number.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// The name on the command line and in tables.
    pub name: &'static str,
    /// One an input.
    pub inputs: &'static [Input],
    /// Its least value.
    pub minimum: f64,
    /// What an observation adds.
    pub noise: Noise,
    pub(super) value: fn(&[f64]) -> f64,
}

impl Function {
    /// The function of `name`, among [`FUNCTIONS`] and [`FURTHER`].
    pub fn named(name: &str) -> Option<&'static Self> {
        FUNCTIONS.iter().chain(FURTHER).find(|function| function.name == name)
    }

    /// The value without noise. NaN where the function has none.
    pub fn value(&self, point: &[f64]) -> f64 {
        (self.value)(point)
    }

    /// The value less the least value.
    pub fn regret(&self, point: &[f64]) -> f64 {
        self.value(point) - self.minimum
    }

    /// What a search is told at `point`. Minus infinity stands for an evaluation that fails.
    pub fn observe(&self, point: &[f64], rng: &mut Stream) -> Outcome {
        let value = self.value(point);
        if value == f64::NEG_INFINITY {
            return Outcome::Failed {
                kind: ErrorKind::Permanent,
                message: "outside of what can be evaluated".into(),
                cost: Cost::evaluations(1),
            };
        }
        let noise = match self.noise {
            Noise::None => 0.0,
            Noise::Normal(sd) => {
                let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
                sd * radius * (2.0 * PI * rng.unit()).cos()
            }
            Noise::Cauchy(scale) => scale * (PI * (rng.unit() - 0.5)).tan(),
        };
        Outcome::Complete(Observation::of_loss(value + noise))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Golden {
        function: String,
        point: Vec<f64>,
        value: f64,
    }

    /// Values of an independent version in Python (`tests/golden/bayes_functions.py`).
    #[test]
    fn values_are_those_of_the_reference() {
        let rows: Vec<Golden> =
            serde_json::from_str(include_str!("../../tests/golden/bayes_functions.json")).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for row in rows.iter().filter(|row| !row.function.contains('@')) {
            let function = Function::named(&row.function).unwrap();
            let found = function.value(&row.point);
            let error = (found - row.value).abs() / (1.0 + row.value.abs());
            assert!(error < 1e-13, "{}: {found} at {:?}, expected {}", row.function, row.point, row.value);
            seen.insert(function.name);
        }
        assert_eq!(seen.len(), FUNCTIONS.len());
    }

    #[test]
    fn names_differ_and_minima_are_not_undercut() {
        let all: Vec<&Function> = FUNCTIONS.iter().chain(FURTHER).collect();
        assert_eq!((FUNCTIONS.len(), FURTHER.len()), (7, 20));
        for (i, function) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|other| other.name != function.name), "{}", function.name);
            let mut rng = Stream::root(i as u64);
            for _ in 0..2000 {
                let point: Vec<f64> = function.inputs.iter().map(|input| draw(*input, &mut rng)).collect();
                let value = function.value(&point);
                let sound = value.is_nan() || value == f64::NEG_INFINITY;
                let tolerance = 1e-12 * function.minimum.abs();
                assert!(sound || value >= function.minimum - tolerance, "{} {value}", function.name);
            }
        }
    }

    fn draw(input: Input, rng: &mut Stream) -> f64 {
        let int =
            |low: i64, high: i64, rng: &mut Stream| low as f64 + rng.below((high - low + 1) as usize) as f64;
        match input {
            Input::Float(low, high) => low + (high - low) * rng.unit(),
            Input::Log(low, high) => low * (high / low).powf(rng.unit()),
            Input::Int(low, high) | Input::LogInt(low, high) => int(low, high, rng),
            Input::Ordinal(values) => values[rng.below(values.len())],
            Input::Choice(names) => rng.below(names.len()) as f64,
        }
    }
}
