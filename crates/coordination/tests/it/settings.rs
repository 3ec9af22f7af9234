use std::collections::BTreeMap;
use std::time::Duration;

use coordination::budget::Strategy;
use coordination::regularise::Domains;
use coordination::resolve::{Claim, OnParameter};
use coordination::{
    Access, Admission, AllocationStrategy, Component, CoordinationConfig, Ended, Governor, Keys, Limits,
    Notice, Ticket, Update,
};
use meta_traits::{Budget, Cost, Stream};

fn usual() -> CoordinationConfig {
    CoordinationConfig::default()
}

/// Updates of keys of their own, all at once; those that start.
fn start(admission: &mut Admission, updates: impl IntoIterator<Item = Update>) -> Vec<Ticket> {
    for update in updates {
        admission.submit(update, Duration::ZERO).unwrap();
    }
    started(admission)
}

fn started(admission: &mut Admission) -> Vec<Ticket> {
    std::iter::from_fn(|| admission.poll())
        .filter_map(|notice| if let Notice::Granted { ticket, .. } = notice { Some(ticket) } else { None })
        .collect()
}

fn apart(names: &[&'static str]) -> Vec<Update> {
    let mut keys = Keys::default();
    names.iter().map(|name| Update::new(*name, Access::new([], [keys.key(name)]))).collect()
}

const FIVE: [&str; 5] = ["selector", "topology", "hyperopt", "prompt", "regulariser"];

#[test]
fn conflict_resolution_enabled() {
    let claim = |name: &str, priority| Claim {
        component: name.into(),
        priority,
        share: 0.8,
        sets: BTreeMap::from([("temperature".to_owned(), priority)]),
    };
    let claims = [claim("selector", 0.9), claim("hyperopt", 0.88)];
    let settled = usual().resolve(&claims, OnParameter::Serialise);
    assert_eq!(settled.settled.len(), 4, "both shares, the parameter, one priority: {settled:?}");
    let off = CoordinationConfig { conflict_resolution_enabled: false, ..usual() };
    let stands = off.resolve(&claims, OnParameter::Serialise);
    assert!(stands.claims == claims && stands.before.is_empty() && stands.settled.is_empty());
}

#[test]
fn async_execution() {
    let mut at_once = usual().admission(4);
    assert_eq!(start(&mut at_once, apart(&FIVE)).len(), 4);
    let off = CoordinationConfig { async_execution: false, ..usual() };
    let mut one_by_one = off.admission(4);
    assert_eq!(start(&mut one_by_one, apart(&FIVE)).len(), 1);
}

#[test]
fn max_parallel_components() {
    for parallel in 1..=5 {
        let mut admission = usual().admission(parallel);
        let running = start(&mut admission, apart(&FIVE));
        assert_eq!(running.len(), parallel as usize);
        admission.finish(running[0], true, Duration::ZERO).unwrap();
        assert_eq!(started(&mut admission).len(), usize::from(parallel < 5));
    }
}

#[test]
fn resource_allocation_strategy() {
    let shares = |strategy| {
        let config = CoordinationConfig { resource_allocation_strategy: strategy, ..usual() };
        let limits = Limits { priorities: [1.0, 1.0, 1.0, 5.0], ..Limits::new(Budget::calls(1000)) };
        let mut governor = Governor::new(&config, &limits);
        // Prompts bring nothing, topology does.
        for component in Component::ALL {
            let gain = if component == Component::Topology { 5.0 } else { 0.0 };
            let cost = Cost::evaluations(20);
            let permit = governor.begin(component, &[], cost).unwrap();
            governor.end(permit, Ended::Used { cost, memory: 0, gain });
        }
        let allocation = governor.purse().allocation();
        [Component::Topology, Component::Prompt].map(|c| (100.0 * allocation.intended(c)).round() as u32)
    };
    assert_eq!(shares(AllocationStrategy::Fixed), [25, 15]);
    let [topology, prompt] = shares(AllocationStrategy::Adaptive);
    assert!(topology == 40 && prompt == 12, "{topology} {prompt}");
    let [topology, prompt] = shares(AllocationStrategy::Priority);
    assert!(topology < 25 && prompt == 30, "{topology} {prompt}");
    for (setting, strategy) in [
        (AllocationStrategy::Fixed, Strategy::Fixed),
        (AllocationStrategy::Adaptive, Strategy::Adaptive),
        (AllocationStrategy::Priority, Strategy::Priority),
    ] {
        assert_eq!(Strategy::from(setting), strategy);
    }
}

#[test]
fn priority_scheduling() {
    let first = |config: &CoordinationConfig| {
        let key = Keys::default().key("weights");
        let update = |name, priority| {
            config.prepare(Update::new(name, Access::new([], [key])).with_priority(priority))
        };
        let mut admission = config.admission(4);
        let running = start(&mut admission, [update("a", 0), update("b", 1), update("c", 9)]);
        admission.finish(running[0], true, Duration::ZERO).unwrap();
        started(&mut admission)[0].number() - running[0].number()
    };
    assert_eq!(first(&usual()), 2, "the urgent one");
    assert_eq!(first(&CoordinationConfig { priority_scheduling: false, ..usual() }), 1, "the earlier one");
}

#[test]
fn complexity_management() {
    let in_force = |config: &CoordinationConfig| {
        let mut governor = Governor::new(config, &Limits::new(Budget::calls(100)));
        for component in Component::ALL {
            let cost = Cost::evaluations(15);
            let permit = governor.begin(component, &[], cost).unwrap();
            governor.end(permit, Ended::Used { cost, memory: 0, gain: 0.0 });
        }
        governor.directives().in_force().len()
    };
    assert_eq!(in_force(&usual()), 4);
    assert_eq!(in_force(&CoordinationConfig { complexity_management: false, ..usual() }), 0);
}

#[test]
fn regularization_enabled() {
    let weight = |config: &CoordinationConfig| {
        let domains = Domains::split(["a", "b"], 0.5, &Stream::root(1)).unwrap();
        let nothing = BTreeMap::new();
        let advice = config.regulariser(domains).observe(0.5, &nothing, &nothing, &[9, 0]).unwrap();
        (advice.complexity_weight() > 0.0, advice.may_exploit())
    };
    assert_eq!(weight(&usual()), (true, false));
    assert_eq!(weight(&CoordinationConfig { regularization_enabled: false, ..usual() }), (false, true));
}

#[test]
fn max_coordination_cycles() {
    for most in [10, 25] {
        let config = CoordinationConfig { max_coordination_cycles: most, ..usual() };
        let mut governor = Governor::new(&config, &Limits::new(Budget::calls(100)));
        assert_eq!(std::iter::from_fn(|| governor.begin_cycle()).count(), most as usize);
    }
}

#[test]
fn timeout_seconds() {
    for seconds in [1.0, 30.0] {
        let config = CoordinationConfig { timeout_seconds: seconds, ..usual() };
        let timeout = Duration::from_secs_f64(seconds);
        let mut update = apart(&["topology"]).remove(0);
        update = config.prepare(update);
        assert_eq!(update.timeout, Some(timeout));
        let mut admission = config.admission(1);
        start(&mut admission, [update.clone()]);
        assert_eq!(admission.next_deadline(), Some(timeout), "then it is asked to stop");
        let shorter = update.with_timeout(Duration::from_millis(5));
        assert_eq!(config.prepare(shorter).timeout, Some(Duration::from_millis(5)));
        assert_eq!(config.patience().timeout(), timeout);
        let mut quick = config.patience();
        (0..99).for_each(|_| quick.took(Duration::from_millis(1)));
        assert!(quick.timeout() < timeout, "learnt from what is quick");
    }
    let nonsense = CoordinationConfig { timeout_seconds: f64::NAN, ..usual() };
    assert_eq!(nonsense.timeout(), Duration::ZERO);
}

#[test]
fn retry_attempts() {
    for attempts in [1, 3, 10] {
        let config = CoordinationConfig { retry_attempts: attempts, ..usual() };
        let stream = Stream::root(1);
        let waits = (1..).map_while(|failures| config.retry().delay(failures, &stream)).count();
        assert_eq!(waits + 1, attempts as usize);
    }
}

#[test]
fn deadlock_detection() {
    let waits = BTreeMap::from([(1, vec![2]), (2, vec![3]), (3, vec![1])]);
    assert_eq!(usual().deadlock(&waits), Some(vec![1, 2, 3, 1]));
    assert_eq!(CoordinationConfig { deadlock_detection: false, ..usual() }.deadlock(&waits), None);
}
