use meta_traits::{
    Batching, BoxFuture, Components, Cost, Draw, ErrorKind, Evaluator, Instances, Note, Observation, Outcome,
    Query, Scored, Stream, Trial,
};

use crate::run::{Proposal, Proposer};

use super::genome::Genome;
use super::problem::Problem;

/// Examples a call: whole validation splits at once.
const BLOCK: usize = 256;

/// Evaluates draws without any model. The random stream is not used: draws derive from the instance, the candidate,
/// the example and the repeat.
///
/// Notes read `slot=option` or `slot`. A candidate or example outside of the problem is [`Outcome::Failed`] at no
/// cost.
impl Evaluator<Components> for Problem {
    fn evaluate<'a>(&'a self, trial: &'a Trial<Components>, _: Stream) -> BoxFuture<'a, Outcome> {
        Box::pin(std::future::ready(self.outcome(trial)))
    }

    fn batching(&self) -> Batching {
        Batching { block: BLOCK, concurrent: 1 }
    }

    /// Exactly what the evaluation will cost.
    fn cap(&self, trial: &Trial<Components>) -> Cost {
        match (&trial.on, self.read(&trial.candidate)) {
            (Instances::Draws(draws), Ok(genome)) => self.cost(&genome, draws.len()),
            _ => Cost::ZERO,
        }
    }
}

/// Answers queries as [`Problem::answer`] does; each costs one model call.
impl Proposer for Problem {
    fn propose<'a>(&'a self, query: &'a Query, rng: Stream) -> BoxFuture<'a, Proposal> {
        let reply = self.answer(query, rng);
        Box::pin(std::future::ready(Proposal { reply, cost: Proposer::cap(self, query) }))
    }

    fn cap(&self, _: &Query) -> Cost {
        Cost::tokens(1, 0, 0)
    }
}

impl Problem {
    fn outcome(&self, trial: &Trial<Components>) -> Outcome {
        let Instances::Draws(draws) = &trial.on else {
            return refused(
                ErrorKind::Bug,
                "the trial lists no draws; a driver numbers the repeats".to_owned(),
            );
        };
        let genome = match self.read(&trial.candidate) {
            Ok(genome) => genome,
            Err(fault) => return refused(ErrorKind::InvalidInput, fault.to_string()),
        };
        match self.scores(&genome, draws, trial.trace) {
            Ok(scores) => Outcome::Complete(Observation::of_scores(scores, self.cost(&genome, draws.len()))),
            Err(draw) => {
                let at = draw.example;
                let message = format!("example {at} does not exist; train, val and test count from 0");
                refused(ErrorKind::InvalidInput, message)
            }
        }
    }

    fn cost(&self, genome: &Genome, draws: usize) -> Cost {
        let n = draws as u64;
        Cost::tokens(n * self.model_calls(genome), 0, 0) + Cost::evaluations(n)
    }

    fn scores(&self, genome: &Genome, draws: &[Draw], trace: bool) -> Result<Vec<Scored>, Draw> {
        let measured = self.measure(genome);
        let mut scores = Vec::with_capacity(draws.len());
        for draw in draws {
            let x = self.number(draw.example).ok_or(*draw)?;
            let reading = measured.read(x, draw.repeat).ok_or(*draw)?;
            let mut scored = Scored::new(*draw, reading.score as f32);
            if let (true, Some(failed)) = (trace, reading.failed) {
                scored.notes = self.notes(genome, x, failed);
            }
            scores.push(scored);
        }
        Ok(scores)
    }

    fn notes(&self, genome: &Genome, x: usize, failed: usize) -> Vec<Note> {
        let note = |c: usize| {
            let vote = self.feedback(genome, c, x, failed)?;
            let text = self.labels.remark(c, vote.slot, vote.option);
            Some(Note { component: self.labels.name(c).to_owned(), text })
        };
        (0..self.hidden_names().len()).filter_map(note).collect()
    }
}

fn refused(kind: ErrorKind, message: String) -> Outcome {
    Outcome::Failed { kind, message, cost: Cost::ZERO }
}
