//! Scores the replies of two systems to the same questions, and says what the difference is worth.
//!
//! `cargo run -p evaluation --example compare_two_systems`

use evaluation::stats::{Bootstrap, mcnemar_of, paired_permutation};
use evaluation::{Rouge, RougeUnit, token_f1};
use meta_traits::Stream;

/// Expected answer, reply of the first system, reply of the second.
const ROWS: [(&str, &str, &str); 8] = [
    ("the cat sat on the mat", "a cat was on the mat", "the cat sat on a mat"),
    ("the train leaves at nine", "it leaves at nine", "the train leaves at nine"),
    ("paris is the capital of france", "paris", "paris is the capital"),
    ("the shop is closed on sunday", "closed on monday", "the shop is closed on sunday"),
    ("rain is expected in the north", "rain in the north", "snow is expected in the north"),
    ("the team won the cup", "the team lost", "the team won the cup"),
    ("prices rose by two percent", "prices rose", "prices rose by two percent"),
    ("the bridge opens in june", "the bridge opens in july", "the bridge opens in june"),
];

fn main() -> Result<(), evaluation::EvaluationError> {
    let rng = Stream::root(7);
    let rouge = Rouge::new(RougeUnit::Sequence);
    let of = |score: &dyn Fn(&str, &str) -> f64| -> (Vec<f64>, Vec<f64>) {
        ROWS.iter().map(|(expected, first, second)| (score(first, expected), score(second, expected))).unzip()
    };
    for (name, (first, second)) in [
        ("token F1", of(&|reply, expected| token_f1(reply, expected).f1)),
        ("ROUGE-L", of(&|reply, expected| rouge.score(reply, expected).f1)),
    ] {
        let gains: Vec<f64> = second.iter().zip(&first).map(|(b, a)| b - a).collect();
        let interval = Bootstrap::default().mean_interval(&gains, &rng.child(name, 0))?;
        let test = paired_permutation(&first, &second, 10_000, &rng.child(name, 1))?;
        println!("{name:<9} gain in [{:.3}, {:.3}], p = {:.4}", interval.low, interval.high, test.p);
    }
    let right = |which: fn(&(&str, &str, &str)) -> bool| ROWS.iter().map(which).collect::<Vec<bool>>();
    let p = mcnemar_of(&right(|row| row.0 == row.1), &right(|row| row.0 == row.2));
    println!("exact     McNemar p = {p:.4}");
    Ok(())
}
