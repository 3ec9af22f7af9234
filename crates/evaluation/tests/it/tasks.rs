//! Rows of real tasks: a reply built from the expected value scores 1, a spoilt one does not.

use evaluation::{Dataset, Example, Scorer};
use serde_json::Value;

#[test]
fn replies_that_fulfil_a_task_score_one_and_spoilt_ones_less() {
    let golden: Value = serde_json::from_str(include_str!("../golden/tasks.json")).unwrap();
    let mut metrics = Vec::new();
    for task in golden["tasks"].as_array().unwrap() {
        let rows = task["rows"].as_array().unwrap();
        let examples: Vec<Example> =
            rows.iter().map(|row| serde_json::from_value(row["row"].clone()).unwrap()).collect();
        let metric = task["metric"].as_str().unwrap();
        metrics.push(metric);
        let data = Dataset::from_examples(examples.clone(), None, None).unwrap();
        let scorer = Scorer::by_name(metric, &data).unwrap();
        for (row, example) in rows.iter().zip(&examples) {
            for (kind, perfect) in [("perfect", true), ("imperfect", false)] {
                let replies = row[kind].as_array().unwrap();
                assert!(replies.len() >= usize::from(perfect));
                for reply in replies {
                    let verdict = scorer.score(reply.as_str().unwrap(), example);
                    assert_eq!(verdict.is_perfect(), perfect, "{}: {reply} {}", task["task"], verdict.detail);
                }
            }
        }
    }
    // The scorers after these are held to the packages of the field in metrics.rs.
    let own: Vec<&str> = Scorer::names().take_while(|name| *name != "token_f1").collect();
    assert!(own.len() == 8 && own.iter().all(|name| metrics.contains(name)), "{metrics:?}");
}
