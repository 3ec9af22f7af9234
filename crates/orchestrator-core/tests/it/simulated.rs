//! The simulated compound system against its reference implementation and its own laws.
mod best;
#[expect(clippy::float_cmp, reason = "the values are exact in binary, or must agree bit for bit")]
mod evaluation;
#[expect(clippy::float_cmp, reason = "the values are exact in binary, or must agree bit for bit")]
mod labels;
#[expect(clippy::float_cmp, reason = "the values are exact in binary, or must agree bit for bit")]
mod reference;
mod reflection;
