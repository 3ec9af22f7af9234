/// Solves `matrix x = right` for each right side: the matrix is positive definite, row by row, its lower half given; it is
/// overwritten by its Cholesky factor. A pivot that rounding has made too small counts as small.
pub(super) fn solve<'a>(matrix: &mut [f64], rights: impl Iterator<Item = &'a [f64]>) -> Vec<Vec<f64>> {
    let n = matrix.len().isqrt();
    for j in 0..n {
        for k in 0..j {
            let lead = matrix[j * n + k];
            (j..n).for_each(|i| matrix[i * n + j] -= matrix[i * n + k] * lead);
        }
        let pivot = matrix[j * n + j].max(1e-12).sqrt();
        (j..n).for_each(|i| matrix[i * n + j] /= pivot);
        matrix[j * n + j] = pivot;
    }
    let back = |right: &[f64]| {
        let mut solution = right.to_vec();
        for i in 0..n {
            let known: f64 = (0..i).map(|k| matrix[i * n + k] * solution[k]).sum();
            solution[i] = (solution[i] - known) / matrix[i * n + i];
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| matrix[k * n + i] * solution[k]).sum();
            solution[i] = (solution[i] - known) / matrix[i * n + i];
        }
        solution
    };
    rights.map(back).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_solution_solves() {
        let whole = [[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]];
        let right = [1.0, -2.0, 0.3];
        let mut matrix: Vec<f64> = whole.iter().flatten().copied().collect();
        let solution = &solve(&mut matrix, [&right[..]].into_iter())[0];
        for (row, wanted) in whole.iter().zip(right) {
            let left: f64 = row.iter().zip(solution).map(|(a, x)| a * x).sum();
            assert!((left - wanted).abs() < 1e-12, "{left} {wanted}");
        }
    }
}
