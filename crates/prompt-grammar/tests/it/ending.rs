//! What the model-guided search makes sure of: the prompt it returns, and the patterns it tells of.

use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{
    Ask, Cost, Draw, ExampleId, Instances, Observation, Optimizer, Outcome, Scored, Snapshot as _,
    Space as _, Split, StopReason, Stream, Trial,
};
use prompt_grammar::optimizer::{Confirm, Fate, ModelOptions, ModelSearch, Origin, Proposal, Verdict};
use prompt_grammar::space::Choices;

use crate::drive::ids;
use crate::model::space;

fn examples() -> Vec<ExampleId> {
    let mut all = ids(Split::Train, 30);
    all.extend(ids(Split::Val, 30));
    all
}

fn options() -> ModelOptions {
    ModelOptions { reflections: 0.0, ..ModelOptions::default() }
}

fn make(options: &ModelOptions, seed: u64) -> ModelSearch {
    ModelSearch::new(space(), examples(), options.clone(), Stream::root(seed)).unwrap()
}

/// Right or wrong, with a chance that the first slot's second option raises by `gain`.
fn scored(trial: &Trial<Choices>, gain: f64, noise: u64) -> Outcome {
    let Instances::Exactly(on) = &trial.on else { panic!("the search names its examples") };
    let p = 0.3 + if trial.candidate.option(0) == 1 { gain } else { 0.0 };
    let scored: Vec<Scored> = on
        .iter()
        .map(|&e| {
            let key = trial.candidate.fingerprint() ^ u64::from(e.index) << 8 ^ e.split as u64;
            let right = Stream::root(noise).child("result", key).chance(p);
            Scored::new(Draw { example: e, repeat: 0 }, f32::from(u8::from(right)))
        })
        .collect();
    let cost = Cost::evaluations(scored.len() as u64);
    Outcome::Complete(Observation::of_scores(scored, cost))
}

struct Ended {
    search: ModelSearch,
    reason: Option<StopReason>,
    calls: u64,
    lines: Vec<Proposal>,
}

/// Runs a search for at most so many calls.
fn run(mut search: ModelSearch, calls: u64, outcome: impl Fn(&Trial<Choices>) -> Outcome) -> Ended {
    let (mut spent, mut reason, mut lines) = (0, None, Vec::new());
    while spent < calls {
        match search.ask() {
            Ask::Run(trial) => {
                let Instances::Exactly(on) = &trial.on else { panic!("the search names its examples") };
                spent += on.len() as u64;
                let seen = outcome(&trial);
                search.tell(trial.id, seen).unwrap();
            }
            Ask::Done(why) => {
                reason = Some(why);
                break;
            }
            other => panic!("{other:?}"),
        }
        lines.extend(search.drain_manifest());
    }
    lines.extend(search.drain_manifest());
    Ended { search, reason, calls: spent, lines }
}

const CALLS: u64 = 400;

#[test]
fn a_better_prompt_is_confirmed_on_fresh_examples() {
    let ended = run(make(&options(), 1).within(CALLS), CALLS, |t| scored(t, 0.6, 5));
    assert_eq!(ended.reason, Some(StopReason::Budget));
    assert!(ended.calls <= CALLS && ended.calls > CALLS - 40, "{}", ended.calls);
    let Verdict::Confirmed(compared) = ended.search.verdict() else { panic!("{}", ended.search.verdict()) };
    assert_eq!(ended.search.best().unwrap().0, &compared.contender);
    assert_eq!(compared.contender.option(0), 1);
    assert!(compared.examples == 18 && compared.p <= 0.05 && compared.low > 0.0, "{compared:?}");
    assert!(ended.search.verdict().to_string().starts_with("confirmed: better than the seed (by 0."));
    // What was held out came last, and both met it.
    let first = ended.lines.iter().position(|p| p.origin == Origin::Confirm).unwrap();
    let fresh: std::collections::BTreeSet<ExampleId> =
        ended.lines[first..].iter().flat_map(|p| &p.examples).copied().collect();
    assert_eq!(fresh.len(), 18);
    assert!(ended.lines[..first].iter().all(|p| p.examples.iter().all(|e| !fresh.contains(e))));
    assert!(ended.lines[first..].iter().all(|p| p.origin == Origin::Confirm));
    let last = ended.lines.last().unwrap();
    assert_eq!((last.fate, last.prompt), (Fate::Confirmed, Some(compared.contender.fingerprint())));
}

#[test]
fn where_nothing_is_better_the_seed_is_kept() {
    // Large blocks, so that there are few rounds.
    let options = ModelOptions { block: 12, initial: 4, draws: 2, ..options() };
    let kept = |seed: u64| {
        let ended = run(make(&options, seed).within(CALLS), CALLS, |t| scored(t, 0.0, seed));
        let kept = *ended.search.best().unwrap().0 == space().seed();
        assert_eq!(kept, matches!(ended.search.verdict(), Verdict::Tie(_)), "{}", ended.search.verdict());
        assert!(
            !kept || ended.lines.last().is_none_or(|p| p.fate == Fate::Tied || p.origin != Origin::Confirm)
        );
        kept
    };
    let n = (0..20).filter(|seed| kept(*seed)).count();
    assert!(n >= 18, "{n} of 20");
}

#[test]
fn without_room_or_wish_the_search_goes_on_unconfirmed() {
    let bold = ModelOptions { confirm: Confirm { alpha: 0.0, ..Confirm::default() }, ..options() };
    for search in [make(&bold, 1).within(CALLS), make(&options(), 1).within(300), make(&options(), 1)] {
        let ended = run(search, 320, |t| scored(t, 0.6, 5));
        assert_eq!((ended.reason, ended.search.verdict()), (None, Verdict::Unconfirmed));
        assert!(ended.lines.iter().all(|p| p.origin != Origin::Confirm));
    }
    let unsound = ModelOptions { confirm: Confirm { share: 0.6, ..Confirm::default() }, ..options() };
    let fault = ModelSearch::new(space(), examples(), unsound, Stream::root(0)).unwrap_err().to_string();
    assert!(fault.contains("confirm.share = 0.6") && fault.contains("0 to 0.5"), "{fault}");
}

#[test]
fn anchors_are_not_held_out() {
    let anchors: Vec<ExampleId> = examples().into_iter().step_by(5).collect();
    let before = make(&options(), 1).anchored(&anchors).unwrap().within(800);
    let after = make(&options(), 1).within(800).anchored(&anchors).unwrap();
    for search in [before, after] {
        let ended = run(search, 800, |t| scored(t, 0.6, 5));
        assert_eq!(ended.reason, Some(StopReason::Budget));
        let fresh = ended.lines.iter().filter(|p| p.origin == Origin::Confirm).flat_map(|p| &p.examples);
        assert!(fresh.clone().count() > 0 && fresh.clone().all(|e| !anchors.contains(e)));
    }
}

/// A more demanding level sends back what the usual one confirms.
#[test]
fn the_level_decides() {
    let judged = |alpha: f64| {
        let options = ModelOptions { confirm: Confirm { alpha, ..Confirm::default() }, ..options() };
        run(make(&options, 1).within(CALLS), CALLS, |t| scored(t, 0.6, 5)).search.verdict()
    };
    assert_eq!((judged(0.05).name(), judged(0.00005).name()), ("confirmed", "tie"));
}

#[test]
fn examples_that_keep_failing_end_the_search_all_the_same() {
    let broken = |trial: &Trial<Choices>| {
        let Instances::Exactly(on) = &trial.on else { panic!("the search names its examples") };
        let held_out = on.iter().all(|e| e.split == Split::Val && e.index % 2 == 1);
        if held_out { Outcome::Abandoned } else { scored(trial, 0.6, 5) }
    };
    let all_fail = |trial: &Trial<Choices>| {
        if trial.id.0 < 50 { scored(trial, 0.6, 5) } else { Outcome::Abandoned }
    };
    let calls = 2 * CALLS;
    assert_eq!(run(make(&options(), 1).within(CALLS), calls, broken).reason, Some(StopReason::Budget));
    let ended = run(make(&options(), 1).within(CALLS), calls, all_fail);
    assert_eq!((ended.reason, ended.search.verdict()), (Some(StopReason::Budget), Verdict::Unconfirmed));
    assert!(ended.search.best().is_some());
}

#[test]
fn the_end_keeps_every_law_and_survives_a_restart() {
    let options = ModelOptions { block: 20, initial: 0, draws: 2, ..options() };
    let outcome = |t: &Trial<Choices>, _: &mut Stream| scored(t, 0.6, 5);
    let check = Check::new(|seed| make(&options, seed).within(320), |c| space().contains(c), outcome)
        .seeds([0])
        .steps(16);
    check_optimizer(&check);
    check_optimizer_snapshot(&check);
    // A state that knows of no end is read as one without.
    let mut old = serde_json::to_value(make(&options, 0).within(320).snapshot()).unwrap();
    let fields = old.as_object_mut().unwrap();
    assert!(fields.remove("ending").is_some() && fields.remove("toggles").is_some());
    let mut restored = make(&options, 9);
    restored.restore(serde_json::from_value(old).unwrap()).unwrap();
    assert_eq!(restored.verdict(), Verdict::Unconfirmed);
}

#[test]
fn patterns_are_confirmed_by_toggles_of_the_search_itself() {
    let options = ModelOptions { toggles: 0.1, ..options() };
    let calls = 1600;
    let ended = run(make(&options, 2), calls, |t| scored(t, 0.6, 7));
    let found = ended.search.patterns();
    let right = |name: &str| name.starts_with("s0 = ");
    let confirmed: Vec<&str> = found
        .iter()
        .filter(|p| p.confirmation.is_some_and(|c| c.confirmed))
        .map(|p| p.name.as_str())
        .collect();
    assert!(confirmed.contains(&"s0 = o1") && confirmed.iter().all(|n| right(n)), "{found:?}");
    let toggled = ended.lines.iter().filter(|p| p.origin == Origin::Toggle);
    let spent: usize = toggled.map(|p| p.examples.len()).sum();
    assert!(spent >= 128 && spent <= calls as usize / 10, "{spent}");
    // They are in turn random: none of them is there without a partner on the same examples.
    assert_eq!(spent % 16, 0);
    // A search that is saved while toggles run goes on as if nothing had happened.
    let half = run(make(&options, 2), 1340, |t| scored(t, 0.6, 7)).search;
    assert!(half.patterns().last().is_some_and(|p| p.confirmation.is_none()));
    let saved = serde_json::to_string(&half.snapshot()).unwrap();
    let mut restored = make(&options, 9);
    restored.restore(serde_json::from_str(&saved).unwrap()).unwrap();
    let [on, again] = [half, restored].map(|search| run(search, calls - 1340, |t| scored(t, 0.6, 7)).search);
    assert_eq!(on.snapshot(), again.snapshot());
    assert_eq!(on.patterns(), found);
    let none = run(make(&options, 3), 1400, |t| scored(t, 0.0, 3));
    assert!(none.search.patterns().iter().all(|p| !p.confirmation.is_some_and(|c| c.confirmed)));
    let off = run(make(&self::options(), 2), 900, |t| scored(t, 0.6, 7));
    assert!(off.search.patterns().is_empty() && off.lines.iter().all(|p| p.origin != Origin::Toggle));
}

/// What toggles confirmed is told to the model that reflects.
#[test]
fn confirmed_patterns_are_told() {
    let options = ModelOptions { toggles: 0.1, reflections: 0.02, ..ModelOptions::default() };
    let mut search = make(&options, 2);
    let mut told = 0;
    for _ in 0..400 {
        match search.ask() {
            Ask::Run(trial) => search.tell(trial.id, scored(&trial, 0.6, 7)).unwrap(),
            Ask::Query(query) => {
                let brief = search.brief(10).unwrap();
                let confirmed = search.patterns().iter().any(|p| p.confirmation.is_some_and(|c| c.confirmed));
                let request = brief.request(&query, &space());
                assert_eq!(confirmed, request.contains("Trials have shown: s0 = o"), "{request}");
                told += u32::from(confirmed);
                search.answer(query.id, meta_traits::Reply::Failed("no idea".into())).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(told > 0);
}
