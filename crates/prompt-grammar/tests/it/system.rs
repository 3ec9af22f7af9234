//! Several modules in one search.

use meta_traits::{
    Ask, Cost, Draw, ExampleId, Instances, Observation, Optimizer, Outcome, Scored, Split, Stream,
};
use prompt_grammar::flat::FlatSystem;
use prompt_grammar::model::Posterior;
use prompt_grammar::optimizer::{ModelOptions, ModelSearch};
use prompt_grammar::prepare::Materials;
use prompt_grammar::space::{Choices, PromptSpace, Slot, SlotOption};
use prompt_grammar::{Characters, Learning, PromptConfig};
use prompt_grammar::{flat::FlatOptions, forest::Forest};

const MODULES: [(&str, &str); 2] =
    [("find", "Find what matters in: {{ input }}"), ("answer", "Answer from these notes: {{ notes }}")];

fn system() -> (FlatSystem, ModelOptions) {
    PromptConfig::default().prepare_system(&MODULES, &Materials::default()).unwrap()
}

/// What a pretended system gets right: both modules must be told to think.
fn quality(system: &FlatSystem, prompt: &Choices) -> f64 {
    let texts = system.render(prompt);
    let has = |module: &str| f64::from(u8::from(texts.get(module).unwrap().contains("Think step by step.")));
    0.15 + 0.35 * has("find") + 0.4 * has("answer")
}

#[test]
fn a_system_is_improved_in_all_its_modules() {
    let mut gains = Vec::new();
    for run in 0..2 {
        let (system, options) = system();
        let examples = (0..60).map(|i| ExampleId::new(Split::Val, i)).collect();
        let options = ModelOptions { reflections: 0.0, ..options };
        let stream = Stream::root(run);
        let mut search =
            ModelSearch::new(system.space().clone(), examples, options, stream.child("search", 0)).unwrap();
        let mut calls = 0;
        while calls < 480 {
            let Ask::Run(trial) = search.ask() else { break };
            for (name, text) in MODULES {
                let placeholder = &text[text.find("{{").unwrap()..];
                let written = system.render(&trial.candidate);
                assert_eq!(written.get(name).unwrap().matches(placeholder).count(), 1);
            }
            let p = quality(&system, &trial.candidate);
            let Instances::Exactly(on) = &trial.on else { panic!("examples are named") };
            let mut rng = stream.child("score", trial.id.0);
            let score = |e: &ExampleId| {
                Scored::new(Draw { example: *e, repeat: 0 }, f32::from(u8::from(rng.chance(p))))
            };
            let scored: Vec<Scored> = on.iter().map(score).collect();
            calls += scored.len();
            let cost = Cost::evaluations(scored.len() as u64);
            search.tell(trial.id, Outcome::Complete(Observation::of_scores(scored, cost))).unwrap();
        }
        gains.push(quality(&system, search.best().unwrap().0) - 0.15);
    }
    assert!(gains.iter().sum::<f64>() / 2.0 > 0.5, "{gains:?}");
}

/// What is seen in one module is believed of the other, where they share components; and less than in the module itself.
#[test]
fn evidence_crosses_modules() {
    let options = || ["", "Think.", "Hurry."].iter().map(|t| SlotOption::new(*t, 1)).collect::<Vec<_>>();
    let slots =
        |name: &str| vec![Slot::new(name, options()), Slot::new("other", vec![SlotOption::new("x", 1)])];
    let one = PromptSpace::new(slots("approach"), vec![], None).unwrap();
    let apart = PromptSpace::new(slots("way"), vec![], None).unwrap();
    let thought = |second: &PromptSpace| {
        let space = PromptSpace::joined(&[("a", &one), ("b", second)]).unwrap();
        let mut posterior = Posterior::new(space.clone(), 12);
        for n in 0..6 {
            let mut prompt = space.seed();
            prompt.choose(0, (n % 3) as u16);
            posterior.add(&prompt);
            (0..12).for_each(|e| posterior.observe(n, e, f64::from(u8::from(n % 3 == 1 && e % 4 > 0))));
        }
        posterior.fit();
        let effect = |slot: usize| {
            let [mut think, mut hurry] = [space.seed(), space.seed()];
            think.choose(slot, 1);
            hurry.choose(slot, 2);
            posterior.predict(&think).0 - posterior.predict(&hurry).0
        };
        (effect(0), effect(2))
    };
    let (own, across) = thought(&one);
    assert!(across > 0.1 && own > across, "{own} {across}");
    let (own, nothing) = thought(&apart);
    assert!(own > 0.1 && nothing.abs() < 1e-9, "{own} {nothing}");
}

#[test]
fn a_forest_lends_its_weights_to_the_search() {
    let (system, _) = system();
    let grammars = system.modules().iter().map(|(name, flat)| (name.clone(), flat.grammar().clone()));
    let mut forest = Forest::new(grammars.collect()).unwrap();
    let seeds = system.trees(&system.space().seed());
    let good: Vec<Choices> = {
        let space = system.space();
        let sample = |i| meta_traits::Space::sample(space, &mut Stream::root(i));
        (0..400).map(sample).filter(|p| quality(&system, p) > 0.8).collect()
    };
    assert!(good.len() > 3);
    let trees: Vec<Vec<_>> = good.iter().map(|p| system.trees(p)).collect();
    let rows: Vec<Vec<Option<&_>>> = trees.iter().map(|t| t.iter().map(Some).collect()).collect();
    let weighted: Vec<_> = rows.iter().map(|r| (r.as_slice(), 1.0)).collect();
    let share = |forest: &Forest| {
        let drawn = forest.flat(&seeds, &Characters, &FlatOptions::within(2000)).unwrap();
        let sample = |i| meta_traits::Space::sample(drawn.space(), &mut Stream::root(i));
        (0..200).filter(|i| quality(&drawn, &sample(*i)) > 0.8).count()
    };
    let before = share(&forest);
    forest.learn(&weighted, &Learning { rate: 1.0, ..Learning::default() }).unwrap();
    assert!(share(&forest) > 2 * before + 10, "{before} {}", share(&forest));
    assert!(forest.flat(&seeds[..1], &Characters, &FlatOptions::default()).is_err());
}
