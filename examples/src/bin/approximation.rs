//! Four pillars under one budget: the less of it is left, the cheaper each of them works.
//!
//! ```text
//! cargo run -p metaorch-examples --bin approximation
//! ```

use std::error::Error;

use bayes_hyperopt::{BayesOptimizer, Domain, HyperOptConfig, Parameter, SearchSpace};
use coordination::approx::Directives;
use coordination::{Component, CoordinationConfig, Ended, Governor, Limits};
use meta_traits::{
    Ask, Budget, Cost, Draw, ExampleId, Instances, Observation, Optimizer, Outcome, Reply, Scored, Selector,
    Split, Stream, Trial,
};
use prompt_grammar::evolve::{Evolution, EvolutionOptions};
use prompt_grammar::space::{PromptSpace, Slot, SlotOption};
use rl_selector::{DoubleDqn, DqnConfig, RLConfig};
use topology_neat::{Library, SearchOptions, WorkflowSearch, WorkflowSpace};

/// What the pillars do in full; directives make it less.
const EXPLORATION: f64 = 0.2;
const POOL: u32 = 20;
const CHANGES: u32 = 3;
const TRIALS: u32 = 6;
const REFLECTIONS: f64 = 0.5;
const SECOND_EDIT: f64 = 0.3;

/// One of each pillar, on small tasks of their own.
struct Team {
    agent: DoubleDqn,
    workflows: WorkflowSearch,
    numbers: BayesOptimizer,
    prompts: Evolution,
    /// Reflections that were asked for.
    queries: u32,
}

impl Team {
    fn new() -> Result<Self, Box<dyn Error>> {
        let rl = RLConfig {
            state_dim: 1,
            action_dim: 2,
            hidden_dims: vec![32],
            exploration_noise: EXPLORATION,
            ..RLConfig::default()
        };
        let space = WorkflowSpace::new(Library::default(), 6, 4)?;
        let options = SearchOptions { pool: POOL as usize, ..SearchOptions::default() };
        let workflows = WorkflowSearch::new(space, options, Stream::root(1))?;
        let space = SearchSpace::new(vec![Parameter::new("x", Domain::Float { low: -1.0, high: 1.0 })])?;
        let numbers = BayesOptimizer::new(space, HyperOptConfig::default(), 1)?;
        let slot =
            |i| Slot::new(format!("slot {i}"), (0..9).map(|o| SlotOption::new(format!("{o}"), 1)).collect());
        let space = PromptSpace::new((0..6).map(slot).collect(), vec![], None)?;
        let examples = (0..4).map(|i| ExampleId::new(Split::Train, i)).collect();
        let options = EvolutionOptions { reflections: REFLECTIONS, ..EvolutionOptions::mu_lambda() };
        let prompts = Evolution::new(space, examples, options, Stream::root(1))?;
        Ok(Self {
            agent: DoubleDqn::new(DqnConfig { rl, ..DqnConfig::default() }, 1)?,
            workflows,
            numbers,
            prompts,
            queries: 0,
        })
    }

    /// Does one piece of a component's work as the directives say, and tells how many evaluations it took.
    fn work(&mut self, component: Component, directives: Directives) -> Result<u64, Box<dyn Error>> {
        match component {
            Component::Selector => {
                self.agent.restrain(directives.selector.exploration(EXPLORATION));
                if let Some(choice) = self.agent.select(&[1.0], &[true, true]) {
                    self.agent.reward(choice.id, choice.arm as f64, None)?;
                }
                Ok(1)
            }
            Component::Topology => {
                let (pool, changes) =
                    (directives.topology.candidates(POOL), directives.topology.changes(CHANGES));
                if pool == 0 {
                    return Ok(0);
                }
                self.workflows.restrain(pool as usize, changes as usize)?;
                let Ask::Run(trial) = self.workflows.ask() else { return Ok(0) };
                let loss = 1.0 / (1.0 + trial.candidate.modules().len() as f64);
                self.workflows.tell(trial.id, Outcome::Complete(Observation::of_loss(loss)))?;
                Ok(1)
            }
            Component::Hyperopt => {
                let trials = directives.hyperopt.trials(TRIALS);
                for _ in 0..trials {
                    let Ask::Run(trial) = self.numbers.ask() else { break };
                    let x = trial.candidate.number("x").unwrap_or(0.0) - 0.3;
                    self.numbers.tell(trial.id, Outcome::Complete(Observation::of_loss(x * x)))?;
                }
                Ok(u64::from(trials))
            }
            Component::Prompt => {
                let reflections = if directives.prompt.may_reflect() { REFLECTIONS } else { 0.0 };
                let second = if directives.prompt.edits(2) > 1 { SECOND_EDIT } else { 0.0 };
                self.prompts.restrain(reflections, second)?;
                self.prompt()
            }
        }
    }

    /// One prompt is evaluated; a model that has no ideas is asked first, if one is to be asked.
    fn prompt(&mut self) -> Result<u64, Box<dyn Error>> {
        loop {
            match self.prompts.ask() {
                Ask::Query(query) => {
                    self.queries += 1;
                    self.prompts.answer(query.id, Reply::Failed("no idea".into()))?;
                }
                Ask::Run(trial) => {
                    let Instances::Exactly(on) = &trial.on else { return Ok(0) };
                    let seen = Observation::of_scores(scores(&trial, on), Cost::evaluations(on.len() as u64));
                    let calls = on.len() as u64;
                    self.prompts.tell(trial.id, Outcome::Complete(seen))?;
                    return Ok(calls);
                }
                _ => return Ok(0),
            }
        }
    }
}

/// Every slot wants its third option.
fn scores(trial: &Trial<prompt_grammar::space::Choices>, on: &[ExampleId]) -> Vec<Scored> {
    let right = trial.candidate.options().iter().filter(|o| **o == 2).count() as f32;
    on.iter().map(|&example| Scored::new(Draw { example, repeat: 0 }, right / 6.0)).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut governor = Governor::new(&CoordinationConfig::default(), &Limits::new(Budget::calls(600)));
    let mut team = Team::new()?;
    let mut before = Directives::default();
    for _ in 0..2000 {
        let Some(component) = governor.next(&Component::ALL) else { break };
        let directives = governor.directives();
        if directives != before {
            let left = governor.purse().share_left();
            println!("{:>3.0} % left: {:?}", 100.0 * left, directives.in_force());
            before = directives;
        }
        let Ok(permit) = governor.begin(component, &[1.0], Cost::evaluations(u64::from(TRIALS))) else {
            break;
        };
        let used = team.work(component, directives)?;
        governor.end(permit, Ended::Used { cost: Cost::evaluations(used), memory: 0, gain: 0.0 });
    }
    println!("{} workflows were seen", team.workflows.arms().len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use coordination::approx::{HyperoptDirective, PromptDirective, SelectorDirective, TopologyDirective};

    use super::*;

    fn directives(change: impl FnOnce(&mut Directives)) -> Directives {
        let mut directives = Directives::default();
        change(&mut directives);
        directives
    }

    #[test]
    fn the_selector_explores_less_and_then_not_at_all() {
        let mut team = Team::new().unwrap();
        for (directive, share) in [
            (SelectorDirective::Full, EXPLORATION),
            (SelectorDirective::ReducedExploration, EXPLORATION / 2.0),
            (SelectorDirective::GreedySelection, 0.0),
        ] {
            team.work(Component::Selector, directives(|d| d.selector = directive)).unwrap();
            assert!((team.agent.metrics().exploration - share).abs() < 1e-12, "{directive:?}");
        }
        let greedy = directives(|d| d.selector = SelectorDirective::GreedySelection);
        for _ in 0..50 {
            team.work(Component::Selector, greedy).unwrap();
        }
        let last = team.agent.metrics().last_selections;
        assert!(last.windows(2).all(|w| w[0] == w[1]), "nothing is drawn: {last:?}");
    }

    #[test]
    fn topology_searches_less_and_then_not_at_all() {
        let limited = directives(|d| d.topology = TopologyDirective::LimitedMutations);
        let run = |directives: Directives| {
            let mut team = Team::new().unwrap();
            let used: u64 = (0..60).map(|_| team.work(Component::Topology, directives).unwrap()).sum();
            (used, team.workflows.arms().iter().map(|a| a.workflow.clone()).collect::<Vec<_>>())
        };
        let ((full, a), (few, b)) = (run(Directives::default()), run(limited));
        assert_eq!((full, few), (60, 60));
        assert_ne!(a, b, "fewer candidates of fewer changes are other candidates");
        let (none, arms) = run(directives(|d| d.topology = TopologyDirective::SkipEvolution));
        assert_eq!((none, arms.len()), (0, 0));
    }

    #[test]
    fn numbers_get_fewer_trials_and_then_none() {
        let mut team = Team::new().unwrap();
        let mut used =
            |directive| team.work(Component::Hyperopt, directives(|d| d.hyperopt = directive)).unwrap();
        let all =
            [HyperoptDirective::Full, HyperoptDirective::ReducedIterations, HyperoptDirective::DefaultParams];
        assert_eq!(all.map(&mut used), [6, 3, 0]);
    }

    #[test]
    fn prompts_are_edited_without_a_model() {
        let queries = |directive| {
            let mut team = Team::new().unwrap();
            for _ in 0..80 {
                team.work(Component::Prompt, directives(|d| d.prompt = directive)).unwrap();
            }
            team.queries
        };
        assert!(queries(PromptDirective::Full) > 0);
        assert_eq!(queries(PromptDirective::SimpleMutations), 0);
    }
}
