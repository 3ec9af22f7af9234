use std::collections::BTreeMap;
use std::sync::Arc;

use inference::{Asked, LlmClient};
use meta_traits::Stream;
use orchestrator_core::system::{CompoundAISystem, SystemSpec, placeholders};
use proptest::prelude::*;

use super::{block_on, data, echo, system, text};

const SHOTS: &str = "modules:
  near: {kind: retrieve, corpus: train, k: 2, query: '{{ input }}'}
  a: {kind: llm, model: echo, prompt: 'Seed {{ near }}{% for n in near %}{{ n.input }}{% endfor %} {{ input }}'}";

/// Texts full of what templates are made of.
fn template_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{{ input }}".to_owned()),
        Just("{{ near }}".to_owned()),
        Just("{% for n in near %}".to_owned()),
        Just("{{ n.input }}".to_owned()),
        Just("{% endfor %}".to_owned()),
        Just("{{".to_owned()),
        Just("}}".to_owned()),
        Just("{%-".to_owned()),
        Just("%}".to_owned()),
        Just("{#".to_owned()),
        Just("#}".to_owned()),
        Just("\"'\\".to_owned()),
        Just("{% raw %}".to_owned()),
        "\\PC{0,6}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_candidate_and_no_input_panics(text in template_like(), input in template_like()) {
        let system = system(SHOTS);
        let candidate = system.components().with("a", text.clone());
        let checked = system.check_components(&candidate);
        let done = block_on(system.run(&candidate, &input.into(), &Stream::root(0), true));
        prop_assert!(checked.is_ok() || done.is_err());
        let tags = placeholders(&text).iter().all(|p| p.starts_with("{{") || p.starts_with("{%"));
        prop_assert!(tags);
    }

    #[test]
    fn the_shared_prefix_begins_every_prompt(head in template_like(), inputs in any::<[String; 2]>()) {
        let client = Arc::new(echo());
        let spec = SystemSpec::from_yaml("modules: {a: {kind: llm, model: echo, prompt: '{{ input }}'}}").unwrap();
        let models: BTreeMap<String, Arc<dyn LlmClient>> =
            [("echo".to_owned(), Arc::clone(&client) as Arc<dyn LlmClient>)].into();
        let system = CompoundAISystem::new(spec, ".".as_ref(), models, &data()).unwrap();
        let candidate = system.components().with("a", format!("{head}{{{{ input }}}}"));
        for input in inputs {
            let _ = block_on(system.run(&candidate, &input.into(), &Stream::root(0), true));
        }
        let prefixes: Vec<String> = client.asked().iter().map(|asked| match asked {
            Asked::Generate(request) => text(&request.prompt)[..request.shared_prefix].to_owned(),
            other => panic!("{other:?}"),
        }).collect();
        prop_assert!(prefixes.windows(2).all(|p| p[0] == p[1]), "{prefixes:?}");
    }

    #[test]
    fn retrieval_gives_at_most_k_and_never_the_input(query in "[a-z ]{0,40}|the (parcel|card) is (late|lost)", k in 1_usize..6) {
        let yaml = format!("modules: {{r: {{kind: retrieve, corpus: train, k: {k}, query: '{{{{ input }}}}'}}}}");
        let done = block_on(async {
            let system = system(&yaml);
            system.run(&system.components(), &query.as_str().into(), &Stream::root(0), false).await
        }).unwrap();
        let found: Vec<&str> = done.output.lines().collect();
        prop_assert!(found.len() <= k);
        prop_assert!(found.iter().all(|f| f.split(" -> ").next() != Some(query.as_str())));
    }
}
