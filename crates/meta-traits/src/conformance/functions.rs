use alloc::vec::Vec;

use crate::Stream;

/// Number of inputs of every [`TestFunction`].
pub const DIMENSIONS: usize = 2;

/// A family of functions on the unit square that predictors are tried on. The seed sets the coefficients.
///
/// Values lie within about [-4, 4]. None needs the standard library: polynomials and one rational step.
///
/// ```
/// use meta_traits::conformance::TestFunction;
/// let bowl = TestFunction::Bowl.member(3);
/// assert!(bowl(&[0.2, 0.9]).is_finite());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TestFunction {
    /// a + b x + c y.
    Plane,
    /// A quadratic bowl around a point of the square, with unequal curvatures.
    Bowl,
    /// A cubic in x plus a cross term in y.
    Wave,
    /// A smooth step along a random direction, u / (1 + |u|) with u = 8 (direction . x - threshold).
    Step,
}

impl TestFunction {
    /// Every family.
    pub const ALL: [Self; 4] = [Self::Plane, Self::Bowl, Self::Wave, Self::Step];

    /// One function of the family. Points have [`DIMENSIONS`] coordinates in [0, 1]; missing ones count as 0.
    pub fn member(self, seed: u64) -> impl Fn(&[f64]) -> f64 {
        let mut rng = Stream::root(seed).child("conformance/function", self as u64);
        let c: [f64; 4] = core::array::from_fn(|_| 2.0 * rng.unit() - 1.0);
        move |point: &[f64]| {
            let at = |i: usize| point.get(i).copied().unwrap_or(0.0);
            let (x, y) = (at(0), at(1));
            match self {
                Self::Plane => c[0] + c[1] * x + (1.0 + c[2]) * y,
                Self::Bowl => {
                    let (dx, dy) = (x - 0.5 - 0.3 * c[0], y - 0.5 - 0.3 * c[1]);
                    (3.0 + c[2]) * dx * dx + (2.0 + c[3]) * dy * dy
                }
                Self::Wave => {
                    let t = 2.0 * x - 1.0;
                    (2.0 + c[0]) * (4.0 * t * t * t - 3.0 * t) * 0.5 + c[1] * t * y + c[2] * y
                }
                Self::Step => {
                    let u = 8.0 * ((1.0 + c[0]) * (x - 0.5) + (1.0 + c[1]) * (y - 0.5) - 0.2 * c[2]);
                    let size = if u < 0.0 { -u } else { u };
                    u / (1.0 + size)
                }
            }
        }
    }

    /// Points uniform in the square, with the values of a member of the family there.
    pub fn rows(self, seed: u64, count: usize, rng: &mut Stream) -> Vec<([f64; DIMENSIONS], f64)> {
        let member = self.member(seed);
        let mut point = || {
            let point = [rng.unit(), rng.unit()];
            (point, member(&point))
        };
        (0..count).map(|_| point()).collect()
    }
}
