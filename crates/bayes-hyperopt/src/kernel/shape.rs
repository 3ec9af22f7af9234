use serde::{Deserialize, Serialize};

use super::lanes::exp;

/// How often differentiable the functions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Smoothness {
    /// Once.
    Matern32,
    /// Twice.
    Matern52,
    /// For ever.
    Rbf,
}

/// How the factors combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Structure {
    /// One kernel of the distance in all plain numeric parameters, times the other factors.
    Radial,
    /// A mixture of all single factors, all pairs, and the product of all (Duvenaud et al. 2011, orders 1, 2 and D).
    Additive,
    /// 1 + sum of (2x - 1)(2x' - 1)/l^2 over the plain numeric parameters, times the other factors: functions without
    /// curves. The smoothness is that of the other factors alone.
    Linear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) structure: Structure,
    pub(crate) smoothness: Smoothness,
}

/// The stationary kernel m at a squared scaled distance, and g with dm/dln l_d = g D_d^2/l_d^2, dm/dx_d = -g D_d/l_d^2.
#[inline(always)]
pub(crate) fn base<const KIND: u8>(squared: f64) -> (f64, f64) {
    const ROOT_3: f64 = 1.732_050_807_568_877_2;
    const ROOT_5: f64 = 2.236_067_977_499_79;
    match KIND {
        0 => {
            let a = ROOT_3 * squared.sqrt();
            let e = exp(-a);
            ((1.0 + a) * e, 3.0 * e)
        }
        1 => {
            let a = ROOT_5 * squared.sqrt();
            let e = exp(-a);
            let line = (1.0 + a) * e;
            (line + (5.0 / 3.0) * squared * e, (5.0 / 3.0) * line)
        }
        _ => {
            let e = exp(-0.5 * squared);
            (e, e)
        }
    }
}
