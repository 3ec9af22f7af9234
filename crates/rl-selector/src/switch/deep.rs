use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::ridge::solve;
use crate::qnet::{QNet, Single};
use crate::simulator::Rows;
use crate::{DoubleDqn, DqnConfig};

/// Groups the rows are dealt into, and members of the linear head: each learns from a random half of the groups.
const GROUPS: usize = 16;
const MEMBERS: usize = 8;
/// Ridge penalty of the linear head.
const RIDGE: f64 = 1.0;

/// A network learnt offline, and a linear head on its trunk that is solved for exactly (neural-linear; Riquelme, Tucker,
/// Snoek 2018). Both give what every way to go on is worth, by members of an ensemble.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Deep {
    net: QNet,
    /// For each member and output the weights of the trunk's units and a constant.
    linear: Vec<Vec<Vec<f64>>>,
}

impl Deep {
    /// Learns from labelled states; `None` without states, or when they do not fit a network: more than 100 numbers a
    /// state or 20 ways to go on.
    pub(super) fn fit(rows: &Rows, config: &DqnConfig, steps: usize, rng: &Stream) -> Option<Self> {
        let mut config = DqnConfig { quantiles: 1, heads: config.heads.max(2), ..config.clone() };
        config.rl.state_dim = rows.states.first()?.len();
        config.rl.action_dim = rows.gains.first()?.len();
        let mut agent = DoubleDqn::new(config, rng.key()).ok()?;
        agent.fit(&rows.states, &rows.gains, steps).ok()?;
        let net = agent.network().clone();
        let linear = linear(&net, rows, &mut rng.child("linear", 0));
        Some(Self { net, linear })
    }

    /// For each head of the network the worth of every way to go on.
    pub(super) fn heads(&self, features: &[f64]) -> Vec<Vec<f64>> {
        let state: Vec<f32> = features.iter().map(|x| *x as f32).collect();
        let actions = self.net.shape().actions;
        let mut single = Single::new();
        let outputs = single.forward(&self.net, &state);
        outputs.chunks(actions).map(|head| head.iter().map(|q| f64::from(*q)).collect()).collect()
    }

    /// The same for each member of the linear head.
    pub(super) fn linear(&self, features: &[f64]) -> Vec<Vec<f64>> {
        let units = units(&self.net, &mut Single::new(), features);
        let dot = |weights: &Vec<f64>| weights.iter().zip(&units).map(|(w, x)| w * x).sum::<f64>();
        self.linear.iter().map(|member| member.iter().map(dot).collect()).collect()
    }
}

/// The units of the trunk and a constant.
fn units(net: &QNet, single: &mut Single, features: &[f64]) -> Vec<f64> {
    let state: Vec<f32> = features.iter().map(|x| *x as f32).collect();
    single.features(net, &state).iter().map(|x| f64::from(*x)).chain([1.0]).collect()
}

/// Second moments of a group of rows: of the units, and of units with outputs.
struct Moments {
    units: Vec<f64>,
    outputs: Vec<f64>,
}

fn linear(net: &QNet, rows: &Rows, rng: &mut Stream) -> Vec<Vec<Vec<f64>>> {
    let mut single = Single::new();
    let mut groups: Vec<Moments> = Vec::new();
    let (mut width, wanted) = (0, rows.gains.first().map_or(0, Vec::len));
    for (state, gains) in rows.states.iter().zip(&rows.gains) {
        let x = units(net, &mut single, state);
        width = x.len();
        if groups.is_empty() {
            let empty = || Moments { units: vec![0.0; width * width], outputs: vec![0.0; wanted * width] };
            groups.resize_with(GROUPS, empty);
        }
        let group = &mut groups[rng.below(GROUPS)];
        for ((i, a), row) in x.iter().enumerate().zip(group.units.chunks_mut(width)) {
            row.iter_mut().zip(&x).take(i + 1).for_each(|(sum, b)| *sum += a * b);
        }
        for (gain, row) in gains.iter().zip(group.outputs.chunks_mut(width)) {
            row.iter_mut().zip(&x).for_each(|(sum, b)| *sum += gain * b);
        }
    }
    let mut members = Vec::with_capacity(MEMBERS);
    let mut order: Vec<usize> = (0..groups.len()).collect();
    for _ in 0..MEMBERS {
        rng.shuffle(&mut order);
        let (mut units, mut outputs) = (vec![0.0; width * width], vec![0.0; wanted * width]);
        for group in &order[..order.len() / 2] {
            units.iter_mut().zip(&groups[*group].units).for_each(|(sum, x)| *sum += x);
            outputs.iter_mut().zip(&groups[*group].outputs).for_each(|(sum, x)| *sum += x);
        }
        (0..width).for_each(|i| units[i * width + i] += RIDGE);
        members.push(solve(&mut units, outputs.chunks(width.max(1))));
    }
    members
}
