use crate::model::dot;

/// Share of a column's square that must be new for it to count as another direction.
const NEW: f64 = 0.05;

/// Orthonormal columns: what a linear model explains.
#[derive(Clone, Debug, Default)]
pub(super) struct Basis(Vec<Vec<f64>>);

impl Basis {
    /// One constant for each family, and the covariates. O(columns^2 x prompts).
    pub(super) fn new(families: &[u32], covariates: &[&[f64]]) -> Self {
        let mut basis = Self::default();
        let mut names = families.to_vec();
        names.sort_unstable();
        names.dedup();
        for name in names {
            basis.add(&families.iter().map(|f| f64::from(u8::from(*f == name))).collect::<Vec<_>>());
        }
        let n = covariates.first().map_or(0, |c| c.len());
        for k in 0..n {
            basis.add(&covariates.iter().map(|c| c[k]).collect::<Vec<_>>());
        }
        basis
    }

    /// Adds a column, if it says anything new.
    pub(super) fn add(&mut self, column: &[f64]) {
        if let Some(new) = self.direction(column) {
            self.0.push(new);
        }
    }

    /// The unit vector along what is new in a column; none where nearly nothing is.
    pub(super) fn direction(&self, column: &[f64]) -> Option<Vec<f64>> {
        let mut rest = self.rest(column);
        let square = dot(&rest, &rest);
        let middle = column.iter().sum::<f64>() / column.len().max(1) as f64;
        let around: f64 = column.iter().map(|v| (v - middle) * (v - middle)).sum();
        // The constant itself has no spread; any other column is measured by its own.
        if square <= NEW * around || square <= 1e-12 {
            return None;
        }
        let scale = 1.0 / square.sqrt();
        for value in &mut rest {
            *value *= scale;
        }
        Some(rest)
    }

    /// What is left of `values` beside all columns.
    pub(super) fn rest(&self, values: &[f64]) -> Vec<f64> {
        let mut rest = values.to_vec();
        for column in &self.0 {
            let along = dot(column, &rest);
            rest.iter_mut().zip(column).for_each(|(r, c)| *r -= along * c);
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_explained_is_gone() {
        let covariates = [[1.0], [2.0], [4.0], [3.0]];
        let basis = Basis::new(&[0, 0, 1, 1], &covariates.each_ref().map(|c| &c[..]));
        let rest = basis.rest(&[1.0, 2.0, 9.0, 8.0]);
        assert!(rest.iter().all(|r| r.abs() < 1e-12), "{rest:?}");
        assert!(basis.direction(&[1.0, 1.0, 0.0, 0.0]).is_none());
        assert!(basis.direction(&[1.0, 0.0, 1.0, 0.0]).is_some());
    }
}
