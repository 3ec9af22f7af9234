use serde::de::DeserializeOwned;

use crate::config::ConfigError;

/// Reads YAML (of which JSON is a part) into `T`; `file` is what errors call the text.
///
/// # Errors
/// [`ConfigError::Text`] with line, column and, for an unknown key, the nearest known one.
pub fn from_text<T: DeserializeOwned>(text: &str, file: &str) -> Result<T, ConfigError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let location = error.location();
        let (line, column) = location.map_or((1, 1), |l| (l.line(), l.column()));
        let whole = error.without_snippet().to_string();
        let message = whole.split(" at line ").next().unwrap_or(&whole).lines().next().unwrap_or_default();
        let (message, advice) = explain(message);
        ConfigError::Text { file: file.to_owned(), line, column, message, advice }
    })
}

/// Turns serde's words about unknown keys and values into ours.
fn explain(message: &str) -> (String, String) {
    for (kind, ours) in [("unknown field `", "key"), ("unknown variant `", "value")] {
        let Some((given, rest)) = message.strip_prefix(kind).and_then(|m| m.split_once('`')) else {
            continue;
        };
        let known: Vec<&str> = rest
            .trim_start_matches(", expected")
            .trim_start_matches(" one of")
            .split([',', ' '])
            .map(|k| k.trim_matches(['`', ' ']))
            .filter(|k| !k.is_empty() && *k != "or")
            .collect();
        let advice = nearest(given, known.iter().copied())
            .map_or_else(|| format!(". Known: {}", known.join(", ")), |k| format!("; did you mean {k}?"));
        return (format!("unknown {ours} {given}"), advice);
    }
    let plain = message.replace('`', "").replace(", set DuplicateKeyPolicy in Options if acceptable", "");
    (plain, String::new())
}

/// The member of `known` that is most like `given`, if any is like it at all.
pub fn nearest<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let mut best: Option<(f64, &str)> = None;
    for name in known {
        let likeness = strsim::jaro_winkler(&given.to_lowercase(), &name.to_lowercase());
        if likeness > 0.75 && best.is_none_or(|(b, _)| likeness > b) {
            best = Some((likeness, name));
        }
    }
    best.map(|(_, name)| name)
}
