//! One point against many: the only place where covariances and their derivatives are computed.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined into the dispatched closure is compiled for its CPU"
)]

use super::lanes::{LANES, dot, sum3};
use super::shape::base;
use super::{Factor, Kernel, Smoothness, Structure, centred, is_active};

/// Factors below this are as good as 0; dividing by it stays finite.
const TINY: f64 = 1e-290;

/// Buffers of one row, kept between calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    /// Differences to the point, parameter by parameter.
    difference: Vec<Vec<f64>>,
    /// Factors, parameter by parameter; the radial group stands in the place of its first member.
    z: Vec<Vec<f64>>,
    /// Derivative of each factor: dz/dln l = g D^2/l^2 for numeric ones, z' for categorical ones.
    g: Vec<Vec<f64>>,
    /// Sum of the factors (order one); in linear structures the product of the separate factors.
    first: Vec<f64>,
    /// Weighted derivative of the covariance by one factor.
    weight: Vec<f64>,
    weighted: Vec<f64>,
}

impl Scratch {
    fn resize(&mut self, p: usize, n: usize) {
        for buffers in [&mut self.difference, &mut self.z, &mut self.g] {
            buffers.resize_with(p, Vec::new);
            for buffer in buffers {
                if buffer.len() < n {
                    buffer.resize(n, 0.0);
                }
            }
        }
        for buffer in [&mut self.first, &mut self.weight, &mut self.weighted] {
            if buffer.len() < n {
                buffer.resize(n, 0.0);
            }
        }
    }
}

impl Kernel<'_> {
    /// Covariances of `x` with the points `from..n` of `columns` (one slice a feature), into `out[from..n]`.
    ///
    /// Leaves in `scratch` what the two gradients need; they must be called for the same row.
    #[inline(always)]
    pub(crate) fn row(
        &self,
        x: &[f64],
        columns: &[Vec<f64>],
        range: (usize, usize),
        out: &mut [f64],
        s: &mut Scratch,
    ) {
        match self.shape.smoothness {
            Smoothness::Matern32 => self.row_of::<0>(x, columns, range, out, s),
            Smoothness::Matern52 => self.row_of::<1>(x, columns, range, out, s),
            Smoothness::Rbf => self.row_of::<2>(x, columns, range, out, s),
        }
    }

    #[inline(always)]
    fn row_of<const KIND: u8>(
        &self,
        x: &[f64],
        columns: &[Vec<f64>],
        (from, n): (usize, usize),
        out: &mut [f64],
        s: &mut Scratch,
    ) {
        s.resize(x.len(), n);
        let out = &mut out[from..n];
        match self.shape.structure {
            Structure::Radial => {
                out.fill(0.0);
                for &d in &self.layout.radial {
                    let scale = self.scales[d];
                    let difference = &mut s.difference[d][from..n];
                    for ((out, difference), other) in out.iter_mut().zip(difference).zip(&columns[d][from..n])
                    {
                        *difference = x[d] - other;
                        *out += *difference * *difference * scale;
                    }
                }
                if let Some(&lead) = self.layout.radial.first() {
                    let (z, g) = (&mut s.z[lead][from..n], &mut s.g[lead][from..n]);
                    for ((out, z), g) in out.iter_mut().zip(z).zip(g) {
                        (*z, *g) = base::<KIND>(*out);
                        *out = *z;
                    }
                } else {
                    out.fill(1.0);
                }
                for &d in &self.layout.separate {
                    self.factor_of::<KIND>(d, x[d], &columns[d], (from, n), s);
                    for (out, z) in out.iter_mut().zip(&s.z[d][from..n]) {
                        *out *= z;
                    }
                }
            }
            Structure::Linear => {
                out.fill(1.0);
                for &d in &self.layout.radial {
                    let slope = self.scales[d] * centred(x[d]);
                    let place = &mut s.difference[d][from..n];
                    for ((out, place), other) in out.iter_mut().zip(place).zip(&columns[d][from..n]) {
                        *place = centred(*other);
                        *out += slope * *place;
                    }
                }
                s.first[from..n].fill(1.0);
                for &d in &self.layout.separate {
                    self.factor_of::<KIND>(d, x[d], &columns[d], (from, n), s);
                    let rows = out.iter_mut().zip(&mut s.first[from..n]).zip(&s.z[d][from..n]);
                    for ((out, first), z) in rows {
                        *out *= z;
                        *first *= z;
                    }
                }
            }
            Structure::Additive => {
                let p = x.len() as f64;
                let first = self.shares[0] / p;
                // e2 = ((sum z)^2 - sum z^2) / 2, over p (p - 1) / 2 pairs; with one parameter the order is empty.
                let second = if p > 1.0 { self.shares[1] / (p * (p - 1.0)) } else { self.shares[1] };
                for d in 0..x.len() {
                    self.factor_of::<KIND>(d, x[d], &columns[d], (from, n), s);
                }
                let sum = &mut s.first[from..n];
                let squares = &mut s.weight[from..n];
                sum.fill(0.0);
                squares.fill(0.0);
                out.fill(self.shares[2]);
                for z in &s.z[..x.len()] {
                    for (((z, sum), square), out) in
                        z[from..n].iter().zip(&mut *sum).zip(&mut *squares).zip(&mut *out)
                    {
                        *sum += z;
                        *square += z * z;
                        *out *= z;
                    }
                }
                let single = x.len() == 1;
                for ((out, sum), square) in out.iter_mut().zip(&*sum).zip(&*squares) {
                    let pairs = if single { *sum } else { sum * sum - square };
                    *out += first * sum + second * pairs;
                }
            }
        }
    }

    /// One factor into `s.z[d]`, its derivative into `s.g[d]`, differences into `s.difference[d]`.
    #[inline(always)]
    fn factor_of<const KIND: u8>(
        &self,
        d: usize,
        x: f64,
        column: &[f64],
        (from, n): (usize, usize),
        s: &mut Scratch,
    ) {
        let factor: Factor = self.layout.factors[d];
        let (scale, kappa, here) = (self.scales[d], self.kappa(factor), is_active(x));
        let column = &column[from..n];
        let z = &mut s.z[d][from..n];
        let g = &mut s.g[d][from..n];
        let difference = &mut s.difference[d][from..n];
        if factor.categorical {
            for (((z, g), difference), other) in z.iter_mut().zip(&mut *g).zip(&mut *difference).zip(column) {
                let differs = (x - other).abs() > 0.0;
                *z = if differs { scale } else { 1.0 };
                *g = if differs { scale * self.inverse[d] } else { 0.0 };
                *difference = 0.0;
            }
        } else {
            for (((z, g), difference), other) in z.iter_mut().zip(&mut *g).zip(&mut *difference).zip(column) {
                *difference = x - other;
                (*z, *g) = base::<KIND>(*difference * *difference * scale);
            }
        }
        if factor.kappa.is_some() {
            for ((z, g), other) in z.iter_mut().zip(&mut *g).zip(column) {
                let both = here && is_active(*other);
                let neither = !here && !is_active(*other);
                *z = if both {
                    kappa + (1.0 - kappa) * *z
                } else if neither {
                    1.0
                } else {
                    kappa
                };
                *g = if both { (1.0 - kappa) * *g } else { 0.0 };
            }
        }
    }

    /// `s.weighted[i] = weights[i] dk_i/dz_d`, from the factors of the row.
    #[inline(always)]
    fn weigh(
        &self,
        d: usize,
        p: usize,
        covariances: &[f64],
        weights: &[f64],
        (from, n): (usize, usize),
        s: &mut Scratch,
    ) {
        let z = &s.z[d][from..n];
        let weighted = &mut s.weighted[from..n];
        match self.shape.structure {
            Structure::Radial | Structure::Linear => {
                let rows = weighted.iter_mut().zip(z).zip(&covariances[from..n]).zip(&weights[from..n]);
                for (((out, z), k), w) in rows {
                    *out = w * k / z.max(TINY);
                }
            }
            Structure::Additive => {
                let count = p as f64;
                let first = self.shares[0] / count;
                let (slope, constant) = if p == 1 {
                    (0.0, self.shares[1])
                } else {
                    (2.0 * self.shares[1] / (count * (count - 1.0)), 0.0)
                };
                let rows = weighted.iter_mut().zip(z).zip(&weights[from..n]).zip(&s.first[from..n]);
                for (((out, z), w), sum) in rows {
                    *out = w * (first + constant + slope * (sum - z));
                }
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "buffers are lent separately so that nothing is allocated a row"
    )]
    /// Adds sum_i weights[i] dk_i/dtheta to `gradient`, one entry a parameter of the kernel.
    #[inline(always)]
    pub(crate) fn parameter_gradient(
        &self,
        x: &[f64],
        columns: &[Vec<f64>],
        (from, n): (usize, usize),
        covariances: &[f64],
        weights: &[f64],
        gradient: &mut [f64],
        s: &mut Scratch,
    ) {
        let p = x.len();
        let mut own: Vec<usize> = Vec::new();
        match self.shape.structure {
            Structure::Radial => {
                if let Some(&lead) = self.layout.radial.first() {
                    self.weigh(lead, p, covariances, weights, (from, n), s);
                    product(&mut s.weighted[from..n], &s.g[lead][from..n]);
                    for &d in &self.layout.radial {
                        let difference = &s.difference[d][from..n];
                        gradient[d] += self.scales[d] * sum3(&s.weighted[from..n], difference, difference);
                    }
                }
                own.extend(&self.layout.separate);
            }
            Structure::Linear => {
                for &d in &self.layout.radial {
                    let place = &s.difference[d][from..n];
                    gradient[d] -= 2.0
                        * self.scales[d]
                        * centred(x[d])
                        * sum3(&weights[from..n], place, &s.first[from..n]);
                }
                own.extend(&self.layout.separate);
            }
            Structure::Additive => {
                self.product_weights(p, weights, (from, n), s);
                own.extend(0..p);
            }
        }
        for d in own {
            self.factor_weights(d, p, covariances, weights, (from, n), s);
            let factor = self.layout.factors[d];
            if let Some(place) = factor.kappa {
                gradient[place] += self.kappa_gradient(d, x[d], &columns[d], (from, n), s);
            }
            let (weighted, g) = (&s.weighted[from..n], &s.g[d][from..n]);
            gradient[d] += if factor.categorical {
                dot(weighted, g)
            } else {
                let difference = &s.difference[d][from..n];
                product(&mut s.weighted[from..n], g);
                self.scales[d] * sum3(&s.weighted[from..n], difference, difference)
            };
        }
        if self.shape.structure == Structure::Additive {
            self.share_gradient(p, covariances, weights, (from, n), gradient, s);
        }
    }

    /// Adds sum_i weights[i] dk_i/dx to `gradient`, one entry a feature; those of choices stay as they are.
    #[inline(always)]
    pub(crate) fn input_gradient(
        &self,
        x: &[f64],
        n: usize,
        covariances: &[f64],
        weights: &[f64],
        gradient: &mut [f64],
        s: &mut Scratch,
    ) {
        let p = x.len();
        let mut own: Vec<usize> = Vec::new();
        match self.shape.structure {
            Structure::Radial => {
                if let Some(&lead) = self.layout.radial.first() {
                    self.weigh(lead, p, covariances, weights, (0, n), s);
                    product(&mut s.weighted[..n], &s.g[lead][..n]);
                    for &d in &self.layout.radial {
                        gradient[d] -= self.scales[d] * dot(&s.weighted[..n], &s.difference[d][..n]);
                    }
                }
                own.extend(&self.layout.separate);
            }
            Structure::Linear => {
                for &d in &self.layout.radial {
                    gradient[d] +=
                        2.0 * self.scales[d] * sum3(&weights[..n], &s.difference[d][..n], &s.first[..n]);
                }
                own.extend(&self.layout.separate);
            }
            Structure::Additive => {
                self.product_weights(p, weights, (0, n), s);
                own.extend(0..p);
            }
        }
        for d in own {
            if self.layout.factors[d].categorical {
                continue;
            }
            self.factor_weights(d, p, covariances, weights, (0, n), s);
            gradient[d] -= self.scales[d] * sum3(&s.weighted[..n], &s.g[d][..n], &s.difference[d][..n]);
        }
    }

    /// The product of all factors times its share and the weights, into `s.weight`.
    #[inline(always)]
    fn product_weights(&self, p: usize, weights: &[f64], (from, n): (usize, usize), s: &mut Scratch) {
        if self.shape.structure != Structure::Additive {
            return;
        }
        let out = &mut s.weight[from..n];
        for (out, w) in out.iter_mut().zip(&weights[from..n]) {
            *out = self.shares[2] * w;
        }
        for z in &s.z[..p] {
            product(out, &z[from..n]);
        }
    }

    #[inline(always)]
    fn factor_weights(
        &self,
        d: usize,
        p: usize,
        covariances: &[f64],
        weights: &[f64],
        range: (usize, usize),
        s: &mut Scratch,
    ) {
        self.weigh(d, p, covariances, weights, range, s);
        if self.shape.structure == Structure::Additive {
            let (from, n) = range;
            let rows = s.weighted[from..n].iter_mut().zip(&s.weight[from..n]).zip(&s.z[d][from..n]);
            for ((out, whole), z) in rows {
                *out += whole / z.max(TINY);
            }
        }
    }

    /// sum_i weighted[i] dz_i/dt for the logit t of kappa.
    #[inline(always)]
    fn kappa_gradient(
        &self,
        d: usize,
        x: f64,
        column: &[f64],
        (from, n): (usize, usize),
        s: &Scratch,
    ) -> f64 {
        let kappa = self.kappa(self.layout.factors[d]);
        let here = is_active(x);
        let mut sum = 0.0;
        for ((w, z), other) in s.weighted[from..n].iter().zip(&s.z[d][from..n]).zip(&column[from..n]) {
            // Both active: z = kappa + (1 - kappa) m, dz/dkappa = 1 - m = (1 - z) / (1 - kappa).
            sum += match (here, is_active(*other)) {
                (true, true) => w * (1.0 - z) / (1.0 - kappa),
                (false, false) => 0.0,
                _ => *w,
            };
        }
        sum * kappa * (1.0 - kappa)
    }

    /// Derivatives by the logits of the shares: d share_i/d t_j = share_j ([i = j] - share_i).
    #[inline(always)]
    fn share_gradient(
        &self,
        p: usize,
        covariances: &[f64],
        weights: &[f64],
        (from, n): (usize, usize),
        gradient: &mut [f64],
        s: &mut Scratch,
    ) {
        let whole = dot(&weights[from..n], &covariances[from..n]);
        let first = dot(&weights[from..n], &s.first[from..n]) / p as f64;
        // What is left of the covariance is the term of order two.
        let second = whole - self.shares[0] * first - sum(&s.weight[from..n]);
        let place = self.layout.len() + self.layout.kappas;
        gradient[place] += self.shares[0] * (first - whole);
        gradient[place + 1] += second - self.shares[1] * whole;
    }
}

#[inline(always)]
fn product(out: &mut [f64], by: &[f64]) {
    for (out, by) in out.iter_mut().zip(by) {
        *out *= by;
    }
}

#[inline(always)]
fn sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    for chunk in values.chunks(LANES) {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().sum()
}
