use std::fmt::Write as _;

use serde::{Serialize, Serializer};

use super::curve::{AT, LEVELS, Step};
use super::run::{Finished, Operators, Settings};

/// A number under each of a list of keys, in the order of the list; a JSON object.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyed<T>(Vec<(String, Option<T>)>);

impl<T> Keyed<T> {
    fn new<K: ToString>(keys: &[K], value: impl Fn(&K) -> Option<T>) -> Self {
        Self(keys.iter().map(|key| (key.to_string(), value(key))).collect())
    }
}

impl<T: Serialize> Serialize for Keyed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The instance.
    pub instance: u64,
    /// The seed of the run.
    pub seed: u64,
    /// Runs of this instance before it whose experience it had.
    pub repeat: u64,
    /// Sustained calls to each level; null where it is not reached.
    pub calls_to: Keyed<u64>,
    /// Calls to the first recommendation at each level.
    pub first_hit: Keyed<u64>,
    /// Gain after so many calls; null beyond the budget.
    pub gain_at: Keyed<f64>,
}

impl Row {
    /// The row of a run.
    pub fn new(instance: u64, seed: u64, repeat: u64, run: &Finished) -> Self {
        Self {
            instance,
            seed,
            repeat,
            calls_to: Keyed::new(&LEVELS, |level| run.curve.sustained(*level)),
            first_hit: Keyed::new(&LEVELS, |level| run.curve.first_hit(*level)),
            gain_at: Keyed::new(&AT, |calls| run.curve.gain_at(*calls)),
        }
    }
}

/// All runs: the last line of the program's output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rows {
    /// One a run, instances first.
    pub rows: Vec<Row>,
    /// Mean time outside of the problem a metric call, in microseconds; null without runs.
    pub overhead_us_per_call: Option<f64>,
}

impl Rows {
    /// The rows of `runs`: instance, seed, how many before it and what came of it.
    pub fn new(runs: &[(u64, u64, u64, Finished)]) -> Self {
        let row = |(instance, seed, repeat, run): &(u64, u64, u64, Finished)| {
            Row::new(*instance, *seed, *repeat, run)
        };
        let rows = runs.iter().map(row).collect();
        let micros: f64 = runs.iter().map(|(_, _, _, run)| run.overhead.as_secs_f64() * 1e6).sum();
        let calls: u64 = runs.iter().map(|(_, _, _, run)| run.spent.evaluations).sum();
        Self { rows, overhead_us_per_call: (calls > 0).then(|| micros / calls as f64) }
    }
}

/// A run with everything that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Raw {
    optimizer: String,
    operators: Operators,
    scenario: &'static str,
    family: &'static str,
    rho: f64,
    relabel: Option<u64>,
    budget: u64,
    #[serde(flatten)]
    row: Row,
    best_known: f64,
    calls: u64,
    model_calls: u64,
    reflections: u64,
    /// Mean time outside of the problem a call, in microseconds: calls until then, time.
    overhead_us_per_call: Vec<(u64, f64)>,
    /// Time to end the run, in microseconds.
    ending_us: f64,
    curve: Vec<Step>,
}

impl Raw {
    /// The raw row of a run.
    pub fn new(
        settings: &Settings,
        (instance, seed, repeat): (u64, u64, u64),
        best_known: f64,
        run: &Finished,
    ) -> Self {
        let end = (run.spent.evaluations, run.overhead);
        let mean =
            |(calls, time): (u64, std::time::Duration)| (calls, time.as_secs_f64() * 1e6 / calls as f64);
        Self {
            optimizer: settings.searcher.name(),
            operators: settings.operators,
            scenario: settings.scenario.name(),
            family: settings.family.name(),
            rho: settings.problem(instance).rho(),
            relabel: settings.relabel,
            budget: settings.budget,
            row: Row::new(instance, seed, repeat, run),
            best_known,
            calls: run.spent.evaluations,
            model_calls: run.spent.calls,
            reflections: run.queries,
            overhead_us_per_call: run.overhead_at.iter().copied().chain([end]).map(mean).collect(),
            ending_us: run.ending.as_secs_f64() * 1e6,
            curve: run.curve.steps().to_vec(),
        }
    }
}

/// The means in words, for people.
pub fn table(rows: &Rows) -> String {
    let mut out = String::from("calls      mean gain      sd   n\n");
    let written = (|| {
        for (i, at) in AT.iter().enumerate() {
            let gains: Vec<f64> = rows.rows.iter().filter_map(|row| row.gain_at.0[i].1).collect();
            if let Some((mean, sd)) = moments(&gains) {
                writeln!(out, "{at:>5}      {mean:>9.3}  {sd:>6.3}  {:>2}", gains.len())?;
            }
        }
        writeln!(out, "gain       median sustained calls   reached")?;
        for (i, level) in LEVELS.iter().enumerate() {
            let mut calls: Vec<u64> =
                rows.rows.iter().map(|row| row.calls_to.0[i].1.unwrap_or(u64::MAX)).collect();
            calls.sort_unstable();
            let reached = calls.iter().filter(|n| **n < u64::MAX).count();
            let median = match calls.get(calls.len() / 2) {
                Some(&n) if n < u64::MAX => n.to_string(),
                _ => "> budget".to_owned(),
            };
            writeln!(out, "{level:<4}       {median:>22}   {reached}/{}", calls.len())?;
        }
        match rows.overhead_us_per_call {
            Some(micros) => write!(out, "overhead   {micros:.2} us a metric call"),
            None => Ok(()),
        }
    })();
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
    out
}

/// Mean and sample standard deviation.
fn moments(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    (!values.is_empty()).then(|| (mean, (squares / (n - 1.0).max(1.0)).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::super::curve::Curve;
    use super::*;
    use meta_traits::Cost;
    use std::time::Duration;

    fn finished() -> Finished {
        let step = |calls, gain| Step { calls, gain, validation: gain };
        Finished {
            curve: Curve::new(vec![step(100, 0.0), step(450, 0.55), step(900, 0.85)], 2500),
            spent: Cost::evaluations(2000),
            queries: 7,
            overhead: Duration::from_millis(8),
            ending: Duration::from_millis(1),
            overhead_at: vec![(1001, Duration::from_micros(5005))],
            experience: None,
        }
    }

    #[test]
    fn the_last_line_has_the_agreed_form() {
        let rows = Rows::new(&[(1, 0, 0, finished())]);
        assert_eq!(
            serde_json::to_string(&rows).unwrap(),
            concat!(
                r#"{"rows":[{"instance":1,"seed":0,"repeat":0,"#,
                r#""calls_to":{"0.5":450,"0.8":900,"0.9":null,"0.95":null},"#,
                r#""first_hit":{"0.5":450,"0.8":900,"0.9":null,"0.95":null},"#,
                r#""gain_at":{"500":0.55,"1000":0.85,"2000":0.85,"3000":null,"6000":null}}],"#,
                r#""overhead_us_per_call":4.0}"#
            )
        );
    }

    #[test]
    fn the_table_speaks_of_what_was_reached() {
        let table = table(&Rows::new(&[(1, 0, 0, finished()), (1, 1, 0, finished())]));
        assert!(table.contains(" 1000          0.850   0.000   2"), "{table}");
        assert!(table.contains("0.9                      > budget   0/2"), "{table}");
        assert!(!table.contains("6000"), "{table}");
        assert!(table.ends_with("overhead   4.00 us a metric call"), "{table}");
    }
}
