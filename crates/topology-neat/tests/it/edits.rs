//! Storms of edits never leave the space.

use meta_traits::{Space as _, Stream};
use topology_neat::{Edit, Library, Module, ModuleKind, Workflow, WorkflowSpace};

/// How many edits; more by `METAORCH_SOAK_N`.
#[expect(clippy::disallowed_methods, reason = "the test, not the pillar, takes its count from outside")]
fn edits() -> u64 {
    std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000)
}

/// Every edit gives a workflow of the space that its written form gives back, or nothing.
#[test]
fn a_storm_of_edits_leaves_only_workflows() {
    let narrow = Library::new(vec![(ModuleKind::Generate, 3), (ModuleKind::Vote, 1), (ModuleKind::Route, 2)]);
    let spaces = [
        WorkflowSpace::new(Library::default(), 12, 5).unwrap(),
        WorkflowSpace::new(narrow.unwrap(), 5, 2).unwrap(),
        WorkflowSpace::new(Library::default(), 1, 1).unwrap(),
        WorkflowSpace::new(Library::default(), Workflow::MAX_MODULES, Workflow::MAX_MODULES).unwrap(),
    ];
    let mut rng = Stream::root(5);
    let mut at: Vec<Workflow> = spaces.iter().map(|space| space.sample(&mut rng)).collect();
    let mut changed = 0;
    for i in 0..edits() {
        let of = (i % 4) as usize;
        let edit = Edit::ALL[rng.below(Edit::ALL.len())];
        let Some(new) = edit.apply(&at[of], &spaces[of], &mut rng) else { continue };
        changed += 1;
        assert!(spaces[of].contains(&new) && new != at[of], "{edit:?}: {new}");
        let written = serde_json::to_string(&new).unwrap();
        assert_eq!(serde_json::from_str::<Workflow>(&written).unwrap(), new, "{written}");
        // Back to small ones now and then, or all would be at their limit.
        at[of] = if i % 97 == of as u64 { spaces[of].sample(&mut rng) } else { new };
    }
    assert!(changed > edits() / 4, "{changed} edits did something");
}

#[test]
fn modules_are_put_to_the_use_they_have() {
    let kinds = vec![(ModuleKind::Generate, 3), (ModuleKind::Retrieve, 2), (ModuleKind::Vote, 1)];
    let space = WorkflowSpace::new(Library::new(kinds).unwrap(), 12, 5).unwrap();
    let one = Workflow::single(Module::new(ModuleKind::Generate, 0)).unwrap();
    let count = |w: &Workflow, kind| w.modules().iter().filter(|m| m.kind == kind).count();
    let mut mixed = 0;
    for seed in 0..20 {
        let mut rng = Stream::root(seed);
        let prepared = Edit::Prepare.apply(&one, &space, &mut rng).unwrap();
        assert_eq!(prepared.modules()[0].kind, ModuleKind::Retrieve);
        assert_eq!((prepared.depth(), prepared.reads(1).collect::<Vec<_>>()), (2, vec![1]), "{prepared}");
        let poll = Edit::Poll.apply(&one, &space, &mut rng).unwrap();
        assert_eq!(poll.modules().iter().filter(|m| **m == one.modules()[0]).count(), 3);
        let assembled = Edit::Assemble.apply(&one, &space, &mut rng).unwrap();
        assert_eq!((count(&assembled, ModuleKind::Generate), count(&assembled, ModuleKind::Vote)), (3, 1));
        mixed += usize::from(assembled != poll);
    }
    assert!(mixed > 10, "{mixed} of 20 hold several variants");
}

#[test]
fn malformed_forms_are_refused() {
    for (form, why) in [
        (r#"{"modules":[],"output":[0]}"#, "no way leads"),
        (r#"{"modules":[{"kind":"vote","reads":[0]}],"output":[1]}"#, "reads no answer"),
        (r#"{"modules":[{"kind":"generate","reads":[1]}],"output":[1]}"#, "allowed: 0"),
        (
            r#"{"modules":[{"kind":"generate","reads":[0,2]},{"kind":"refine","reads":[1]}],"output":[2]}"#,
            "allowed: 0",
        ),
        (r#"{"modules":[{"kind":"generate","reads":[9]}],"output":[1]}"#, "allowed: 0"),
        (r#"{"modules":[{"kind":"magic","reads":[0]}],"output":[1]}"#, "magic"),
    ] {
        let error = serde_json::from_str::<Workflow>(form).unwrap_err().to_string();
        assert!(error.contains(why), "{form}: {error}");
    }
}
