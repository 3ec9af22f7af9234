use meta_traits::Stream;

use super::coroutine::Port;
use super::{BOX, uniform};

const PARTICLES: usize = 20;
const INERTIA: f64 = 0.7298;
const PULL: f64 = 1.496_18;
const FASTEST: f64 = 4.0;

/// A particle swarm with one global best; positions are clipped to the box. Never ends.
pub(super) async fn minimise(port: Port, from: Option<(Vec<f64>, f64)>, dim: usize, mut rng: Stream) {
    let mut place: Vec<Vec<f64>> = (0..PARTICLES).map(|_| uniform(dim, BOX.0, BOX.1, &mut rng)).collect();
    let mut speed: Vec<Vec<f64>> = (0..PARTICLES).map(|_| uniform(dim, -1.0, 1.0, &mut rng)).collect();
    let mut own: Vec<(Vec<f64>, f64)> = place.iter().map(|x| (x.clone(), f64::INFINITY)).collect();
    let mut best = from.unwrap_or_else(|| (place[0].clone(), f64::INFINITY));
    for round in 0_u64.. {
        for i in 0..PARTICLES {
            if let Some(incumbent) = port.injected()
                && incumbent.1 < best.1
            {
                best = incumbent;
            }
            if round > 0 {
                for k in 0..dim {
                    let own_pull = PULL * rng.unit() * (own[i].0[k] - place[i][k]);
                    let shared_pull = PULL * rng.unit() * (best.0[k] - place[i][k]);
                    speed[i][k] = (INERTIA * speed[i][k] + own_pull + shared_pull).clamp(-FASTEST, FASTEST);
                    place[i][k] = (place[i][k] + speed[i][k]).clamp(BOX.0, BOX.1);
                }
            }
            let f = port.value(&place[i]).await;
            if f < own[i].1 {
                own[i] = (place[i].clone(), f);
            }
            if f < best.1 {
                best = (place[i].clone(), f);
            }
        }
    }
}
