use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{InferenceError, Price};

/// The table that comes with the crate.
const BUILT_IN: &str = include_str!("../../prices.toml");

/// Prices of models by name, with the date and source they have.
///
/// The file is TOML: `date`, `source`, and a table `models` with US dollars a million tokens:
///
/// ```toml
/// date = "2026-06-21"
/// source = "price list of the provider"
/// [models]
/// "gpt-4o-mini" = { input = 0.15, cached = 0.075, output = 0.60 }
/// ```
///
/// `cached` is the price of tokens from the provider's prefix cache, that of `input` where it is not given. A model is
/// found by its name; where that is not listed, without a `provider/` before it, and then without a date or `-latest`
/// after it.
///
/// ```
/// use inference::{Price, PriceTable};
/// let table = PriceTable::built_in();
/// let price = table.get("openai/gpt-4o-mini-2024-07-18");
/// assert_eq!(price, Some(Price::usd_per_million(0.15, 0.60).with_cached(0.075)));
/// assert_eq!(table.get("gpt-4o-mini-audio"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceTable {
    date: String,
    source: String,
    prices: BTreeMap<String, Price>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    date: String,
    source: String,
    #[serde(default)]
    models: BTreeMap<String, Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    input: f64,
    cached: Option<f64>,
    output: f64,
}

impl PriceTable {
    /// The table that comes with this crate. Prices change: check its date.
    pub fn built_in() -> Self {
        Self::from_toml(BUILT_IN, Path::new("prices.toml")).unwrap_or_else(|_| Self {
            date: String::new(),
            source: String::new(),
            prices: BTreeMap::new(),
        })
    }

    /// Reads a table from a file.
    ///
    /// # Errors
    /// [`InferenceError::Io`] where it cannot be read, [`InferenceError::Prices`] where it is no such table.
    pub fn read(path: &Path) -> Result<Self, InferenceError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| InferenceError::Io { path: path.to_owned(), source })?;
        Self::from_toml(&text, path)
    }

    /// Reads a table from text; `path` is named in errors.
    ///
    /// # Errors
    /// [`InferenceError::Prices`] names the place: broken TOML, unknown fields, or a price that is not 0 to 1000000.
    pub fn from_toml(text: &str, path: &Path) -> Result<Self, InferenceError> {
        let wrong = |message: String| InferenceError::Prices { path: PathBuf::from(path), message };
        let file: File = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let what: Vec<&str> = error.message().split_whitespace().collect();
            wrong(format!("line {line}: {}", what.join(" ")))
        })?;
        let mut prices = BTreeMap::new();
        for (name, row) in file.models {
            let cached = row.cached.unwrap_or(row.input);
            for (field, value) in [("input", row.input), ("cached", cached), ("output", row.output)] {
                if !(0.0..=1e6).contains(&value) {
                    return Err(wrong(format!(
                        "models.{name:?}.{field} is {value}; allowed are 0 to 1000000 US dollars a million tokens"
                    )));
                }
            }
            let price = Price::usd_per_million(row.input, row.output).with_cached(cached);
            prices.insert(name, price);
        }
        Ok(Self { date: file.date, source: file.source, prices })
    }

    /// This table with the rows of `other` instead of its own where both have one, and the date and source of `other`.
    #[must_use]
    pub fn overridden_by(mut self, other: Self) -> Self {
        self.prices.extend(other.prices);
        Self { date: other.date, source: other.source, prices: self.prices }
    }

    /// The price of a model.
    pub fn get(&self, model: &str) -> Option<Price> {
        let own = model.rsplit('/').next().unwrap_or(model);
        [model, own, undated(own)].into_iter().find_map(|name| self.prices.get(name)).copied()
    }

    /// Of which day the prices are, as the file has it.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// Where they come from, as the file has it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The models that have a price, by name.
    pub fn models(&self) -> impl Iterator<Item = (&str, Price)> {
        self.prices.iter().map(|(name, price)| (name.as_str(), *price))
    }
}

/// A model's name without what says of when it is: `-2024-07-18`, `-20250929`, `-latest`.
fn undated(name: &str) -> &str {
    let is_date = |end: &str| {
        let form: String = end.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        form == "-0000-00-00" || form == "-00000000" || form == "-latest"
    };
    let cut = ["-0000-00-00", "-00000000", "-latest"].iter().find_map(|form| {
        let start = name.len().checked_sub(form.len())?;
        name.get(start..).filter(|end| is_date(end)).map(|_| start)
    });
    cut.map_or(name, |start| &name[..start])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_no_part_of_a_name_and_versions_are() {
        for (name, own) in [
            ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
            ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
            ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
            ("claude-sonnet-4-5", "claude-sonnet-4-5"),
            ("gpt-4.1", "gpt-4.1"),
            ("20250929", "20250929"),
            ("é2024-07-18", "é2024-07-18"),
            ("", ""),
        ] {
            assert_eq!(undated(name), own, "{name}");
        }
    }

    #[test]
    fn the_built_in_table_is_sound_and_dated() {
        let table = PriceTable::from_toml(BUILT_IN, Path::new("prices.toml")).unwrap();
        assert_eq!(table, PriceTable::built_in());
        assert!(table.models().count() >= 15 && table.date().len() == 10 && !table.source().is_empty());
        for (name, price) in table.models() {
            assert!(price.pico_usd_cached <= price.pico_usd_in, "{name}");
            assert!(price.pico_usd_in <= price.pico_usd_out, "{name}");
        }
    }

    #[test]
    fn a_users_table_comes_first_and_faults_are_named() {
        let own = "date = '2026-01-02'\nsource = 'me'\n[models]\n'gpt-4o' = { input = 1, output = 2 }\nmine = { input = 0, output = 0 }\n";
        let own = PriceTable::from_toml(own, Path::new("own.toml")).unwrap();
        let table = PriceTable::built_in().overridden_by(own);
        assert_eq!(table.get("gpt-4o"), Some(Price::usd_per_million(1.0, 2.0)));
        assert_eq!(table.get("mine"), Some(Price::default()));
        assert!(table.get("gpt-4o-mini").is_some() && table.get("unheard-of").is_none());
        assert_eq!((table.date(), table.source()), ("2026-01-02", "me"));
        for (text, said) in [
            ("date = 1", "line 1"),
            ("date = ''\nsource = ''\n[models]\nm = { input = -1, output = 0 }", "models.\"m\".input is -1"),
            ("date = ''\nsource = ''\n[models]\nm = { input = nan, output = 0 }", "NaN"),
            ("date = ''\nsource = ''\n[models]\nm = { inputs = 1, output = 0 }", "line 4"),
            ("date = ''\nsource = ''\n[[[", "own.toml"),
        ] {
            let error = PriceTable::from_toml(text, Path::new("own.toml")).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains('\n'), "{error}");
        }
    }
}
