//! How much of the winner's curse the corrected estimate takes off, by simulation.

use evaluation::stats::Shrinkage;
use meta_traits::Stream;
use statrs::distribution::{ContinuousCDF, Normal};

/// Mean excess of the winner's estimate over its true score, naive and corrected, with standard errors; and the share
/// of 95 % intervals that hold the true score.
struct Curse {
    naive: f64,
    corrected: f64,
    error: f64,
    covered: f64,
}

fn curse(k: usize, truth: impl Fn(&mut Stream) -> f64, error: impl Fn(usize) -> f64, runs: u64) -> Curse {
    let normal = Normal::standard();
    let (mut naive, mut off, mut squares, mut covered) = (0.0, 0.0, 0.0, 0.0);
    for run in 0..runs {
        let mut rng = Stream::root(141).child("run", run);
        let truths: Vec<f64> = (0..k).map(|_| truth(&mut rng)).collect();
        let errors: Vec<f64> = (0..k).map(&error).collect();
        let noise = |rng: &mut Stream| normal.inverse_cdf(rng.unit().max(1e-12));
        let seen: Vec<f64> = truths.iter().zip(&errors).map(|(t, e)| t + e * noise(&mut rng)).collect();
        let winner = Shrinkage::of(&seen, &errors).unwrap().winner(0.95).unwrap();
        let true_score = truths[winner.index];
        naive += winner.naive - true_score;
        let d = winner.corrected.estimate - true_score;
        (off, squares) = (off + d, squares + d * d);
        covered += f64::from(u8::from(winner.corrected.contains(true_score)));
    }
    let n = runs as f64;
    let (naive, corrected) = (naive / n, off / n);
    Curse {
        naive,
        corrected,
        error: ((squares / n - corrected * corrected) / n).sqrt(),
        covered: covered / n,
    }
}

fn normal_truth(spread: f64) -> impl Fn(&mut Stream) -> f64 {
    move |rng| 0.6 + spread * Normal::standard().inverse_cdf(rng.unit().max(1e-12))
}

#[test]
fn most_of_the_bias_is_gone() {
    for (k, left) in [(10, 0.3), (30, 0.15)] {
        for spread in [0.0, 0.02, 0.04, 0.08] {
            for uneven in [false, true] {
                let error = |i: usize| if uneven { 0.03 + 0.02 * (i % 2) as f64 } else { 0.04 };
                let curse = curse(k, normal_truth(spread), error, 2_000);
                assert!(curse.naive > 8.0 * curse.error, "{}", curse.naive);
                assert!(
                    curse.corrected.abs() <= left * curse.naive + 2.0 * curse.error,
                    "k {k} spread {spread} {uneven}: naive {} corrected {} +- {}",
                    curse.naive,
                    curse.corrected,
                    curse.error
                );
                assert!(curse.covered >= 0.93, "k {k} spread {spread} {uneven}: covered {}", curse.covered);
            }
        }
    }
}

/// A mixture is not normal: what is good stands out, and is drawn in too far rather than praised too much.
#[test]
fn a_few_good_candidates_are_rather_underrated() {
    let truth = |rng: &mut Stream| {
        let u = rng.unit();
        0.6 + if u < 0.1 {
            0.10
        } else if u < 0.4 {
            0.0
        } else {
            -0.10
        }
    };
    let curse = curse(30, truth, |_| 0.04, 2_000);
    assert!(
        curse.corrected.abs() <= 0.3 * curse.naive + 2.0 * curse.error,
        "{} {}",
        curse.naive,
        curse.corrected
    );
    assert!(curse.covered >= 0.9, "{}", curse.covered);
}
