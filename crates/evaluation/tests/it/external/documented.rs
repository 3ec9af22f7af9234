use std::fs;
use std::path::{Path, PathBuf};

use evaluation::{External, ExternalSpec};
use meta_traits::{
    Components, Draw, Evaluator, Fidelity, Instances, Query, QueryId, Split, Stream, Trial, TrialId,
};

use super::complete;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_page_shows_the_example_as_it_is() {
    let example = fs::read_to_string(root().join("examples/external-evaluator/evaluator.py")).unwrap();
    let page = fs::read_to_string(root().join("docs/external-evaluator.md")).unwrap();
    assert!(page.contains(&format!("```python\n{example}```\n")), "copy the example into the page");
    assert!(example.lines().count() < 40);
}

#[tokio::test]
async fn the_example_can_be_improved_by_its_own_proposals() {
    let mut spec = ExternalSpec::new(["python3", "evaluator.py"]);
    spec.cwd = Some(root().join("examples/external-evaluator"));
    let external = External::spawn(spec).await.unwrap();
    let draws =
        |split| external.hello().ids(split).into_iter().map(|example| Draw { example, repeat: 0 }).collect();
    let evaluate = async |candidate: &Components, split| {
        let on = Instances::Draws(draws(split));
        let trial = Trial::new(TrialId(0), candidate.clone(), Fidelity::FULL, on).traced();
        complete(external.evaluate(&trial, Stream::root(1)).await)
    };
    let mut candidate = external.hello().components.clone();
    let before = evaluate(&candidate, Split::Test).await;
    assert_eq!((before.losses[0], before.cost.calls), (1.0, 6));
    for round in 0..3 {
        for component in ["answer", "tone"] {
            let evidence = evaluate(&candidate, Split::Train).await.instances;
            let query = Query::new(QueryId(round), component.into(), candidate.clone(), evidence);
            let (text, _) = external.propose(&query, round).await.unwrap();
            candidate.set(component, text);
        }
    }
    assert_eq!(evaluate(&candidate, Split::Test).await.losses[0], 0.0, "{candidate:?}");
}
