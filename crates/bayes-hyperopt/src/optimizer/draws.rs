//! Further parameters of a model, drawn from their posterior.
//!
//! With few points many parameters explain them as well, and the best ones alone make a model too sure of itself. The laws
//! before any data are normal, so that elliptical slice sampling (Murray, Adams & MacKay 2010) needs no tuning.

use std::f64::consts::TAU;

use meta_traits::Stream;

use crate::baseline::draw;
use crate::gp::{Gp, Problem, Workspace};

/// Steps of the chain from one draw to the next.
const THIN: usize = 3;
/// Cuts of the bracket before a step is given up.
const CUTS: usize = 20;

/// `count` processes of `problem` with parameters from a chain that begins at `start`.
pub(super) fn draws(problem: &Problem<'_>, start: &[f64], count: usize, rng: &mut Stream) -> Vec<Gp> {
    let prior = problem.prior;
    let mut w = Workspace::new(problem.z.len());
    let mut unused = vec![0.0; prior.mean.len()];
    let mut likelihood = |theta: &[f64]| {
        let inside = theta.iter().zip(&prior.low).zip(&prior.high).all(|((t, l), h)| l <= t && t <= h);
        if !inside {
            return f64::NEG_INFINITY;
        }
        let value = problem.negative_log_posterior(theta, &mut unused, &mut w);
        prior.penalty(theta, &mut unused) - value
    };
    let mut theta = start.to_vec();
    let mut here = likelihood(&theta);
    let mut drawn = Vec::with_capacity(count);
    for _ in 0..count {
        for _ in 0..THIN {
            let floor = here + (1.0 - rng.unit()).ln();
            let other: Vec<f64> = prior.sd.iter().map(|sd| sd * draw(rng)).collect();
            let mut angle = TAU * rng.unit();
            let (mut low, mut high) = (angle - TAU, angle);
            for _ in 0..CUTS {
                let (sin, cos) = angle.sin_cos();
                let turned = |((t, m), o): ((&f64, &f64), &f64)| m + (t - m) * cos + o * sin;
                let proposed: Vec<f64> = theta.iter().zip(&prior.mean).zip(&other).map(turned).collect();
                let there = likelihood(&proposed);
                if there > floor {
                    (theta, here) = (proposed, there);
                    break;
                }
                *(if angle < 0.0 { &mut low } else { &mut high }) = angle;
                angle = low + (high - low) * rng.unit();
            }
        }
        drawn.extend(Gp::new(problem, &theta, &mut Workspace::new(problem.z.len())));
    }
    drawn
}
