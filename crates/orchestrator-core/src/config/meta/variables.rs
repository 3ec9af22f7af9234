use super::field::{Field, fields};
use super::origin::Origin;
use super::raw::Setting;
use crate::config::{ConfigError, nearest};

/// The fields that variables beginning with `prefix` and an underscore set.
///
/// A variable that is nearly, but not quite, a field's is an error; one that resembles none belongs to somebody else.
pub(super) fn read(prefix: &str, variables: &[(String, String)]) -> Result<Vec<Setting>, ConfigError> {
    let mut settings: Vec<Setting> = Vec::new();
    for (name, text) in variables {
        let Some(own) = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')) else { continue };
        let Some(field) =
            fields().iter().find(|f| f.variable(prefix) == *name || f.long_variable(prefix) == *name)
        else {
            check_foreign(prefix, own)?;
            continue;
        };
        let origin = Origin::Variable { name: name.clone() };
        if let Some(other) = settings.iter().find(|setting| setting.field.path == field.path) {
            let message = format!("{} and {name} set the same field. Keep one", other.origin);
            return Err(ConfigError::inconsistent(message));
        }
        settings.push(Setting { field, value: field.kind.read(text), origin });
    }
    Ok(settings)
}

/// That `own`, the rest of a variable's name, is no misspelt field.
fn check_foreign(prefix: &str, own: &str) -> Result<(), ConfigError> {
    let names: Vec<String> = fields().iter().flat_map(|f| [f.variable(""), f.long_variable("")]).collect();
    let known = names.iter().filter_map(|name| name.strip_prefix('_'));
    match nearest(own, known).filter(|near| strsim::normalized_damerau_levenshtein(own, near) > 0.75) {
        Some(near) => Err(ConfigError::UnknownKey {
            key: format!("{prefix}_{own} (variable)"),
            advice: format!("; did you mean {prefix}_{near}?"),
        }),
        None => Ok(()),
    }
}

impl Field {
    /// Every name of a variable that sets it.
    pub fn variables(&self, prefix: &str) -> Vec<String> {
        let mut names = vec![self.variable(prefix), self.long_variable(prefix)];
        names.dedup();
        names
    }
}
