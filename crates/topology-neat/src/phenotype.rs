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
    inputs: usize,
    values: Vec<f64>,
    next: Vec<f64>,
    units: Vec<Unit>,
    links: Vec<(usize, f64)>,
    outputs: Vec<usize>,
    result: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Unit {
    at: usize,
    activation: Activation,
    end: usize,
}

impl Network {
    /// Builds the network of a genome; disabled edges are left out. O(edges log nodes).
    pub fn of(genome: &NetworkGenome) -> Self {
        let nodes = genome.nodes();
        let inputs = nodes.iter().filter(|n| matches!(n.role, Role::Input(_))).count();
        // Inputs come first, at their positions.
        let mut place = vec![0; nodes.len()];
        let mut outputs = vec![0; nodes.iter().filter(|n| matches!(n.role, Role::Output(_))).count()];
        let mut free = inputs;
        for (at, node) in nodes.iter().enumerate() {
            place[at] = match node.role {
                Role::Input(i) => i as usize,
                role => {
                    if let Role::Output(i) = role {
                        outputs[i as usize] = free;
                    }
                    free += 1;
                    free - 1
                }
            };
        }
        let mut into: Vec<(usize, usize, f64)> = Vec::with_capacity(genome.edges().len());
        for edge in genome.edges().iter().filter(|e| e.enabled) {
            if let (Some(source), Some(target)) = (genome.index(edge.source), genome.index(edge.target)) {
                into.push((target, place[source], edge.payload));
            }
        }
        into.sort_by_key(|(target, ..)| *target);
        let recurrent = genome.flow() == Flow::Recurrent;
        let order = if recurrent { None } else { genome.order() };
        let order = order.unwrap_or_else(|| (0..nodes.len()).collect());
        let mut units = Vec::with_capacity(nodes.len() - inputs);
        let mut links = Vec::with_capacity(into.len());
        for at in order {
            if matches!(nodes[at].role, Role::Input(_)) {
                continue;
            }
            let from = into.partition_point(|(target, ..)| *target < at);
            links.extend(into[from..].iter().take_while(|l| l.0 == at).map(|(_, source, w)| (*source, *w)));
            units.push(Unit { at: place[at], activation: nodes[at].kind, end: links.len() });
        }
        let result = vec![0.0; outputs.len()];
        let values = vec![0.0; nodes.len()];
        Self { recurrent, inputs, next: values.clone(), values, units, links, outputs, result }
    }

    /// One step: takes `inputs`, gives the outputs. Inputs of the genome beyond those given (the bias) read 1; numbers
    /// beyond those of the genome are not read. O(edges).
    pub fn activate(&mut self, inputs: &[f64]) -> &[f64] {
        for at in 0..self.inputs {
            self.values[at] = inputs.get(at).copied().unwrap_or(1.0);
        }
        let mut start = 0;
        for unit in &self.units {
            let sum: f64 = self.links[start..unit.end].iter().map(|(at, w)| w * self.values[*at]).sum();
            start = unit.end;
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
