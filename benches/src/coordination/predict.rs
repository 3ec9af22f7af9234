//! How well costs are foreseen, on a published stream of tasks.

pub mod stream;

use std::collections::BTreeMap;

use coordination::predict::{CostPredictor, Resource};
use serde::Serialize;
use stream::{COMPONENTS, FEATURES, Task};

/// Tasks before those that are judged.
pub const LEARNT: usize = 1000;
/// Tasks of a stream.
pub const TASKS: usize = 5000;

/// What is stated one time in ten too low.
const SHARE: f64 = 0.9;

/// One resource of one component over the judged tasks of one stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The stream.
    pub seed: u64,
    /// Whose tasks.
    pub component: &'static str,
    /// What was predicted.
    pub resource: Resource,
    /// Tasks judged.
    pub tasks: usize,
    /// How many stayed at or below the stated P90.
    pub covered: usize,
    /// Mean pinball loss of the stated P90, in the resource's unit.
    pub pinball: f64,
    /// The same of the running quantile: the P90 of all tasks of the component before.
    pub running_pinball: f64,
    /// How many stayed at or below the running quantile.
    pub running_covered: usize,
}

/// Loss of stating `q` as the value that is exceeded one time in ten.
fn pinball(q: f64, y: f64) -> f64 {
    if y >= q { SHARE * (y - q) } else { (1.0 - SHARE) * (q - y) }
}

/// All values seen, in order of size.
#[derive(Default)]
struct Running(Vec<f64>);

impl Running {
    /// The smallest value that at least 90 % of those seen do not exceed.
    fn quantile(&self) -> f64 {
        let place = (SHARE * self.0.len() as f64).ceil() as usize;
        self.0.get(place.saturating_sub(1)).copied().unwrap_or(0.0)
    }

    fn push(&mut self, value: f64) {
        let at = self.0.partition_point(|v| *v < value);
        self.0.insert(at, value);
    }
}

#[derive(Default)]
struct Sums {
    tasks: usize,
    covered: [usize; 2],
    loss: [f64; 2],
}

/// Predicts the stream of `seed` task by task, each before it is learnt from.
pub fn measure(seed: u64) -> Vec<Row> {
    let mut predictor = CostPredictor::new(FEATURES);
    let mut running: BTreeMap<(usize, Resource), Running> = BTreeMap::new();
    let mut sums: BTreeMap<(usize, Resource), Sums> = BTreeMap::new();
    for number in 0..TASKS {
        let Task { component, features, used } = stream::task(seed, number);
        let name = COMPONENTS[component];
        let forecast = predictor.forecast(name, &features);
        for resource in Resource::ALL {
            let known = running.entry((component, resource)).or_default();
            if number >= LEARNT {
                let y = used.of(resource);
                let stated = [forecast.map_or(0.0, |f| f.of(resource).p90), known.quantile()];
                let sum = sums.entry((component, resource)).or_default();
                sum.tasks += 1;
                for (i, q) in stated.into_iter().enumerate() {
                    sum.covered[i] += usize::from(y <= q);
                    sum.loss[i] += pinball(q, y);
                }
            }
            known.push(used.of(resource));
        }
        predictor.observe(name, &features, &used);
    }
    let row = |((component, resource), sum): ((usize, Resource), Sums)| Row {
        seed,
        component: COMPONENTS[component],
        resource,
        tasks: sum.tasks,
        covered: sum.covered[0],
        pinball: sum.loss[0] / sum.tasks as f64,
        running_pinball: sum.loss[1] / sum.tasks as f64,
        running_covered: sum.covered[1],
    };
    sums.into_iter().map(row).collect()
}

/// Over all judged tasks of all streams.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Percent of costs at or below the stated P90, pooled over resources.
    pub coverage_90: f64,
    /// Pinball loss by that of the running quantile: geometric mean over components and resources of the ratio of sums.
    pub pinball_ratio: f64,
}

/// The same for a part of the rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Percent covered.
    pub coverage_90: f64,
    /// Percent covered by the running quantile.
    pub running_coverage_90: f64,
    /// Pinball loss by that of the running quantile.
    pub pinball_ratio: f64,
}

impl Part {
    fn of(rows: &[&Row]) -> Self {
        let tasks = rows.iter().map(|r| r.tasks).sum::<usize>() as f64;
        let percent =
            |of: fn(&Row) -> usize| 100.0 * rows.iter().map(|r| of(r)).sum::<usize>() as f64 / tasks;
        let (mut logs, mut n) = (0.0, 0.0);
        for row in rows {
            logs += (row.pinball / row.running_pinball).ln();
            n += 1.0;
        }
        let pinball_ratio = (logs / n).exp();
        let running_coverage_90 = percent(|r| r.running_covered);
        Self { coverage_90: percent(|r| r.covered), running_coverage_90, pinball_ratio }
    }
}

impl Summary {
    /// Summarises rows.
    pub fn of(rows: &[Row]) -> Self {
        let Part { coverage_90, pinball_ratio, .. } = Part::of(&rows.iter().collect::<Vec<_>>());
        Self { coverage_90, pinball_ratio }
    }
}

/// By component and resource, for people.
pub fn parts(rows: &[Row]) -> BTreeMap<String, Part> {
    let mut parts = BTreeMap::new();
    for component in COMPONENTS {
        parts.insert(
            component.to_owned(),
            Part::of(&rows.iter().filter(|r| r.component == component).collect::<Vec<_>>()),
        );
    }
    for resource in Resource::ALL {
        let name = format!("{resource:?}").to_lowercase();
        parts.insert(name, Part::of(&rows.iter().filter(|r| r.resource == resource).collect::<Vec<_>>()));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_quantile_is_that_of_all_before() {
        let mut running = Running::default();
        assert!(running.quantile().abs() < f64::EPSILON);
        for value in [5.0, 1.0, 4.0, 2.0, 3.0, 10.0, 6.0, 9.0, 7.0, 8.0] {
            running.push(value);
        }
        assert!((running.quantile() - 9.0).abs() < f64::EPSILON);
        assert!((pinball(9.0, 10.0) - 0.9).abs() < 1e-12 && (pinball(9.0, 8.0) - 0.1).abs() < 1e-12);
    }
}
