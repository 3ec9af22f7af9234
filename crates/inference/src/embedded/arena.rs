use std::sync::Arc;

use super::weights::{GROUP, Line};

/// Keys and values of a run of tokens.
#[derive(Clone, Debug, Default)]
struct Run {
    /// For each layer, blocks of [`GROUP`] tokens: one line a feature, one lane a token.
    keys: Vec<Vec<Line>>,
    /// For each layer, the values of token after token, each head's filled up to whole groups.
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
    heads: usize,
    head: usize,
    shared: Vec<(Arc<Run>, usize)>,
    tail: Run,
}

/// A piece of an [`Arena`] for one layer: `tokens` tokens, and what the last block has beyond them is not to be used.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'a> {
    /// Blocks of [`GROUP`] tokens, each one line a feature of all heads.
    pub(crate) keys: &'a [Line],
    /// [`Arena::value_width`] numbers a token.
    pub(crate) values: &'a [f32],
    pub(crate) tokens: usize,
}

impl Arena {
    /// An empty arena for `layers` layers with `heads` key heads of `head` features.
    pub(crate) fn new(layers: usize, heads: usize, head: usize) -> Self {
        Self { layers, heads, head, shared: Vec::new(), tail: Run::new(layers) }
    }

    /// Numbers that a token's values take in a layer.
    pub(crate) fn value_width(&self) -> usize {
        self.heads * self.head.next_multiple_of(GROUP)
    }

    /// Tokens seen.
    pub(crate) fn len(&self) -> usize {
        self.shared.iter().map(|(_, used)| used).sum::<usize>() + self.tail.tokens
    }

    /// Bytes that all its tokens take, shared ones included.
    pub(crate) fn bytes(&self) -> usize {
        let numbers = self.heads * self.head + self.value_width();
        self.len() * self.layers * numbers * size_of::<f32>()
    }

    /// Makes every token shareable and returns a second arena with the same tokens.
    pub(crate) fn fork(&mut self) -> Self {
        if self.tail.tokens > 0 {
            let mut tail = std::mem::replace(&mut self.tail, Run::new(self.layers));
            tail.keys.iter_mut().for_each(Vec::shrink_to_fit);
            tail.values.iter_mut().for_each(Vec::shrink_to_fit);
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
        }
        // A layer may hold tokens of a pass that are not counted yet.
        let (left, width) = (self.tail.tokens, self.value_width());
        for blocks in &mut self.tail.keys {
            blocks.truncate(left.div_ceil(GROUP) * self.heads * self.head);
        }
        for values in &mut self.tail.values {
            values.truncate(left * width);
        }
    }

    /// Adds keys and values of the next tokens to layer `layer`: rows of `key_heads * head` numbers, `stride` apart.
    ///
    /// Each layer must be given the same tokens; the count moves on with the last layer.
    pub(crate) fn append(&mut self, layer: usize, keys: &[f32], values: &[f32], stride: usize) {
        let (features, width, padded) =
            (self.heads * self.head, self.value_width(), self.head.next_multiple_of(GROUP));
        let held = &mut self.tail.values[layer];
        let before = held.len() / width;
        for row in values.chunks_exact(stride) {
            for head in row[..features].chunks_exact(self.head) {
                held.extend_from_slice(head);
                held.resize(held.len() + padded - self.head, 0.0);
            }
        }
        let blocks = &mut self.tail.keys[layer];
        for (t, row) in (before..).zip(keys.chunks_exact(stride)) {
            blocks.resize((t / GROUP + 1) * features, [0.0; GROUP]);
            for (line, key) in blocks[t / GROUP * features..].iter_mut().zip(row) {
                line[t % GROUP] = *key;
            }
        }
        if layer + 1 == self.layers {
            self.tail.tokens = held.len() / width;
        }
    }

    /// The pieces of layer `layer` in order, tokens that are being appended included.
    pub(crate) fn pieces(&self, layer: usize) -> impl Iterator<Item = Piece<'_>> {
        let (features, width) = (self.heads * self.head, self.value_width());
        let tail = (&self.tail, self.tail.values[layer].len() / width);
        let shared = self.shared.iter().map(|(run, used)| (run.as_ref(), *used));
        shared.chain([tail]).filter(|(_, used)| *used > 0).map(move |(run, tokens)| Piece {
            keys: &run.keys[layer][..tokens.div_ceil(GROUP) * features],
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
            // Two features in rows of three.
            let rows: Vec<f32> =
                (0..tokens).flat_map(|t| [first + t as f32, first + t as f32 + 100.0, 9e9]).collect();
            arena.append(layer, &rows, &rows, 3);
        }
    }

    fn keys(arena: &Arena) -> Vec<f32> {
        let of = |p: Piece<'_>| {
            (0..p.tokens)
                .flat_map(|t| [0, 1].map(|f| p.keys[t / GROUP * 2 + f][t % GROUP]))
                .collect::<Vec<_>>()
        };
        let keys: Vec<f32> = arena.pieces(1).flat_map(of).collect();
        let of = |p: Piece<'_>| p.values.chunks(GROUP).flat_map(|v| v[..2].to_vec()).collect::<Vec<_>>();
        assert_eq!(keys, arena.pieces(1).flat_map(of).collect::<Vec<_>>());
        keys
    }

    #[test]
    fn forks_share_the_past_and_own_their_future() {
        let mut a = Arena::new(2, 1, 2);
        filled(&mut a, 0.0, 3);
        let mut b = a.fork();
        filled(&mut a, 10.0, 1);
        filled(&mut b, 20.0, 2);
        assert_eq!(keys(&a), [0.0, 100.0, 1.0, 101.0, 2.0, 102.0, 10.0, 110.0]);
        assert_eq!(keys(&b), [0.0, 100.0, 1.0, 101.0, 2.0, 102.0, 20.0, 120.0, 21.0, 121.0]);
        assert_eq!((a.len(), b.len()), (4, 5));
        assert!(Arc::ptr_eq(&a.shared[0].0, &b.shared[0].0));
        assert_eq!(b.bytes(), 5 * 2 * (2 + 16) * 4);
    }

    #[test]
    fn truncation_reaches_into_shared_runs_without_changing_others() {
        let mut a = Arena::new(2, 1, 2);
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

    #[test]
    fn a_shortened_block_is_filled_again() {
        let mut a = Arena::new(2, 1, 2);
        filled(&mut a, 0.0, 2 * GROUP + 3);
        a.truncate(GROUP + 1);
        filled(&mut a, 500.0, GROUP);
        let mut expected: Vec<f32> = (0..=GROUP).flat_map(|t| [t as f32, t as f32 + 100.0]).collect();
        expected.extend((0..GROUP).flat_map(|t| [500.0 + t as f32, 600.0 + t as f32]));
        assert_eq!(keys(&a), expected);
    }
}
