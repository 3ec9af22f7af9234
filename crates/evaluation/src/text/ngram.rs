use std::cmp::Ordering;

/// How often each run of tokens stands in a text, in the order of the runs.
///
/// Sorted rather than hashed: counting, matching and merging are linear passes whose order is that of the text.
#[derive(Clone, Debug)]
pub(super) struct Counts<'a, T>(Vec<(&'a [T], usize)>);

impl<T> Default for Counts<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T: Ord> Counts<'a, T> {
    /// The runs of `n` tokens; none where the text is shorter or `n` is 0.
    pub(super) fn of(tokens: &'a [T], n: usize) -> Self {
        if n == 0 {
            return Self::default();
        }
        let mut runs: Vec<&[T]> = tokens.windows(n).collect();
        runs.sort_unstable();
        let mut counts: Vec<(&[T], usize)> = Vec::new();
        for run in runs {
            match counts.last_mut() {
                Some((last, count)) if *last == run => *count += 1,
                _ => counts.push((run, 1)),
            }
        }
        Self(counts)
    }

    /// All runs, repeated ones as often as they stand.
    pub(super) fn total(&self) -> usize {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// The runs that stand in both, each as often as in the text that holds it less often.
    pub(super) fn shared(&self, other: &Self) -> usize {
        let mut shared = 0;
        walk(&self.0, &other.0, |_, mine, theirs| shared += mine.min(theirs));
        shared
    }

    /// Each run as often as in the text that holds it more often.
    pub(super) fn most(&self, other: &Self) -> Self {
        let mut counts = Vec::with_capacity(self.0.len().max(other.0.len()));
        walk(&self.0, &other.0, |run, mine, theirs| counts.push((run, mine.max(theirs))));
        Self(counts)
    }
}

/// Visits every run of either list, in order, with its two counts.
fn walk<'a, T: Ord>(
    a: &[(&'a [T], usize)],
    b: &[(&'a [T], usize)],
    mut visit: impl FnMut(&'a [T], usize, usize),
) {
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let order = match (a.get(i), b.get(j)) {
            (Some((left, _)), Some((right, _))) => left.cmp(right),
            (Some(_), None) => Ordering::Less,
            _ => Ordering::Greater,
        };
        match order {
            Ordering::Less => {
                visit(a[i].0, a[i].1, 0);
                i += 1;
            }
            Ordering::Greater => {
                visit(b[j].0, 0, b[j].1);
                j += 1;
            }
            Ordering::Equal => {
                visit(a[i].0, a[i].1, b[j].1);
                (i, j) = (i + 1, j + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_matched_and_merged() {
        let (a, b) = (["a", "b", "a", "b"], ["a", "b", "c"]);
        let (one, two) = (Counts::of(&a, 2), Counts::of(&b, 2));
        assert_eq!((one.total(), two.total()), (3, 2));
        assert_eq!(one.shared(&two), 1);
        assert_eq!(one.most(&two).total(), 4);
        assert_eq!(Counts::of(&a, 5).total(), 0);
        assert_eq!(Counts::of(&a, 0).total(), 0);
        assert_eq!(one.most(&Counts::default()).total(), 3);
    }
}
