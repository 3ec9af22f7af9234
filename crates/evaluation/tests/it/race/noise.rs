//! Evaluators that give another score every time.

use evaluation::race::{Decision, Posterior, Prior, Race, RaceAsk, RaceOptions};
use meta_traits::Stream;

/// Passes half of the examples with probability 0.8 and half with 0.2, and `more` on top.
fn noisy(example: usize, more: f64, rng: &mut Stream) -> f64 {
    f64::from(u8::from(rng.chance(if example.is_multiple_of(2) { 0.8 } else { 0.2 } + more)))
}

fn run(seed: u64, repeats: u32, more: f64) -> (Decision, u64, Race) {
    let examples = 40;
    let options = RaceOptions { repeats, keep: 0.99, drop: 0.01, ..RaceOptions::default() };
    let mut race = Race::new(examples, options, Stream::root(seed)).unwrap();
    let incumbent = race.enter();
    let mut rng = Stream::root(seed).child("noise", 0);
    for example in 0..examples {
        for _ in 0..repeats {
            race.record(incumbent, example, noisy(example, 0.0, &mut rng)).unwrap();
        }
    }
    let candidate = race.enter();
    while let RaceAsk::Run(block) = race.ask() {
        let scores: Vec<f64> = block.draws.iter().map(|d| noisy(d.example, more, &mut rng)).collect();
        race.tell(block.id, &scores).unwrap();
    }
    (race.decision(candidate), race.calls(), race)
}

#[test]
fn repeats_are_used_after_all_examples_and_make_decisions_surer() {
    let mut right = [0, 0];
    let runs = 60;
    for seed in 0..runs {
        for (i, repeats) in [1, 4].into_iter().enumerate() {
            for (more, wanted) in [(0.12, Decision::Kept), (-0.12, Decision::Dropped)] {
                let (decision, calls, race) = run(seed, repeats, more);
                assert_ne!(decision, Decision::Open);
                right[i] += u32::from(decision == wanted);
                let counts: Vec<usize> = (0..40).map(|j| race.ledger().scores(1, j).len()).collect();
                let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
                assert!(most - least <= 1 && *most <= repeats as usize, "{counts:?}");
                assert_eq!(counts.iter().sum::<usize>() as u64, calls);
            }
        }
    }
    let n = f64::from(2 * runs as u32);
    let rates = right.map(|r| f64::from(r) / n);
    assert!(rates[1] > rates[0] + 0.03, "four looks beat one: {rates:?}");
    assert!(rates[1] > 0.85, "{rates:?}");
}

#[test]
fn the_posterior_mean_is_closer_to_the_truth_than_the_mean_of_few_results() {
    let (examples, runs) = (40, 40);
    let (mut ours, mut plain) = (0.0, 0.0);
    for seed in 0..runs {
        let mut posterior = Posterior::new(1, examples, Prior::default());
        let mut rng = Stream::root(seed).child("noise", 0);
        let first = posterior.part(0, None);
        let all = posterior.combination(&[first]);
        for example in 0..examples {
            for _ in 0..3 {
                let score = noisy(example, 0.0, &mut rng);
                posterior.observe(all, example, score, &[]);
            }
        }
        let second = posterior.part(0, Some(first));
        let few = posterior.combination(&[second]);
        let mut examples: Vec<usize> = (0..examples).collect();
        rng.shuffle(&mut examples);
        let mut mean = 0.0;
        for example in examples.into_iter().take(8) {
            let score = noisy(example, 0.05, &mut rng);
            posterior.observe(few, example, score, &[]);
            mean += score / 8.0;
        }
        for _ in 0..8 {
            posterior.update();
        }
        ours += (posterior.estimate(&[second]).mean - 0.55).powi(2);
        plain += (mean - 0.55).powi(2);
    }
    assert!(ours < 0.5 * plain, "squared errors {ours:.3} and {plain:.3}");
}
