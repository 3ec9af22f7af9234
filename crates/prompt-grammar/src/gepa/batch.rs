use meta_traits::Stream;

/// Minibatches of training positions: every epoch is one shuffle of all of them, cut into equal pieces.
///
/// Where the number of positions is no multiple of the size, the last piece is filled up with the positions used
/// least so far, the last shuffled first; so a piece can hold a position twice.
#[derive(Clone, Debug)]
pub(super) struct Batches {
    size: usize,
    epoch: Option<u64>,
    order: Vec<usize>,
}

impl Batches {
    pub(super) fn new(size: usize) -> Self {
        Self { size, epoch: None, order: Vec::new() }
    }

    /// The minibatch of `iteration` among `n` positions, with the orders of the first epochs given. The same arguments
    /// always give the same one.
    pub(super) fn at(&mut self, iteration: u64, n: usize, given: &[Vec<usize>], stream: &Stream) -> &[usize] {
        let pieces = n.div_ceil(self.size).max(1) as u64;
        let epoch = iteration / pieces;
        if self.epoch != Some(epoch) {
            self.epoch = Some(epoch);
            let order = usize::try_from(epoch).ok().and_then(|e| given.get(e)).cloned();
            let order = order.unwrap_or_else(|| shuffled(n, &mut stream.child("epoch", epoch)));
            self.order = filled(order, self.size);
        }
        let start = (iteration % pieces) as usize * self.size;
        &self.order[start..start + self.size]
    }
}

fn shuffled(n: usize, rng: &mut Stream) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    rng.shuffle(&mut order);
    order
}

/// An order, filled up to a multiple of `size`.
fn filled(mut order: Vec<usize>, size: usize) -> Vec<usize> {
    let n = order.len();
    let short = n.next_multiple_of(size) - n;
    // All positions are used once; the fillers are therefore the last ones, from the end, round and round.
    let fillers: Vec<usize> = order.iter().rev().copied().cycle().take(short).collect();
    order.extend(fillers);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_holds_every_position_and_fills_from_the_end() {
        let stream = Stream::root(1);
        let mut batches = Batches::new(3);
        let epoch: Vec<Vec<usize>> = (0..4).map(|i| batches.at(i, 10, &[], &stream).to_vec()).collect();
        let flat = epoch.concat();
        let mut seen = flat[..10].to_vec();
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
        // 10 = 3 * 3 + 1: the last piece is the tenth position, itself again, and the ninth.
        assert_eq!(epoch[3], [flat[9], flat[9], flat[8]]);
        assert_ne!(batches.at(4, 10, &[], &stream).to_vec(), epoch[0], "a new epoch is a new shuffle");
    }

    #[test]
    fn a_minibatch_depends_on_its_iteration_alone() {
        let stream = Stream::root(2);
        let mut straight = Batches::new(2);
        let all: Vec<Vec<usize>> = (0..20).map(|i| straight.at(i, 5, &[], &stream).to_vec()).collect();
        for i in [19, 3, 7, 0] {
            assert_eq!(Batches::new(2).at(i, 5, &[], &stream), all[i as usize]);
        }
    }
}
