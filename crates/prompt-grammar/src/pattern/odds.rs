use super::Evidence;

/// Half of the width of a 95 % interval, in standard deviations.
const NINETY_FIVE: f64 = 1.959_963_984_540_054;

/// How many times the odds of success are those of other prompts.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct OddsRatio {
    /// The ratio.
    pub ratio: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
}

impl Evidence {
    /// The odds of success of prompts that have all of `items` by those of prompts that lack one, within examples
    /// (Mantel & Haenszel 1959; the interval by Robins, Breslow & Greenland 1986).
    ///
    /// None where a score is neither 0 nor 1, or no example tells. The interval takes the scores of one prompt for
    /// independent; whether there is an effect at all is for [`find`](super::find) to say. O(scores).
    pub fn odds_ratio(&self, items: &[u32]) -> Option<OddsRatio> {
        // For each example: successes and failures with, successes and failures without.
        let mut tables: std::collections::BTreeMap<usize, [f64; 4]> = [].into();
        for prompt in self.prompts() {
            let without = if items.iter().all(|i| prompt.items.contains(i)) { 0 } else { 2 };
            for (example, score) in &prompt.scores {
                let is = |value: f64| (score - value).abs() < f64::EPSILON;
                let failure = match (is(1.0), is(0.0)) {
                    (true, _) => 0,
                    (_, true) => 1,
                    _ => return None,
                };
                tables.entry(*example).or_default()[without + failure] += 1.0;
            }
        }
        let (mut up, mut down) = (0.0, 0.0);
        let (mut up_alone, mut both, mut down_alone) = (0.0, 0.0, 0.0);
        for [a, b, c, d] in tables.into_values() {
            let n = a + b + c + d;
            let (r, s) = (a * d / n, b * c / n);
            let (p, q) = ((a + d) / n, (b + c) / n);
            up += r;
            down += s;
            up_alone += p * r;
            both += p * s + q * r;
            down_alone += q * s;
        }
        if up <= 0.0 || down <= 0.0 {
            return None;
        }
        let variance =
            up_alone / (2.0 * up * up) + both / (2.0 * up * down) + down_alone / (2.0 * down * down);
        let ratio = up / down;
        let wide = (NINETY_FIVE * variance.sqrt()).exp();
        Some(OddsRatio { ratio, low: ratio / wide, high: ratio * wide })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Observed;

    /// Admissions to Berkeley in 1973, men against women by department (Bickel et al. 1975). R's `mantelhaen.test` gives
    /// 0.9046968 [0.7719074, 1.0603298].
    #[test]
    fn the_ratio_is_that_of_a_known_table() {
        let departments: [[usize; 4]; 6] = [
            [512, 313, 89, 19],
            [353, 207, 17, 8],
            [120, 205, 202, 391],
            [138, 279, 131, 244],
            [53, 138, 94, 299],
            [22, 351, 24, 317],
        ];
        let mut evidence = Evidence::new(vec!["man".into()]);
        for (has, first) in [(true, 0), (false, 2)] {
            let of = |(example, table): (usize, &[usize; 4])| {
                let right = std::iter::repeat_n((example, 1.0), table[first]);
                right.chain(std::iter::repeat_n((example, 0.0), table[first + 1])).collect::<Vec<_>>()
            };
            let scores = departments.iter().enumerate().flat_map(of).collect();
            let items = if has { vec![0] } else { vec![] };
            evidence.add(Observed { items, scores, ..Observed::default() }).expect("sound");
        }
        let odds = evidence.odds_ratio(&[0]).expect("there are both");
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(near(odds.ratio, 0.904_696_8) && near(odds.low, 0.771_907_4), "{odds:?}");
        assert!(near(odds.high, 1.060_329_8), "{odds:?}");
        assert!(evidence.odds_ratio(&[]).is_none(), "there is nothing to compare with");
        evidence.add(Observed { scores: vec![(0, 0.5)], ..Observed::default() }).expect("sound");
        assert!(evidence.odds_ratio(&[0]).is_none());
    }
}
