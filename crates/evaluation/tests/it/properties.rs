use evaluation::stats::{Bootstrap, Method, mcnemar_exact, paired_permutation, wilson};
use evaluation::{Dataset, Example, Scorer};
use meta_traits::{Split, Stream};
use proptest::collection::vec;
use proptest::prelude::*;

/// Scores as metrics give them: many ties, sometimes any number.
fn score() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), (0..=4_u8).prop_map(|k| f64::from(k) / 4.0), -1e6..1e6_f64]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn p_values_lie_in_their_range_and_do_not_know_which_arm_is_first(
        pairs in vec((score(), score()), 1..40), seed: u64,
    ) {
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let one = paired_permutation(&a, &b, 200, &Stream::root(seed)).unwrap();
        let two = paired_permutation(&b, &a, 200, &Stream::root(seed)).unwrap();
        prop_assert!(one.p > 0.0 && one.p <= 1.0);
        prop_assert_eq!(one.p.to_bits(), two.p.to_bits());
        prop_assert_eq!(one.difference, -two.difference);
        prop_assert_eq!(one.exact, one.n_nonzero <= 16);
    }

    #[test]
    fn mcnemar_is_a_symmetric_p_value_that_falls_with_imbalance(a in 0..3000_u64, b in 0..3000_u64) {
        let p = mcnemar_exact(a, b);
        prop_assert!(p > 0.0 && p <= 1.0);
        prop_assert_eq!(p.to_bits(), mcnemar_exact(b, a).to_bits());
        prop_assert!(mcnemar_exact(a.max(b) + 1, a.min(b)) <= p * (1.0 + 1e-9));
    }

    #[test]
    fn mcnemar_is_the_sign_test(pairs in vec(any::<(bool, bool)>(), 1..40)) {
        // On 0/1 scores the exact permutation test and McNemar's are one test.
        let (a, b): (Vec<f64>, Vec<f64>) =
            pairs.iter().map(|(a, b)| (f64::from(u8::from(*a)), f64::from(u8::from(*b)))).unzip();
        let (only_a, only_b) = (
            pairs.iter().filter(|(a, b)| *a && !*b).count() as u64,
            pairs.iter().filter(|(a, b)| !*a && *b).count() as u64,
        );
        let test = paired_permutation(&a, &b, 10, &Stream::root(1)).unwrap();
        if test.exact {
            prop_assert!((test.p - mcnemar_exact(only_a, only_b)).abs() < 1e-12);
        }
    }

    #[test]
    fn intervals_contain_their_estimate_and_stay_within_the_values(values in vec(score(), 2..40), seed: u64) {
        for method in [Method::Bca, Method::Percentile] {
            let bootstrap = Bootstrap { resamples: 60, method, ..Bootstrap::default() };
            let interval = bootstrap.mean_interval(&values, &Stream::root(seed)).unwrap();
            prop_assert!(interval.contains(interval.estimate));
            let slack = 1e-9 * values.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
            let (min, max) = values.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
            prop_assert!(min - slack <= interval.low && interval.high <= max + slack);
        }
    }

    #[test]
    fn wilson_contains_the_share_and_grows_with_the_level(k in 0..500_u64, more in 0..500_u64) {
        prop_assume!(k + more > 0);
        let (narrow, wide) = (wilson(k, k + more, 0.8).unwrap(), wilson(k, k + more, 0.99).unwrap());
        prop_assert!(narrow.contains(narrow.estimate));
        prop_assert!(0.0 <= wide.low && wide.low <= narrow.low && narrow.high <= wide.high && wide.high <= 1.0);
    }

    #[test]
    fn scores_lie_in_the_unit_interval_and_details_on_one_line(reply in "\\PC{0,60}|[{}\\[\\]\":a\\n -]{0,60}") {
        let checks = r#"[{"max_words": 3}, {"json_keys": ["a"]}, {"end": "a"}, {"sep_count": ["***", 0]}]"#;
        for (name, expected) in [
            ("exact", "(A)"), ("exact", "a b"), ("exact", "yes"), ("number", "1"), ("label", "a"), ("yesno", "no"),
            ("exact_answer", "a b"), ("json_slots_f1", r#"{"intent":"a","slots":{"b":["c"]}}"#), ("checks_all", checks),
            ("leak_and_keep", r#"{"must_not_leak":["a"],"keep":["b"]}"#),
        ] {
            let row = Example::new("q", expected);
            let data = Dataset::from_examples(vec![row.clone()], None, None).unwrap();
            let verdict = Scorer::by_name(name, &data).unwrap().score(&reply, &row);
            prop_assert!((0.0..=1.0).contains(&verdict.score), "{} {}", name, verdict.score);
            prop_assert!(!verdict.detail.is_empty() && !verdict.detail.contains(['\n', '\r']), "{:?}", verdict.detail);
        }
    }

    #[test]
    fn cutting_off_a_validation_set_neither_loses_nor_doubles(n in 2..60_usize, share in 0.01..0.99_f64, seed: u64) {
        let rows = (0..n).map(|i| Example::new(i.to_string(), "x")).collect();
        let data = Dataset::from_examples(rows, None, None).unwrap().split_val(share, &Stream::root(seed)).unwrap();
        let mut texts: Vec<usize> = data.iter().map(|(_, row)| row.text().parse().unwrap()).collect();
        texts.sort_unstable();
        prop_assert_eq!(texts, (0..n).collect::<Vec<_>>());
        prop_assert!(!data.ids(Split::Train).is_empty() && !data.ids(Split::Val).is_empty());
    }
}
