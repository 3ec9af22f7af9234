//! Every setting that users write does something.

use meta_traits::{Space as _, Stream};
use prompt_grammar::features::{Corpus, Latent, Semantics};
use prompt_grammar::flat::Flat;
use prompt_grammar::holes::{DataSource, FillBank};
use prompt_grammar::library::{Library, TaskKind};
use prompt_grammar::outline::SectionKind;
use prompt_grammar::prepare::Materials;
use prompt_grammar::worth::{ScoredPrompt, Worth};
use prompt_grammar::{AnalysisDepth, HoleKind, PromptConfig};

const PROMPT: &str = "You are a clerk.\n\nSort this ticket: {{ input }}\n\nThink step by step.";

fn config(change: impl Fn(&mut PromptConfig)) -> PromptConfig {
    let mut config = PromptConfig::default();
    change(&mut config);
    config
}

fn space(config: &PromptConfig, materials: &Materials<'_>) -> Flat {
    config.prepare(PROMPT, materials).unwrap().flat
}

/// Texts of some prompts of a space.
fn texts(flat: &Flat, n: u64) -> Vec<String> {
    (0..n).map(|i| flat.render(&flat.space().sample(&mut Stream::root(i)))).collect()
}

fn has_option(flat: &Flat, text: &str) -> bool {
    flat.space().slots().iter().flat_map(|s| &s.options).any(|o| o.text == text)
}

#[test]
fn grammar_evolution_enabled_lets_structure_vary() {
    let materials = Materials::default();
    let shape = |text: &String| {
        let role = text.starts_with("You are") && text.ends_with('.');
        role && text.matches("\n\n").count() == 2 && !text.contains('#') && !text.contains('<')
    };
    let fixed = space(&config(|c| c.grammar_evolution_enabled = false), &materials);
    assert!(texts(&fixed, 60).iter().all(shape));
    let distinct: std::collections::BTreeSet<String> = texts(&fixed, 60).into_iter().collect();
    assert!(distinct.len() > 5, "texts still vary: {distinct:?}");
    assert!(!texts(&space(&config(|_| ()), &materials), 60).iter().all(shape));
}

#[test]
fn compositional_generation_offers_components() {
    let component = "You are a careful expert.";
    assert!(has_option(&space(&config(|_| ()), &Materials::default()), component));
    assert!(!has_option(
        &space(&config(|c| c.compositional_generation = false), &Materials::default()),
        component
    ));
}

/// A fill that helped clearly and one that may have.
fn bank() -> FillBank {
    let mut bank = FillBank::new(100);
    for i in 0..12 {
        bank.record(HoleKind::RuleItem, "Name the product.", 0.2 + 0.01 * f64::from(i % 3));
        bank.record(HoleKind::RuleItem, "Mind the tone.", if i % 2 == 0 { 0.25 } else { -0.2 });
    }
    bank
}

#[test]
fn semantic_pattern_discovery_uses_what_helped() {
    let bank = bank();
    let materials = Materials { bank: Some(&bank), ..Materials::default() };
    assert!(has_option(&space(&config(|_| ()), &materials), "Name the product."));
    let without = config(|c| c.semantic_pattern_discovery = false);
    assert!(!has_option(&space(&without, &materials), "Name the product."));
    // Patterns of the search's own results are looked for, and toggled.
    let toggles = |c: &PromptConfig| c.prepare(PROMPT, &materials).unwrap().options.toggles;
    assert!(toggles(&config(|_| ())) > 0.0 && toggles(&without).abs() < 1e-12);
}

#[test]
fn discriminative_pattern_threshold_asks_for_sureness() {
    let bank = bank();
    let materials = Materials { bank: Some(&bank), ..Materials::default() };
    let offered = |threshold: f64, text: &str| {
        has_option(&space(&config(|c| c.discriminative_pattern_threshold = threshold), &materials), text)
    };
    assert!(offered(0.3, "Name the product.") && offered(0.9, "Name the product."));
    assert!(offered(0.3, "Mind the tone.") && !offered(0.9, "Mind the tone."));
}

#[test]
fn pattern_cache_size_bounds_what_is_kept() {
    for size in [100, 150] {
        let prepared =
            config(|c| c.pattern_cache_size = size).prepare(PROMPT, &Materials::default()).unwrap();
        let mut bank = prepared.bank;
        (0..400).for_each(|i| bank.record(HoleKind::RuleItem, &format!("Rule {i}."), f64::from(i)));
        assert_eq!(bank.fills(HoleKind::RuleItem).count(), size);
    }
}

#[test]
fn max_prompt_length_holds_for_every_prompt() {
    let materials = Materials { task: TaskKind::CodeGeneration, ..Materials::default() };
    let longest = |most: usize| {
        let texts = texts(&space(&config(|c| c.max_prompt_length = most), &materials), 200);
        texts.iter().map(|t| t.chars().count()).max().unwrap()
    };
    assert!(longest(150) <= 150 && (151..=400).contains(&longest(400)));
    let long = format!("{PROMPT}{}", " Be brief.".repeat(10));
    let fault = config(|c| c.max_prompt_length = 100).prepare(&long, &materials).unwrap_err().to_string();
    assert!(fault.contains("limit = 100"), "{fault}");
}

#[test]
fn evolution_temperature_decides_how_far_prompts_go() {
    let own = |temperature: f64| {
        let flat = space(&config(|c| c.evolution_temperature = temperature), &Materials::default());
        let seed = flat.space().seed();
        let same = |i: u64| {
            let prompt = flat.space().sample(&mut Stream::root(i));
            prompt.options().iter().zip(seed.options()).filter(|(a, b)| a == b).count()
        };
        (0..200).map(same).sum::<usize>()
    };
    assert!(own(0.1) > own(0.7) + 100 && own(0.7) > own(2.0) + 100, "{} {} {}", own(0.1), own(0.7), own(2.0));
    let drawn = |t: f64| {
        config(|c| c.evolution_temperature = t).prepare(PROMPT, &Materials::default()).unwrap().options
    };
    assert!(drawn(2.0).temperature > drawn(0.7).temperature);
}

#[test]
fn linguistic_feature_extraction_measures_the_wording() {
    let corpus = Corpus::of(["the printer is broken", "no invoice came"]);
    let inputs = ["the printer is broken", "no invoice came"];
    let latent = Latent::of(Semantics::new(corpus.clone()), &inputs, 2, &Stream::root(0));
    let materials = Materials { corpus: Some(&corpus), latent: Some(&latent), ..Materials::default() };
    let measure = config(|_| ()).prepare(PROMPT, &materials).unwrap().features.unwrap();
    let found = measure.of("Never guess.");
    assert!(
        found.iter().any(|(n, v)| n == "negations" && *v > 0.0)
            && found.iter().any(|(n, _)| n == "specificity")
            && found.iter().any(|(n, _)| n == "centrality")
    );
    let without = config(|c| c.linguistic_feature_extraction = false);
    assert!(without.prepare(PROMPT, &materials).unwrap().features.is_none());
}

/// Prompts with and without two rules, of which one helps.
fn scored() -> Vec<ScoredPrompt> {
    let prompt = |i: usize| {
        let rule =
            |bit: usize, text: &str| if i >> bit & 1 == 1 { format!("\n- {text}") } else { String::new() };
        let text = format!("Sort it.{}{}{}", rule(0, "Be sure."), rule(1, "Be kind."), rule(2, "Be old."));
        ScoredPrompt {
            text,
            scores: (0..30).map(|e| (e, f64::from(u8::from(e % 3 < 1 + (i as u64 & 1))))).collect(),
        }
    };
    // The third rule is in one prompt alone.
    [0, 1, 2, 3, 4].map(prompt).to_vec()
}

#[test]
fn component_analysis_depth_looks_at_what_parts_do_together() {
    let values = |depth: AnalysisDepth| {
        let worth = Worth::of(&scored(), &config(|c| c.component_analysis_depth = depth)).unwrap();
        worth.of_prompt("Sort it.\n- Be sure.\n- Be kind.", &Stream::root(1))
    };
    assert!(values(AnalysisDepth::Deep)[1].unwrap().interaction.is_some());
    assert!(values(AnalysisDepth::Basic)[1].unwrap().interaction.is_none());
}

#[test]
fn min_component_frequency_leaves_rare_components_unjudged() {
    let judged = |least: usize| {
        let worth = Worth::of(&scored(), &config(|c| c.min_component_frequency = least)).unwrap();
        let values = worth.of_prompt("Sort it.\n- Be sure.\n- Be kind.\n- Be old.", &Stream::root(1));
        values.iter().map(Option::is_some).collect::<Vec<_>>()
    };
    assert_eq!(judged(1), [false, true, true, true]);
    assert_eq!(judged(2), [false, true, true, false]);
}

#[test]
fn materials_are_composed_with_the_library() {
    let rows =
        [("paid twice", "billing"), ("no login", "access"), ("refund", "billing"), ("locked", "access")];
    let data = DataSource::new(rows.iter().copied());
    let own = Library::empty().with(SectionKind::Format, "Answer in capitals.");
    let bank = bank();
    let materials = Materials {
        task: TaskKind::Qa,
        own: Some(&own),
        data: Some(&data),
        bank: Some(&bank),
        corpus: None,
        latent: None,
    };
    let flat = space(&config(|_| ()), &materials);
    for text in [
        "You answer questions from the given text alone.",
        "Answer in capitals.",
        "Labels: billing, access.",
        "Input: paid twice\nOutput: billing",
        "Name the product.",
    ] {
        assert!(has_option(&flat, text), "{text}");
    }
}
