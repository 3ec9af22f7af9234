//! What is believed of kernel parameters before any data, and the box they are sought in.

use std::f64::consts::{LN_2, SQRT_2};

use crate::kernel::{Layout, Structure};

/// Median lengthscale, a square root of the dimension.
const LENGTHSCALE: f64 = 0.35;

/// How the noise of observations is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoiseKind {
    /// None but a fixed nugget: the model passes through the data.
    Fixed,
    /// Learnt, LogNormal(-4, 1) of the signal's variance.
    Inferred,
}

/// How much is believed of lengthscales before any data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Breadth {
    /// LogNormal(ln(0.35 sqrt d), 1): every input counts. With few points wider laws drop inputs too early.
    #[default]
    Narrow,
    /// LogNormal(sqrt 2 + ln(d)/2, sqrt 3) (Hvarfner et al. 2024): the function may be almost flat or a smooth bowl.
    Wide,
    /// What other tasks have taught.
    Taught,
}

impl Breadth {
    /// Mean and standard deviation of ln of a lengthscale among `d` inputs.
    fn law(self, d: f64) -> (f64, f64) {
        match self {
            Self::Narrow | Self::Taught => (libm::log(LENGTHSCALE) + 0.5 * libm::log(d), 1.0),
            Self::Wide => (SQRT_2 + 0.5 * libm::log(d), 3.0_f64.sqrt()),
        }
    }
}

/// Normal laws of the parameters (all are logs or logits), and their box.
#[derive(Clone, Debug)]
pub(crate) struct Prior {
    pub(crate) mean: Vec<f64>,
    pub(crate) sd: Vec<f64>,
    pub(crate) low: Vec<f64>,
    pub(crate) high: Vec<f64>,
    /// Where the search starts without anything better.
    pub(crate) start: Vec<f64>,
}

impl Prior {
    /// Lengthscales by `breadth`: longer the more inputs, in units of the span of each. The search starts at 0.5 sqrt d,
    /// where gradients do not vanish (Papenmeier et al. 2025).
    pub(crate) fn new(layout: &Layout, structure: Structure, noise: NoiseKind, breadth: Breadth) -> Self {
        let mut prior = Self { mean: vec![], sd: vec![], low: vec![], high: vec![], start: vec![] };
        let d = layout.len() as f64;
        for factor in &layout.factors {
            if factor.categorical {
                prior.push(0.0, 1.5, (-2.5, 4.0), 0.0);
            } else {
                let (mean, sd) = breadth.law(d);
                let unit = libm::log(factor.span);
                let (low, high) = (libm::log(0.02) - unit.max(0.0), 7.0 - unit.min(0.0));
                prior.push(mean - unit, sd, (low, high), libm::log(0.5 * d.sqrt()) - unit);
            }
        }
        for _ in 0..layout.kappas {
            prior.push(0.0, 1.5, (-5.0, 5.0), 0.0);
        }
        if structure == Structure::Additive {
            prior.push(LN_2, 2.0, (-7.0, 7.0), LN_2);
            prior.push(0.0, 2.0, (-7.0, 7.0), 0.0);
        }
        if noise == NoiseKind::Inferred {
            prior.push(-4.0, 1.0, (libm::log(1e-7), 0.0), -5.0);
        }
        prior
    }

    fn push(&mut self, mean: f64, sd: f64, (low, high): (f64, f64), start: f64) {
        self.mean.push(mean);
        self.sd.push(sd);
        self.low.push(low);
        self.high.push(high);
        self.start.push(start);
    }

    /// -ln of the density, up to the constant ln(2 pi)/2 a parameter which is included; adds the gradient.
    pub(crate) fn penalty(&self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        let mut sum = 0.0;
        for (i, t) in theta.iter().enumerate() {
            let z = (t - self.mean[i]) / self.sd[i];
            sum += 0.5 * z * z + libm::log(self.sd[i]) + 0.918_938_533_204_672_7;
            gradient[i] += z / self.sd[i];
        }
        sum
    }
}
