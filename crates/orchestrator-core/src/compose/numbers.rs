//! Numbers within ranges, made by Bayesian optimisation inside the joint search.

use bayes_hyperopt::{Configuration, Domain, Help, HyperOptConfig, HyperOptimizer, Parameter, SearchSpace};
use meta_traits::{Components, Stream};

use super::written::{Writing, Written};
use crate::algorithms::joint::InnerSearch;
use crate::config::ConfigError;
use crate::system::{SETTINGS, Setting};

/// Settings with ranges, and how they are searched.
#[derive(Clone, Debug)]
pub struct Numbers {
    settings: Vec<Setting>,
    space: SearchSpace,
    config: HyperOptConfig,
}

/// Settings with ranges, written as lines.
#[derive(Clone, Debug)]
struct SettingLines(Vec<Setting>);

impl Numbers {
    /// Those of `settings` that have a range; none where there is none.
    ///
    /// # Errors
    /// [`ConfigError`] when `config` or a range is outside what is allowed.
    pub fn of(settings: &[Setting], config: &HyperOptConfig) -> Result<Option<Self>, ConfigError> {
        let settings: Vec<Setting> = settings.iter().filter(|s| s.range.is_some()).cloned().collect();
        if settings.is_empty() {
            return Ok(None);
        }
        let parameters = settings.iter().filter_map(parameter).collect();
        let space = SearchSpace::new(parameters).map_err(inconsistent)?;
        let numbers = Self { settings, space, config: config.clone() };
        numbers.begin(0).map_err(inconsistent)?;
        Ok(Some(numbers))
    }

    fn begin(&self, seed: u64) -> Result<HyperOptimizer, bayes_hyperopt::ConfigError> {
        HyperOptimizer::new(self.space.clone(), self.config.clone(), &Help::default(), seed)
    }
}

fn inconsistent(error: impl std::fmt::Display) -> ConfigError {
    ConfigError::inconsistent(format!("system.search: {error}"))
}

fn parameter(setting: &Setting) -> Option<Parameter> {
    let range = setting.range?;
    let (low, high) = (range.from, range.to);
    let domain = match (setting.is_whole(), range.log) {
        (true, true) => Domain::LogInt { low: low as i64, high: high as i64 },
        (true, false) => Domain::Int { low: low as i64, high: high as i64 },
        (false, true) => Domain::Log { low, high },
        (false, false) => Domain::Float { low, high },
    };
    Some(Parameter::new(setting.key.clone(), domain))
}

/// The search over `numbers`; draws come from `rng`'s key.
///
/// # Errors
/// [`ConfigError`] when a setting of the search is outside its range.
pub(crate) fn number_search(numbers: &Numbers, rng: &Stream) -> Result<Box<dyn InnerSearch>, ConfigError> {
    let search = numbers.begin(rng.key()).map_err(inconsistent)?;
    Ok(Box::new(Written::new(search, SettingLines(numbers.settings.clone()))))
}

impl Writing<Configuration> for SettingLines {
    const SCHEMA: &'static str = "orchestrator-core/numbers";

    fn lines(&self, point: &Configuration) -> Components {
        let line = |setting: &Setting| {
            let text = setting.range?.write(setting.is_whole(), point.number(&setting.key)?);
            Some(format!("{}: {text}", setting.key))
        };
        let lines: Vec<String> = self.0.iter().filter_map(line).collect();
        [(SETTINGS, lines.join("\n"))].into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
    use meta_traits::{Ask, Observation, Optimizer as _, Outcome, Trial};

    use super::*;
    use crate::system::SystemSpec;

    const SYSTEM: &str = "
modules: {answer: {kind: llm, model: task, prompt: '{{ input }}', temperature: 0.7, max_tokens: 64}}
search:
  answer.temperature: {from: 0, to: 1.5}
  answer.max_tokens: {from: 8, to: 512, log: true}
  answer.format: [text, chat]";

    fn numbers(config: &HyperOptConfig) -> Numbers {
        let settings = SystemSpec::from_yaml(SYSTEM).unwrap().settings();
        Numbers::of(&settings, config).unwrap().unwrap()
    }

    fn read(lines: &Components) -> Option<(f64, f64)> {
        let mut values = lines.get(SETTINGS)?.lines().map(|line| line.split_once(": "));
        let temperature = values.next()??.1.parse().ok()?;
        let tokens = values.next()??.1.parse().ok()?;
        values.next().is_none().then_some((temperature, tokens))
    }

    fn loss(lines: &Components) -> f64 {
        let (temperature, tokens) = read(lines).unwrap();
        (temperature - 0.4).powi(2) + 0.1 * (tokens / 100.0).ln().powi(2)
    }

    #[test]
    fn the_laws_are_kept() {
        let make = |seed| {
            let numbers = numbers(&HyperOptConfig::default());
            Written::new(numbers.begin(seed).unwrap(), SettingLines(numbers.settings.clone()))
        };
        let inside = |lines: &Components| {
            read(lines).is_some_and(|(t, n)| (0.0..=1.5).contains(&t) && (8.0..=512.0).contains(&n))
        };
        let outcome = |trial: &Trial<Components>, _: &mut Stream| {
            Outcome::Complete(Observation::of_loss(loss(&trial.candidate)))
        };
        let check = Check::new(make, inside, outcome).steps(6);
        check_optimizer(&check);
        check_optimizer_snapshot(&check);
    }

    #[test]
    fn the_model_finds_what_random_numbers_miss() {
        let best_of = |config: &HyperOptConfig| {
            let mut search = number_search(&numbers(config), &Stream::root(3)).unwrap();
            for _ in 0..20 {
                let Ask::Run(trial) = search.ask() else { panic!("it never ends") };
                let seen = Observation::of_loss(loss(&trial.candidate));
                search.tell(trial.id, Outcome::Complete(seen)).unwrap();
            }
            search.best().unwrap().1.losses[0]
        };
        let few = HyperOptConfig { n_initial_points: 4, ..HyperOptConfig::default() };
        let all = HyperOptConfig { n_initial_points: 20, ..HyperOptConfig::default() };
        let (modelled, drawn) = (best_of(&few), best_of(&all));
        assert!(modelled < 0.3 * drawn, "{modelled} against {drawn}");
    }

    #[test]
    fn settings_without_ranges_have_no_search() {
        let spec = SystemSpec::from_yaml(&SYSTEM.replace("{from: 0, to: 1.5}", "[0.7, 1]")).unwrap();
        let settings: Vec<Setting> = spec.settings().into_iter().filter(|s| s.key.contains("temp")).collect();
        assert!(Numbers::of(&settings, &HyperOptConfig::default()).unwrap().is_none());
    }
}
