use std::collections::BTreeMap;

use coordination::regularise::{Advice, Domains, Regulariser, RegulariserSettings, Veto};
use meta_traits::Stream;

const FEATURES: usize = 24;
const TASKS: usize = 6;

/// Tasks of a domain: features, and the value of acting on them. Three features matter everywhere; the others matter in this
/// domain alone, each domain by its own draw.
struct Domain {
    name: String,
    tasks: Vec<([f64; FEATURES], f64)>,
}

fn normal(rng: &mut Stream) -> f64 {
    (-2.0 * (1.0 - rng.unit()).ln()).sqrt() * (std::f64::consts::TAU * rng.unit()).cos()
}

fn domain(seed: u64, number: u64) -> Domain {
    let mut rng = Stream::root(seed).child("domain", number);
    let own: [f64; FEATURES] = std::array::from_fn(|i| if i < 3 { 1.0 } else { 0.3 * normal(&mut rng) });
    let mut task = || {
        let x: [f64; FEATURES] = std::array::from_fn(|_| normal(&mut rng));
        let y = x.iter().zip(own).map(|(x, w)| x * w).sum::<f64>() + 0.5 * normal(&mut rng);
        (x, y)
    };
    Domain { name: format!("domain {number:02}"), tasks: (0..TASKS).map(|_| task()).collect() }
}

/// A learner of values across domains, by gradient descent: it has more weights than it has good evidence for.
#[derive(Clone)]
struct Learner([f64; FEATURES]);

impl Learner {
    fn error(&self, (x, y): &([f64; FEATURES], f64)) -> f64 {
        x.iter().zip(self.0).map(|(x, w)| x * w).sum::<f64>() - y
    }

    /// One less the mean squared error by the spread of values, which is about 2 standard deviations.
    fn score(&self, domain: &Domain) -> f64 {
        let squares: f64 = domain.tasks.iter().map(|task| self.error(task).powi(2)).sum();
        1.0 - squares / TASKS as f64 / 5.0
    }

    /// Ten steps down the mean squared error, with the penalty for squared weights.
    fn learn(&mut self, domains: &[Domain], weight: f64) {
        let tasks: Vec<_> = domains.iter().flat_map(|d| &d.tasks).collect();
        for _ in 0..10 {
            let mut slope = self.0.map(|w| 2.0 * weight * w);
            for task in &tasks {
                let error = self.error(task);
                for (slope, x) in slope.iter_mut().zip(task.0) {
                    *slope += 2.0 * error * x / tasks.len() as f64;
                }
            }
            for (w, slope) in self.0.iter_mut().zip(slope) {
                *w -= 0.05 * slope;
            }
        }
    }
}

fn scores(learner: &Learner, domains: &[Domain]) -> BTreeMap<String, f64> {
    domains.iter().map(|d| (d.name.clone(), learner.score(d))).collect()
}

/// Learns for 40 rounds from four domains while four judge; the mean score on 24 that take no part at all.
fn learn(seed: u64, regularised: bool) -> f64 {
    let all: Vec<Domain> = (0..8).map(|number| domain(seed, number)).collect();
    let split = Domains::split(all.iter().map(|d| d.name.clone()), 0.5, &Stream::root(seed)).unwrap();
    let (held_out, training): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|d| split.held_out().any(|name| name == d.name));
    let mut regulariser = if regularised {
        Regulariser::new(split, RegulariserSettings::default())
    } else {
        Regulariser::off()
    };
    let (mut learner, mut history, mut advice) = (Learner([0.0; FEATURES]), Vec::new(), Advice::default());
    for round in 0..40 {
        learner.learn(&training, advice.complexity_weight());
        history.push(learner.clone());
        let (up, judged) = (scores(&learner, &training), scores(&learner, &held_out));
        advice = regulariser.observe(f64::from(round) / 40.0, &up, &judged, &[]).unwrap();
        if let Some(best) = advice.go_back_to() {
            learner = history[best].clone();
            break;
        }
    }
    let unseen: Vec<Domain> = (100..124).map(|number| domain(seed, number)).collect();
    scores(&learner, &unseen).values().sum::<f64>() / 24.0
}

/// Paired over 40 worlds: the mean difference is 2.7 standard errors above nought, which is p < 0.01.
#[test]
fn an_overfitting_learner_does_better_on_unseen_domains_with_it() {
    let gains: Vec<f64> = (0..40).map(|seed| learn(seed, true) - learn(seed, false)).collect();
    let mean = gains.iter().sum::<f64>() / 40.0;
    let variance = gains.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / 39.0;
    let t = mean / (variance / 40.0).sqrt();
    assert!(t > 2.708, "mean gain {mean}, t = {t}");
    assert!(mean > 0.02, "and it is worth having: {mean}");
}

fn split() -> (Domains, BTreeMap<String, f64>, BTreeMap<String, f64>) {
    let domains = Domains::split(["a", "b", "c", "d"], 0.5, &Stream::root(2)).unwrap();
    let of = |names: Vec<&str>| names.into_iter().map(|n| (n.to_owned(), 0.5)).collect();
    let (training, held_out) = (of(domains.training().collect()), of(domains.held_out().collect()));
    (domains, training, held_out)
}

#[test]
fn uniform_choices_cost_and_are_vetoed_in_the_end() {
    let (domains, training, held_out) = split();
    let mut regulariser = Regulariser::new(domains, RegulariserSettings::default());
    let mut advice = |choices: &[u64]| regulariser.observe(0.0, &training, &held_out, choices).unwrap();
    assert!(advice(&[5, 5]).repetition_weight().abs() < f64::EPSILON);
    let uneven = advice(&[97, 3]);
    assert!(uneven.repetition_weight() > 0.03 && uneven.may_exploit(), "{uneven:?}");
    assert!(
        uneven.penalised(1.0, 0.0, 0.97) > uneven.penalised(1.0, 0.0, 0.03),
        "the rare choice costs less"
    );
    let alone = advice(&[100, 0]);
    assert!((alone.repetition_weight() - 0.1).abs() < 1e-12 && !alone.may_exploit(), "{alone:?}");
    assert!(matches!(alone.vetoes[..], [Veto::Exploitation { entropy }] if entropy.abs() < 1e-12));
}

#[test]
fn the_weight_grows_with_progress_disagreement_and_a_sure_gap() {
    let (domains, training, held_out) = split();
    let weight = |progress: f64, held_out: &BTreeMap<String, f64>| {
        let mut regulariser = Regulariser::new(domains.clone(), RegulariserSettings::default());
        let advice = regulariser.observe(progress, &training, held_out, &[]).unwrap();
        (advice.complexity_weight(), regulariser.gap().unwrap())
    };
    assert!((weight(0.0, &held_out).0 - 0.1).abs() < 1e-12);
    assert!((weight(1.0, &held_out).0 - 0.15).abs() < 1e-12);
    let uneven: BTreeMap<_, _> = held_out.keys().cloned().zip([0.0, 1.0]).collect();
    assert!((weight(0.0, &uneven).0 - 0.15).abs() < 1e-12, "variance 0.5, and no sure gap");
    let worse: BTreeMap<_, _> = held_out.keys().map(|n| (n.clone(), 0.1)).collect();
    let (weight, gap) = weight(0.0, &worse);
    assert!((weight - 0.14).abs() < 1e-12 && (gap.mean - 0.4).abs() < 1e-12, "{weight} {gap:?}");
}

#[test]
fn noise_is_no_reason_to_stop_and_getting_worse_is() {
    let (domains, training, held_out) = split();
    let mut regulariser = Regulariser::new(domains, RegulariserSettings::default());
    let mut judged = |a: f64, b: f64| {
        let scores: BTreeMap<_, _> = held_out.keys().cloned().zip([a, b]).collect();
        regulariser.observe(0.5, &training, &scores, &[]).unwrap().go_back_to()
    };
    assert_eq!(judged(0.5, 0.5), None);
    // Up here and down there, as often as one likes.
    for _ in 0..10 {
        assert_eq!(judged(0.7, 0.2), None);
    }
    assert_eq!(judged(0.6, 0.5), None, "a new best: round 11");
    assert_eq!(judged(0.5, 0.4), None);
    assert_eq!(judged(0.5, 0.4), None);
    assert_eq!(judged(0.7, 0.35), None, "one of them is better: counting starts anew");
    assert_eq!(judged(0.5, 0.4), None);
    assert_eq!(judged(0.5, 0.4), None);
    assert_eq!(judged(0.5, 0.4), Some(11));
    assert_eq!(judged(0.4, 0.3), Some(11));
    assert_eq!(judged(0.9, 0.9), None, "better than ever");
}

#[test]
fn wrong_scores_are_refused_and_change_nothing() {
    let (domains, training, held_out) = split();
    let mut regulariser = Regulariser::new(domains, RegulariserSettings::default());
    regulariser.observe(0.1, &training, &held_out, &[1, 2]).unwrap();
    let before = regulariser.clone();
    let with = |name: &str, score: f64| BTreeMap::from([(name.to_owned(), score)]);
    let (learnt, judging) = (training.keys().next().unwrap(), held_out.keys().next().unwrap());
    for (up, down, words) in [
        (with(judging, 0.5), BTreeMap::new(), "is held out; give its score as such"),
        (BTreeMap::new(), with(learnt, 0.5), "is for training; give its score as such"),
        (with("z", 0.5), BTreeMap::new(), "domain 'z' is not known; allowed: a, b, c, d"),
        (with(learnt, f64::NAN), BTreeMap::new(), "is not finite; leave failed domains out"),
        (BTreeMap::new(), with(judging, f64::INFINITY), "is not finite"),
    ] {
        let error = regulariser.observe(0.2, &up, &down, &[]).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(regulariser, before);
    }
    let nothing = BTreeMap::new();
    let advice = regulariser.observe(f64::NAN, &nothing, &nothing, &[0, 0]).unwrap();
    assert!(advice.vetoes.is_empty() && (advice.complexity_weight() - 0.1).abs() < 1e-12);
    let off = Regulariser::off().observe(1.0, &with("z", f64::NAN), &nothing, &[9, 0]).unwrap();
    assert_eq!(off, Advice::default());
}
