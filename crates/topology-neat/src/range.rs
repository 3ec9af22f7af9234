use std::fmt::Display;

use crate::ConfigError;

/// `low` to `high`, both allowed. NaN is outside of every range.
pub(crate) fn within<T: Copy + PartialOrd + Display>(
    field: impl Into<String>,
    value: T,
    low: T,
    high: T,
) -> Result<(), ConfigError> {
    if low <= value && value <= high {
        return Ok(());
    }
    refuse(field, &value, &format!("{low} to {high}"))
}

pub(crate) fn refuse(
    field: impl Into<String>,
    value: &dyn Display,
    allowed: &str,
) -> Result<(), ConfigError> {
    Err(ConfigError::Range { field: field.into(), value: value.to_string(), allowed: allowed.into() })
}
