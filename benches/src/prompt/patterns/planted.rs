use meta_traits::Stream;
use prompt_grammar::pattern::{Evidence, Observed, PatternOptions, cliffs_delta, find};

/// Patterns planted in a sample.
pub(super) const PLANTED: usize = 10;
/// Items: with all their pairs 990 hypotheses.
const ITEMS: usize = 44;
const PROMPTS: u64 = 200;
const EXAMPLES: usize = 20;
/// Cliff's delta of a planted pattern.
const DELTA: f64 = 0.5;
/// Standard deviation of a prompt's own worth, of an example's difficulty, and of one result.
const OWN: f64 = 0.08;
const DIFFICULTY: f64 = 0.1;
const RESULT: f64 = 0.15;

/// What was found of ten planted patterns.
pub(super) struct Mined {
    /// Planted patterns found.
    pub(super) found: usize,
    /// Findings that are no planted pattern.
    pub(super) wrong: usize,
    /// Mean absolute Cliff's delta of the planted patterns in the sample.
    pub(super) delta: f64,
}

/// Plants ten items that 30 to 70 % of 200 prompts have and that tell good from bad with a Cliff's delta of 0.5, and
/// mines them among 990 hypotheses: 44 items and their pairs.
///
/// Scores come first; a prompt then has a planted item with a probability that rises or falls with its mean score,
/// independently of other items. (Ten independent patterns cannot all be causes with this delta: each would explain 19 %
/// of the variance.) A pair that holds a planted item tells prompts apart as well; it counts as wrong.
pub(super) fn mined(options: &PatternOptions, stream: &Stream) -> anyhow::Result<Mined> {
    let mut rng = stream.child("design", 0);
    let planted: Vec<(Link, bool)> =
        (0..PLANTED).map(|_| (Link::new(0.3 + 0.4 * rng.unit()), rng.chance(0.5))).collect();
    let shares: Vec<f64> = (PLANTED..ITEMS).map(|_| 0.3 + 0.4 * rng.unit()).collect();
    let difficulty: Vec<f64> = (0..3 * EXAMPLES).map(|_| DIFFICULTY * normal(&mut rng)).collect();
    // Items are numbered at random, so that their order tells nothing.
    let mut number: Vec<u32> = (0..ITEMS as u32).collect();
    rng.shuffle(&mut number);
    let spread = (OWN * OWN + RESULT * RESULT / EXAMPLES as f64).sqrt();
    let mut evidence = Evidence::new((0..ITEMS).map(|i| format!("item {i}")).collect());
    let mut worth = Vec::new();
    for i in 0..PROMPTS {
        let mut rng = stream.child("prompt", i);
        let own = OWN * normal(&mut rng);
        let mut examples: Vec<usize> = (0..difficulty.len()).collect();
        rng.shuffle(&mut examples);
        examples.truncate(EXAMPLES);
        let results: Vec<f64> = examples.iter().map(|_| own + RESULT * normal(&mut rng)).collect();
        let mean = results.iter().sum::<f64>() / results.len() as f64;
        let has_planted =
            planted.iter().map(|(link, up)| link.chance(if *up { mean } else { -mean } / spread));
        let chances = has_planted.chain(shares.iter().copied());
        let items = chances.zip(&number).filter(|(chance, _)| rng.chance(*chance)).map(|(_, n)| *n).collect();
        let scores = examples.iter().zip(results).map(|(e, r)| (*e, 0.5 + r + difficulty[*e])).collect();
        evidence.add(Observed { items, scores, ..Observed::default() })?;
        worth.push(mean);
    }
    let options = PatternOptions { largest: 2, ..options.clone() };
    let findings = find(&evidence, &options, &stream.child("find", 0))?;
    let found = findings.iter().filter(|f| number[..PLANTED].iter().any(|n| f.items == [*n])).count();
    let delta = number[..PLANTED].iter().map(|n| {
        let side = |with: bool| {
            let has = |(p, _): &(&Observed, &f64)| p.items.contains(n) == with;
            evidence.prompts().iter().zip(&worth).filter(has).map(|(_, w)| *w).collect::<Vec<f64>>()
        };
        cliffs_delta(&side(true), &side(false)).abs()
    });
    Ok(Mined { found, wrong: findings.len() - found, delta: delta.sum::<f64>() / PLANTED as f64 })
}

/// The chance of an item by a prompt's standard score z: logistic in `at + slope z`.
struct Link {
    at: f64,
    slope: f64,
}

impl Link {
    /// The link by which a share of the prompts has the item, and Cliff's delta of their scores is [`DELTA`].
    fn new(share: f64) -> Self {
        let mut rng = Stream::root(0).child("standard scores", 0);
        let mut scores: Vec<f64> = (0..1000).map(|_| normal(&mut rng)).flat_map(|z| [z, -z]).collect();
        scores.sort_by(f64::total_cmp);
        let with_slope = |slope: f64| {
            let mean = |at: f64| {
                let link = Self { at, slope };
                scores.iter().map(|z| link.chance(*z)).sum::<f64>() / scores.len() as f64
            };
            Self { at: bisected(-20.0, 20.0, |at| mean(at) < share), slope }
        };
        let delta = |link: &Self| {
            let with: Vec<f64> = scores.iter().map(|z| link.chance(*z)).collect();
            let (mut below, mut sum) = (0.0, 0.0);
            for w in &with {
                sum += w * (2.0 * below + (1.0 - w));
                below += 1.0 - w;
            }
            sum / (with.iter().sum::<f64>() * below) - 1.0
        };
        with_slope(bisected(0.0, 8.0, |slope| delta(&with_slope(slope)) < DELTA))
    }

    fn chance(&self, z: f64) -> f64 {
        1.0 / (1.0 + (-(self.at + self.slope * z)).exp())
    }
}

/// Where a rising condition stops holding.
fn bisected(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// A standard normal number (Box & Muller 1958).
fn normal(rng: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).cos()
}
