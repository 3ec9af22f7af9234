use anyhow::Context as _;
use bayes_hyperopt::{Configuration, Domain, Parameter, SearchSpace, Value};

use super::Input;

/// The space of these inputs; input `i` is parameter `x{i}`.
///
/// # Errors
/// When an input has no values.
pub fn space(inputs: &[Input]) -> anyhow::Result<SearchSpace> {
    let parameters = inputs.iter().enumerate().map(|(i, input)| {
        let domain = match *input {
            Input::Float(low, high) => Domain::Float { low, high },
            Input::Log(low, high) => Domain::Log { low, high },
            Input::Int(low, high) => Domain::Int { low, high },
            Input::LogInt(low, high) => Domain::LogInt { low, high },
            Input::Ordinal(levels) => {
                Domain::Ordinal { levels: levels.iter().map(|l| Value::Float(*l)).collect() }
            }
            Input::Choice(names) => {
                Domain::Categorical { choices: names.iter().map(|n| Value::from(*n)).collect() }
            }
        };
        Parameter::new(format!("x{i}"), domain)
    });
    Ok(SearchSpace::new(parameters.collect())?)
}

/// The numbers that stand for `candidate`: see [`super::Function`].
///
/// # Errors
/// When a value is missing or foreign.
pub fn point(inputs: &[Input], candidate: &Configuration) -> anyhow::Result<Vec<f64>> {
    let number = |(i, input): (usize, &Input)| {
        let name = format!("x{i}");
        let value = candidate.get(&name).with_context(|| format!("{name} is missing"))?;
        let number = match *input {
            Input::Choice(names) => names.iter().position(|n| Some(*n) == value.as_str()).map(|i| i as f64),
            _ => value.as_f64(),
        };
        number.with_context(|| format!("{name} = {value} has no number"))
    };
    inputs.iter().enumerate().map(number).collect()
}
