//! A random search, whole: implement `Optimizer`, drive it by ask and tell, within a budget that cannot be overspent.
//!
//! `cargo run -p meta-traits --example random_search`

use std::collections::BTreeMap;

use meta_traits::{
    Ask, Budget, Cost, Fidelity, Instances, Meter, Observation, Optimizer, Outcome, Stream, TellError, Trial,
    TrialId,
};

struct RandomSearch {
    root: Stream,
    asked: u64,
    pending: BTreeMap<TrialId, f64>,
    best: Option<(f64, Observation)>,
}

impl Optimizer for RandomSearch {
    type Candidate = f64;

    fn ask(&mut self) -> Ask<f64> {
        let id = TrialId(self.asked);
        self.asked += 1;
        let x = 10.0 * self.root.child("candidate", id.0).unit() - 5.0;
        self.pending.insert(id, x);
        Ask::Run(Trial::new(id, x, Fidelity::FULL, Instances::Driver))
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        let x = self.pending.remove(&id).ok_or(TellError::UnknownTrial(id))?;
        if let Outcome::Complete(seen) = outcome
            && seen.is_sound()
            && self.best.as_ref().is_none_or(|(_, best)| seen.losses[0] < best.losses[0])
        {
            self.best = Some((x, seen));
        }
        Ok(())
    }

    fn best(&self) -> Option<(&f64, &Observation)> {
        self.best.as_ref().map(|(x, seen)| (x, seen))
    }
}

fn main() -> Result<(), TellError> {
    let mut search = RandomSearch { root: Stream::root(7), asked: 0, pending: BTreeMap::new(), best: None };
    let mut meter = Meter::new(Budget::calls(200));
    while let Ok(lease) = meter.reserve(Cost::evaluations(1)) {
        let Ask::Run(trial) = search.ask() else { break };
        let loss = (trial.candidate - 1.5).powi(2);
        let outcome = Outcome::Complete(Observation::of_loss(loss));
        meter.commit(lease, outcome.cost());
        search.tell(trial.id, outcome)?;
    }
    if let Some((x, seen)) = search.best() {
        println!("best x = {x:.4} with loss {:.6} after {:?}", seen.losses[0], meter.committed());
    }
    Ok(())
}
