use super::ngram::Counts;
use super::words::{fields, is_blank};

/// chrF of Popović 2015 and chrF++ of Popović 2017, equal to `sacrebleu` 2.6.
///
/// The F score of character runs of 1 to `char_order`, white space left out, and for chrF++ of word runs of 1 to
/// `word_order` as well, averaged over the orders that both texts have. Scores lie in [0, 100]. Of several references
/// the one with the best score counts. Pure functions.
///
/// ```
/// use evaluation::Chrf;
/// let score = Chrf::default().sentence("the cat sat on the mat", &["the cat sat on a mat"]);
/// assert!(score > 70.0 && score < 80.0);
/// assert!((Chrf::plus_plus().sentence("a b", &["a b"]) - 100.0).abs() < 1e-9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Chrf {
    /// Longest runs of characters; 6 by default.
    pub char_order: usize,
    /// Longest runs of words; 0 for chrF, 2 for chrF++.
    pub word_order: usize,
    /// How many times more recall weighs than precision; 2 by default.
    pub beta: f64,
    /// Whether case is ignored.
    pub lowercase: bool,
}

impl Default for Chrf {
    fn default() -> Self {
        Self { char_order: 6, word_order: 0, beta: 2.0, lowercase: false }
    }
}

/// Runs of one order: in the reply, in the reference, in both.
#[derive(Clone, Copy, Debug, Default)]
struct Order {
    reply: usize,
    reference: usize,
    shared: usize,
}

struct Text {
    chars: Vec<char>,
    words: Vec<String>,
}

impl Chrf {
    /// chrF++: words of up to 2 beside characters of up to 6.
    pub fn plus_plus() -> Self {
        Self { word_order: 2, ..Self::default() }
    }

    /// The score of one text; 0 without references.
    pub fn sentence<S: AsRef<str>>(&self, reply: &str, references: &[S]) -> f64 {
        self.f_score(&self.statistics(reply, references))
    }

    /// The score of many texts together: counts are summed first. Each item is a reply and its references.
    pub fn corpus<'t, S: AsRef<str> + 't>(&self, texts: impl IntoIterator<Item = (&'t str, &'t [S])>) -> f64 {
        let mut sum = vec![Order::default(); self.char_order + self.word_order];
        for (reply, references) in texts {
            for (sum, one) in sum.iter_mut().zip(self.statistics(reply, references)) {
                sum.reply += one.reply;
                sum.reference += one.reference;
                sum.shared += one.shared;
            }
        }
        self.f_score(&sum)
    }

    /// The counts against the best reference, the first of equals.
    fn statistics<S: AsRef<str>>(&self, reply: &str, references: &[S]) -> Vec<Order> {
        let reply = self.text(reply);
        let mut best: Option<(f64, Vec<Order>)> = None;
        for reference in references {
            let reference = self.text(reference.as_ref());
            let chars = (1..=self.char_order).map(|n| order(&reply.chars, &reference.chars, n));
            let words = (1..=self.word_order).map(|n| order(&reply.words, &reference.words, n));
            let orders: Vec<Order> = chars.chain(words).collect();
            let score = self.f_score(&orders);
            if best.as_ref().is_none_or(|(b, _)| score > *b) {
                best = Some((score, orders));
            }
        }
        best.map(|(_, orders)| orders).unwrap_or_default()
    }

    fn text(&self, text: &str) -> Text {
        let text = if self.lowercase { text.to_lowercase() } else { text.to_owned() };
        let chars = text.chars().filter(|c| !is_blank(*c)).collect();
        let words = if self.word_order > 0 { words(&text) } else { Vec::new() };
        Text { chars, words }
    }

    fn f_score(&self, orders: &[Order]) -> f64 {
        let both: Vec<&Order> = orders.iter().filter(|o| o.reply > 0 && o.reference > 0).collect();
        if both.is_empty() {
            return 0.0;
        }
        let mean = |of: fn(&Order) -> usize| {
            both.iter().map(|o| o.shared as f64 / of(o) as f64).sum::<f64>() / both.len() as f64
        };
        let (precision, recall) = (mean(|o| o.reply), mean(|o| o.reference));
        if precision + recall <= 0.0 {
            return 0.0;
        }
        let factor = self.beta * self.beta;
        100.0 * ((1.0 + factor) * precision * recall / (factor * precision + recall))
    }
}

/// Runs of the reply count only where the reference is long enough to hold any, as in sacrebleu: short references
/// would lower the precision of a corpus otherwise.
fn order<T: Ord>(reply: &[T], reference: &[T], n: usize) -> Order {
    let (reply, reference) = (Counts::of(reply, n), Counts::of(reference, n));
    let counted = if reference.total() > 0 { reply.total() } else { 0 };
    Order { reply: counted, reference: reference.total(), shared: reply.shared(&reference) }
}

/// Words, one ASCII punctuation mark split off at the end, or else at the start, of those longer than it.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in fields(text) {
        let mut chars = word.chars();
        let (first, last) = (chars.next(), chars.next_back());
        let mark = |c: Option<char>| c.filter(char::is_ascii_punctuation);
        if mark(last).is_some() {
            let (head, tail) = word.split_at(word.len() - 1);
            words.extend([head.to_owned(), tail.to_owned()]);
        } else if last.is_some() && mark(first).is_some() {
            let (head, tail) = word.split_at(1);
            words.extend([head.to_owned(), tail.to_owned()]);
        } else {
            words.push(word.to_owned());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mark_is_split_off() {
        assert_eq!(
            words("(hi) \"x a! - é. ..."),
            ["(hi", ")", "\"", "x", "a", "!", "-", "é", ".", "..", "."]
        );
    }

    #[test]
    fn sides_without_text_score_nothing() {
        let none: [&str; 0] = [];
        for chrf in [Chrf::default(), Chrf::plus_plus()] {
            assert!(chrf.sentence("", &["a"]).abs() < 1e-12 && chrf.sentence("a", &[""]).abs() < 1e-12);
            assert!(chrf.sentence("a", &none).abs() < 1e-12 && chrf.corpus([("", &none[..])]).abs() < 1e-12);
        }
    }
}
