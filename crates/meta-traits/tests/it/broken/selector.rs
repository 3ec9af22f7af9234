use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use meta_traits::conformance::{SELECTOR_LAWS, SelectorCheck, check_selector, selector};
use meta_traits::{Choice, ChoiceId, Selector, Stream, TellError};

static CALLS: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    IgnoresMask,
    ChoosesMasked,
    GivesUp,
    IdsRepeat,
    RefusesSome,
    AcceptsUnknown,
    CountsRefused,
    LearnsNan,
    SharedCounter,
}

/// Greedy on the mean reward of each arm, with a tenth of random choices.
struct Greedy {
    fault: Fault,
    root: Stream,
    next: u64,
    refused: u64,
    pending: BTreeMap<u64, usize>,
    sums: [(f64, f64); 4],
}

impl Greedy {
    fn new(seed: u64, fault: Fault) -> Self {
        let root = Stream::root(seed);
        Self { fault, root, next: 0, refused: 0, pending: BTreeMap::new(), sums: [(0.0, 0.0); 4] }
    }
}

impl Selector for Greedy {
    type Context = [f64];

    fn select(&mut self, _: &[f64], allowed: &[bool]) -> Option<Choice> {
        let mut open: Vec<usize> = (0..4).filter(|&arm| allowed[arm]).collect();
        match self.fault {
            Fault::IgnoresMask if !open.is_empty() => open = (0..4).collect(),
            Fault::ChoosesMasked if open.is_empty() => open = vec![0],
            Fault::GivesUp if open.len() == 1 => return None,
            _ => {}
        }
        let id = self.next;
        let mut rng =
            self.root.child("choice", id + self.refused * u64::from(self.fault == Fault::CountsRefused));
        let mean = |arm: usize| self.sums[arm].0 / self.sums[arm].1.max(1.0);
        let greedy = *open.iter().max_by(|&&a, &&b| mean(a).total_cmp(&mean(b)))?;
        let mut arm = if rng.chance(0.1) { *rng.pick(&open)? } else { greedy };
        if self.fault == Fault::SharedCounter {
            arm = open[CALLS.fetch_add(1, Ordering::Relaxed) as usize % 3 % open.len()];
        }
        self.next += u64::from(self.fault != Fault::IdsRepeat);
        self.pending.insert(id, arm);
        let mut choice = Choice::new(ChoiceId(id), arm);
        choice.value = mean(arm);
        Some(choice)
    }

    fn reward(&mut self, of: ChoiceId, reward: f64, _: Option<&[f64]>) -> Result<(), TellError> {
        if self.fault == Fault::RefusesSome && !reward.is_finite() {
            return Err(TellError::Mismatch("not finite".into()));
        }
        let Some(arm) = self.pending.remove(&of.0) else {
            self.refused += 1;
            let accepts = self.fault == Fault::AcceptsUnknown;
            return if accepts { Ok(()) } else { Err(TellError::UnknownChoice(of.0)) };
        };
        if reward.is_finite() || self.fault == Fault::LearnsNan {
            self.sums[arm].0 += reward;
            self.sums[arm].1 += 1.0;
        }
        Ok(())
    }
}

fn kit_for(fault: Fault) -> SelectorCheck<'static, Greedy> {
    let contexts = [vec![0.0; 3], vec![1.0; 3]].map(Vec::into_boxed_slice);
    SelectorCheck::new(move |seed| Greedy::new(seed, fault), 4, contexts)
}

#[test]
fn a_sound_selector_passes() {
    check_selector(&kit_for(Fault::None));
}

#[test]
fn a_check_without_contexts_says_so() {
    let none = SelectorCheck::new(|seed| Greedy::new(seed, Fault::None), 4, []);
    assert!(selector(&none).unwrap_err().detail.contains("no context"));
}

#[test]
fn each_law_is_enforced() {
    let cases = [
        ("masked-arm-never-chosen", Fault::IgnoresMask),
        ("all-masked-gives-none", Fault::ChoosesMasked),
        ("allowed-arm-is-found", Fault::GivesUp),
        ("choice-ids-increase", Fault::IdsRepeat),
        ("awaited-reward-accepted", Fault::RefusesSome),
        ("unknown-reward-refused", Fault::AcceptsUnknown),
        ("refused-reward-changes-nothing", Fault::CountsRefused),
        ("non-finite-reward-harmless", Fault::LearnsNan),
        ("same-seed-same-choices", Fault::SharedCounter),
    ];
    super::check(SELECTOR_LAWS, &cases, |fault| selector(&kit_for(fault)));
}
