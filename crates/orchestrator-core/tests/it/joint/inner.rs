//! A pillar's own search inside the joint search.

use std::sync::{Arc, Mutex};

use coordination::Component;
use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{
    Ask, Components, Cost, Draw, ErrorKind, Fidelity, Instances, Observation, Optimizer, Outcome, Reply,
    RestoreError, Scored, Snapshot, Split, Stream, TellError, Trial, TrialId,
};
use orchestrator_core::algorithms::Joint;
use orchestrator_core::algorithms::joint::{Operator, Options};

use super::{ids, inside, outcome};

/// What a [`Climb`] was told, trial by trial.
type Told = Arc<Mutex<Vec<(f64, f64)>>>;

/// Writes numbers about the best so far on the line `depth: ` of `b`.
#[derive(Debug, Default)]
struct Climb {
    asked: u64,
    pending: Option<f64>,
    best: Option<(f64, f64)>,
    told: Told,
}

impl Optimizer for Climb {
    type Candidate = Components;

    fn ask(&mut self) -> Ask<Components> {
        if self.pending.is_some() {
            return Ask::Wait;
        }
        let mut rng = Stream::root(8).child("climb", self.asked);
        let about = self.best.map_or(1.0, |(x, _)| x);
        let x = ((about + 4.0 * rng.unit() - 2.0).clamp(0.0, 10.0) * 100.0).round() / 100.0;
        self.asked += 1;
        self.pending = Some(x);
        let lines = [("b", format!("depth: {x}"))].into_iter().collect();
        Ask::Run(Trial::new(TrialId(self.asked), lines, Fidelity::FULL, Instances::Driver))
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        let (true, Some(x)) = (id.0 == self.asked, self.pending.take()) else {
            return Err(TellError::UnknownTrial(id));
        };
        if let Outcome::Complete(seen) = outcome {
            let loss = seen.losses[0];
            self.told.lock().unwrap().push((x, loss));
            if self.best.is_none_or(|(_, least)| loss < least) {
                self.best = Some((x, loss));
            }
        }
        Ok(())
    }

    fn best(&self) -> Option<(&Components, &Observation)> {
        None
    }
}

impl Snapshot for Climb {
    const SCHEMA: &'static str = "test/climb";
    const VERSION: u32 = 1;
    type State = (u64, Option<f64>, Option<(f64, f64)>);

    fn snapshot(&self) -> Self::State {
        (self.asked, self.pending, self.best)
    }

    fn restore(&mut self, (asked, pending, best): Self::State) -> Result<(), RestoreError> {
        *self = Self { asked, pending, best, told: Arc::clone(&self.told) };
        Ok(())
    }
}

fn search(seed: u64, told: &Told) -> Joint {
    let texts: Components = [("a", "x"), ("b", "flow: one\ndepth: 1")].into_iter().collect();
    let options = Options {
        blocks: vec![(0, 3)],
        rewrites: 0,
        operators: [(Operator::Numbers, 0.7), (Operator::ParetoSampling, 0.3)].into(),
        pillars: [("b/depth".to_owned(), Component::Hyperopt)].into(),
        ..Options::default()
    };
    let climb = Climb { told: Arc::clone(told), ..Climb::default() };
    Joint::new(&texts, ids(Split::Train, 12), ids(Split::Val, 12), options, Stream::root(seed))
        .unwrap()
        .with_inner(Component::Hyperopt, Box::new(climb))
}

#[test]
fn the_laws_are_kept() {
    let check = Check::new(|seed| search(seed, &Told::default()), inside, outcome).steps(20);
    check_optimizer(&check);
    check_optimizer_snapshot(&check);
}

fn depth(candidate: &Components) -> f64 {
    let line = candidate.get("b").unwrap().lines().find_map(|l| l.strip_prefix("depth: "));
    line.unwrap().parse().unwrap()
}

/// An example is solved the likelier, the nearer the number is to 6, whatever the luck of the example.
fn solved(trial: &Trial<Components>) -> Outcome {
    let Instances::Exactly(on) = &trial.on else { panic!("examples are named") };
    let near = 1.0 - (depth(&trial.candidate) - 6.0).abs() / 8.0;
    let score = |e: &meta_traits::ExampleId| {
        let luck = f64::from((e.index * 7 + 3 * (e.split as u32)) % 12) / 12.0;
        Scored::new(Draw { example: *e, repeat: 0 }, f32::from(u8::from(luck < near)))
    };
    let scored: Vec<Scored> = on.iter().map(score).collect();
    let cost = Cost::evaluations(scored.len() as u64);
    Outcome::Complete(Observation::of_scores(scored, cost))
}

#[test]
fn numbers_that_nobody_listed_are_found() {
    let told = Told::default();
    let mut joint = search(4, &told);
    for _ in 0..150 {
        match joint.ask() {
            Ask::Run(trial) => joint.tell(trial.id, solved(&trial)).unwrap(),
            Ask::Query(query) => joint.answer(query.id, Reply::Failed("nobody".into())).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    let best = depth(joint.best().unwrap().0);
    assert!((best - 6.0).abs() < 1.5, "{best}");
    let told = told.lock().unwrap();
    assert!(told.len() > 20, "{}", told.len());
    assert!(
        told.iter().any(|(_, loss)| *loss < -0.02),
        "some numbers were better than the leader's: {told:?}"
    );
    assert!(told.iter().all(|(_, loss)| loss.abs() < 1.0));
}

/// A number whose evaluation fails is told as a failure, and the search goes on.
#[test]
fn failures_are_handed_back() {
    let told = Told::default();
    let mut joint = search(4, &told);
    let (mut failed, mut met) = (0, 0);
    for _ in 0..100 {
        let Ask::Run(trial) = joint.ask() else { continue };
        met += 1;
        let outcome = if depth(&trial.candidate) > 2.0 {
            failed += 1;
            let cost = Cost::evaluations(1);
            Outcome::Failed { kind: ErrorKind::InvalidInput, message: "too deep".into(), cost }
        } else {
            solved(&trial)
        };
        joint.tell(trial.id, outcome).unwrap();
    }
    assert!(failed > 5 && met == 100, "{failed} of {met}");
    assert!(told.lock().unwrap().iter().all(|(x, _)| *x <= 2.0), "failures are no losses");
}
