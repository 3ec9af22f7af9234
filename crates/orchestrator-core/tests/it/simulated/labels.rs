//! Relabelling: other names, the same hidden problem.
use meta_traits::{Split, Stream};
use orchestrator_core::simulated::{Family, Genome, Problem, Scenario};
use proptest::prelude::*;

use super::evaluation::{complete, draws, evaluate};

fn any_genome() -> impl Strategy<Value = Genome> {
    let prompt = proptest::collection::vec(0_u8..5, 18);
    (prompt, proptest::collection::vec(0_u8..5, 3), 0_u8..2, 0_u8..2, 0_u8..3).prop_map(
        |(prompts, hyper, verify, decompose, votes)| {
            let mut g = Genome::seed();
            for (i, v) in prompts.into_iter().enumerate() {
                g.set(i / 6, i % 6, v);
            }
            for (k, v) in hyper.into_iter().enumerate() {
                g.set(3, k, v);
            }
            for (k, v) in [verify, decompose, votes].into_iter().enumerate() {
                g.set(4, k, v);
            }
            g
        },
    )
}

mod properties {
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn reading_undoes_writing(g in any_genome(), seed: u64) {
            let plain = Problem::new(1, Scenario::Full, Family::Base);
            prop_assert_eq!(plain.read(&plain.write(&g)), Ok(g));
            let other = plain.relabelled(seed);
            prop_assert_eq!(other.read(&other.write(&g)), Ok(g));
        }

        #[test]
        fn names_do_not_change_scores(g in any_genome(), seed: u64) {
            let plain = Problem::new(6, Scenario::Full, Family::Noisy);
            let other = Problem::new(6, Scenario::Full, Family::Noisy).relabelled(seed);
            prop_assert_eq!(plain.quality(&g).to_bits(), other.quality(&g).to_bits());
            let a = complete(evaluate(&plain, plain.write(&g), draws(&plain, Split::Train, 3), true));
            let b = complete(evaluate(&other, other.write(&g), draws(&other, Split::Train, 3), true));
            prop_assert_eq!(a.cost, b.cost);
            for (a, b) in a.instances.iter().zip(&b.instances) {
                prop_assert_eq!(a.score, b.score);
                prop_assert_eq!(a.notes.len(), b.notes.len());
            }
        }

        #[test]
        fn a_rewrite_is_the_same_under_other_names(g in any_genome(), seed: u64, draw: u64) {
            let plain = Problem::new(6, Scenario::Full, Family::Base);
            let other = Problem::new(6, Scenario::Full, Family::Base).relabelled(seed);
            let (a, b) = (plain.write(&g), other.write(&g));
            for ((name, text), (name2, text2)) in a.iter().zip(b.iter()) {
                let new = plain.reflect(text, name, &[], &mut Stream::root(draw)).unwrap();
                let new2 = other.reflect(text2, name2, &[], &mut Stream::root(draw)).unwrap();
                prop_assert_eq!(plain.read(&a.with(name, new)), other.read(&b.with(name2, new2)));
            }
        }
    }
}

#[test]
fn names_slots_and_digits_all_move() {
    let plain = Problem::new(1, Scenario::Full, Family::Base);
    let mut moved = [false; 3];
    for seed in 0..8 {
        let other = Problem::new(1, Scenario::Full, Family::Base).relabelled(seed);
        let (a, b) = (plain.seed(), other.seed());
        moved[0] |= a.names().ne(b.names());
        let digits = |text: &str| text.lines().any(|line| !line.ends_with("=0"));
        moved[1] |= b.iter().take(3).any(|(_, text)| digits(text));
        let mut g = Genome::seed();
        g.set(0, 0, 1);
        let changed = |p: &Problem| {
            let (seed, new) = (p.seed(), p.write(&g));
            let (old, new) = (seed.iter().next().unwrap().1, new.iter().next().unwrap().1);
            old.lines().zip(new.lines()).position(|(a, b)| a != b)
        };
        assert_eq!(changed(&plain), Some(0));
        moved[2] |= changed(&other) != Some(0);
    }
    assert_eq!(moved, [true; 3]);
}

#[test]
fn a_relabelled_problem_does_not_read_the_plain_text_as_the_plain_one_does() {
    let plain = Problem::new(1, Scenario::Prompts, Family::Base);
    let other = Problem::new(1, Scenario::Prompts, Family::Base).relabelled(3);
    assert_ne!(other.read(&plain.seed()), Ok(Genome::seed()));
}
