//! The laws of the search for networks, by the kit that third parties use too.

use std::sync::mpsc;

use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{
    Ask, ErrorKind, Observation, Optimizer as _, Outcome, Snapshot as _, StopReason, Stream, Trial, TrialId,
};
use topology_neat::{Activation, Flow, Neat, NeatOptions, Network, NetworkGenome, NetworkSpace};

/// A change for the worse, and what the error must name.
type Change<T> = (&'static str, fn(&mut T));

/// How many generations are resumed from; more by `METAORCH_SOAK_N`.
#[expect(clippy::disallowed_methods, reason = "the test, not the pillar, takes its count from outside")]
fn generations() -> u64 {
    std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(25)
}

fn options(flow: Flow) -> NeatOptions {
    let mut options = NeatOptions::new(NetworkSpace {
        flow,
        max_hidden: 5,
        max_edges: 40,
        ..NetworkSpace::feed_forward(2, 1, Activation::Sigmoid)
    });
    options.population = 16;
    options.target_species = 3;
    options.stagnation = 5;
    options
}

/// Squared errors of exclusive or.
fn loss(genome: &NetworkGenome) -> f64 {
    let mut network = Network::of(genome);
    let mut sum = 0.0;
    for (a, b, wanted) in [(0.0, 0.0, 0.0), (0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)] {
        sum += (network.activate(&[a, b])[0] - wanted).powi(2);
    }
    sum
}

fn outcome(trial: &Trial<NetworkGenome>, _: &mut Stream) -> Outcome {
    Outcome::Complete(Observation::of_loss(loss(&trial.candidate)))
}

#[test]
fn the_search_keeps_every_law() {
    for flow in [Flow::Acyclic, Flow::Recurrent] {
        let new = |seed| Neat::new(options(flow), seed).unwrap();
        let check = Check::new(new, |genome| options(flow).space.contains(genome), outcome);
        let check = check.seeds([1]).steps(32).width(5);
        check_optimizer(&check);
        check_optimizer_snapshot(&check);
    }
}

/// Evaluates one generation by so many threads, telling in the order of completion.
#[expect(clippy::disallowed_methods, reason = "the driver in the test owns the threads")]
fn generation(neat: &mut Neat, threads: usize) -> Option<String> {
    let before = neat.generation();
    let mut trials = Vec::new();
    while let Ask::Run(trial) = neat.ask() {
        trials.push(trial);
    }
    let (sender, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (sender, trials) = (sender.clone(), &trials);
            scope.spawn(move || {
                for trial in trials.iter().skip(thread).step_by(threads) {
                    sender.send((trial.id, loss(&trial.candidate))).unwrap();
                }
            });
        }
    });
    drop(sender);
    for (id, loss) in results {
        neat.tell(id, Outcome::Complete(Observation::of_loss(loss))).unwrap();
    }
    (neat.generation() > before).then(|| serde_json::to_string(neat.report().unwrap()).unwrap())
}

#[test]
fn logs_are_equal_for_any_number_of_threads() {
    let run = |threads| {
        let mut neat = Neat::new(options(Flow::Acyclic), 3).unwrap();
        let log: Vec<_> = (0..generations()).map(|_| generation(&mut neat, threads).unwrap()).collect();
        (log, format!("{:?}", neat.best()))
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(8));
}

#[test]
fn a_run_resumed_at_any_generation_goes_on_byte_for_byte() {
    let mut neat = Neat::new(options(Flow::Recurrent), 4).unwrap();
    let mut resumed = Neat::new(options(Flow::Recurrent), 99).unwrap();
    for _ in 0..generations() {
        let saved = serde_json::to_string(&neat.snapshot()).unwrap();
        resumed.restore(serde_json::from_str(&saved).unwrap()).unwrap();
        assert_eq!(generation(&mut neat, 1), generation(&mut resumed, 1));
        let (next, same) = (neat.snapshot(), resumed.snapshot());
        assert_eq!(serde_json::to_string(&next).unwrap(), serde_json::to_string(&same).unwrap());
    }
}

#[test]
fn damaged_states_are_refused_and_change_nothing() {
    let mut neat = Neat::new(options(Flow::Acyclic), 1).unwrap();
    generation(&mut neat, 1);
    let whole = serde_json::to_value(neat.snapshot()).unwrap();
    let damages: [Change<serde_json::Value>; 5] = [
        ("counts", |s| s["state"]["told"] = 7.into()),
        ("species", |s| s["state"]["batch"][0]["species"] = 99.into()),
        ("structure", |s| s["state"]["species"][0]["strategy"]["mean"] = serde_json::json!([0.5])),
        ("population", |s| s["options"]["population"] = 0.into()),
        ("member", |s| s["state"]["batch"][0]["draw"] = serde_json::json!([0.5])),
    ];
    for (what, damage) in damages {
        let mut state = whole.clone();
        damage(&mut state);
        let error = neat.restore(serde_json::from_value(state).unwrap()).unwrap_err().to_string();
        assert!(error.contains(what), "{what}: {error}");
        assert_eq!(serde_json::to_value(neat.snapshot()).unwrap(), whole);
    }
}

#[test]
fn generations_without_a_sound_loss_are_survived() {
    let bad: [fn() -> Outcome; 4] = [
        || Outcome::Complete(Observation::of_loss(f64::NAN)),
        || Outcome::Complete(Observation::of_loss(f64::INFINITY)),
        || Outcome::Failed {
            kind: ErrorKind::Permanent,
            message: "no".into(),
            cost: meta_traits::Cost::ZERO,
        },
        || Outcome::Abandoned,
    ];
    let mut neat = Neat::new(options(Flow::Acyclic), 5).unwrap();
    for i in 0..16 * 40 {
        let Ask::Run(trial) = neat.ask() else { panic!("the search goes on") };
        neat.tell(trial.id, bad[i % bad.len()]()).unwrap();
    }
    assert!(neat.best().is_none());
    assert!(neat.report().unwrap().species.iter().all(|s| s.best.is_none()));
    let Ask::Run(trial) = neat.ask() else { panic!("the search goes on") };
    let seen = loss(&trial.candidate);
    neat.tell(trial.id, Outcome::Complete(Observation::of_loss(seen))).unwrap();
    assert_eq!(neat.best().unwrap().1.losses, [seen]);
}

#[test]
fn limits_end_the_search_and_wrong_options_are_named() {
    let mut short = options(Flow::Acyclic);
    short.generations = Some(2);
    let mut neat = Neat::new(short, 0).unwrap();
    generation(&mut neat, 1).unwrap();
    generation(&mut neat, 1).unwrap();
    assert_eq!(neat.ask(), Ask::Done(StopReason::Rounds));
    assert!(neat.tell(TrialId(0), Outcome::Abandoned).is_err());
    let wrong: [Change<NeatOptions>; 10] = [
        ("population", |o| o.population = 1),
        ("target_species", |o| o.target_species = 5),
        ("threshold", |o| o.threshold = f64::NAN),
        ("step", |o| o.step = 0.0),
        ("stagnation", |o| o.stagnation = 0),
        ("progress", |o| o.progress = f64::NAN),
        ("crossover_rate", |o| o.crossover_rate = 1.1),
        ("complexity_penalty", |o| o.complexity_penalty = f64::INFINITY),
        ("edits", |o| o.edits.clear()),
        ("generations", |o| o.generations = Some(0)),
    ];
    for (option, spoil) in wrong {
        let mut options = options(Flow::Acyclic);
        spoil(&mut options);
        let error = Neat::new(options, 0).unwrap_err().to_string();
        assert!(error.contains(option) && error.contains("allowed"), "{error}");
    }
}

#[test]
fn exclusive_or_is_learnt() {
    for seed in 0..3 {
        let mut options = options(Flow::Acyclic);
        (options.population, options.target_species, options.stagnation) = (150, 8, 15);
        (options.step, options.more_edits) = (0.3, 0.2);
        let mut neat = Neat::new(options, seed).unwrap();
        let solved = (0..100).find(|_| {
            generation(&mut neat, 1).unwrap();
            neat.best().unwrap().1.losses[0] < 0.1
        });
        assert!(solved.is_some() && neat.best().unwrap().0.inner() > 0, "seed {seed}");
    }
}
