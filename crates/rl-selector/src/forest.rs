use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use crate::History;

/// A regression forest with several outputs: extremely randomised trees (Geurts, Ernst, Wehenkel 2006).
///
/// Each node tries a share of the features with one random threshold each and keeps the split that lowers the sum of
/// squares of all outputs most. Every tree sees all rows. The spread over trees says how unsure the mean is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Forest {
    outputs: usize,
    trees: Vec<Tree>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tree {
    nodes: Vec<Node>,
    leaves: Vec<f32>,
}

/// A split; a child above `LEAF` is a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    feature: u16,
    threshold: f32,
    low: u32,
    high: u32,
}

const LEAF: u32 = 1 << 31;

/// How a forest is grown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForestConfig {
    /// Trees.
    pub trees: usize,
    /// Rows a leaf holds at least.
    pub leaf: usize,
    /// Share of the features tried at a node.
    pub tried: f64,
}

impl Default for ForestConfig {
    fn default() -> Self {
        Self { trees: 24, leaf: 10, tried: 0.4 }
    }
}

impl Forest {
    /// Grows a forest on rows of features and of outputs; `None` without rows or outputs.
    pub(crate) fn fit(
        states: &[Vec<f64>],
        outputs: &[Vec<f64>],
        config: &ForestConfig,
        rng: &Stream,
    ) -> Option<Self> {
        let width = states.first()?.len();
        let wanted = outputs.first()?.len();
        let columns: Vec<Vec<f32>> =
            (0..width).map(|j| states.iter().map(|row| row[j] as f32).collect()).collect();
        let targets: Vec<f32> = outputs.iter().flatten().map(|v| *v as f32).collect();
        let data = Data { columns: &columns, targets: &targets, outputs: wanted, config };
        let grow = |tree: usize| {
            let mut rows: Vec<u32> = (0..states.len() as u32).collect();
            let mut grown = Tree::default();
            let mut rng = rng.child("tree", tree as u64);
            data.grow(&mut rows, &mut grown, &mut rng);
            grown
        };
        Some(Self { outputs: wanted, trees: (0..config.trees.max(1)).map(grow).collect() })
    }

    /// For each output the mean over trees and the standard deviation over trees.
    pub(crate) fn predict(&self, state: &[f64]) -> Vec<(f64, f64)> {
        let mut sums = vec![(0.0, 0.0); self.outputs];
        for tree in &self.trees {
            for (sum, value) in sums.iter_mut().zip(tree.leaf(state, self.outputs)) {
                let value = f64::from(*value);
                sum.0 += value;
                sum.1 += value * value;
            }
        }
        let n = self.trees.len().max(1) as f64;
        let moments = |(sum, square): (f64, f64)| (sum / n, (square / n - (sum / n).powi(2)).max(0.0).sqrt());
        sums.into_iter().map(moments).collect()
    }

    /// For each tree its outputs.
    pub(crate) fn members(&self, state: &[f64]) -> Vec<Vec<f64>> {
        let of = |tree: &Tree| tree.leaf(state, self.outputs).iter().map(|v| f64::from(*v)).collect();
        self.trees.iter().map(of).collect()
    }

    /// The output, among the first so many, that is best with caution: the one whose mean advantage over staying with the
    /// arm that ran last, less `caution` deviations of that advantage over the trees, is highest. The first of equals.
    pub(crate) fn best(&self, state: &[f64], among: usize, caution: f64) -> usize {
        let leaves: Vec<&[f32]> = self.trees.iter().map(|tree| tree.leaf(state, self.outputs)).collect();
        let n = leaves.len().max(1) as f64;
        let against = |output: usize, base: Option<usize>| {
            let (mut sum, mut square) = (0.0, 0.0);
            for leaf in &leaves {
                let value = f64::from(leaf[output] - base.map_or(0.0, |base| leaf[base]));
                (sum, square) = (sum + value, square + value * value);
            }
            let mean = sum / n;
            let deviation = (square / n - mean * mean).max(0.0).sqrt();
            mean - if base.is_some() { caution * deviation } else { 0.0 }
        };
        let among = among.min(self.outputs);
        let last = History::last_arm(state).filter(|arm| *arm < among);
        let scores: Vec<f64> = (0..among).map(|output| against(output, last)).collect();
        let first = last.unwrap_or(0);
        (0..among).fold(first, |best, i| if scores[i] > scores[best] { i } else { best })
    }
}

impl Tree {
    fn leaf(&self, state: &[f64], outputs: usize) -> &[f32] {
        let mut at = if self.nodes.is_empty() { LEAF } else { 0 };
        while at < LEAF {
            let node = &self.nodes[at as usize];
            let value = state.get(usize::from(node.feature)).copied().unwrap_or(0.0);
            let low = value as f32 <= node.threshold;
            at = if low { node.low } else { node.high };
        }
        let start = (at - LEAF) as usize * outputs;
        &self.leaves[start..start + outputs]
    }
}

struct Data<'a> {
    columns: &'a [Vec<f32>],
    targets: &'a [f32],
    outputs: usize,
    config: &'a ForestConfig,
}

impl Data<'_> {
    /// Grows the subtree of `rows` and returns its index.
    fn grow(&self, rows: &mut [u32], tree: &mut Tree, rng: &mut Stream) -> u32 {
        let split = if rows.len() >= 2 * self.config.leaf { self.split(rows, rng) } else { None };
        let Some((feature, threshold)) = split else {
            let index = tree.leaves.len() / self.outputs;
            tree.leaves.extend(self.mean(rows));
            return LEAF + index as u32;
        };
        let index = tree.nodes.len();
        tree.nodes.push(Node { feature: feature as u16, threshold, low: LEAF, high: LEAF });
        let column = &self.columns[feature];
        let mut low = 0;
        for i in 0..rows.len() {
            if column[rows[i] as usize] <= threshold {
                rows.swap(i, low);
                low += 1;
            }
        }
        let (left, right) = rows.split_at_mut(low);
        let left = self.grow(left, tree, rng);
        let right = self.grow(right, tree, rng);
        (tree.nodes[index].low, tree.nodes[index].high) = (left, right);
        index as u32
    }

    fn target(&self, row: u32) -> &[f32] {
        &self.targets[row as usize * self.outputs..(row as usize + 1) * self.outputs]
    }

    fn mean(&self, rows: &[u32]) -> Vec<f32> {
        let mut sums = vec![0.0_f32; self.outputs];
        for row in rows {
            sums.iter_mut().zip(self.target(*row)).for_each(|(s, t)| *s += t);
        }
        sums.iter().map(|s| s / rows.len().max(1) as f32).collect()
    }

    /// The best of the random splits that leave enough rows on both sides.
    fn split(&self, rows: &[u32], rng: &mut Stream) -> Option<(usize, f32)> {
        let tries = ((self.columns.len() as f64 * self.config.tried).ceil() as usize).max(1);
        let mut features: Vec<usize> = (0..self.columns.len()).collect();
        let mut total = vec![0.0_f32; self.outputs];
        for row in rows {
            total.iter_mut().zip(self.target(*row)).for_each(|(s, t)| *s += t);
        }
        let mut low = vec![0.0_f32; self.outputs];
        let (mut best, mut tried): (Option<(f32, usize, f32)>, usize) = (None, 0);
        for picked in 0..features.len() {
            if tried == tries {
                break;
            }
            features.swap(picked, picked + rng.below(self.columns.len() - picked));
            let feature = features[picked];
            let column = &self.columns[feature];
            let (mut least, mut most) = (f32::INFINITY, f32::NEG_INFINITY);
            for row in rows {
                let value = column[*row as usize];
                least = least.min(value);
                most = most.max(value);
            }
            if least >= most {
                continue;
            }
            tried += 1;
            let threshold = least + rng.unit() as f32 * (most - least);
            low.fill(0.0);
            let mut count = 0_usize;
            for row in rows {
                if column[*row as usize] <= threshold {
                    count += 1;
                    low.iter_mut().zip(self.target(*row)).for_each(|(s, t)| *s += t);
                }
            }
            let rest = rows.len() - count;
            if count < self.config.leaf || rest < self.config.leaf {
                continue;
            }
            let gain: f32 = low
                .iter()
                .zip(&total)
                .map(|(low, all)| low * low / count as f32 + (all - low).powi(2) / rest as f32)
                .sum();
            if best.is_none_or(|(most, ..)| gain > most) {
                best = Some((gain, feature, threshold));
            }
        }
        best.map(|(_, feature, threshold)| (feature, threshold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forest_learns_a_step_and_a_slope() {
        let mut rng = Stream::root(5);
        let states: Vec<Vec<f64>> = (0..600).map(|_| (0..3).map(|_| rng.unit()).collect()).collect();
        let step = |s: &[f64]| f64::from(u8::from(s[0] > 0.5));
        let outputs: Vec<Vec<f64>> = states.iter().map(|s| vec![step(s), s[2]]).collect();
        let forest = Forest::fit(&states, &outputs, &ForestConfig::default(), &rng).unwrap();
        for state in [[0.2, 0.5, 0.1], [0.8, 0.1, 0.9], [0.3, 0.9, 0.7]] {
            let predicted = forest.predict(&state);
            assert!((predicted[0].0 - step(&state)).abs() < 0.2, "{predicted:?}");
            assert!((predicted[1].0 - state[2]).abs() < 0.15, "{predicted:?}");
            assert_eq!(forest.best(&state, 2, 1.0), usize::from(predicted[1].0 > predicted[0].0));
        }
        assert!(Forest::fit(&[], &[], &ForestConfig::default(), &rng).is_none());
    }

    #[test]
    fn equal_rows_make_one_leaf() {
        let forest = Forest::fit(
            &vec![vec![1.0]; 50],
            &vec![vec![2.0, 3.0]; 50],
            &ForestConfig::default(),
            &Stream::root(1),
        )
        .unwrap();
        assert_eq!(forest.predict(&[9.0]), [(2.0, 0.0), (3.0, 0.0)]);
    }
}
