use meta_traits::Stream;

/// How many results an example is judged by before it is heard at all: that many at the mean of all.
const PRIOR: f64 = 6.0;
/// Share of tries that all examples take in turn.
const EVEN: f64 = 0.1;
/// Examples kept at least.
const FEWEST: usize = 12;
/// Calls for each example kept at least.
const EACH: f64 = 400.0;

/// Which examples tell prompts apart, as results come in.
///
/// What an option does shows on examples that some prompts get right and others wrong; on one that comes out right with
/// chance p a result carries information in proportion to p (1 - p). All examples are tried once. After that the more
/// calls were made the fewer of the most telling are kept, as in successive halving (Karnin, Koren & Somekh 2013): a
/// share (examples / calls) of them, but never below 12 nor below one for every 400 calls. Every tenth try goes round all
/// examples, so none is given up for good. Effects found so are those on the examples kept, weighted by how often.
///
/// ```
/// use meta_traits::Stream;
/// use prompt_grammar::attribution::Telling;
/// let mut telling = Telling::new(40);
/// // Example 3 comes out right half of the time, the others never.
/// for round in 0..10 {
///     for example in telling.next(40, &Stream::root(round)) {
///         telling.observe(example, f64::from(u8::from(example == 3 && round % 2 == 0)));
///     }
/// }
/// let next = telling.next(100, &Stream::root(10));
/// let often = next.iter().filter(|e| **e == 3).count();
/// assert!((0..40).all(|e| next.iter().filter(|x| **x == e).count() <= often));
/// ```
#[derive(Clone, Debug)]
pub struct Telling {
    /// Results and their sum, by example.
    seen: Vec<(f64, f64)>,
}

impl Telling {
    /// Nothing is known yet of so many examples.
    pub fn new(examples: usize) -> Self {
        Self { seen: vec![(0.0, 0.0); examples] }
    }

    /// Takes a score in [0, 1]; one that is no number, or of an example that is not there, is left out.
    pub fn observe(&mut self, example: usize, score: f64) {
        if let Some(seen) = self.seen.get_mut(example).filter(|_| score.is_finite()) {
            *seen = (seen.0 + 1.0, seen.1 + score.clamp(0.0, 1.0));
        }
    }

    /// The examples of the next `n` tries, in random order; empty without examples. Ask again after about a third more
    /// results.
    pub fn next(&self, n: usize, stream: &Stream) -> Vec<usize> {
        let (calls, sum) = self.seen.iter().fold((0.0, 0.0), |(n, s), seen| (n + seen.0, s + seen.1));
        let examples = self.seen.len();
        if examples == 0 {
            return Vec::new();
        }
        let mean = if calls > 0.0 { sum / calls } else { 0.5 };
        let information = |e: &usize| {
            let (n, sum) = self.seen[*e];
            let p = (sum + PRIOR * mean) / (n + PRIOR);
            p * (1.0 - p)
        };
        let mut all: Vec<usize> = (0..examples).collect();
        stream.child("all", 0).shuffle(&mut all);
        let mut kept = all.clone();
        kept.sort_by(|a, b| information(b).total_cmp(&information(a)));
        let share = examples as f64 * examples as f64 / calls.max(1.0);
        kept.truncate((share.max(calls / EACH) as usize).max(FEWEST));
        let even = if calls < examples as f64 { n } else { (EVEN * n as f64).ceil() as usize };
        stream.child("kept", 0).shuffle(&mut kept);
        let mut next: Vec<usize> =
            all.iter().cycle().take(even).chain(kept.iter().cycle().take(n - even)).copied().collect();
        stream.child("order", 0).shuffle(&mut next);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_examples_come_first_and_few_later() {
        let mut telling = Telling::new(100);
        let mut first = telling.next(100, &Stream::root(0));
        // Every fourth example tells, the others are always right.
        let score = |e: usize, i: usize| f64::from(u8::from(!e.is_multiple_of(4) || i.is_multiple_of(2)));
        first.iter().enumerate().for_each(|(i, e)| telling.observe(*e, score(*e, i)));
        first.sort_unstable();
        assert!(first.into_iter().eq(0..100));
        for round in 1..20 {
            let next = telling.next(100, &Stream::root(round));
            next.into_iter().enumerate().for_each(|(i, e)| telling.observe(e, score(e, i)));
        }
        let next = telling.next(1000, &Stream::root(20));
        let mut counts = vec![0; 100];
        for e in &next {
            counts[*e] += 1;
        }
        assert!(counts.iter().all(|n| *n >= 1), "a tenth goes round all");
        let often: Vec<usize> = (0..100).filter(|e| counts[*e] > 1).collect();
        assert_eq!(often.len(), FEWEST);
        assert!(often.iter().all(|e| e % 4 == 0), "{often:?}");
    }

    #[test]
    fn odd_inputs_do_no_harm() {
        let mut telling = Telling::new(2);
        telling.observe(5, 1.0);
        telling.observe(0, f64::NAN);
        telling.observe(0, 9.0);
        assert_eq!(telling.next(7, &Stream::root(0)).len(), 7);
        assert!(telling.next(0, &Stream::root(0)).is_empty());
        assert!(Telling::new(0).next(3, &Stream::root(0)).is_empty());
    }
}
