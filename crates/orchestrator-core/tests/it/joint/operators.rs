//! What each operator may change, who pays, and what a selector learns.

use coordination::Component;
use coordination::budget::{Allocation, OptimizationMode, Strategy};
use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{Ask, Components, DynSnapshot, Optimizer, Reply, Split, StopReason, Stream};
use orchestrator_core::algorithms::Joint;
use orchestrator_core::algorithms::joint::{Operator, Options};
use orchestrator_core::compose;

use super::{drive, ids, inside, make, outcome};

/// `a` is a prompt, `b` holds a structure and a number.
fn search(seed: u64, options: Options) -> Joint {
    let texts: Components = [("a", "x\nk=1"), ("b", "flow: one\ndepth: 1")].into_iter().collect();
    let lines = ["flow: one", "flow: two", "depth: 1", "depth: 2", "depth: 3"].map(str::to_owned);
    let options = Options {
        blocks: vec![(0, 3)],
        rewrites: 1,
        turns: vec![(0, vec!["a".to_owned()])],
        vocabulary: [("b".to_owned(), lines.to_vec())].into(),
        pillars: [("b/flow".to_owned(), Component::Topology), ("b/depth".to_owned(), Component::Hyperopt)]
            .into(),
        ..options
    };
    Joint::new(&texts, ids(Split::Train, 7), ids(Split::Val, 6), options, Stream::root(seed)).unwrap()
}

fn alone(operator: Operator) -> Options {
    Options { operators: [(operator, 1.0)].into(), ..Options::default() }
}

fn candidates(asked: &[Ask<Components>]) -> Vec<Components> {
    let trial = |ask: &Ask<Components>| match ask {
        Ask::Run(trial) => Some(trial.candidate.clone()),
        _ => None,
    };
    asked.iter().filter_map(trial).collect()
}

#[test]
fn operators_of_a_pillar_change_its_part_alone() {
    for (operator, part) in
        [(Operator::StructuralMutation, "flow"), (Operator::Numbers, "depth"), (Operator::Words, "a")]
    {
        let mut search = search(3, alone(operator));
        let met = candidates(&drive(&mut search, 200));
        let seed = met[0].clone();
        let lines = |c: &Components| c.get("b").unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
        for candidate in &met {
            assert!(part == "a" || candidate.get("a") == seed.get("a"), "{operator:?}");
            for (line, old) in lines(candidate).iter().zip(lines(&seed)) {
                assert!(*line == old || line.starts_with(part), "{operator:?}: {line}");
            }
        }
        assert!(met.iter().any(|c| *c != seed), "{operator:?} changes something");
    }
}

#[test]
fn random_search_changes_one_line_and_reflection_takes_what_was_just_written() {
    let different = |a: &str, b: &str| a.lines().zip(b.lines()).filter(|(a, b)| a != b).count();
    let mut random = search(1, alone(Operator::RandomSearch));
    let mut leader = random.best().map(|b| b.0.clone());
    for _ in 0..150 {
        match random.ask() {
            Ask::Run(trial) => {
                if let Some(leader) = &leader {
                    let changed: usize =
                        trial.candidate.names().filter(|n| leader.get(n) != trial.candidate.get(n)).count();
                    assert!(changed <= 1, "{leader:?} {:?}", trial.candidate);
                    assert!(different(leader.get("b").unwrap(), trial.candidate.get("b").unwrap()) <= 1);
                }
                random.tell(trial.id, outcome(&trial, &mut Stream::root(0))).unwrap();
                leader = random.best().map(|b| b.0.clone());
            }
            Ask::Query(query) => random.answer(query.id, Reply::Text("x\nk=2".into())).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    let mut reflection = search(2, Options { dry: 1_000_000, ..alone(Operator::ReflectiveMutation) });
    let mut written: Option<String> = None;
    let mut taken = 0;
    for step in 0..200 {
        match reflection.ask() {
            Ask::Run(trial) => {
                taken +=
                    usize::from(written.take().is_some_and(|text| trial.candidate.get("a") == Some(&text)));
                reflection.tell(trial.id, outcome(&trial, &mut Stream::root(0))).unwrap();
            }
            Ask::Query(query) => {
                let text = format!("x{step}\nk=1");
                reflection.answer(query.id, Reply::Text(text.clone())).unwrap();
                written = Some(text);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(taken > 90, "{taken}");
}

/// Crossover makes systems out of lines that two systems have, some of which no system had together.
#[test]
fn crossover_mixes_what_was_measured() {
    let weights = [(Operator::Crossover, 0.7), (Operator::RandomSearch, 0.3)];
    let mut search = search(5, Options { operators: weights.into(), ..Options::default() });
    drive(&mut search, 300);
    let crossed = search.records()[Operator::Crossover as usize];
    assert!(crossed.systems > 50 && crossed.calls <= 3 * crossed.systems, "{crossed:?}");
    let spent: u64 = search.history().iter().map(|(_, calls)| calls).sum();
    assert_eq!(spent, search.records().iter().map(|r| r.calls).sum::<u64>());
    assert!(search.history().windows(2).all(|w| w[0].0 != w[1].0), "rows of one operator are one entry");
}

#[test]
fn what_is_known_from_the_start_needs_no_writing() {
    let met = candidates(&drive(&mut search(6, Options { rewrites: 0, ..Options::default() }), 60));
    for line in ["flow: two", "depth: 2", "depth: 3"] {
        assert!(met.iter().any(|c| c.get("b").unwrap().contains(line)), "{line}");
    }
}

#[test]
fn shares_bind_every_pillar() {
    for mode in OptimizationMode::ALL {
        let limit = 3000;
        let shares = Allocation::new(Some(limit), mode.shares(), Strategy::Fixed);
        let mut search = search(7, Options::default()).with_shares(shares);
        let mut met = 0;
        let mut step = 0;
        while met < limit {
            step += 1;
            match search.ask() {
                Ask::Run(trial) => {
                    met += 3;
                    search.tell(trial.id, outcome(&trial, &mut Stream::root(0))).unwrap();
                }
                Ask::Query(query) => {
                    search.answer(query.id, Reply::Text(format!("x{}\nk={}", step % 5, step % 3))).unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        let shares = search.shares().unwrap();
        for pillar in Component::ALL {
            let (is, should) = (shares.share(pillar), mode.shares().of(pillar));
            assert!((is - should).abs() < 0.05, "{mode:?} {pillar}: {is} and not {should}");
        }
    }
}

/// A pillar that owns nothing takes no part: the others have its share.
#[test]
fn pillars_without_a_part_are_left_out() {
    let shares = Allocation::new(Some(900), OptimizationMode::Balanced.shares(), Strategy::Fixed);
    let mut joint = make(3).with_shares(shares);
    drive(&mut joint, 300);
    let shares = joint.shares().unwrap();
    assert_eq!((shares.spent(Component::Topology), shares.spent(Component::Hyperopt)), (0, 0));
    assert!((shares.share(Component::Selector) - 2.0 / 3.0).abs() < 0.05, "{shares:?}");
}

#[test]
fn limits_of_results_and_of_patience_end_the_search() {
    let ends = |options: Options| {
        let mut search = search(4, options);
        for step in 0..400 {
            match search.ask() {
                Ask::Run(trial) => search.tell(trial.id, outcome(&trial, &mut Stream::root(0))).unwrap(),
                Ask::Query(query) => search.answer(query.id, Reply::Text(format!("k={}", step % 5))).unwrap(),
                Ask::Done(reason) => return Some(reason),
                other => panic!("{other:?}"),
            }
        }
        None
    };
    assert_eq!(ends(Options { most_results: Some(60), ..Options::default() }), Some(StopReason::Rounds));
    let patient = Options { patience: Some(90), progress: 0.5, ..Options::default() };
    assert_eq!(ends(patient), Some(StopReason::Stagnation));
    assert_eq!(ends(Options::default()), None);
}

#[test]
fn every_law_is_kept_with_a_selector_and_shares() {
    let steered = |seed| {
        let options =
            Options { operators: Operator::ALL.map(|o| (o, 1.0)).into(), learned: 0.8, ..Options::default() };
        let shares = Allocation::new(None, OptimizationMode::Balanced.shares(), Strategy::Dynamic);
        let selector = compose::selector(&options, Stream::root(seed));
        search(seed, options).with_selector(selector).with_shares(shares)
    };
    let check = Check::new(steered, inside, outcome).steps(40);
    check_optimizer(&check);
    check_optimizer_snapshot(&check);
    // A state that holds a selector's beliefs needs a selector.
    let mut saved = steered(1);
    drive(&mut saved, 50);
    let mut without = search(1, Options::default());
    let before = without.save();
    assert!(without.load(saved.save()).unwrap_err().to_string().contains("selector"));
    assert_eq!(without.save(), before);
}

#[test]
fn unknown_components_are_refused_by_name() {
    let texts: Components = [("a", "x")].into_iter().collect();
    let options =
        Options { pillars: [("c/flow".to_owned(), Component::Topology)].into(), ..Options::default() };
    let fault =
        Joint::new(&texts, ids(Split::Train, 3), ids(Split::Val, 3), options, Stream::root(1)).unwrap_err();
    assert!(fault.to_string().contains("joint.pillars"), "{fault}");
}
