use meta_traits::Stream;

/// `count` points of the unit cube, of which each of `count` equal slices of each coordinate holds one
/// (McKay, Beckman & Conover 1979).
///
/// ```
/// use meta_traits::Stream;
/// let points = bayes_hyperopt::doe::latin_hypercube(8, 3, &mut Stream::root(1));
/// let lowest = points.iter().filter(|p| p[2] < 0.125).count();
/// assert_eq!((points.len(), lowest), (8, 1));
/// ```
pub fn latin_hypercube(count: usize, dimensions: usize, rng: &mut Stream) -> Vec<Vec<f64>> {
    let mut points = vec![Vec::with_capacity(dimensions); count];
    let mut slices: Vec<usize> = (0..count).collect();
    for _ in 0..dimensions {
        rng.shuffle(&mut slices);
        for (point, slice) in points.iter_mut().zip(&slices) {
            point.push((*slice as f64 + rng.unit()) / count as f64);
        }
    }
    points
}
