use coordination::approx::{HyperoptDirective, PromptDirective, SelectorDirective, TopologyDirective};
use coordination::budget::{OptimizationMode, Strategy};
use coordination::predict::Resource;
use coordination::{Component, CoordinationConfig, Ended, GovernError, Governor, Limits};
use meta_traits::{Budget, Cost};

const MIB: u64 = 1 << 20;

fn calls(n: u64) -> Cost {
    Cost::evaluations(n)
}

fn used(n: u64) -> Ended {
    Ended::Used { cost: calls(n), memory: 0, gain: 0.0 }
}

/// A component that obeys: what its next piece of work costs under the directives in force.
fn work(governor: &Governor, component: Component) -> u64 {
    let directives = governor.directives();
    match component {
        Component::Selector => 1 + (directives.selector.exploration(0.4) * 10.0) as u64,
        Component::Topology => u64::from(directives.topology.candidates(8)),
        Component::Hyperopt => u64::from(directives.hyperopt.trials(6)),
        Component::Prompt => u64::from(directives.prompt.edits(4)),
    }
}

/// Runs until nobody may go on: rounds that every component had, and the governor.
fn run(config: &CoordinationConfig, limits: &Limits) -> ([u32; 4], Governor) {
    let mut governor = Governor::new(config, limits);
    let mut rounds = [0; 4];
    for _ in 0..10_000 {
        let Some(component) = governor.next(&Component::ALL) else { break };
        let cost = work(&governor, component);
        let Ok(permit) = governor.begin(component, &[1.0], calls(cost)) else { break };
        rounds[component as usize] += 1;
        governor.end(permit, used(cost));
    }
    (rounds, governor)
}

#[test]
fn components_that_obey_get_more_rounds_out_of_the_same_budget() {
    let limits = Limits::new(Budget::calls(1000));
    let (managed, governor) = run(&CoordinationConfig::default(), &limits);
    let plain = CoordinationConfig { complexity_management: false, ..CoordinationConfig::default() };
    let (full, _) = run(&plain, &limits);
    let sum = |rounds: [u32; 4]| rounds.iter().sum::<u32>();
    assert!(sum(managed) > sum(full) * 3 / 2, "{managed:?} against {full:?}");
    assert!(governor.purse().share_left() < 0.06, "and it spends as much: {}", governor.purse().share_left());
    let directives = governor.directives();
    assert_eq!(directives.selector, SelectorDirective::GreedySelection);
    assert_eq!(directives.topology, TopologyDirective::SkipEvolution);
    assert_eq!(directives.hyperopt, HyperoptDirective::DefaultParams);
    assert_eq!(directives.prompt, PromptDirective::SimpleMutations);
}

#[test]
fn without_management_nobody_works_cheaper_or_is_held_to_a_share_and_the_budget_still_holds() {
    let config = CoordinationConfig { complexity_management: false, ..CoordinationConfig::default() };
    let limits = Limits { memory_limit_mb: Some(512), ..Limits::new(Budget::calls(100)) };
    let mut governor = Governor::new(&config, &limits);
    governor.observe_memory(900 * MIB);
    let permit = governor.begin(Component::Prompt, &[], calls(100)).unwrap();
    assert!(permit.directives().in_force().is_empty());
    governor.end(permit, used(100));
    assert!(governor.begin(Component::Selector, &[], calls(1)).is_err());
    assert!(governor.directives().in_force().is_empty());
    let mut governor = Governor::new(&CoordinationConfig::default(), &limits);
    assert!(governor.begin(Component::Prompt, &[], calls(100)).is_err());
    governor.observe_memory(900 * MIB);
    assert!(matches!(governor.begin(Component::Prompt, &[], calls(1)), Err(GovernError::Memory(_))));
}

/// Half of a component's work is refused once two of its tasks, as they were seen to be, fill the memory.
#[test]
fn tasks_wait_for_memory_that_they_were_seen_to_take() {
    let limits = Limits { memory_limit_mb: Some(1000), ..Limits::new(Budget::UNLIMITED) };
    let mut governor = Governor::new(&CoordinationConfig::default(), &limits);
    governor.observe_memory(100 * MIB);
    for _ in 0..50 {
        let permit = governor.begin(Component::Topology, &[1.0], calls(1)).unwrap();
        governor.end(permit, Ended::Used { cost: calls(1), memory: 300 * MIB, gain: 0.0 });
    }
    let expected = governor.forecast(Component::Topology, &[1.0]).unwrap().of(Resource::Memory);
    assert!((290.0..330.0).contains(&(expected.p99 / MIB as f64)), "{expected:?}");
    let first = governor.begin(Component::Topology, &[1.0], calls(1)).unwrap();
    let second = governor.begin(Component::Topology, &[1.0], calls(1)).unwrap();
    let short = governor.begin(Component::Topology, &[1.0], calls(1)).unwrap_err();
    assert!(short.to_string().contains("let running tasks end, or raise memory_limit_mb"), "{short}");
    assert!(governor.begin(Component::Prompt, &[1.0], calls(1)).is_ok(), "nothing is known of its memory");
    governor.end(first, used(1));
    let third = governor.begin(Component::Topology, &[1.0], calls(1)).unwrap();
    // Measured, it is more than all expect: nothing starts.
    governor.observe_memory(1001 * MIB);
    assert_eq!(governor.memory().excess(), MIB);
    governor.end(second, Ended::Never);
    assert!(governor.begin(Component::Prompt, &[1.0], calls(1)).is_err());
    governor.end(third, Ended::Unknown);
}

#[test]
fn the_parts_of_those_that_skip_go_to_the_others() {
    let mode = OptimizationMode::Exploration;
    let limits = Limits { mode, strategy: Some(Strategy::Fixed), ..Limits::new(Budget::calls(1000)) };
    let mut governor = Governor::new(&CoordinationConfig::default(), &limits);
    let mut spend = |component, n| {
        let permit = governor.begin(component, &[], calls(n)).unwrap();
        governor.end(permit, used(n));
    };
    spend(Component::Topology, 300);
    spend(Component::Selector, 250);
    spend(Component::Prompt, 70);
    assert_eq!(governor.directives().topology, TopologyDirective::SkipEvolution);
    assert_eq!(governor.next(&[Component::Topology]), None);
    // Of 40 + 20 + 10 percent less topology's: hyperparameters now have a third.
    let ceiling = governor.purse().allocation().ceiling(Component::Hyperopt);
    assert_eq!(ceiling, Some(383));
}

#[test]
fn caps_count_where_nothing_is_known() {
    let limits = Limits { strategy: Some(Strategy::Fixed), ..Limits::new(Budget::calls(100)) };
    let mut governor = Governor::new(&CoordinationConfig::default(), &limits);
    let permit = governor.begin(Component::Selector, &[], calls(20)).unwrap();
    assert_eq!((permit.component(), permit.cap()), (Component::Selector, calls(20)));
    assert_eq!(governor.end(permit, Ended::Unknown), Cost::ZERO);
    let permit = governor.begin(Component::Topology, &[], calls(20)).unwrap();
    governor.end(permit, Ended::Never);
    let permit = governor.begin(Component::Topology, &[], calls(20)).unwrap();
    assert_eq!(governor.end(permit, used(21)), calls(1));
    assert_eq!(governor.purse().spent(), calls(41));
    assert!(governor.forecast(Component::Selector, &[]).is_none(), "an unknown use teaches nothing");
}

#[test]
fn rounds_end_with_their_number_or_with_the_budget() {
    let config = CoordinationConfig { max_coordination_cycles: 10, ..CoordinationConfig::default() };
    let mut governor = Governor::new(&config, &Limits::new(Budget::calls(100)));
    let begun: Vec<u32> = std::iter::from_fn(|| governor.begin_cycle()).collect();
    assert_eq!(begun, (0..10).collect::<Vec<_>>());
    let mut governor = Governor::new(&config, &Limits::new(Budget::calls(0)));
    assert_eq!((governor.begin_cycle(), governor.next(&Component::ALL)), (None, None));
}
