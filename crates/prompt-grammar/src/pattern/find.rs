use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::confirm::{LEAST_EXAMPLES, sign_flips};
use super::evidence::{Evidence, mean};
use super::hypotheses::{Hypothesis, patterns, testable};
use super::null::Stage;
use super::options::PatternOptions;
use super::rank::{cliffs_delta, ranks, shift};
use super::regression::Basis;
use crate::PromptError;

/// By how much a pattern must explain more than one of its parts.
const CLEARLY: f64 = 6.0;

/// A pattern that tells good prompts from bad ones in what was seen. It is observational: prompts that a search chose
/// may have it for other reasons; [`confirm`](super::confirm) says how to make sure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// Its items, in rising order.
    pub items: Vec<u32>,
    /// Prompts that have it.
    pub support: usize,
    /// Cliff's delta of prompts with against prompts without, beside covariates and families.
    pub delta: f64,
    /// Hodges and Lehmann's shift between the same, in scores.
    pub shift: f64,
    /// Corrected p-value.
    pub p: f64,
    /// p-value over examples, by flipping the sign of the effect on each; none below six examples.
    pub by_example: Option<f64>,
}

/// Mines patterns, the surest first; see the [module](super) for the method. Deterministic.
///
/// O(permutations x hypotheses x prompts).
///
/// # Errors
/// [`PromptError::Range`] when an option is outside its range.
///
/// ```
/// use meta_traits::Stream;
/// use prompt_grammar::pattern::{Evidence, Observed, PatternOptions, find};
/// let mut evidence = Evidence::new((0..20).map(|i| format!("item {i}")).collect());
/// for n in 0..80 {
///     let mut rng = Stream::root(n);
///     let items: Vec<u32> = (0..20).filter(|_| rng.chance(0.5)).collect();
///     // Item 7 helps.
///     let level = if items.contains(&7) { 0.7 } else { 0.3 };
///     let scores = (0..8).map(|example| (example, f64::from(u8::from(rng.chance(level))))).collect();
///     evidence.add(Observed { items, scores, ..Observed::default() })?;
/// }
/// let options = PatternOptions { largest: 1, permutations: 199, ..PatternOptions::default() };
/// let found = find(&evidence, &options, &Stream::root(1))?;
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].items, [7]);
/// assert!(found[0].delta > 0.5 && found[0].p <= 0.05);
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
pub fn find(
    evidence: &Evidence,
    options: &PatternOptions,
    stream: &Stream,
) -> Result<Vec<Finding>, PromptError> {
    options.check()?;
    let families: Vec<u32> = evidence.prompts().iter().map(|p| p.family).collect();
    let all = testable(patterns(evidence, options), &families, options.level, options.hypotheses);
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let covariates: Vec<&[f64]> = evidence.prompts().iter().map(|p| p.covariates.as_slice()).collect();
    let freed = evidence.freed();
    let means: Vec<f64> = freed.iter().map(|scores| mean(scores.iter().map(|(_, s)| *s))).collect();
    let base = Basis::new(&families, &covariates);
    let rest = base.rest(&means);
    let mining = Mining { options, base, families, ranks: ranks(&rest), rest, all, freed, means };
    Ok(mining.findings(stream))
}

struct Mining<'a> {
    options: &'a PatternOptions,
    /// Families and covariates.
    base: Basis,
    families: Vec<u32>,
    all: Vec<Hypothesis>,
    /// Scores by prompt and example, without the examples' difficulty, and their mean by prompt.
    freed: Vec<Vec<(usize, f64)>>,
    means: Vec<f64>,
    /// What the base leaves of the means, and its ranks.
    rest: Vec<f64>,
    ranks: Vec<f64>,
}

impl Mining<'_> {
    /// Goes through what is significant, the greatest effect first, and leaves out what says nothing of its own.
    fn findings(&self, stream: &Stream) -> Vec<Finding> {
        let stage = Stage::new(&self.all, &self.base, &self.rest, &self.families);
        let options = self.options;
        let tested = stage.corrected(
            options.correction,
            options.permutations,
            options.level,
            &stream.child("permutations", 0),
        );
        let mut taken: Vec<usize> = Vec::new();
        let mut found = Vec::new();
        for (i, p) in tested.into_iter().take_while(|(_, p)| *p <= options.level) {
            if found.len() == options.most {
                break;
            }
            let finding = self.finding(i, p, stream);
            let large = finding.delta.abs() >= options.least_effect;
            let everywhere = finding.by_example.is_none_or(|p| p <= options.level);
            if large && everywhere && self.says_more(i) && self.is_new(i, &taken) {
                taken.push(i);
                found.push(finding);
            }
        }
        found
    }

    /// What some patterns explain together: n times the log of total by unexplained squares of ranks.
    fn gain(&self, columns: &[&[f64]]) -> f64 {
        let mut basis = self.base.clone();
        for column in columns {
            basis.add(column);
        }
        let squares = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
        let (before, after) = (squares(&self.base.rest(&self.ranks)), squares(&basis.rest(&self.ranks)));
        self.ranks.len() as f64 * (before.max(1e-12) / after.max(1e-12)).ln()
    }

    /// What one more pattern must explain to be worth it: the extended Bayesian information criterion (Chen & Chen
    /// 2008), which counts the patterns of its size that there are.
    fn price(&self, i: usize) -> f64 {
        let size = self.all[i].items.len();
        let like = self.all.iter().filter(|h| h.items.len() == size).count();
        (self.ranks.len() as f64).ln() + 2.0 * (like as f64).ln()
    }

    /// Whether a pattern of several items explains more than these do together, and clearly more than each.
    fn says_more(&self, i: usize) -> bool {
        let hypothesis = &self.all[i];
        let own = self.gain(&[&hypothesis.column]);
        let part = |h: &&Hypothesis| {
            h.items.len() < hypothesis.items.len()
                && h.items.iter().all(|o| hypothesis.items.binary_search(o).is_ok())
        };
        let parts: Vec<&[f64]> = self.all.iter().filter(part).map(|h| h.column.as_slice()).collect();
        let items: Vec<&[f64]> = self
            .all
            .iter()
            .filter(part)
            .filter(|h| h.items.len() == 1)
            .map(|h| h.column.as_slice())
            .collect();
        own >= self.gain(&items) && parts.iter().all(|p| own >= self.gain(&[*p]) + CLEARLY)
    }

    /// Whether a pattern explains what those taken that share an item with it do not.
    fn is_new(&self, i: usize, taken: &[usize]) -> bool {
        let items = &self.all[i].items;
        let related = |t: &&usize| self.all[**t].items.iter().any(|o| items.binary_search(o).is_ok());
        let mut columns: Vec<&[f64]> =
            taken.iter().filter(related).map(|t| self.all[*t].column.as_slice()).collect();
        if columns.is_empty() {
            return true;
        }
        let before = self.gain(&columns);
        columns.push(&self.all[i].column);
        self.gain(&columns) - before >= self.price(i)
    }

    /// Whether the effect holds over examples: the p-value of its parts on each, signs flipped at random.
    fn by_example(&self, i: usize, stream: &Stream) -> Option<f64> {
        let direction = self.base.direction(&self.all[i].column)?;
        let examples = 1 + self.freed.iter().flatten().map(|(e, _)| *e).max()?;
        let mut effects = vec![0.0; examples];
        for (x, scores) in self.freed.iter().enumerate() {
            let explained = self.means[x] - self.rest[x];
            for (e, s) in scores {
                effects[*e] += direction[x] * (s - explained) / scores.len() as f64;
            }
        }
        let mut rng = stream.child("examples", i as u64);
        (examples >= LEAST_EXAMPLES).then(|| sign_flips(&effects, self.options.permutations, &mut rng))
    }

    fn finding(&self, i: usize, p: f64, stream: &Stream) -> Finding {
        let side = |with: bool| {
            let both = self.rest.iter().zip(&self.all[i].column);
            both.filter(|(_, c)| (**c > 0.5) == with).map(|(r, _)| *r).collect::<Vec<f64>>()
        };
        let (with, without) = (side(true), side(false));
        Finding {
            items: self.all[i].items.clone(),
            support: self.all[i].support,
            delta: cliffs_delta(&with, &without),
            shift: shift(&with, &without),
            p,
            by_example: self.by_example(i, stream),
        }
    }
}
