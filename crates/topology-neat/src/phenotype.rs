use crate::{Activation, Flow, NetworkGenome, Role};

/// A network ready to run: the phenotype of a genome.
///
/// Acyclic networks compute every neuron once, in topological order. Recurrent ones update all neurons at once from the
/// values of the step before, so a signal needs one step an edge and neurons keep state until [`Network::reset`].
/// Sums run in the order of edge ids: the same genome computes the same bits.
///
/// ```
/// use topology_neat::{Activation, Network, NetworkSpace};
/// let mut genome = NetworkSpace::feed_forward(2, 1, Activation::Identity).minimal().unwrap();
/// genome.payloads_mut().for_each(|w| *w = 2.0);
/// let mut network = Network::of(&genome);
/// assert_eq!(network.activate(&[1.0, 0.5]), [5.0], "2 * (1 + 0.5 + bias)");
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    recurrent: bool,
    /// The node of every input and output.
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    /// In the order of computing.
    units: Vec<Unit>,
    /// What is read: a node and the weight, the links of a unit side by side.
    links: Vec<(usize, f64)>,
    values: Vec<f64>,
    /// The values of the next step, if recurrent.
    next: Vec<f64>,
    result: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Unit {
    at: usize,
    activation: Activation,
    from: usize,
    to: usize,
}

impl Network {
    /// Builds the network of a genome; disabled edges are left out. O(edges log nodes).
    pub fn of(genome: &NetworkGenome) -> Self {
        let nodes = genome.nodes();
        let mut ends = Vec::with_capacity(genome.edges().len());
        let mut start = vec![0; nodes.len() + 1];
        for edge in genome.edges().iter().filter(|e| e.enabled) {
            if let (Some(source), Some(target)) = (genome.index(edge.source), genome.index(edge.target)) {
                ends.push((source, target, edge.payload));
                start[target + 1] += 1;
            }
        }
        for at in 1..start.len() {
            start[at] += start[at - 1];
        }
        let mut links = vec![(0, 0.0); ends.len()];
        let mut fill = start.clone();
        for (source, target, weight) in ends {
            links[fill[target]] = (source, weight);
            fill[target] += 1;
        }
        let terminals = |of: fn(Role) -> Option<u32>| {
            let mut found: Vec<(u32, usize)> =
                nodes.iter().enumerate().filter_map(|(at, n)| Some((of(n.role)?, at))).collect();
            found.sort_unstable();
            found.into_iter().map(|(_, at)| at).collect::<Vec<usize>>()
        };
        let inputs = terminals(|role| if let Role::Input(i) = role { Some(i) } else { None });
        let outputs = terminals(|role| if let Role::Output(i) = role { Some(i) } else { None });
        let recurrent = genome.flow() == Flow::Recurrent;
        let mut done = vec![false; nodes.len()];
        for at in &inputs {
            done[*at] = true;
        }
        let unit = |at: usize| Unit { at, activation: nodes[at].kind, from: start[at], to: start[at + 1] };
        let mut units = Vec::with_capacity(nodes.len() - inputs.len());
        // A neuron comes after all that it reads, by depth first; recurrent ones read the step before, in any order.
        let mut open: Vec<(usize, usize)> = Vec::new();
        for root in 0..nodes.len() {
            if std::mem::replace(&mut done[root], true) {
                continue;
            }
            open.push((root, start[root]));
            while let Some((at, link)) = open.last_mut() {
                if recurrent || *link == start[*at + 1] {
                    units.push(unit(*at));
                    open.pop();
                    continue;
                }
                let source = links[*link].0;
                *link += 1;
                if !std::mem::replace(&mut done[source], true) {
                    open.push((source, start[source]));
                }
            }
        }
        let (values, result) = (vec![0.0; nodes.len()], vec![0.0; outputs.len()]);
        let next = if recurrent { values.clone() } else { Vec::new() };
        Self { recurrent, inputs, outputs, units, links, values, next, result }
    }

    /// One step: takes `inputs`, gives the outputs. Inputs of the genome beyond those given (the bias) read 1; numbers
    /// beyond those of the genome are not read. O(edges).
    pub fn activate(&mut self, inputs: &[f64]) -> &[f64] {
        for (i, at) in self.inputs.iter().enumerate() {
            self.values[*at] = inputs.get(i).copied().unwrap_or(1.0);
        }
        for unit in &self.units {
            let sum: f64 = self.links[unit.from..unit.to].iter().map(|(at, w)| w * self.values[*at]).sum();
            let value = unit.activation.of(sum);
            if self.recurrent {
                self.next[unit.at] = value;
            } else {
                self.values[unit.at] = value;
            }
        }
        if self.recurrent {
            std::mem::swap(&mut self.values, &mut self.next);
        }
        for (result, at) in self.result.iter_mut().zip(&self.outputs) {
            *result = self.values[*at];
        }
        &self.result
    }

    /// Forgets all state.
    pub fn reset(&mut self) {
        self.values.fill(0.0);
        self.next.fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NetworkSpace;

    #[test]
    fn recurrent_signals_need_a_step_an_edge_and_are_forgotten_on_reset() {
        let mut space = NetworkSpace::feed_forward(1, 1, Activation::Identity);
        space.flow = Flow::Recurrent;
        space.bias = false;
        let mut genome = space.minimal().unwrap();
        let output = genome.output(0).unwrap();
        genome.connect(output, output, 1.0).unwrap();
        genome.payloads_mut().for_each(|w| *w = 1.0);
        let mut network = Network::of(&genome);
        let steps: Vec<f64> = [1.0, 1.0, 1.0].iter().map(|x| network.activate(&[*x])[0]).collect();
        assert_eq!(steps, [1.0, 2.0, 3.0]);
        network.reset();
        assert_eq!(network.activate(&[1.0]), [1.0]);
        let edge = genome.edges()[0].id;
        genome.split(edge, Activation::Identity, 1.0, 1.0).unwrap();
        let mut delayed = Network::of(&genome);
        assert!(delayed.activate(&[5.0])[0].abs() < 5.1);
    }

    #[test]
    fn acyclic_networks_compute_in_order_whatever_the_ids() {
        let space = NetworkSpace::feed_forward(1, 1, Activation::Identity);
        let mut genome = space.minimal().unwrap();
        genome.payloads_mut().for_each(|w| *w = 3.0);
        for _ in 0..20 {
            let longest = genome.edges().iter().filter(|e| e.enabled && genome.input(0) == Some(e.source));
            let edge = longest.map(|e| e.id).next().unwrap();
            genome.split(edge, Activation::Identity, 1.0, genome.edge(edge).unwrap().payload).unwrap();
        }
        assert_eq!(Network::of(&genome).activate(&[2.0]), [9.0], "3 * 2 + bias 3");
    }
}
