//! Flows that are graphs, and those that evolution makes.

use std::sync::Arc;

use evaluation::Scorer;
use meta_traits::{Components, Stream};
use orchestrator_core::system::{SETTINGS, SystemEvaluator, SystemSpec};

use super::{block_on, data, ran, system};

/// `echo` answers with its prompt in angle brackets, and chooses the label that its prompt names.
const LIBRARY: &str = "modules:
  similar: {kind: retrieve, corpus: train, k: 1, query: '{{ input }}', each: '({{ input }})'}
  plain: {kind: llm, model: echo, prompt: 'P[{{ input }}]'}
  shown: {kind: llm, model: echo, prompt: 'S[{{ material }}|{{ similar }}|{{ input }}]'}
  doubt: {kind: llm, model: echo, prompt: 'D[{{ draft }}]'}
  mend: {kind: llm, model: echo, prompt: 'M[{{ draft }};{{ critique }}]'}
  judge: {kind: verify, model: echo, prompt: 'is {{ draft }} {{ input }}', accept: late, reject: lost}
flow: [plain]
evolve: {}";

fn answer(flow: &str, input: &str) -> Result<(String, Vec<String>), String> {
    let system = system(LIBRARY);
    let candidate = system.components().with(SETTINGS, format!("flow: {flow}"));
    let done = block_on(system.run(&candidate, &input.into(), &Stream::root(1), true));
    done.map(|d| (d.output.clone(), ran(&d).iter().map(|m| (*m).to_owned()).collect()))
        .map_err(|e| e.to_string())
}

#[test]
fn modules_see_what_they_read_and_nothing_else() {
    let parcel = "my parcel is late";
    let output = |flow: &str| answer(flow, parcel).unwrap().0;
    assert_eq!(output("own"), "<P[my parcel is late]>");
    assert_eq!(output("plain(0) -> 1"), "<P[my parcel is late]>");
    assert_eq!(output("shown(0) -> 1"), "<S[||my parcel is late]>");
    let (passage, both) = ("(the parcel is late)", output("similar(0) shown(1) -> 2"));
    assert_eq!(both, format!("<S[{passage}|{passage}|my parcel is late]>"));
    // What was known on the way is known at its end.
    let mended = output("plain(0) doubt(1) mend(2) -> 3");
    assert_eq!(mended, "<M[<P[my parcel is late]>;<D[<P[my parcel is late]>]>]>");
    assert_eq!(output("plain(0) mend(1) -> 2"), "<M[<P[my parcel is late]>;]>");
    // The same module at two vertices, with what each of them reads.
    let (text, order) = answer("shown(0) similar(0) shown(2) -> 1,3", parcel).unwrap();
    assert_eq!(
        (text.as_str(), order),
        (both.as_str(), vec!["shown".into(), "similar".into(), "shown".into()])
    );
}

#[test]
fn votes_count_and_checks_decide() {
    let output = |flow: &str, input: &str| answer(flow, input).unwrap().0;
    let (plain, shown) = ("<P[is it late]>", "<S[||is it late]>");
    assert_eq!(output("shown(0) plain(0) plain(0) vote(1,2,3) -> 4", "is it late"), plain);
    assert_eq!(output("shown(0) plain(0) vote(1,2) -> 3", "is it late"), shown, "the first of equals");
    assert_eq!(output("shown(0) plain(0) -> 1,2", "is it late"), plain, "the last of equals");
    // The check passes what is late and fails what is lost.
    assert_eq!(output("shown(0) judge(1) plain(0) -> 2,3", "is it late"), shown, "a passed answer first");
    assert_eq!(
        output("shown(0) plain(0) judge(2) -> 1,3", "is it lost"),
        "<S[||is it lost]>",
        "a failed one last"
    );
    assert_eq!(output("plain(0) plain(0) shown(0) judge(3) vote(1,2,4) -> 5", "is it late"), shown);
}

#[test]
fn graphs_that_cannot_run_are_refused_by_name() {
    let refused = |flow: &str, message: &str| {
        let error = answer(flow, "x").unwrap_err();
        assert_eq!(error, format!("candidate: component 'settings' {message}"));
    };
    refused(
        "plane",
        "sets flow to 'plane'; allowed: own, or a graph; 'plane' is no graph such as: topic(0) -> 1",
    );
    refused(
        "plian(0) -> 1",
        "do not fit each other: system.flow[0].graph names module 'plian'; did you mean plain?",
    );
}

#[test]
fn libraries_are_checked() {
    let check = |from: &str, to: &str, expected: &str| {
        assert!(LIBRARY.contains(from), "{from}");
        let spec = SystemSpec::from_yaml(&LIBRARY.replace(from, to)).unwrap();
        let error = spec.validate(&["echo"]).expect_err(to).to_string();
        assert_eq!(error, format!("config: {expected}"));
    };
    check(
        "evolve: {}",
        "evolve: {max_modules: 0}",
        "system.evolve.max_modules = 0 is out of range; allowed 1 to 24",
    );
    check(
        "evolve: {}",
        "evolve: {modules: [plian]}",
        "system.evolve.modules[0] names module 'plian'; did you mean plain?",
    );
    check(
        "evolve: {}",
        "evolve: {modules: [doubt]}",
        "system.evolve has no module that answers; add an llm module without draft in its prompt",
    );
    check(
        "flow: [plain]\n",
        "",
        "system.evolve needs a flow to start from; give system.flow or system.flows",
    );
    check(
        "  plain:",
        "  vote: {kind: llm, model: echo, prompt: x}\n  plain:",
        "system.modules.vote has the name of a graph's votes; rename it",
    );
    check(
        "  plain:",
        "  material: {kind: llm, model: echo, prompt: x}\n  plain:",
        "system.evolve makes material, draft, critique; rename the module or field of that name",
    );
    let alone = "modules: {plain: {kind: llm, model: echo, prompt: '{{ input }}'}}
flow: [{graph: 'plain(0) plain(0) vote(1,2) -> 3'}]";
    SystemSpec::from_yaml(alone).unwrap().validate(&["echo"]).unwrap();
    let wrong = SystemSpec::from_yaml(&alone.replace("(1,2)", "(1,4)")).unwrap_err().to_string();
    assert!(wrong.contains("vote(1,4) reads vertex 4"), "{wrong}");
}

/// What a graph may cost is no less than what it costs.
#[test]
fn the_cap_of_a_graph_holds() {
    let data = Arc::new(data());
    let scorer = Scorer::by_name("label", &data).unwrap();
    let evaluator = SystemEvaluator::new(system(LIBRARY), Arc::clone(&data), scorer);
    let seed: Components = evaluator.system().components();
    for flow in [
        "own",
        "similar(0) shown(1) doubt(2) mend(3) -> 4",
        "shown(0) plain(0) judge(1) vote(2,3) doubt(4) -> 5",
        "similar(0) shown(0) shown(1) plain(0) vote(2,3,4) judge(5) -> 6,3",
    ] {
        let candidate = seed.with(SETTINGS, format!("flow: {flow}"));
        let cap = evaluator.system().cap(&candidate, &"my parcel is late".into());
        let done = block_on(evaluator.system().run(
            &candidate,
            &"my parcel is late".into(),
            &Stream::root(2),
            false,
        ));
        let cost = done.unwrap().cost;
        assert_eq!(cost.calls, cap.calls, "{flow}");
        assert!(
            cost.tokens_in <= cap.tokens_in && cost.tokens_out <= cap.tokens_out,
            "{flow}: {cost:?} {cap:?}"
        );
    }
}
