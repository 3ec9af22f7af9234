use std::collections::BTreeMap;

use meta_traits::Stream;

use super::Semantics;

/// Dimensions beyond those kept, which make the subspace settle sooner.
const SPARE: usize = 8;
/// Multiplications by the matrix and its transpose.
const ITERATIONS: u32 = 6;
/// Sweeps of rotations at most.
const SWEEPS: u32 = 30;

/// A text as a vector; of a language model's encoder, or [`Latent`], which needs no model.
pub trait Embedding {
    /// The vector of a text; always as long, finite.
    fn embed(&self, text: &str) -> Vec<f64>;

    /// Cosine of two texts' vectors, in [-1, 1]; 0 where one is null.
    fn likeness(&self, a: &str, b: &str) -> f64 {
        cosine(&self.embed(a), &self.embed(b))
    }
}

/// Texts in the few directions in which a collection of texts varies most: latent semantic analysis (Deerwester et al.
/// 1990), a truncated singular value decomposition of hashed words weighed by their rarity ([`Semantics`]), found by
/// subspace iteration from a random start (Halko, Martinsson & Tropp 2011).
///
/// Words that stand beside the same words become alike, though no text has both.
///
/// ```
/// use meta_traits::Stream;
/// use prompt_grammar::features::{Corpus, Embedding, Latent, Semantics};
/// let texts = ["car engine", "automobile engine", "car wheel", "automobile wheel", "cat fur", "kitten fur", "cat paw"];
/// let semantics = Semantics::new(Corpus::of(texts));
/// let latent = Latent::of(semantics.clone(), &texts, 2, &Stream::root(0));
/// assert!(semantics.similarity("car", "automobile").abs() < 1e-12);
/// assert!(latent.likeness("car", "automobile") > 0.9);
/// assert!(latent.likeness("car", "cat") < 0.1);
/// ```
#[derive(Clone, Debug)]
pub struct Latent {
    semantics: Semantics,
    /// A column for every bucket of hashed words: its part in each direction.
    columns: BTreeMap<u64, Vec<f64>>,
    /// Singular values, falling.
    values: Vec<f64>,
    /// Mean of the collection.
    centre: Vec<f64>,
}

impl Latent {
    /// Directions of a collection of texts: at most `dimensions` (64 are usual), fewer where it has fewer. The start is
    /// drawn from `stream`; the result hardly depends on it. O(iterations x dimensions x (words + texts x dimensions)).
    pub fn of(semantics: Semantics, texts: &[impl AsRef<str>], dimensions: usize, stream: &Stream) -> Self {
        let rows: Vec<BTreeMap<u64, f64>> =
            texts.iter().map(|t| unit(semantics.vector(t.as_ref()))).collect();
        let buckets: BTreeMap<u64, usize> = {
            let mut all: Vec<u64> = rows.iter().flat_map(|r| r.keys().copied()).collect();
            all.sort_unstable();
            all.dedup();
            all.into_iter().zip(0..).collect()
        };
        let sparse: Vec<Vec<(usize, f64)>> =
            rows.iter().map(|r| r.iter().map(|(b, x)| (buckets[b], *x)).collect()).collect();
        let (values, directions) = decomposed(&sparse, buckets.len(), dimensions, stream);
        let columns =
            buckets.iter().map(|(b, at)| (*b, directions.iter().map(|v| v[*at]).collect())).collect();
        let mut latent = Self { semantics, columns, centre: vec![0.0; values.len()], values };
        for text in texts {
            let vector = latent.embed(text.as_ref());
            let share = 1.0 / texts.len() as f64;
            latent.centre.iter_mut().zip(vector).for_each(|(c, x)| *c += share * x);
        }
        latent
    }

    /// Singular values of the collection's texts, the greatest first; one a dimension.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// How alike a text is to the collection as a whole, in [-1, 1].
    pub fn centrality(&self, text: &str) -> f64 {
        cosine(&self.embed(text), &self.centre)
    }
}

impl Embedding for Latent {
    fn embed(&self, text: &str) -> Vec<f64> {
        let mut out = vec![0.0; self.values.len()];
        for (bucket, x) in unit(self.semantics.vector(text)) {
            if let Some(column) = self.columns.get(&bucket) {
                out.iter_mut().zip(column).for_each(|(o, c)| *o += x * c);
            }
        }
        out
    }
}

fn unit(mut vector: BTreeMap<u64, f64>) -> BTreeMap<u64, f64> {
    let norm = vector.values().map(|x| x * x).sum::<f64>().sqrt();
    if norm > 0.0 {
        for x in vector.values_mut() {
            *x /= norm;
        }
    }
    vector
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let scale = (dot(a, a) * dot(b, b)).sqrt();
    if scale > 0.0 { (dot(a, b) / scale).clamp(-1.0, 1.0) } else { 0.0 }
}

/// The greatest singular values of a matrix of sparse rows, and its right singular vectors.
fn decomposed(
    rows: &[Vec<(usize, f64)>],
    columns: usize,
    dimensions: usize,
    stream: &Stream,
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let most = rows.len().min(columns);
    let kept = dimensions.min(most);
    let mut basis: Vec<Vec<f64>> = (0..(kept + SPARE).min(most))
        .map(|d| {
            let mut rng = stream.child("direction", d as u64);
            (0..columns).map(|_| 2.0 * rng.unit() - 1.0).collect()
        })
        .collect();
    let times = |v: &Vec<f64>| -> Vec<f64> {
        rows.iter().map(|row| row.iter().map(|(at, x)| x * v[*at]).sum()).collect()
    };
    orthonormal(&mut basis);
    for _ in 0..ITERATIONS {
        for v in &mut basis {
            let product = times(v);
            v.fill(0.0);
            for (row, p) in rows.iter().zip(product) {
                for (at, x) in row {
                    v[*at] += x * p;
                }
            }
        }
        orthonormal(&mut basis);
    }
    // Within the subspace: the eigenvectors of (A V)^T (A V) turn V into singular vectors (Rayleigh & Ritz).
    let images: Vec<Vec<f64>> = basis.iter().map(times).collect();
    let mut small: Vec<Vec<f64>> =
        images.iter().map(|a| images.iter().map(|b| dot(a, b)).collect()).collect();
    let turns = rotated(&mut small);
    let mut order: Vec<usize> = (0..basis.len()).collect();
    order.sort_by(|a, b| small[*b][*b].total_cmp(&small[*a][*a]));
    order.retain(|i| small[*i][*i] > 1e-12);
    order.truncate(kept);
    let values = order.iter().map(|i| small[*i][*i].sqrt()).collect();
    let vector = |i: &usize| {
        let mut v = vec![0.0; columns];
        for (b, turn) in basis.iter().zip(&turns) {
            v.iter_mut().zip(b).for_each(|(v, b)| *v += turn[*i] * b);
        }
        v
    };
    (values, order.iter().map(vector).collect())
}

/// Gram & Schmidt, twice each for accuracy; what depends on the vectors before becomes 0.
fn orthonormal(vectors: &mut [Vec<f64>]) {
    for i in 0..vectors.len() {
        let (before, rest) = vectors.split_at_mut(i);
        let v = &mut rest[0];
        let size = dot(v, v).sqrt();
        for b in before.iter().chain(before.iter()) {
            let along = dot(v, b);
            v.iter_mut().zip(b).for_each(|(v, b)| *v -= along * b);
        }
        let norm = dot(v, v).sqrt();
        let scale = if norm > 1e-10 * size { 1.0 / norm } else { 0.0 };
        for x in v.iter_mut() {
            *x *= scale;
        }
    }
}

/// Makes a symmetric matrix diagonal by Jacobi's rotations; gives their product, whose columns are the eigenvectors.
fn rotated(matrix: &mut [Vec<f64>]) -> Vec<Vec<f64>> {
    let n = matrix.len();
    let mut turns: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    let scale: f64 = (0..n).map(|i| matrix[i][i].abs()).sum();
    for _ in 0..SWEEPS {
        let mut largest: f64 = 0.0;
        for p in 0..n {
            for q in p + 1..n {
                let off = matrix[p][q];
                largest = largest.max(off.abs());
                if off.abs() <= 1e-15 * scale {
                    continue;
                }
                let slope = (matrix[q][q] - matrix[p][p]) / (2.0 * off);
                let t = slope.signum() / (slope.abs() + slope.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                for row in matrix.iter_mut().chain(turns.iter_mut()) {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                let (upper, lower) = matrix.split_at_mut(q);
                for (a, b) in upper[p].iter_mut().zip(&mut lower[0]) {
                    (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
                }
            }
        }
        if largest <= 1e-14 * scale {
            break;
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::super::Corpus;
    use super::*;

    /// A matrix made of known singular values and vectors.
    #[test]
    fn singular_values_are_found() {
        let n = 12_usize;
        let mut left: Vec<Vec<f64>> =
            (0..4).map(|i| (0..n).map(|j| (((i + 1) * (j + 1)) as f64).sin()).collect()).collect();
        let mut right: Vec<Vec<f64>> =
            (0..4).map(|i| (0..20).map(|j| f64::from((i + 1) * (j * j + 1)).cos()).collect()).collect();
        orthonormal(&mut left);
        orthonormal(&mut right);
        let sizes = [5.0, 3.0, 1.0, 0.1];
        let entry = |r: usize, c: usize| (0..4).map(|k| sizes[k] * left[k][r] * right[k][c]).sum::<f64>();
        let rows: Vec<Vec<(usize, f64)>> =
            (0..n).map(|r| (0..20).map(|c| (c, entry(r, c))).collect()).collect();
        let (values, vectors) = decomposed(&rows, 20, 3, &Stream::root(3));
        for (value, size) in values.iter().zip(sizes) {
            assert!((value - size).abs() < 1e-9, "{values:?}");
        }
        for (found, true_one) in vectors.iter().zip(&right) {
            assert!((dot(found, true_one).abs() - 1.0).abs() < 1e-9);
        }
        assert_eq!(values.len(), 3);
        let all = decomposed(&rows, 20, 64, &Stream::root(3)).0;
        assert_eq!(all.len(), 4, "no more than there are: {all:?}");
    }

    #[test]
    fn the_start_does_not_matter_and_nothing_is_nothing() {
        let texts = ["sort the mail", "sort the list", "rank the list", "feed the cat", "feed the dog"];
        let of = |seed| Latent::of(Semantics::new(Corpus::of(texts)), &texts, 3, &Stream::root(seed));
        let (a, b) = (of(1), of(2));
        for pair in texts.windows(2) {
            assert!((a.likeness(pair[0], pair[1]) - b.likeness(pair[0], pair[1])).abs() < 1e-6);
        }
        assert!(a.centrality("sort the list") > a.centrality("zebra"));
        let empty = Latent::of(Semantics::default(), &[] as &[&str], 64, &Stream::root(0));
        assert!(empty.embed("sort").is_empty() && empty.likeness("sort", "sort").abs() < 1e-12);
        let blank = Latent::of(Semantics::default(), &["", "..."], 64, &Stream::root(0));
        assert!(blank.values().is_empty() && blank.centrality("sort").abs() < 1e-12);
    }
}
