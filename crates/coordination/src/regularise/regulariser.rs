use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::gap::mean_and_variance;
use super::{Advice, Domains, DomainsError, Gap, Penalty, Role, Veto, entropy, strength};

/// Settings of a [`Regulariser`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegulariserSettings {
    /// Entropy of choices, 0 to 1, below which they count as uniform; default 0.3.
    pub entropy_threshold: f64,
    /// Rounds in a row that held-out domains must be worse for learning to be vetoed; at least 1, default 3.
    pub patience: usize,
}

impl Default for RegulariserSettings {
    fn default() -> Self {
        Self { entropy_threshold: 0.3, patience: 3 }
    }
}

/// Watches a learner round by round, and says what it must pay for and must not do.
///
/// - The weight of complexity is the [`strength`] by progress and by the variance of held-out scores, times one plus the
///   generalisation gap where that is beyond two standard errors.
/// - When the [`entropy`] of choices falls below its threshold, repetition is penalised by the strength in proportion to the
///   shortfall, and at half the threshold exploitation is vetoed.
/// - Learning is vetoed once held-out domains have been worse than in their best round by more than a standard error of the
///   paired differences, for as many rounds in a row as the patience.
///
/// ```
/// use std::collections::BTreeMap;
/// use coordination::regularise::{Domains, Regulariser, RegulariserSettings};
/// use meta_traits::Stream;
/// let domains = Domains::split(["a", "b", "c"], 0.3, &Stream::root(1))?;
/// let score = |names: Vec<&str>, score: f64| -> BTreeMap<String, f64> {
///     names.into_iter().map(|n| (n.to_owned(), score)).collect()
/// };
/// let (training, held_out) = (domains.training().collect::<Vec<_>>(), domains.held_out().collect::<Vec<_>>());
/// let mut regulariser = Regulariser::new(domains.clone(), RegulariserSettings::default());
/// for (round, (up, down)) in [(0.5, 0.5), (0.6, 0.4), (0.7, 0.3), (0.8, 0.2)].into_iter().enumerate() {
///     let progress = round as f64 / 4.0;
///     let (up, down) = (score(training.clone(), up), score(held_out.clone(), down));
///     let advice = regulariser.observe(progress, &up, &down, &[1, 1])?;
///     assert_eq!(advice.go_back_to(), (round == 3).then_some(0));
/// }
/// // What judges is never learnt from.
/// assert!(regulariser.observe(1.0, &score(held_out, 1.0), &BTreeMap::new(), &[]).is_err());
/// # Ok::<(), coordination::regularise::DomainsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Regulariser {
    domains: Option<Domains>,
    settings: RegulariserSettings,
    rounds: usize,
    best: Option<Best>,
    worse: usize,
    gap: Option<Gap>,
}

/// The round in which held-out domains scored best.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Best {
    round: usize,
    mean: f64,
    scores: BTreeMap<String, f64>,
}

impl Regulariser {
    /// Nothing seen yet. A patience of 0 counts as 1.
    pub fn new(domains: Domains, settings: RegulariserSettings) -> Self {
        Self { domains: Some(domains), settings, rounds: 0, best: None, worse: 0, gap: None }
    }

    /// One that never asks anything of anybody.
    pub fn off() -> Self {
        let settings = RegulariserSettings::default();
        Self { domains: None, settings, rounds: 0, best: None, worse: 0, gap: None }
    }

    /// The generalisation gap of the latest round that had scores of both kinds.
    pub fn gap(&self) -> Option<Gap> {
        self.gap
    }

    /// Takes notice of a round: the part of the run that is done, mean scores of domains learnt from and of held-out ones, and
    /// how often each of the possible choices was made of late. Domains without a score are passed over.
    ///
    /// # Errors
    /// [`DomainsError`] for a domain that is not known or not of that role, and for a score that is not finite; nothing
    /// changes then.
    pub fn observe(
        &mut self,
        progress: f64,
        training: &BTreeMap<String, f64>,
        held_out: &BTreeMap<String, f64>,
        choices: &[u64],
    ) -> Result<Advice, DomainsError> {
        let Some(domains) = &self.domains else { return Ok(Advice::default()) };
        domains.check(training, Role::Training)?;
        domains.check(held_out, Role::HeldOut)?;
        let values = |scores: &BTreeMap<String, f64>| scores.values().copied().collect::<Vec<f64>>();
        let (training, judged) = (values(training), values(held_out));
        let variance = mean_and_variance(&judged).map_or(0.0, |(_, variance)| variance);
        let strength = strength(progress, variance);
        let mut advice = Advice::default();

        self.gap = Gap::between(&training, &judged).or(self.gap);
        let sure =
            self.gap.filter(|gap| gap.mean > 2.0 * gap.standard_error).map_or(0.0, |gap| gap.mean.min(9.0));
        advice.penalties.push(Penalty::Complexity { weight: strength * (1.0 + sure) });

        let (entropy, threshold) = (entropy(choices), self.settings.entropy_threshold);
        if entropy < threshold {
            let weight = strength * (1.0 - entropy / threshold);
            advice.penalties.push(Penalty::Repetition { weight });
            if entropy < 0.5 * threshold {
                advice.vetoes.push(Veto::Exploitation { entropy });
            }
        }

        if let Some((mean, _)) = mean_and_variance(&judged) {
            advice.vetoes.extend(self.judge(mean, held_out));
        }
        self.rounds += 1;
        Ok(advice)
    }

    /// Compares the held-out domains with their best round.
    fn judge(&mut self, mean: f64, scores: &BTreeMap<String, f64>) -> Option<Veto> {
        let Some(best) = self.best.as_ref().filter(|best| mean <= best.mean) else {
            self.best = Some(Best { round: self.rounds, mean, scores: scores.clone() });
            self.worse = 0;
            return None;
        };
        let lost: Vec<f64> =
            best.scores.iter().filter_map(|(name, then)| Some(then - scores.get(name)?)).collect();
        let (lost, variance) = mean_and_variance(&lost)?;
        let standard_error = (variance / scores.len().max(1) as f64).sqrt();
        self.worse = if lost > standard_error && lost > 0.0 { self.worse + 1 } else { 0 };
        (self.worse >= self.settings.patience.max(1)).then_some(Veto::Learning { best: best.round, lost })
    }
}
