use std::sync::{Mutex, MutexGuard, PoisonError};

use super::arena::Arena;

/// Evaluated starts of prompts, most recently used first, within a limit of bytes.
///
/// Results for a token do not depend on what else is evaluated with it, so any cached start may serve any prompt that
/// begins with the same tokens, and a hit changes no bit of an answer.
pub(crate) struct Prefixes {
    limit: usize,
    entries: Mutex<Vec<Entry>>,
}

struct Entry {
    tokens: Vec<u32>,
    arena: Arena,
}

impl Prefixes {
    /// A store of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, entries: Mutex::new(Vec::new()) }
    }

    /// The longest stored start of `tokens`, as an arena with that many tokens.
    pub(crate) fn longest(&self, tokens: &[u32]) -> Option<Arena> {
        let mut entries = self.lock();
        let common = |entry: &Entry| entry.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        let (best, length) = entries
            .iter()
            .map(common)
            .enumerate()
            .fold((0, 0), |best, this| if this.1 > best.1 { this } else { best });
        if length == 0 {
            return None;
        }
        let mut entry = entries.remove(best);
        let mut arena = entry.arena.fork();
        entries.insert(0, entry);
        arena.truncate(length);
        Some(arena)
    }

    /// Stores `arena`, which holds exactly `tokens`; drops what was used longest ago beyond the limit.
    pub(crate) fn store(&self, tokens: &[u32], arena: Arena) {
        let mut entries = self.lock();
        entries.retain(|entry| entry.tokens != tokens);
        entries.insert(0, Entry { tokens: tokens.to_vec(), arena });
        let mut bytes = 0;
        entries.retain(|entry| {
            bytes += entry.arena.bytes();
            bytes <= self.limit
        });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arena(tokens: usize) -> Arena {
        let mut arena = Arena::new(1, 1, 1);
        let rows = vec![1.0; tokens];
        arena.append(0, &rows, &rows, 1);
        arena
    }

    #[test]
    fn serves_the_longest_common_start() {
        let store = Prefixes::new(1 << 20);
        assert!(store.longest(&[1, 2]).is_none());
        store.store(&[1, 2, 3], arena(3));
        store.store(&[1, 9], arena(2));
        assert_eq!(store.longest(&[1, 2, 3, 4]).unwrap().len(), 3);
        assert_eq!(store.longest(&[1, 2, 7]).unwrap().len(), 2);
        assert_eq!(store.longest(&[1, 9, 9]).unwrap().len(), 2);
        assert!(store.longest(&[5]).is_none());
    }

    #[test]
    fn drops_what_was_used_longest_ago() {
        let store = Prefixes::new(arena(3).bytes() * 2);
        store.store(&[1, 1, 1], arena(3));
        store.store(&[2, 2, 2], arena(3));
        assert!(store.longest(&[1]).is_some());
        store.store(&[3, 3, 3], arena(3));
        assert!(store.longest(&[2]).is_none());
        assert!(store.longest(&[1]).is_some() && store.longest(&[3]).is_some());
    }
}
