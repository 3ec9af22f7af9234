use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Something that updates read or write: a component's state, one parameter, one file.
///
/// A small number handed out by [`Keys`], so that admission compares numbers and not names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub(crate) u32);

/// The names behind [`Key`]s, numbered in the order in which they were first asked for.
///
/// ```
/// use coordination::Keys;
/// let mut keys = Keys::default();
/// let weights = keys.key("selector.weights");
/// assert_eq!(keys.key("selector.weights"), weights);
/// assert_eq!(keys.name(weights), Some("selector.weights"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Keys {
    names: Vec<String>,
    numbers: BTreeMap<String, Key>,
}

impl Keys {
    /// The key of `name`, the same one at every call. O(log names).
    pub fn key(&mut self, name: &str) -> Key {
        if let Some(key) = self.numbers.get(name) {
            return *key;
        }
        let key = Key(u32::try_from(self.names.len()).unwrap_or(u32::MAX - 1));
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), key);
        key
    }

    /// The name of `key`, if it was handed out here.
    pub fn name(&self, key: Key) -> Option<&str> {
        self.names.get(key.0 as usize).map(String::as_str)
    }
}

/// What an update reads and what it writes: sorted, each key once, a key that is written not among those read.
///
/// Two accesses conflict when one writes what the other reads or writes.
///
/// ```
/// use coordination::{Access, Keys};
/// let mut keys = Keys::default();
/// let [a, b] = ["a", "b"].map(|n| keys.key(n));
/// let reader = Access::new([a, b], []);
/// assert!(!reader.conflicts(&Access::new([b], [])));
/// assert!(reader.conflicts(&Access::new([], [b])));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Access {
    /// Inline up to four: most updates touch few things, and admission is cheaper without a heap.
    keys: SmallVec<[(Key, Mode); 4]>,
}

/// How a key is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Others may read at the same time.
    Read,
    /// Nobody else may read or write at the same time.
    Write,
}

impl Mode {
    /// Whether the two cannot be held at once.
    pub fn conflicts(self, other: Self) -> bool {
        self == Self::Write || other == Self::Write
    }
}

impl Access {
    /// An access that reads and writes these keys.
    pub fn new(reads: impl IntoIterator<Item = Key>, writes: impl IntoIterator<Item = Key>) -> Self {
        let mut keys: SmallVec<[(Key, Mode); 4]> = writes.into_iter().map(|k| (k, Mode::Write)).collect();
        keys.extend(reads.into_iter().map(|k| (k, Mode::Read)));
        // Writes first among equals, so that they are the ones kept.
        keys.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        keys.dedup_by_key(|(key, _)| *key);
        Self { keys }
    }

    /// The keys in their order, and how each is used.
    pub fn keys(&self) -> &[(Key, Mode)] {
        &self.keys
    }

    /// How `key` is used; `None` if it is not. O(log keys).
    pub fn mode(&self, key: Key) -> Option<Mode> {
        self.keys.binary_search_by_key(&key, |(k, _)| *k).ok().map(|at| self.keys[at].1)
    }

    /// Whether one writes what the other reads or writes. O(keys of both).
    pub fn conflicts(&self, other: &Self) -> bool {
        let (mut a, mut b) = (self.keys.iter().peekable(), other.keys.iter().peekable());
        while let (Some((x, m)), Some((y, n))) = (a.peek(), b.peek()) {
            match x.cmp(y) {
                std::cmp::Ordering::Less => drop(a.next()),
                std::cmp::Ordering::Greater => drop(b.next()),
                std::cmp::Ordering::Equal if m.conflicts(*n) => return true,
                std::cmp::Ordering::Equal => {
                    a.next();
                    b.next();
                }
            }
        }
        false
    }

    /// Whether whoever holds `self` may do what `other` asks for.
    pub fn covers(&self, other: &Self) -> bool {
        other.keys.iter().all(|(key, mode)| self.mode(*key).is_some_and(|held| held >= *mode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_written_is_not_read_as_well() {
        let [a, b, c] = [Key(0), Key(1), Key(2)];
        let access = Access::new([c, a, c], [a, b]);
        assert_eq!(access.keys(), [(a, Mode::Write), (b, Mode::Write), (c, Mode::Read)]);
        assert!(access.covers(&Access::new([a, c], [b])));
        assert!(!access.covers(&Access::new([], [c])), "reading is not writing");
        assert!(!access.covers(&Access::new([Key(9)], [])));
    }

    #[test]
    fn conflicts_are_symmetric_and_need_a_writer() {
        let sets: Vec<Access> = (0..64_u32)
            .map(|bits| {
                let chosen = |from: u32| (0..3).filter(move |i| bits >> (from + i) & 1 == 1).map(Key);
                Access::new(chosen(0), chosen(3))
            })
            .collect();
        for a in &sets {
            for b in &sets {
                let slow = a.keys().iter().any(|(k, m)| b.mode(*k).is_some_and(|n| m.conflicts(n)));
                assert_eq!(a.conflicts(b), slow);
                assert_eq!(a.conflicts(b), b.conflicts(a));
            }
        }
    }
}
