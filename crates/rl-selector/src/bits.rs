//! Numbers in snapshots as hexadecimal text of their bits: exact, NaN included, and quick to read.

use std::fmt::Write as _;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

fn digits(text: &str) -> Option<Vec<u64>> {
    text.bytes().map(|b| char::from(b).to_digit(16).map(u64::from)).collect()
}

macro_rules! codec {
    ($module:ident, $number:ty, $bits:ty, $digits:literal) => {
        pub(crate) mod $module {
            use super::*;

            pub(crate) fn serialize<S: Serializer>(
                numbers: &[$number],
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                let mut text = String::with_capacity(numbers.len() * $digits);
                for number in numbers {
                    let written = write!(text, "{:0width$x}", number.to_bits(), width = $digits);
                    debug_assert!(written.is_ok(), "writing to a String cannot fail");
                }
                serializer.serialize_str(&text)
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Vec<$number>, D::Error> {
                let text = String::deserialize(deserializer)?;
                let digits = digits(&text).filter(|d| d.len() % $digits == 0);
                let digits = digits.ok_or_else(|| D::Error::custom("not the hexadecimal text of numbers"))?;
                let number = |d: &[u64]| <$number>::from_bits(d.iter().fold(0, |n, d| n << 4 | *d as $bits));
                Ok(digits.chunks_exact($digits).map(number).collect())
            }
        }
    };
}

codec!(f32s, f32, u32, 8);
codec!(f64s, f64, u64, 16);

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Both {
        #[serde(with = "f32s")]
        a: Vec<f32>,
        #[serde(with = "f64s")]
        b: Vec<f64>,
    }

    #[test]
    fn every_number_comes_back() {
        let a = vec![0.1, -0.0, f32::NAN, f32::INFINITY, f32::MIN_POSITIVE / 3.0];
        let b = vec![0.1, -1e300, f64::NAN, 5e-324];
        let text = serde_json::to_string(&Both { a: a.clone(), b: b.clone() }).unwrap();
        let back: Both = serde_json::from_str(&text).unwrap();
        assert_eq!(
            back.a.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
            a.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        );
        assert_eq!(
            back.b.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
            b.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        );
        for bad in [r#"{"a":"0","b":""}"#, r#"{"a":"zzzzzzzz","b":""}"#, r#"{"a":"","b":null}"#] {
            assert!(serde_json::from_str::<Both>(bad).is_err(), "{bad}");
        }
    }
}
