use meta_traits::{
    Ask, Components, Cost, DynSnapshot, ErrorKind, Observation, Optimizer, Outcome, Query, Reply, Scored,
    Snapshot, Split, Stream, TellError, TrialId,
};
use prompt_grammar::Gepa;
use prompt_grammar::gepa::{ComponentChoice, MergeOptions, Options, ParentChoice};
use proptest::prelude::*;

use crate::drive::{evaluate, examples, ids};

fn make(options: Options, seed: u64) -> Gepa {
    let texts: Components = [("a", "x"), ("b", "y"), ("c", "z")].into_iter().collect();
    Gepa::new(texts, ids(Split::Train, 10), ids(Split::Val, 8), options, Stream::root(seed)).unwrap()
}

/// Scores in ninths, which no sum of floats meets exactly.
fn outcome(trial: &meta_traits::Trial<Components>) -> Outcome {
    evaluate(trial, |candidate, example| {
        let bytes = candidate.iter().flat_map(|(_, text)| text.bytes());
        let sum =
            bytes.fold(u64::from(example.index) + 7, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
        (sum % 10) as f32 / 9.0
    })
}

fn write(query: &Query, seed: u64) -> Reply {
    let mut rng = Stream::root(seed).child("write", query.id.0);
    let text = query.candidate.get(&query.component).unwrap_or_default();
    Reply::Text(format!("{}{}", &text[..text.len().min(1)], rng.below(100)))
}

fn any_options() -> impl Strategy<Value = Options> {
    (1..=10_usize, any::<bool>(), any::<bool>(), 0..3_u8, any::<bool>()).prop_map(
        |(minibatch, merge, all, parent, mutable)| Options {
            minibatch,
            merge: merge.then(MergeOptions::default),
            component: if all { ComponentChoice::All } else { ComponentChoice::RoundRobin },
            parent: [ParentChoice::ParetoFront, ParentChoice::CurrentBest, ParentChoice::EpsilonGreedy(0.3)]
                [usize::from(parent)],
            mutable: mutable.then(|| vec!["c".into(), "a".into()]),
            ..Options::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any mix of endings leaves the loop at work, keeps the pool sound and never loses a member.
    #[test]
    fn storms_do_not_wedge(options in any_options(), seed in 0..1000_u64, fates in prop::collection::vec(0..6_u8, 1..200)) {
        let minibatch = options.minibatch;
        let mut gepa = make(options, seed);
        let mut members = 0;
        let (mut last_trial, mut last_query) = (None, None);
        for fate in fates {
            match gepa.ask() {
                Ask::Run(trial) => {
                    prop_assert!(Some(trial.id) > last_trial);
                    last_trial = Some(trial.id);
                    let n = examples(&trial).len();
                    prop_assert!(n == 8 || n == minibatch || n == 5);
                    let end = match fate {
                        0 => Outcome::Abandoned,
                        1 if !gepa.pool().is_empty() => Outcome::Failed {
                            kind: ErrorKind::Transient, message: "down".into(), cost: Cost::ZERO },
                        _ => outcome(&trial),
                    };
                    gepa.tell(trial.id, end).unwrap();
                }
                Ask::Query(query) => {
                    prop_assert!(Some(query.id) > last_query);
                    last_query = Some(query.id);
                    prop_assert!(query.candidate.get(&query.component).is_some());
                    let reply = if fate == 0 { Reply::Failed("tired".into()) } else { write(&query, seed) };
                    gepa.answer(query.id, reply).unwrap();
                }
                other => prop_assert!(false, "{:?}", other),
            }
            prop_assert!(gepa.pool().len() >= members);
            members = gepa.pool().len();
            let means: Vec<f64> = gepa.pool().iter().map(prompt_grammar::gepa::Member::mean).collect();
            let best = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert_eq!(gepa.best_index(), means.iter().position(|m| *m >= best));
        }
    }

    /// Saved and taken up again after every step, through text, the loop goes on as if nothing had happened.
    #[test]
    fn a_snapshot_at_every_step_changes_nothing(options in any_options(), seed in 0..1000_u64, steps in 1..60_usize) {
        let mut straight = make(options.clone(), seed);
        let mut broken = make(options.clone(), seed);
        for _ in 0..steps {
            let (a, b) = (straight.ask(), broken.ask());
            prop_assert_eq!(&a, &b);
            let saved = broken.save();
            // The object that takes it up was made with other data and options.
            broken = make(Options::default(), seed + 1);
            broken.load(saved.clone()).unwrap();
            prop_assert_eq!(&broken.save().body, &saved.body);
            match a {
                Ask::Run(trial) => {
                    straight.tell(trial.id, outcome(&trial)).unwrap();
                    broken.tell(trial.id, outcome(&trial)).unwrap();
                }
                Ask::Query(query) => {
                    straight.answer(query.id, write(&query, seed)).unwrap();
                    broken.answer(query.id, write(&query, seed)).unwrap();
                }
                other => prop_assert!(false, "{:?}", other),
            }
            prop_assert_eq!(straight.snapshot(), broken.snapshot());
            prop_assert_eq!(straight.best(), broken.best());
        }
    }

    /// A report that does not fit is refused and changes nothing.
    #[test]
    fn unfit_reports_change_nothing(seed in 0..100_u64, steps in 0..40_usize, fault in 0..6_u8) {
        let mut gepa = make(Options::default(), seed);
        let trial = loop {
            match gepa.ask() {
                Ask::Run(trial) if trial.id.0 as usize >= steps => break trial,
                Ask::Run(trial) => gepa.tell(trial.id, outcome(&trial)).unwrap(),
                Ask::Query(query) => gepa.answer(query.id, write(&query, seed)).unwrap(),
                other => panic!("{other:?}"),
            }
        };
        let before = gepa.snapshot();
        let Outcome::Complete(sound) = outcome(&trial) else { unreachable!() };
        let mut scored: Vec<Scored> = sound.instances.clone();
        let mut losses = sound.losses.clone();
        match fault {
            0 => { scored.pop(); }
            1 => { let again = scored[0].clone(); scored.push(again); }
            2 => scored[0].example.index += 100,
            3 => scored[0].score = f32::NAN,
            4 => scored[0].score = f32::INFINITY,
            _ => losses = vec![f64::NAN],
        }
        let mut unfit = Observation::of_scores(scored, Cost::ZERO);
        if fault == 5 {
            unfit.losses = losses;
        }
        let refused = gepa.tell(trial.id, Outcome::Complete(unfit));
        prop_assert!(matches!(refused, Err(TellError::Mismatch(_))), "{:?}", refused);
        prop_assert!(gepa.tell(TrialId(trial.id.0 + 1), Outcome::Abandoned).is_err());
        prop_assert_eq!(gepa.snapshot(), before);
        gepa.tell(trial.id, Outcome::Complete(sound)).unwrap();
        prop_assert!(gepa.tell(trial.id, Outcome::Abandoned).is_err(), "told once");
    }
}

#[test]
fn wrong_arguments_are_named() {
    #[track_caller]
    fn check(train: u32, val: u32, options: Options, fault: &str) {
        let texts: Components = [("a", "x")].into_iter().collect();
        let made = Gepa::new(texts, ids(Split::Train, train), ids(Split::Val, val), options, Stream::root(0));
        assert_eq!(made.expect_err("it must be refused").to_string(), fault);
    }
    let with = |change: fn(&mut Options)| {
        let mut options = Options::default();
        change(&mut options);
        options
    };
    check(0, 4, Options::default(), "prompt: train is empty; give at least one");
    check(4, 0, Options::default(), "prompt: val is empty; give at least one");
    check(
        2,
        4,
        Options::default(),
        "prompt: minibatch = 3 is outside its range; allowed: 1 to 2, the number of training examples",
    );
    check(
        4,
        4,
        with(|o| o.mutable = Some(vec!["b".into()])),
        "prompt: there is no component 'b'; allowed: a",
    );
    check(4, 4, with(|o| o.mutable = Some(vec![])), "prompt: mutable is empty; give at least one");
    check(
        4,
        4,
        with(|o| o.perfect_score = None),
        "prompt: skip_perfect = true is outside its range; allowed: false where there is no perfect_score",
    );
    check(
        4,
        4,
        with(|o| o.parent = ParentChoice::EpsilonGreedy(1.5)),
        "prompt: epsilon = 1.5 is outside its range; allowed: 0 to 1",
    );
    let twice = [ids(Split::Train, 3), ids(Split::Train, 1)].concat();
    let texts: Components = [("a", "x")].into_iter().collect();
    let made = Gepa::new(texts.clone(), twice, ids(Split::Val, 2), Options::default(), Stream::root(0));
    assert_eq!(made.unwrap_err().to_string(), "prompt: train lists train/0 twice; list it once");
    let made =
        Gepa::new(texts, ids(Split::Train, 3), ids(Split::Test, 2), Options::default(), Stream::root(0));
    let fault = made.unwrap_err().to_string();
    assert!(fault.contains("test/0") && fault.contains("test split"), "{fault}");
    assert!(
        Gepa::new(
            Components::new(),
            ids(Split::Train, 3),
            ids(Split::Val, 2),
            Options::default(),
            Stream::root(0)
        )
        .is_err()
    );
}

#[test]
fn a_broken_snapshot_is_refused_and_changes_nothing() {
    let mut gepa = make(Options::default(), 1);
    for _ in 0..30 {
        match gepa.ask() {
            Ask::Run(trial) => gepa.tell(trial.id, outcome(&trial)).unwrap(),
            Ask::Query(query) => gepa.answer(query.id, write(&query, 1)).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    let before = gepa.snapshot();
    let body = serde_json::to_value(&before).unwrap();
    for (path, value) in [
        ("/members/0/parents", serde_json::json!([7])),
        ("/members/0/next", serde_json::json!(3)),
        ("/members/0/observation/instances/0/example", serde_json::json!("val/77")),
        ("/val", serde_json::json!([])),
        ("/options/minibatch", serde_json::json!(0)),
        ("/pending", serde_json::json!({"Trial": 100_000})),
    ] {
        let mut broken = body.clone();
        *broken.pointer_mut(path).expect(path) = value;
        let mut saved = gepa.save();
        saved.body = serde_json::to_vec(&broken).unwrap();
        assert!(gepa.load(saved).is_err(), "{path}");
        assert_eq!(gepa.snapshot(), before, "{path}");
    }
}
