//! What deciding on an update costs as ever more have gone before.

use std::collections::VecDeque;
use std::time::Duration;

use coordination::{Access, Admission, Key, Keys, Notice, Update};
use meta_traits::Stream;

/// Keys, and updates that have not ended, at any time.
const KEYS: usize = 64;
const WINDOW: usize = 64;

/// Submits and finishes `updates` updates with 64 unended at a time; how many were granted, which is all of them.
///
/// One to three of 64 keys an update, 70 % written. Whoever runs finishes in the order of grants.
///
/// # Errors
/// When the admission refuses an update, which would be a fault of it.
pub fn drive(updates: usize, seed: u64) -> anyhow::Result<usize> {
    let mut rng = Stream::root(seed).child("conflicts", 0);
    let mut names = Keys::default();
    let keys: Vec<Key> = (0..KEYS).map(|i| names.key(&format!("key {i}"))).collect();
    // The same accesses again and again: drawing them is not what is measured.
    let draw = |rng: &mut Stream| {
        let (mut reads, mut writes) = (Vec::new(), Vec::new());
        for _ in 0..=rng.below(3) {
            let list = if rng.chance(0.7) { &mut writes } else { &mut reads };
            list.push(keys[rng.below(KEYS)]);
        }
        Access::new(reads, writes)
    };
    let accesses: Vec<Access> = (0..1024).map(|_| draw(&mut rng)).collect();
    let mut admission = Admission::new(u32::MAX).with_bound(Duration::from_millis(1));
    let (mut running, mut granted, mut submitted, mut ended) = (VecDeque::new(), 0, 0, 0);
    while ended < updates {
        while submitted < updates && submitted - ended < WINDOW {
            let access = accesses[submitted % accesses.len()].clone();
            admission.submit(Update::new("", access), Duration::from_nanos(submitted as u64))?;
            submitted += 1;
        }
        while let Some(notice) = admission.poll() {
            if let Notice::Granted { ticket, .. } = notice {
                granted += 1;
                running.push_back(ticket);
            }
        }
        let Some(ticket) = running.pop_front() else { anyhow::bail!("nothing runs, and something waits") };
        admission.finish(ticket, true, Duration::from_nanos(submitted as u64))?;
        ended += 1;
    }
    Ok(granted)
}
