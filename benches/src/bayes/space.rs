//! Inputs as a search space, and configurations as points.

use bayes_hyperopt::{Configuration, Domain, Parameter, SearchSpace, SpaceError, Value};

use super::Input;

/// The space of `inputs`; the parameters are called x0, x1, ...
///
/// # Errors
/// None in practice: the inputs of this module are legal.
pub fn space_of(inputs: &[Input]) -> Result<SearchSpace, SpaceError> {
    let domain = |input: &Input| match *input {
        Input::Float(low, high) => Domain::Float { low, high },
        Input::Log(low, high) => Domain::Log { low, high },
        Input::Int(low, high) => Domain::Int { low, high },
        Input::LogInt(low, high) => Domain::LogInt { low, high },
        Input::Ordinal(values) => {
            Domain::Ordinal { levels: values.iter().map(|v| Value::from(*v)).collect() }
        }
        Input::Choice(names) => {
            Domain::Categorical { choices: names.iter().map(|n| Value::from(*n)).collect() }
        }
    };
    let parameter = |(i, input): (usize, &Input)| Parameter::new(format!("x{i}"), domain(input));
    SearchSpace::new(inputs.iter().enumerate().map(parameter).collect())
}

/// The point of a configuration of [`space_of`]; what is missing is NaN.
pub fn point_of(inputs: &[Input], configuration: &Configuration) -> Vec<f64> {
    let number = |(i, input): (usize, &Input)| {
        let value = configuration.get(&format!("x{i}"))?;
        match input {
            Input::Choice(names) => names.iter().position(|n| value.as_str() == Some(n)).map(|k| k as f64),
            _ => value.as_f64(),
        }
    };
    inputs.iter().enumerate().map(|input| number(input).unwrap_or(f64::NAN)).collect()
}

#[cfg(test)]
mod tests {
    use bayes_hyperopt::INACTIVE;
    use meta_traits::{Space as _, Stream};

    use super::*;
    use crate::bayes::{FUNCTIONS, FURTHER};

    #[test]
    fn every_point_of_every_function_is_a_point() {
        for function in FUNCTIONS.iter().chain(FURTHER) {
            let space = space_of(function.inputs).unwrap();
            let configuration = space.sample(&mut Stream::root(1));
            let point = point_of(function.inputs, &configuration);
            assert!(point.iter().all(|x| x.is_finite()), "{} {point:?}", function.name);
            assert!(space.encode(&configuration).unwrap().iter().all(|f| *f != INACTIVE));
        }
    }
}
