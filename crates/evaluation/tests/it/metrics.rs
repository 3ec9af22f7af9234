//! Metrics against the packages of the field; tests/golden/metrics.py names them and writes the values.

use evaluation::judge::{Level, Weights, cohen_kappa, krippendorff_alpha};
use evaluation::{Bleu, Chrf, Overlap, Rouge, RougeUnit, Scorer, Smoothing, token_f1};
use serde_json::Value;

mod code;
mod fuzz;

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/metrics.json")).unwrap()
}

#[track_caller]
fn close(got: f64, wanted: &Value, what: &str) {
    let wanted = wanted.as_f64().unwrap();
    assert!((got - wanted).abs() <= 1e-9, "{what}: {got} instead of {wanted}");
}

fn texts(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap()
}

const SMOOTHINGS: [(&str, Smoothing); 4] = [
    ("exp", Smoothing::Exp),
    ("none", Smoothing::None),
    ("floor", Smoothing::Floor(0.1)),
    ("add_k", Smoothing::AddK(1.0)),
];

fn bleu(smoothing: Smoothing) -> Bleu {
    let mut bleu = Bleu::default();
    bleu.smoothing = smoothing;
    bleu
}

#[test]
fn scores_of_texts_are_those_of_the_packages() {
    let golden = golden();
    let rows = golden["rows"].as_array().unwrap();
    assert!(rows.len() > 30);
    for row in rows {
        let (reply, references) = (row["reply"].as_str().unwrap(), texts(&row["references"]));
        let name: String = reply.chars().take(40).collect();
        for (reference, f1) in references.iter().zip(row["squad_f1"].as_array().unwrap()) {
            close(token_f1(reply, reference).f1, f1, &name);
        }
        for (stem, key) in [(false, "rouge"), (true, "rouge_stemmed")] {
            for (unit, kind) in
                [(RougeUnit::Words, "rouge1"), (RougeUnit::Pairs, "rouge2"), (RougeUnit::Sequence, "rougeL")]
            {
                let Overlap { precision, recall, f1, .. } =
                    Rouge::new(unit).stemmed(stem).best(reply, &references);
                for (i, got) in [precision, recall, f1].into_iter().enumerate() {
                    close(got, &row[key][kind][i], &format!("{key} {kind} {name}"));
                }
            }
        }
        for (kind, smoothing) in SMOOTHINGS {
            let score = bleu(smoothing).sentence(reply, &references);
            close(score.score, &row["bleu"][kind], &format!("bleu {kind} {name}"));
        }
        let mut lower = Bleu::default();
        lower.lowercase = true;
        close(lower.sentence(reply, &references).score, &row["bleu_lowercase"], &name);
        close(Chrf::default().sentence(reply, &references), &row["chrf"], &name);
        close(Chrf::plus_plus().sentence(reply, &references), &row["chrf_plus_plus"], &name);
        let mut lower = Chrf::default();
        lower.lowercase = true;
        close(lower.sentence(reply, &references), &row["chrf_lowercase"], &name);
    }
}

#[test]
fn scores_of_many_texts_are_those_of_the_packages() {
    let golden = golden();
    let rows = golden["rows"].as_array().unwrap();
    let rows: Vec<(String, Vec<String>)> =
        rows.iter().map(|row| (row["reply"].as_str().unwrap().into(), texts(&row["references"]))).collect();
    let corpus = || rows.iter().map(|(reply, references)| (reply.as_str(), references.as_slice()));
    let wanted = &golden["corpus"];
    for (kind, smoothing) in SMOOTHINGS {
        close(bleu(smoothing).corpus(corpus()).score, &wanted["bleu"][kind], kind);
    }
    let score = Bleu::default().corpus(corpus());
    close(score.brevity_penalty, &wanted["bp"], "bp");
    assert_eq!(Some(score.reply_len as u64), wanted["sys_len"].as_u64());
    assert_eq!(Some(score.reference_len as u64), wanted["ref_len"].as_u64());
    for (got, wanted) in score.precisions.iter().zip(wanted["precisions"].as_array().unwrap()) {
        close(*got, wanted, "precision");
    }
    close(Chrf::default().corpus(corpus()), &wanted["chrf"], "chrf");
    close(Chrf::plus_plus().corpus(corpus()), &wanted["chrf_plus_plus"], "chrf++");
}

#[test]
fn agreement_is_that_of_the_packages() {
    let golden = golden();
    for row in golden["agreement"]["kappa"].as_array().unwrap() {
        let list = |key: &str| serde_json::from_value::<Vec<u8>>(row[key].clone()).unwrap();
        let (first, second) = (list("first"), list("second"));
        for (key, weights) in
            [("none", Weights::None), ("linear", Weights::Linear), ("quadratic", Weights::Quadratic)]
        {
            close(cohen_kappa(&first, &second, weights).unwrap(), &row[key], key);
        }
    }
    for row in golden["agreement"]["alpha"].as_array().unwrap() {
        let grades: Vec<Vec<Option<f64>>> = serde_json::from_value(row["grades"].clone()).unwrap();
        for (key, level) in [
            ("nominal", Level::Nominal),
            ("ordinal", Level::Ordinal),
            ("interval", Level::Interval),
            ("ratio", Level::Ratio),
        ] {
            close(krippendorff_alpha(&grades, level).unwrap(), &row[key], key);
        }
    }
}

#[test]
fn agreement_without_sense_is_refused() {
    assert!(cohen_kappa(&[1], &[1, 2], Weights::None).is_err());
    assert!(cohen_kappa::<u8>(&[], &[], Weights::None).is_err());
    assert!(cohen_kappa(&[1, 1], &[1, 1], Weights::Linear).is_err());
    for grades in [
        vec![],
        vec![vec![Some(1.0)], vec![None]],
        vec![vec![Some(1.0)], vec![Some(1.0)]],
        vec![vec![Some(1.0)], vec![]],
        vec![vec![Some(f64::NAN)], vec![Some(1.0)]],
    ] {
        assert!(krippendorff_alpha(&grades, Level::Nominal).is_err(), "{grades:?}");
    }
    assert!(krippendorff_alpha(&[vec![Some(-1.0)], vec![Some(1.0)]], Level::Ratio).is_err());
}

#[test]
fn the_guide_names_every_metric() {
    let guide = include_str!("../../../../docs/evaluation.md");
    for name in Scorer::names().chain(["semantic_similarity", "judge", "code"]) {
        assert!(guide.contains(&format!("`{name}`")), "{name}");
    }
}
