use meta_traits::Stream;

use super::coroutine::Port;
use super::{BOX, uniform};

const MEMBERS: usize = 20;
const WEIGHT: f64 = 0.5;
const CROSSOVER: f64 = 0.9;

/// Differential evolution rand/1/bin; coordinates outside of the box are drawn anew. Never ends.
pub(super) async fn minimise(port: Port, from: Option<(Vec<f64>, f64)>, dim: usize, mut rng: Stream) {
    let mut members: Vec<(Vec<f64>, f64)> =
        (0..MEMBERS).map(|_| (uniform(dim, BOX.0, BOX.1, &mut rng), f64::INFINITY)).collect();
    if let Some(incumbent) = from {
        members[0] = incumbent;
    }
    for i in 0..MEMBERS {
        if members[i].1.is_infinite() {
            members[i].1 = port.value(&members[i].0).await;
        }
        take_in(&port, &mut members);
    }
    loop {
        for i in 0..MEMBERS {
            let mut others: Vec<usize> = (0..MEMBERS).filter(|j| *j != i).collect();
            rng.shuffle(&mut others);
            let always = rng.below(dim);
            let mut trial = members[i].0.clone();
            for (k, x) in trial.iter_mut().enumerate() {
                if rng.chance(CROSSOVER) || k == always {
                    let [a, b, c] = [0, 1, 2].map(|j| members[others[j]].0[k]);
                    *x = a + WEIGHT * (b - c);
                }
                if *x < BOX.0 || *x > BOX.1 {
                    *x = BOX.0 + (BOX.1 - BOX.0) * rng.unit();
                }
            }
            let f = port.value(&trial).await;
            if f <= members[i].1 {
                members[i] = (trial, f);
            }
            take_in(&port, &mut members);
        }
    }
}

/// An incumbent handed on replaces the worst member.
fn take_in(port: &Port, members: &mut [(Vec<f64>, f64)]) {
    let rank = |f: f64| if f.is_finite() { f } else { f64::NEG_INFINITY };
    if let Some(incumbent) = port.injected()
        && members.iter().all(|(_, f)| incumbent.1 < *f)
        && let Some(worst) = members.iter_mut().max_by(|a, b| rank(a.1).total_cmp(&rank(b.1)))
    {
        *worst = incumbent;
    }
}
