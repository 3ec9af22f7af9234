use super::Genome;

impl<N, W> Genome<N, W> {
    /// Whether a path leads from one node to another, both given by position. O(edges log nodes).
    pub(crate) fn reaches(&self, from: usize, to: usize) -> bool {
        if from == to {
            return true;
        }
        let next = self.successors();
        let mut seen = vec![false; self.nodes.len()];
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            for &after in next.of(at) {
                if after == to {
                    return true;
                }
                if !std::mem::replace(&mut seen[after], true) {
                    open.push(after);
                }
            }
        }
        false
    }

    /// The positions of the nodes so that every edge leads forward; `None` when there is a cycle (Kahn 1962).
    ///
    /// The order depends on the genome alone. O(edges log nodes).
    pub fn order(&self) -> Option<Vec<usize>> {
        let next = self.successors();
        let mut left = vec![0_usize; self.nodes.len()];
        for &target in &next.targets {
            left[target] += 1;
        }
        let mut order: Vec<usize> = (0..self.nodes.len()).filter(|at| left[*at] == 0).collect();
        let mut done = 0;
        while let Some(&at) = order.get(done) {
            done += 1;
            for &after in next.of(at) {
                left[after] -= 1;
                if left[after] == 0 {
                    order.push(after);
                }
            }
        }
        (order.len() == self.nodes.len()).then_some(order)
    }

    /// The targets of every node by position, disabled edges included.
    fn successors(&self) -> Successors {
        let ends = |e: &super::Edge<W>| Some((self.index(e.source)?, self.index(e.target)?));
        let ends: Vec<(usize, usize)> = self.edges.iter().filter_map(ends).collect();
        let mut start = vec![0; self.nodes.len() + 1];
        for (source, _) in &ends {
            start[source + 1] += 1;
        }
        for at in 1..start.len() {
            start[at] += start[at - 1];
        }
        let mut fill = start.clone();
        let mut targets = vec![0; ends.len()];
        for (source, target) in ends {
            targets[fill[source]] = target;
            fill[source] += 1;
        }
        Successors { start, targets }
    }
}

struct Successors {
    start: Vec<usize>,
    targets: Vec<usize>,
}

impl Successors {
    fn of(&self, node: usize) -> &[usize] {
        &self.targets[self.start[node]..self.start[node + 1]]
    }
}
