//! Informative examples, logged probabilities, and the mean from them without bias.

use evaluation::race::{Aipw, Race, RaceAsk, RaceOptions, choose};
use meta_traits::Stream;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{EXAMPLES, score};

proptest! {
    #[test]
    fn draws_differ_are_eligible_and_keep_the_floor(
        weights in vec(proptest::option::of(prop_oneof![Just(f64::NAN), Just(0.0), -1.0..1e9_f64]), 1..30),
        floor in 0.0..=1.0_f64, n in 0..40_usize, seed: u64,
    ) {
        let drawn = choose(&weights, floor, n, &mut Stream::root(seed));
        let eligible = weights.iter().flatten().count();
        // With a floor of 0 what has no weight is never drawn.
        if floor > 0.0 {
            prop_assert_eq!(drawn.len(), n.min(eligible));
        }
        let mut seen = std::collections::BTreeSet::new();
        for (i, (j, p)) in drawn.iter().enumerate() {
            prop_assert!(weights[*j].is_some() && seen.insert(*j));
            prop_assert!(*p <= 1.0 + 1e-12 && *p >= floor / (eligible - i) as f64 - 1e-12, "{} for {}", p, j);
        }
    }
}

/// What is met already stands with its score in the guesses; then draws without replacement are unbiased too.
#[test]
fn the_probabilities_that_a_race_logs_take_the_bias_out() {
    let world = 3;
    let truth = (0..EXAMPLES).map(|j| score(world, 1, j, 0)).sum::<f64>() / EXAMPLES as f64;
    let runs = 1500;
    let (mut sum, mut squares) = (0.0, 0.0);
    for seed in 0..runs {
        let options = RaceOptions { floor: 0.2, budget: Some(15), drop: 0.0, ..RaceOptions::default() };
        let mut race = Race::new(EXAMPLES, options, Stream::root(seed)).unwrap();
        race.enter();
        for j in 0..EXAMPLES {
            race.record(0, j, score(world, 0, j, 0)).unwrap();
        }
        race.enter();
        // A guess from elsewhere, and a bad one: the incumbent's score.
        let mut guesses: Vec<f64> = (0..EXAMPLES).map(|j| score(world, 0, j, 0)).collect();
        let (mut mean, mut met) = (Aipw::default(), 0);
        while let RaceAsk::Run(block) = race.ask() {
            let scores: Vec<f64> = block.draws.iter().map(|d| score(world, 1, d.example, 0)).collect();
            for (draw, score) in block.draws.iter().zip(&scores) {
                mean.observe(*score, draw.probability, &guesses, draw.example);
                guesses[draw.example] = *score;
                met += 1;
            }
            race.tell(block.id, &scores).unwrap();
        }
        assert_eq!(met, 15, "every run has as many draws, whatever it found");
        let estimate = mean.mean().unwrap();
        sum += estimate;
        squares += estimate * estimate;
    }
    let n = runs as f64;
    let mean = sum / n;
    let se = ((squares / n - mean * mean) / n).sqrt();
    assert!((mean - truth).abs() < 4.0 * se, "{mean} for {truth}, se {se}");
}

/// Draws that prefer what passes: their plain mean is far off, and their probabilities mend it.
#[test]
fn probabilities_mend_draws_that_prefer_good_scores() {
    let score = |j: usize| f64::from(u8::from(j < EXAMPLES / 2));
    let runs = 2000;
    let (mut sum, mut squares, mut plain) = (0.0, 0.0, 0.0);
    for seed in 0..runs {
        let mut rng = Stream::root(seed);
        let mut guesses = vec![0.5; EXAMPLES];
        let mut mean = Aipw::default();
        let weights: Vec<Option<f64>> = (0..EXAMPLES).map(|j| Some(1.0 + 4.0 * score(j))).collect();
        for (j, probability) in choose(&weights, 0.2, 10, &mut rng) {
            mean.observe(score(j), probability, &guesses, j);
            guesses[j] = score(j);
            plain += score(j) / 10.0;
        }
        let estimate = mean.mean().unwrap();
        sum += estimate;
        squares += estimate * estimate;
    }
    let n = runs as f64;
    let mean = sum / n;
    let se = ((squares / n - mean * mean) / n).sqrt();
    assert!((mean - 0.5).abs() < 4.0 * se, "{mean}, se {se}");
    assert!(plain / n > 0.65, "{}", plain / n);
}
