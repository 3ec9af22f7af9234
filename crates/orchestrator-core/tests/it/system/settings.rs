//! What the search sets beside prompts.

use std::sync::Arc;

use evaluation::Scorer;
use meta_traits::{
    Ask, Components, Draw, Evaluator, Fidelity, Instances, Optimizer, Outcome, Reply, Split, Stream, Trial,
    TrialId,
};
use orchestrator_core::algorithms::{Joint, joint};
use orchestrator_core::proposers::SettingsProposer;
use orchestrator_core::run::{Proposal, Proposer};
use orchestrator_core::system::{SETTINGS, SystemEvaluator, SystemSpec};

use super::{block_on, data, ran, system};

/// `dice` never names a label, so `echo` and scoring it is better; the second flow leaves out what confuses.
const SORT: &str = "modules:
  hint: {kind: llm, model: echo, prompt: 'account? {{ input }}', optimize: false}
  sort: {kind: llm, model: dice, prompt: 'Sort: {{ input }}', labels: [delivery, billing, account], choose: generate}
  late: {kind: llm, model: echo, prompt: 'Say {{ hint }}', labels: [delivery, billing, account]}
flows:
  hinted: [hint, late]
  plain: [sort]
search:
  sort.model: [dice, echo]
  sort.choose: [score, generate]";

const START: &str = "sort.model: dice\nsort.choose: generate\nflow: hinted";

fn run(candidate: &Components) -> Result<(String, Vec<String>), String> {
    let done = block_on(system(SORT).run(candidate, &"help".into(), &Stream::root(1), true));
    done.map(|d| (d.output.clone(), ran(&d).iter().map(|m| (*m).to_owned()).collect()))
        .map_err(|e| e.to_string())
}

#[test]
fn the_description_is_the_first_candidate() {
    let system = system(SORT);
    let seed = system.components();
    assert_eq!(seed.names().collect::<Vec<_>>(), ["sort", "late", SETTINGS]);
    assert_eq!(seed.get(SETTINGS), Some(START));
    assert_eq!(run(&seed).unwrap(), ("account".into(), vec!["hint".into(), "late".into()]));
}

#[test]
fn settings_change_what_runs() {
    let seed = system(SORT).components();
    let with = |text: &str| run(&seed.with(SETTINGS, text));
    assert_eq!(with("flow: plain\nsort.model: dice\nsort.choose: generate").unwrap().1, ["sort"]);
    let (answer, _) = with("sort.model: echo\n\n sort.choose : score \nflow: plain").unwrap();
    assert_eq!(answer, "delivery");
    assert_eq!(with("sort.model: dice\nsort.choose: generate\nflow: plain").unwrap().0.len(), 1, "a digit");
    // What a candidate may cost follows its settings.
    let system = system(SORT);
    let cap = |text: &str| system.cap(&seed.with(SETTINGS, text), &"x".into()).calls;
    assert_eq!((cap(START), cap(&START.replace("hinted", "plain"))), (2, 1));
}

#[test]
fn settings_that_are_not_allowed_are_refused_by_name() {
    let seed = system(SORT).components();
    let refused = |text: &str, message: &str| {
        let error = run(&seed.with(SETTINGS, text)).unwrap_err();
        assert_eq!(error, format!("candidate: component 'settings' {message}"));
        assert_eq!(system(SORT).check_components(&seed.with(SETTINGS, text)).unwrap_err().to_string(), error);
    };
    refused(&START.replace("dice", "broken"), "sets sort.model to 'broken'; allowed: dice, echo");
    refused(
        &START.replace("flow:", "flwo:"),
        "sets 'flwo', which is none of this system's settings; did you mean flow?",
    );
    refused("flow: plain", "must set sort.model once");
    refused(&format!("{START}\nflow: plain"), "must set flow once");
    refused("plain", "has the line 'plain', which is no `key: value`");
}

#[test]
fn descriptions_of_settings_are_checked() {
    let check = |from: &str, to: &str, expected: &str| {
        assert!(SORT.contains(from), "{from}");
        let spec = SystemSpec::from_yaml(&SORT.replace(from, to)).unwrap();
        let error = spec.validate(&["echo", "dice"]).expect_err(to).to_string();
        assert_eq!(error, format!("config: {expected}"));
    };
    check(
        "[dice, echo]",
        "[dice, ecko]",
        "system.search.sort.model = ecko: system.modules.sort.model is 'ecko', which is not defined; did you mean echo?; defined: echo, dice",
    );
    check("[dice, echo]", "[echo]", "system.search.sort.model has fewer than two values; a search needs two");
    check(
        "sort.model: [dice",
        "sort.temperature: [0.5",
        "system.search.sort.temperature = echo: invalid type: string \"echo\", expected f32",
    );
    check(
        "sort.model: [dice, echo]",
        "sort.temperature: [0.5, 1]",
        "system.search.sort.temperature lacks the module's own value, from which the search starts; add it",
    );
    check(
        "sort.model: [dice, echo]",
        "sort.max_tokens: [64, 0]",
        "system.search.sort.max_tokens = 0: system.modules.sort.max_tokens = 0 is out of range; allowed 1 to 32768",
    );
    check(
        "sort.model: [",
        "sort.prompt: [",
        "system.search.sort.prompt cannot be searched; allowed: calibrate, choose, format, k, max_tokens, model, temperature, top_p",
    );
    check(
        "sort.model",
        "sotr.model",
        "system.search.sotr.model names module 'sotr', which is not defined; did you mean sort?",
    );
    check("plain: [sort]", "plain: [srot]", "system.flows.plain[0] names module 'srot'; did you mean sort?");
    check(
        "plain: [sort]",
        "plain: [hint]",
        "system.modules.sort never runs; add it to one of system.flows, or remove it",
    );
    check("flows:", "flow: [hint]\nflows:", "system.flows stands beside flow; keep one of them");
}

/// Ranges in place of lists: numbers that nobody listed are allowed, others are not.
#[test]
fn numbers_may_have_ranges() {
    let ranged = "modules:
  similar: {kind: retrieve, corpus: train, k: 2, query: '{{ input }}'}
  sort: {kind: llm, model: echo, prompt: '{{ similar }} Sort: {{ input }}', temperature: 0.7}
search:
  similar.k: {from: 1, to: 3}
  sort.temperature: {from: 0, to: 1.5}
  sort.max_tokens: {from: 8, to: 512, log: true}";
    let system = system(ranged);
    let seed = system.components();
    let start = "similar.k: 2\nsort.temperature: 0.7\nsort.max_tokens: 64";
    assert_eq!(seed.get(SETTINGS), Some(start));
    let run = |text: &str| {
        let stream = Stream::root(1);
        let done =
            block_on(system.run(&seed.with(SETTINGS, text), &"my parcel is late".into(), &stream, true));
        done.map(|d| d.output.len()).map_err(|e| e.to_string())
    };
    assert!(run(&start.replace("k: 2", "k: 1")).unwrap() < run(start).unwrap(), "one passage fewer");
    assert!(run(&start.replace("0.7", "0.1234")).is_ok());
    let refused = |from: &str, to: &str, message: &str| {
        let error = run(&start.replace(from, to)).unwrap_err();
        assert_eq!(error, format!("candidate: component 'settings' {message}"));
    };
    refused("0.7", "1.6", "sets sort.temperature to '1.6'; allowed: 0 to 1.5");
    refused("k: 2", "k: 1.5", "sets similar.k to '1.5'; allowed: whole numbers from 1 to 3");
    refused("64", "NaN", "sets sort.max_tokens to 'NaN'; allowed: whole numbers from 8 to 512");
    let settings = system.spec().settings();
    let proposer = SettingsProposer::new(settings, Box::new(Nobody));
    for i in 0..50 {
        let query =
            meta_traits::Query::new(meta_traits::QueryId(i), SETTINGS.into(), seed.clone(), Vec::new());
        let Reply::Text(text) = block_on(proposer.propose(&query, Stream::root(i))).reply else { panic!() };
        assert!(text != start && run(&text).is_ok(), "{text}");
    }
    let check = |from: &str, to: &str, expected: &str| {
        let spec = SystemSpec::from_yaml(&ranged.replace(from, to)).unwrap();
        let error = spec.validate(&["echo"]).expect_err(to).to_string();
        assert_eq!(error, format!("config: system.search.{expected}"));
    };
    check(
        "{from: 0, to: 1.5}",
        "{from: 0, to: 0.5}",
        "sort.temperature lacks the module's own value 0.7, from which the search starts; widen it",
    );
    check("{from: 0, to: 1.5}", "{from: 1, to: 0}", "sort.temperature is no range; from must be below to");
    check(
        "{from: 0, to: 1.5}",
        "{from: 0, to: 5}",
        "sort.temperature = 5: system.modules.sort.temperature = 5 is out of range; allowed 0 to 2",
    );
    check("{from: 1, to: 3}", "{from: 0.5, to: 3}", "similar.k must begin and end at whole numbers");
    check(
        "sort.max_tokens: {",
        "sort.model: {",
        "sort.model is no number; give a list of values. Ranges: k, max_tokens, temperature, top_p",
    );
    let odd = SystemSpec::from_yaml(&ranged.replace("{from: 1, to: 3}", "3")).unwrap_err().to_string();
    assert!(odd.contains("3 is neither a list of values nor a range"), "{odd}");
}

/// Where nothing is searched, a module may have the name, and is told what it said.
#[test]
fn a_module_may_be_called_settings_where_there_are_none() {
    let data = Arc::new(data());
    let yaml = "modules: {settings: {kind: llm, model: echo, prompt: 'Say {{ input }}'}}";
    let evaluator =
        SystemEvaluator::new(system(yaml), Arc::clone(&data), Scorer::by_name("label", &data).unwrap());
    let on = Instances::Draws(vec![Draw { example: data.ids(Split::Train)[0], repeat: 0 }]);
    let seed = evaluator.system().components();
    let trial = Trial::new(TrialId(0), seed, Fidelity::FULL, on).traced();
    let Outcome::Complete(seen) = block_on(evaluator.evaluate(&trial, Stream::root(1))) else { panic!() };
    assert!(seen.instances[0].notes[0].text.contains("answer: <Say the parcel is late>"), "{seen:?}");
    let error = SystemSpec::from_yaml(&format!("{yaml}\nsearch: {{settings.temperature: [0, 1]}}"));
    let error = error.unwrap().validate(&["echo"]).unwrap_err().to_string();
    assert!(error.starts_with("config: system.modules.settings has the name under which"), "{error}");
}

struct Nobody;

impl Proposer for Nobody {
    fn propose<'a>(&'a self, _: &'a meta_traits::Query, _: Stream) -> meta_traits::BoxFuture<'a, Proposal> {
        let reply = Reply::Failed("nobody writes".into());
        Box::pin(std::future::ready(Proposal { reply, cost: meta_traits::Cost::ZERO }))
    }
}

/// With nobody who writes prompts, the joint search finds the only settings that answer well.
#[test]
fn the_joint_search_finds_good_settings() {
    let data = Arc::new(data());
    let scorer = Scorer::by_name("label", &data).unwrap();
    let evaluator = SystemEvaluator::new(system(SORT), Arc::clone(&data), scorer);
    let seed = evaluator.system().components();
    let proposer = SettingsProposer::new(evaluator.system().spec().settings(), Box::new(Nobody));
    for run in 0..3 {
        let stream = Stream::root(run);
        let (train, val) = (data.ids(Split::Train), data.ids(Split::Val));
        let mut search =
            Joint::new(&seed, train, val, joint::Options::default(), stream.child("search", 0)).unwrap();
        let mut met = 0_u64;
        while met < 400 {
            match search.ask() {
                Ask::Run(mut trial) => {
                    let Instances::Exactly(on) = &trial.on else { panic!() };
                    met += on.len() as u64;
                    let draws = on.iter().map(|e| Draw { example: *e, repeat: 0 }).collect();
                    trial.on = Instances::Draws(draws);
                    let outcome = block_on(evaluator.evaluate(&trial, stream.child("draws", 0)));
                    search.tell(trial.id, outcome).unwrap();
                }
                Ask::Query(query) => {
                    let told = block_on(proposer.propose(&query, stream.child("write", query.id.0)));
                    search.answer(query.id, told.reply).unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        let best = search.best().unwrap().0.get(SETTINGS).unwrap();
        assert!(best.contains("sort.model: echo") && best.contains("flow: plain"), "{run}: {best}");
    }
}
