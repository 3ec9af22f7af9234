use std::sync::Arc;

use evaluation::code::{CodeSpec, CodeTests, Sandboxing};
use evaluation::judge::{Judge, JudgeSpec, Scale};
use evaluation::{Bleu, Chrf, Dataset, Example, Metric, MetricSpec, Rouge, RougeUnit, Scorer, token_f1};
use inference::{LlmClient, ScriptedClient};
use meta_traits::{Cost, ErrorKind};
use proptest::prelude::*;
use serde_json::json;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn judge(answers: Vec<String>, scale: Scale) -> (Judge, Arc<ScriptedClient>) {
    let client = Arc::new(ScriptedClient::queue(answers.into_iter().map(Ok)));
    let mut spec = JudgeSpec::new("m", "The reply is polite.");
    spec.scale = scale;
    (Judge::new(Arc::clone(&client) as Arc<dyn LlmClient>, spec).unwrap(), client)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn overlap_is_bounded_perfect_on_itself_and_swaps_precision_with_recall(
        a in "\\PC{0,60}|[a-c ,.\\n-]{0,60}", b in "\\PC{0,60}|[a-c ,.\\n-]{0,60}",
    ) {
        for unit in [RougeUnit::Words, RougeUnit::Pairs, RougeUnit::Sequence] {
            let rouge = Rouge::new(unit).stemmed(true);
            let (one, two) = (rouge.score(&a, &b), rouge.score(&b, &a));
            prop_assert!((0.0..=1.0).contains(&one.f1));
            prop_assert_eq!((one.precision, one.recall), (two.recall, two.precision));
        }
        prop_assert!((token_f1(&a, &a).f1 - 1.0).abs() < 1e-12);
        let bleu = Bleu::default().sentence(&a, &[&b]).score;
        prop_assert!((0.0..=100.0 + 1e-9).contains(&bleu), "{}", bleu);
        let chrf = Chrf::plus_plus().sentence(&a, &[&b]);
        prop_assert!((0.0..=100.0 + 1e-9).contains(&chrf), "{}", chrf);
    }

    #[test]
    fn any_reply_gets_a_score_in_the_unit_interval_on_one_line(
        reply in "\\PC{0,60}|[`{}\\[\\]\":a\\n1,-]{0,60}", expected in "[a-z*+?()\\[\\]{}|^$.]{1,12}",
    ) {
        let schema = json!({"type": "object", "required": ["a"]});
        for (metric, expected) in [
            (json!("token_f1"), json!(expected)), (json!("rouge_1"), json!(expected)), (json!("rouge_2"), json!(expected)),
            (json!({"rouge_l": {"stem": true}}), json!([expected, "b"])), (json!("bleu"), json!(expected)),
            (json!({"chrf": {"word_order": 2}}), json!(expected)), (json!("contains"), json!([expected, "a"])),
            (json!("regex"), json!(expected)), (json!("json_schema"), schema),
            (json!({"number": {"relative": 0.1}}), json!("10")),
        ] {
            let spec: MetricSpec = serde_json::from_value(metric).unwrap();
            let row = Example::new("q", expected);
            let data = Dataset::from_examples(vec![row.clone()], None, None).unwrap();
            // A random text need not be a pattern; then the data are refused.
            let Ok(scorer) = Scorer::new(&spec, &data) else {
                prop_assert_eq!(spec.name(), "regex");
                continue;
            };
            let verdict = scorer.score(&reply, &row);
            prop_assert!((0.0..=1.0).contains(&verdict.score), "{} {}", spec.name(), verdict.score);
            prop_assert!(!verdict.detail.is_empty() && !verdict.detail.contains(['\n', '\r']), "{:?}", verdict.detail);
        }
    }

    #[test]
    fn any_judge_is_read_or_refused_and_charged(
        first in "\\PC{0,40}|[Score: 0-9\\n]{0,30}", second in "\\PC{0,40}|(Score: [0-6])|[Score: 0-9\\n]{0,30}",
    ) {
        let (judge, client) = judge(vec![first, second], Scale::OneToFive);
        let result = block_on(judge.measure("Go away.", &Example::new("Say no.", "No, thank you.")));
        let calls = client.asked().len() as u64;
        match result {
            Ok(measured) => {
                prop_assert!([0.0, 0.25, 0.5, 0.75, 1.0].contains(&measured.verdict.score));
                prop_assert_eq!(measured.cost.calls, calls);
                prop_assert!(!measured.verdict.detail.contains('\n'));
            }
            Err(fault) => {
                prop_assert_eq!((fault.kind, fault.cost.calls, calls), (ErrorKind::Protocol, 2, 2));
                prop_assert!(!fault.to_string().contains('\n'));
            }
        }
    }

    #[test]
    fn any_settings_are_read_or_refused(text in "\\PC{0,40}|[a-z_0-9{}\":, ]{0,60}") {
        for text in [text.clone(), format!("\"{text}\""), format!("{{\"judge\": {text}}}"), format!("{{\"code\": {{{text}}}}}")] {
            if let Ok(spec) = serde_json::from_str::<MetricSpec>(&text) {
                let written = serde_json::to_string(&spec).unwrap();
                prop_assert_eq!(serde_json::from_str::<MetricSpec>(&written).unwrap(), spec);
            }
        }
    }
}

#[test]
fn a_repair_saves_an_answer_and_both_calls_are_charged_within_the_cap() {
    let answers = vec!["I would give it four.".to_owned(), "Score: 4".to_owned()];
    let (judge, client) = judge(answers, Scale::OneToFive);
    let example = Example::new("Say no.", "No, thank you.");
    let cap = judge.cap("Go away.", &example);
    let measured = block_on(judge.measure("Go away.", &example)).unwrap();
    assert_eq!((measured.verdict.score, measured.cost.calls, client.asked().len()), (0.75, 2, 2));
    assert_eq!(cap.less(measured.cost) + measured.cost, cap, "{cap:?} covers {:?}", measured.cost);
}

#[test]
fn pairs_are_asked_in_both_orders() {
    for (answers, score, consistent) in [
        (["Better: A", "Better: B"], 1.0, true),
        (["Better: B", "Better: A"], 0.0, true),
        (["Better: A", "Better: A"], 0.5, false),
        (["Better: neither", "Better: neither"], 0.5, true),
    ] {
        let answers: Vec<String> = answers.iter().map(|a| (*a).to_owned()).collect();
        let (judge, _) = judge(answers.clone(), Scale::Pairwise);
        let measured = block_on(judge.measure("x", &Example::new("q", "y"))).unwrap();
        assert_eq!((measured.verdict.score, measured.cost.calls), (score, 2));
        let (judge, _) = self::judge(answers, Scale::Pairwise);
        assert_eq!(block_on(judge.compare("q", "x", "y")).unwrap().is_consistent(), consistent);
    }
    let nothing =
        Dataset::from_examples(vec![Example::new("q", serde_json::Value::Null)], None, None).unwrap();
    assert!(judge(vec![], Scale::Pairwise).0.fitting(&nothing).is_err());
}

#[test]
fn a_model_that_fails_is_a_failed_measurement() {
    let (judge, _) = judge(vec!["no grade".to_owned()], Scale::Binary);
    let fault = block_on(judge.measure("x", &Example::new("q", "y"))).unwrap_err();
    assert_eq!(fault.cost.calls, 1, "the first call was paid, the second failed");
    let spec: MetricSpec = serde_json::from_value(json!({"judge": {"model": "big", "rubric": "r"}})).unwrap();
    let data = Dataset::from_examples(vec![Example::new("q", "y")], None, None).unwrap();
    let error = spec.build(&data, |_| None).err().unwrap().to_string();
    assert_eq!(error, "metric: judge: there is no model 'big'. Give the name of a model");
}

#[test]
fn scorers_are_metrics_that_cost_nothing() {
    let data = Dataset::from_examples(vec![Example::new("q", "a b")], None, None).unwrap();
    let metric = MetricSpec::by_name("token_f1").unwrap().build(&data, |_| None).unwrap();
    let example = Example::new("q", "a b");
    let measured = block_on(metric.measure("b", &example)).unwrap();
    assert_eq!(
        (measured.verdict.score, measured.cost, metric.cap("b", &example)),
        (1.0, Cost::ZERO, Cost::ZERO)
    );
}

#[test]
fn settings_out_of_range_are_named() {
    for (settings, part) in [
        (json!({"number": {"absolute": -1.0}}), "absolute = -1 is not allowed. Allowed: 0 or more"),
        (json!({"chrf": {"word_order": 9}}), "word_order = 9"),
        (json!({"bleu": {"smoothing": {"floor": 0.0}}}), "smoothing.floor = 0"),
        (json!({"judge": {"model": "m", "rubric": " "}}), "rubric has 1 characters"),
        (json!({"judge": {"model": "m", "rubric": "r", "max_tokens": 3}}), "max_tokens = 3"),
        (json!({"code": {"command": []}}), "a program and its arguments"),
        (json!({"code": {"file": "../x"}}), "file = ../x"),
        (json!({"code": {"template": "x"}}), "a text with {code}"),
        (json!({"code": {"wall_s": 0.0}}), "wall_s = 0"),
        (json!({"code": {"readable": ["here"]}}), "readable = here"),
    ] {
        let error = serde_json::from_value::<MetricSpec>(settings).unwrap().check().unwrap_err().to_string();
        assert!(error.starts_with("metric: ") && error.contains(part), "{error}");
    }
    let two = serde_json::from_value::<MetricSpec>(json!({"bleu": {}, "chrf": {}})).unwrap_err().to_string();
    assert!(two.contains("more than one metric"), "{two}");
}

#[test]
fn unsandboxed_code_is_still_bounded() {
    let spec = CodeSpec {
        command: vec!["sh".into(), "main.sh".into()],
        file: "main.sh".into(),
        template: "{code}\n{test}\necho {token}".into(),
        sandbox: Sandboxing::None,
        wall_s: 1.0,
        output_kb: 1,
        ..CodeSpec::default()
    };
    let metric = CodeTests::new(spec).unwrap();
    for (code, detail) in [
        ("sleep 60 & sleep 60", "test 1 fails: it takes longer than 1 s (of 1 tests)"),
        ("while :; do echo yes; done", "test 1 fails: it writes more than 1 KiB (of 1 tests)"),
        ("echo no >&2; exit 3", "test 1 fails: exit code 3, no (of 1 tests)"),
    ] {
        let measured = block_on(metric.measure(code, &Example::new("q", "true"))).unwrap();
        assert_eq!((measured.verdict.score, measured.verdict.detail.as_str()), (0.0, detail));
    }
}
