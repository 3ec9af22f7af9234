use meta_traits::{Query, Reply, Stream};

use super::feedback::Vote;
use super::genome::{Genome, dims};
use super::labels::CandidateFault;
use super::problem::Problem;

/// The probability that a rewrite changes one more slot at random.
const DRIFT: f64 = 0.25;

impl Problem {
    /// The simulated reflective model: rewrites the text of the component called `component`.
    ///
    /// It follows one vote, chosen uniformly (no votes: a random slot): the slot is set to the option of the vote
    /// if there is one and it differs, else to another option at random; with probability 0.25 a further random
    /// slot changes. One call counts as one reflection.
    ///
    /// # Errors
    /// [`CandidateFault`] when there is no such component or the text does not parse.
    pub fn reflect(
        &self,
        text: &str,
        component: &str,
        votes: &[Vote],
        rng: &mut Stream,
    ) -> Result<String, CandidateFault> {
        let c = self.labels.component(component)?;
        let mut g = Genome::seed();
        self.labels.read_component(&mut g, c, text)?;
        let (k, hint) = match rng.pick(votes) {
            Some(vote) => (vote.slot, vote.option),
            None => (rng.below(dims(c).len()), None),
        };
        let current = g.options(c).get(k).copied();
        match hint {
            Some(v) if Some(v) != current && g.set(c, k, v) => {}
            _ => change(&mut g, c, k, rng),
        }
        if rng.chance(DRIFT) {
            let k = rng.below(dims(c).len());
            change(&mut g, c, k, rng);
        }
        Ok(self.labels.text(&g, c))
    }

    /// Answers a query for a new text as [`Problem::reflect`] does; the votes are the notes on the component in the
    /// query's evidence.
    ///
    /// A note that names no slot is no vote. A query whose candidate is not of this problem gets
    /// [`Reply::Failed`].
    pub fn answer(&self, query: &Query, mut rng: Stream) -> Reply {
        let written = self.labels.component(&query.component).and_then(|c| {
            let text = query
                .candidate
                .get(&query.component)
                .ok_or_else(|| CandidateFault::new(&query.component, "missing from the candidate"))?;
            let votes: Vec<Vote> = query
                .evidence
                .iter()
                .flat_map(|scored| &scored.notes)
                .filter(|note| note.component == query.component)
                .filter_map(|note| self.labels.read_remark(c, &note.text).ok())
                .map(|(slot, option)| Vote { slot, option })
                .collect();
            self.reflect(text, &query.component, &votes, &mut rng)
        });
        match written {
            Ok(text) => Reply::Text(text),
            Err(fault) => Reply::Failed(fault.to_string()),
        }
    }
}

/// Sets slot `k` to another option, uniformly.
fn change(g: &mut Genome, c: usize, k: usize, rng: &mut Stream) {
    if let (Some(n), Some(old)) = (dims(c).get(k), g.options(c).get(k).copied()) {
        let v = rng.below(usize::from(*n) - 1) as u8;
        g.set(c, k, if v >= old { v + 1 } else { v });
    }
}
