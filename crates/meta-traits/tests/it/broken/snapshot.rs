use meta_traits::conformance::{SNAPSHOT_LAWS, SnapshotCheck, check_snapshot, snapshot};
use meta_traits::{RestoreError, Snapshot, Stream};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    ForgetsStream,
    CountsRestores,
    WritesFirst,
}

/// A random walk; the position must be at most the number of steps.
#[derive(Clone, Debug)]
struct Walk<const VERSION: u32> {
    fault: Fault,
    state: State,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    rng: Stream,
    steps: Option<i64>,
    position: i64,
    restores: u64,
}

impl<const VERSION: u32> Walk<VERSION> {
    fn new(seed: u64, fault: Fault) -> Self {
        let rng = Stream::root(seed);
        Self { fault, state: State { rng, steps: Some(0), position: 0, restores: 0 } }
    }

    fn step(&mut self) -> String {
        self.state.steps = self.state.steps.map(|s| s + 1);
        self.state.position += if self.state.rng.chance(0.5) { 1 } else { -1 };
        self.state.position.to_string()
    }
}

impl<const V: u32> Snapshot for Walk<V> {
    const SCHEMA: &'static str = "tests/walk";
    const VERSION: u32 = V;
    type State = State;

    fn snapshot(&self) -> State {
        let mut state = self.state.clone();
        if self.fault == Fault::ForgetsStream {
            state.rng = Stream::root(0);
        }
        state
    }

    fn restore(&mut self, mut state: State) -> Result<(), RestoreError> {
        state.restores += u64::from(self.fault == Fault::CountsRestores);
        let sound = state.steps.is_some_and(|steps| state.position.abs() <= steps);
        if sound || self.fault == Fault::WritesFirst {
            self.state = state;
        }
        if sound { Ok(()) } else { Err(RestoreError::Body("position beyond the number of steps".into())) }
    }
}

fn run<const V: u32>(fault: Fault) -> SnapshotCheck<'static, Walk<V>> {
    SnapshotCheck::new(move |seed| Walk::new(seed, fault), |walk, _| walk.step()).steps(40)
}

#[test]
fn a_sound_snapshot_passes() {
    check_snapshot(&run::<3>(Fault::None));
}

#[test]
fn each_law_is_enforced() {
    /// A version that leaves no room for a newer one cannot refuse it.
    const LAST: u32 = u32::MAX;
    let cases = [
        ("snapshot-continues", (Fault::ForgetsStream, 3)),
        ("snapshot-is-stable", (Fault::CountsRestores, 3)),
        ("foreign-snapshot-refused", (Fault::None, LAST)),
        ("refused-restore-changes-nothing", (Fault::WritesFirst, 3)),
    ];
    super::check(SNAPSHOT_LAWS, &cases, |(fault, version)| {
        if version == LAST { snapshot(&run::<LAST>(fault)) } else { snapshot(&run::<3>(fault)) }
    });
}
