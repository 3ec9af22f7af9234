use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Consecutive numbers, written `A..B` with both ends included, or `A` alone.
///
/// ```
/// use metaorch_benches::Range;
/// let seeds: Range = "2..4".parse().unwrap();
/// assert_eq!(seeds.iter().collect::<Vec<_>>(), [2, 3, 4]);
/// assert!("4..2".parse::<Range>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range(RangeInclusive<u64>);

impl Range {
    /// The numbers in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + use<> {
        self.0.clone()
    }
}

impl FromStr for Range {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let number = |part: &str| part.parse::<u64>();
        match (number(first), number(last)) {
            (Ok(first), Ok(last)) if first <= last && last - first < 1_000_000 => Ok(Self(first..=last)),
            (Ok(_), Ok(_)) => {
                Err("the first number must not be above the last, nor a million below it".to_owned())
            }
            _ => Err("write A..B (both ends included) or one number".to_owned()),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.0.start(), self.0.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_is_a_range() {
        assert_eq!("7".parse::<Range>().unwrap().iter().collect::<Vec<_>>(), [7]);
        assert_eq!("0..0".parse::<Range>().unwrap().to_string(), "0..0");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "..", "1..", "..3", "3..1", "a..b", "1...3", "-1..2", "1..=3", "0..99999999999"] {
            assert!(text.parse::<Range>().is_err(), "{text}");
        }
    }
}
