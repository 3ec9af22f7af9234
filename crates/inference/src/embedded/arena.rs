use std::sync::Arc;

/// Keys and values of a run of tokens: for each layer, rows of `width` numbers, one a token.
#[derive(Clone, Debug, Default)]
struct Run {
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
    tokens: usize,
}

impl Run {
    fn new(layers: usize) -> Self {
        Self { keys: vec![Vec::new(); layers], values: vec![Vec::new(); layers], tokens: 0 }
    }
}

/// What attention has seen so far: shared runs of earlier tokens, then a tail of its own.
///
/// A fork shares every token by reference and costs a few pointers; only tokens appended later are its own. Positions
/// are counted over all runs.
#[derive(Clone, Debug)]
pub(crate) struct Arena {
    layers: usize,
    width: usize,
    shared: Vec<(Arc<Run>, usize)>,
    tail: Run,
}

/// A piece of an [`Arena`] for one layer: rows of keys and of values, `tokens` of each.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) keys: &'a [f32],
    pub(crate) values: &'a [f32],
    pub(crate) tokens: usize,
}

impl Arena {
    /// An empty arena for `layers` layers with keys of `width` numbers.
    pub(crate) fn new(layers: usize, width: usize) -> Self {
        Self { layers, width, shared: Vec::new(), tail: Run::new(layers) }
    }

    /// Tokens seen.
    pub(crate) fn len(&self) -> usize {
        self.shared.iter().map(|(_, used)| used).sum::<usize>() + self.tail.tokens
    }

    /// Bytes that all its tokens take, shared ones included.
    pub(crate) fn bytes(&self) -> usize {
        self.len() * self.layers * self.width * 2 * size_of::<f32>()
    }

    /// Makes every token shareable and returns a second arena with the same tokens.
    pub(crate) fn fork(&mut self) -> Self {
        if self.tail.tokens > 0 {
            let mut tail = std::mem::replace(&mut self.tail, Run::new(self.layers));
            for rows in tail.keys.iter_mut().chain(&mut tail.values) {
                rows.shrink_to_fit();
            }
            let tokens = tail.tokens;
            self.shared.push((Arc::new(tail), tokens));
        }
        self.clone()
    }

    /// Forgets all tokens but the first `tokens`.
    pub(crate) fn truncate(&mut self, tokens: usize) {
        let mut left = tokens;
        self.shared.retain_mut(|(_, used)| {
            *used = left.min(*used);
            left -= *used;
            *used > 0
        });
        if left < self.tail.tokens {
            self.tail.tokens = left;
            for rows in self.tail.keys.iter_mut().chain(&mut self.tail.values) {
                rows.truncate(left * self.width);
            }
        }
    }

    /// Adds the first `tokens` columns of feature-major keys and values to layer `layer`.
    ///
    /// Each layer must be given the same tokens; the count moves on with the last layer.
    pub(crate) fn append(
        &mut self,
        layer: usize,
        keys: &[f32],
        values: &[f32],
        stride: usize,
        tokens: usize,
    ) {
        for (rows, columns) in [(&mut self.tail.keys[layer], keys), (&mut self.tail.values[layer], values)] {
            let start = rows.len();
            rows.resize(start + tokens * self.width, 0.0);
            for (feature, column) in columns.chunks_exact(stride).enumerate() {
                let slots = rows[start + feature..].iter_mut().step_by(self.width);
                for (slot, value) in slots.zip(&column[..tokens]) {
                    *slot = *value;
                }
            }
        }
        if layer + 1 == self.layers {
            self.tail.tokens += tokens;
        }
    }

    /// The pieces of layer `layer` in order, tokens that are being appended included.
    pub(crate) fn pieces(&self, layer: usize) -> impl Iterator<Item = Piece<'_>> {
        let width = self.width;
        let tail = (&self.tail, self.tail.keys[layer].len() / width);
        let shared = self.shared.iter().map(|(run, used)| (run.as_ref(), *used));
        shared.chain([tail]).filter(|(_, used)| *used > 0).map(move |(run, tokens)| Piece {
            keys: &run.keys[layer][..tokens * width],
            values: &run.values[layer][..tokens * width],
            tokens,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(arena: &mut Arena, first: f32, tokens: usize) {
        for layer in 0..2 {
            // Two features, stride 4: columns are tokens.
            let rows: Vec<f32> = (0..8).map(|i| first + (i % 4) as f32 + (i / 4) as f32 * 100.0).collect();
            arena.append(layer, &rows, &rows, 4, tokens);
        }
    }

    fn keys(arena: &Arena) -> Vec<f32> {
        arena.pieces(1).flat_map(|p| p.keys.iter().copied()).collect()
    }

    #[test]
    fn forks_share_the_past_and_own_their_future() {
        let mut a = Arena::new(2, 2);
        filled(&mut a, 0.0, 3);
        let mut b = a.fork();
        filled(&mut a, 10.0, 1);
        filled(&mut b, 20.0, 2);
        assert_eq!(keys(&a), [0.0, 100.0, 1.0, 101.0, 2.0, 102.0, 10.0, 110.0]);
        assert_eq!(keys(&b), [0.0, 100.0, 1.0, 101.0, 2.0, 102.0, 20.0, 120.0, 21.0, 121.0]);
        assert_eq!((a.len(), b.len()), (4, 5));
        assert!(Arc::ptr_eq(&a.shared[0].0, &b.shared[0].0));
        assert_eq!(b.bytes(), 5 * 2 * 2 * 2 * 4);
    }

    #[test]
    fn truncation_reaches_into_shared_runs_without_changing_others() {
        let mut a = Arena::new(2, 2);
        filled(&mut a, 0.0, 3);
        let mut b = a.fork();
        filled(&mut b, 10.0, 4);
        b.truncate(4);
        assert_eq!((b.len(), keys(&b).len()), (4, 8));
        b.truncate(2);
        assert_eq!(keys(&b), [0.0, 100.0, 1.0, 101.0]);
        filled(&mut b, 50.0, 1);
        assert_eq!(keys(&b), [0.0, 100.0, 1.0, 101.0, 50.0, 150.0]);
        assert_eq!(a.len(), 3);
        b.truncate(0);
        assert!(keys(&b).is_empty());
    }
}
