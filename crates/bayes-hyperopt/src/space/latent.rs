//! Points as numbers: latent points for search, features for models.

use meta_traits::Stream;

use super::{Configuration, DRAWS, SearchSpace};

/// The feature of a parameter that is not active. All other features lie in [0, 1].
pub const INACTIVE: f64 = -1.0;

impl SearchSpace {
    /// The point at `latent`: one number in [0, 1] a parameter, those of inactive parameters unread.
    ///
    /// The point may be one that the space's rules forbid; see [`SearchSpace::allows`].
    ///
    /// # Panics
    /// When `latent` is not as long as the space.
    pub fn decode(&self, latent: &[f64]) -> Configuration {
        let features = self.features(latent);
        let mut point = Configuration::default();
        for ((parameter, unit), feature) in self.parameters.iter().zip(latent).zip(features) {
            if feature != INACTIVE {
                point.push(&parameter.name, parameter.domain.value(*unit));
            }
        }
        point
    }

    /// The features of `point`: one number in [0, 1] a parameter, [`INACTIVE`] where it is not active.
    ///
    /// `None` when the point is not of this space: a value outside its domain, an active parameter without value, an
    /// inactive or unknown one with a value. Features are legal latent points: [`SearchSpace::decode`] gives the point
    /// back (floats to rounding).
    pub fn encode(&self, point: &Configuration) -> Option<Vec<f64>> {
        let mut features = Vec::with_capacity(self.len());
        let mut active = 0;
        for (i, parameter) in self.parameters.iter().enumerate() {
            features.push(match (self.is_active(&features, i), point.get(&parameter.name)) {
                (true, value) => {
                    active += 1;
                    parameter.domain.place(value?)?
                }
                (false, None) => INACTIVE,
                (false, Some(_)) => return None,
            });
        }
        (active == point.len()).then_some(features)
    }

    /// The features of a latent point: discrete values at the middle of their bins, inactive parameters marked.
    pub fn features(&self, latent: &[f64]) -> Vec<f64> {
        let mut features = Vec::with_capacity(self.len());
        for (i, (parameter, unit)) in self.parameters.iter().zip(latent).enumerate() {
            let unit = if unit.is_nan() { 0.0 } else { unit.clamp(0.0, 1.0) };
            features.push(if !self.is_active(&features, i) {
                INACTIVE
            } else if let Some(index) = parameter.domain.index_at(unit) {
                parameter.domain.place_of_index(index).unwrap_or(unit)
            } else {
                unit
            });
        }
        features
    }

    /// A legal latent point, uniform in [0, 1] but for what the rules exclude.
    pub fn sample_latent(&self, rng: &mut Stream) -> Vec<f64> {
        for _ in 0..DRAWS {
            let latent = self.latent_draw(rng);
            if !self.has_rules() || self.allows(&self.decode(&latent)) {
                return latent;
            }
        }
        self.witness.clone()
    }

    /// The latent points one step away in one discrete parameter: one level up or down, or any other choice.
    ///
    /// Only active parameters change; the rules are not consulted. Newly active children keep their latent number.
    pub fn neighbours(&self, latent: &[f64]) -> Vec<Vec<f64>> {
        let features = self.features(latent);
        let mut out = Vec::new();
        for (i, parameter) in self.parameters.iter().enumerate() {
            let Some(n) = parameter.domain.cardinality().filter(|_| features[i] != INACTIVE) else {
                continue;
            };
            let Some(here) = parameter.domain.index_at(features[i]) else { continue };
            let others: Vec<usize> = if parameter.domain.is_categorical() {
                (0..n).filter(|other| *other != here).collect()
            } else {
                here.checked_sub(1).into_iter().chain((here + 1 < n).then_some(here + 1)).collect()
            };
            for place in others.into_iter().filter_map(|other| parameter.domain.place_of_index(other)) {
                let mut next = latent.to_vec();
                next[i] = place;
                out.push(next);
            }
        }
        out
    }

    pub(super) fn latent_draw(&self, rng: &mut Stream) -> Vec<f64> {
        (0..self.len()).map(|_| rng.unit()).collect()
    }

    /// Whether parameter `i` is active, given the features of those before it.
    fn is_active(&self, before: &[f64], i: usize) -> bool {
        match &self.parents[i] {
            None => true,
            Some((parent, places)) => before[*parent] != INACTIVE && places.contains(&before[*parent]),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Condition, Domain, Parameter};

    use super::*;

    fn tree() -> SearchSpace {
        SearchSpace::new(vec![
            Parameter::new("depth", Domain::Int { low: 1, high: 3 }),
            Parameter::new("kind", Domain::Categorical { choices: vec!["a".into(), "b".into()] }),
            Parameter::new("width", Domain::LogInt { low: 1, high: 64 }).when("kind", ["b"]),
            Parameter::new("rate", Domain::Log { low: 1e-4, high: 1.0 }),
        ])
        .unwrap()
    }

    #[test]
    fn inactive_parameters_are_marked_and_absent() {
        let space = tree();
        let features = space.features(&[0.9, 0.1, 0.5, 0.25]);
        assert!((features[2] - INACTIVE).abs() < 1e-300);
        let point = space.decode(&[0.9, 0.1, 0.5, 0.25]);
        assert_eq!(point.get("width"), None);
        assert_eq!(space.encode(&point).unwrap()[..3], features[..3]);
    }

    #[test]
    fn neighbours_change_one_active_discrete_parameter() {
        let space = tree();
        let near: Vec<_> = space.neighbours(&[0.5, 0.75, 0.0, 0.5]).iter().map(|l| space.decode(l)).collect();
        let shown = |p: &Configuration| {
            ["depth", "kind", "width"]
                .map(|name| p.get(name).map_or("-".to_owned(), ToString::to_string))
                .join(" ")
        };
        let shown: Vec<_> = near.iter().map(shown).collect();
        assert_eq!(shown, ["1 b 1", "3 b 1", "2 a -", "2 b 2"]);
    }

    #[test]
    fn points_of_another_shape_have_no_features() {
        let space = tree();
        let json = |text: &str| serde_json::from_str::<Configuration>(text).unwrap();
        assert!(space.encode(&json(r#"{"depth":1,"kind":"a","rate":0.5}"#)).is_some());
        for text in [
            r#"{"depth":1,"kind":"a"}"#,
            r#"{"depth":1,"kind":"a","rate":0.5,"width":3}"#,
            r#"{"depth":1,"kind":"b","rate":0.5}"#,
            r#"{"depth":4,"kind":"a","rate":0.5}"#,
            r#"{"depth":1,"kind":"a","rate":0.5,"other":0}"#,
        ] {
            assert!(space.encode(&json(text)).is_none(), "{text}");
        }
    }

    #[test]
    fn a_parent_stands_before_its_child() {
        let mut late = Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 });
        late.when = Some(Condition { parameter: "kind".into(), is: vec!["a".into()] });
        let kind = Parameter::new("kind", Domain::Categorical { choices: vec!["a".into()] });
        assert!(SearchSpace::new(vec![late, kind]).is_err());
    }
}
