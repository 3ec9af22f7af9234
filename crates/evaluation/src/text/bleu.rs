use serde::{Deserialize, Serialize};

use super::ngram::Counts;

mod tokens;

/// Longest runs of words that are compared.
const ORDERS: usize = 4;
/// What sacrebleu takes for the logarithm of 0.
const LOG_OF_ZERO: f64 = -9_999_999_999.0;

/// What BLEU does with orders without a match (Chen and Cherry 2014).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Smoothing {
    /// Nothing: one such order makes the score 0.
    None,
    /// Takes so many matches, above 0; 0.1 in the literature.
    Floor(f64),
    /// Adds so much to matches and totals of all orders but the first; 1 in the literature.
    AddK(f64),
    /// Halves the count for each such order in turn, as NIST's script does.
    #[default]
    Exp,
}

/// BLEU of Papineni et al. 2002, equal to `sacrebleu` 2.6 with the tokenizer 13a.
///
/// Scores lie in [0, 100] (by rounding, a hair above 100). With several references for a text, each run of words
/// counts as often as in the one that holds it most, and the reference nearest in length sets the brevity penalty.
/// Pure functions.
///
/// ```
/// use evaluation::Bleu;
/// let bleu = Bleu::default();
/// let score = bleu.sentence("the cat sat on the mat", &["the cat sat on a mat"]);
/// assert!((score.score - 53.7284965911770).abs() < 1e-9);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Bleu {
    /// What is done with orders without a match.
    pub smoothing: Smoothing,
    /// Whether case is ignored.
    pub lowercase: bool,
}

/// A BLEU score and what it is made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BleuScore {
    /// In [0, 100].
    pub score: f64,
    /// In percent, for runs of 1 to 4 words, smoothed.
    pub precisions: [f64; ORDERS],
    /// In [0, 1]; below 1 where the reply is shorter than the reference.
    pub brevity_penalty: f64,
    /// Tokens of all replies.
    pub reply_len: usize,
    /// Tokens of the references nearest in length.
    pub reference_len: usize,
}

/// Sums over texts.
#[derive(Clone, Copy, Debug, Default)]
struct Statistics {
    matches: [usize; ORDERS],
    totals: [usize; ORDERS],
    reply_len: usize,
    reference_len: usize,
}

impl Bleu {
    /// The score of one text (`sentence_bleu`: orders beyond its length do not count).
    pub fn sentence<S: AsRef<str>>(&self, reply: &str, references: &[S]) -> BleuScore {
        self.finish(self.statistics(reply, references), true)
    }

    /// The score of many texts together (`corpus_bleu`): not the mean of their scores.
    ///
    /// Each item is a reply and its references.
    pub fn corpus<'t, S: AsRef<str> + 't>(
        &self,
        texts: impl IntoIterator<Item = (&'t str, &'t [S])>,
    ) -> BleuScore {
        let mut sum = Statistics::default();
        for (reply, references) in texts {
            let one = self.statistics(reply, references);
            for n in 0..ORDERS {
                sum.matches[n] += one.matches[n];
                sum.totals[n] += one.totals[n];
            }
            sum.reply_len += one.reply_len;
            sum.reference_len += one.reference_len;
        }
        self.finish(sum, false)
    }

    fn tokens(self, text: &str) -> Vec<String> {
        if self.lowercase { tokens::tokens_13a(&text.to_lowercase()) } else { tokens::tokens_13a(text) }
    }

    fn statistics<S: AsRef<str>>(self, reply: &str, references: &[S]) -> Statistics {
        let reply = self.tokens(reply);
        let references: Vec<Vec<String>> = references.iter().map(|r| self.tokens(r.as_ref())).collect();
        let lengths = references.iter().map(Vec::len);
        let nearest = lengths.min_by_key(|length| (length.abs_diff(reply.len()), *length));
        let mut statistics = Statistics {
            reply_len: reply.len(),
            reference_len: nearest.unwrap_or(0),
            ..Statistics::default()
        };
        for n in 0..ORDERS {
            let got = Counts::of(&reply, n + 1);
            let wanted = references.iter().map(|r| Counts::of(r, n + 1)).reduce(|all, r| all.most(&r));
            statistics.matches[n] = got.shared(&wanted.unwrap_or_default());
            statistics.totals[n] = got.total();
        }
        statistics
    }

    fn finish(self, of: Statistics, effective_order: bool) -> BleuScore {
        let Statistics { matches, totals, reply_len, reference_len } = of;
        let brevity_penalty = match (reply_len, reference_len) {
            (got, wanted) if got >= wanted => 1.0,
            (0, _) => 0.0,
            (got, wanted) => (1.0 - wanted as f64 / got as f64).exp(),
        };
        let mut precisions = [0.0; ORDERS];
        let mut score = BleuScore { score: 0.0, precisions, brevity_penalty, reply_len, reference_len };
        if matches.iter().all(|n| *n == 0) {
            return score;
        }
        let (mut halved, mut orders) = (1.0, ORDERS);
        for n in 0..ORDERS {
            let (mut found, mut total) = (matches[n] as f64, totals[n] as f64);
            if let (Smoothing::AddK(k), 1..) = (self.smoothing, n) {
                found += k;
                total += k;
            }
            if total <= 0.0 {
                break;
            }
            if effective_order {
                orders = n + 1;
            }
            precisions[n] = match self.smoothing {
                _ if found > 0.0 => 100.0 * found / total,
                Smoothing::Exp => {
                    halved *= 2.0;
                    100.0 / (halved * total)
                }
                Smoothing::Floor(least) => 100.0 * least / total,
                Smoothing::None | Smoothing::AddK(_) => 0.0,
            };
        }
        let log = |p: &f64| if *p > 0.0 { p.ln() } else { LOG_OF_ZERO };
        let mean = precisions[..orders].iter().map(log).sum::<f64>() / orders as f64;
        score.score = brevity_penalty * mean.exp();
        score.precisions = precisions;
        score
    }
}
