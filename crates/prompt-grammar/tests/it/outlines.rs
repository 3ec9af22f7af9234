//! Reading prompts: nothing is lost, whatever they look like.

use meta_traits::Stream;
use prompt_grammar::PromptError;
use prompt_grammar::library::{Library, TaskKind};
use prompt_grammar::outline::{Delimiters, Outline, SectionKind};

use crate::soak::loops;

const PIECES: [&str; 34] = [
    "## Role\n",
    "# Task\n",
    "<task>\n",
    "</task>\n",
    "<role>\n",
    "</role>",
    "Task:",
    "Rules:\n",
    "Output format: ",
    "1. Role\n",
    "2) Rules\n",
    "- ",
    "* ",
    "\n",
    "\n\n",
    "\r\n",
    "```\n",
    "```json",
    "{{ input }}",
    "{% if x %}",
    "{#",
    "You are an expert.",
    "Think step by step.",
    "Example",
    "Answer with one word.",
    "never",
    "a",
    " ",
    "\t",
    "\u{e4}\u{f6}",
    "\u{1f980}",
    "\0",
    "</",
    "Be brief.\n",
];

fn text(rng: &mut Stream) -> String {
    (0..rng.below(40)).map(|_| *rng.pick(&PIECES).unwrap()).collect()
}

#[test]
fn every_prompt_comes_back_byte_for_byte() {
    let library = Library::of_task(TaskKind::CodeGeneration);
    let (mut arranged, n) = (0, loops(4000));
    for i in 0..n {
        let text = text(&mut Stream::root(5).child("prompt", i));
        let outline = Outline::parse(&text);
        assert_eq!(outline.render(), text);
        let (grammar, tree) = outline.grammar(&library).unwrap();
        tree.check(&grammar).unwrap();
        assert_eq!(tree.render(&grammar), text);
        arranged += u64::from(tree.nodes().len() > 1);
    }
    assert!(arranged * 4 > n, "only {arranged} of {n} have structure");
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let mut bad = 0;
    for i in 0..500_u64 {
        let mut rng = Stream::root(6).child("bytes", i);
        let mut bytes = text(&mut rng).into_bytes();
        for _ in 0..rng.below(3) {
            let at = rng.below(bytes.len() + 1);
            bytes.insert(at, rng.below(256) as u8);
        }
        match (std::str::from_utf8(&bytes), Outline::parse_bytes(&bytes)) {
            (Ok(text), Ok(outline)) => assert_eq!(outline.render(), text),
            (Err(fault), Err(PromptError::Encoding { at })) => {
                assert_eq!(at, fault.valid_up_to());
                bad += 1;
            }
            (expected, found) => panic!("{expected:?} {found:?}"),
        }
    }
    assert!(bad > 50);
}

#[test]
fn large_prompts_are_read_in_one_go() {
    for piece in
        ["## Task\nDo it.\n\n", "word ", "- item\n", "<a>\n", "\n\n", "```\n", "{{", "Rules:\n", "1. Task\n"]
    {
        let text = piece.repeat(1_000_000 / piece.len());
        let outline = Outline::parse(&text);
        assert_eq!(outline.render(), text);
        let (grammar, tree) = outline.grammar(&Library::empty()).unwrap();
        assert_eq!(tree.render(&grammar), text);
    }
}

#[track_caller]
fn check(text: &str, delimiters: Delimiters, sections: &[(SectionKind, &str)]) {
    let outline = Outline::parse(text);
    assert_eq!(outline.delimiters(), delimiters);
    let found: Vec<_> = outline.sections().iter().map(|s| (s.kind, s.body.as_str())).collect();
    assert_eq!(found, sections);
    assert_eq!(outline.render(), text);
}

#[test]
fn usual_prompts_are_read_in_sections() {
    use SectionKind::{Constraints, Examples, Format, General, Reasoning, Role, Task};
    check(
        "# Role\nYou are a clerk.\n\n# Your task\nSort {{ input }}.\n# Output format\nOne word.\n",
        Delimiters::Headings,
        &[(Role, "You are a clerk."), (Task, "Sort {{ input }}."), (Format, "One word.")],
    );
    check(
        "<role>\nclerk\n</role>\n<ticket-data>\n<task>\nx\n</task>\n</ticket-data>",
        Delimiters::Tags,
        &[(Role, "clerk"), (SectionKind::Context, "<task>\nx\n</task>")],
    );
    check(
        "Intro.\nTask: sort it\nRules:\n- brief\n- sure\n",
        Delimiters::Labels,
        &[(Task, "sort it"), (Constraints, "- brief\n- sure")],
    );
    check("1. Task\nSort.\n2. Notes\nNone.", Delimiters::Numbers, &[(Task, "Sort."), (General, "None.")]);
    check(
        "You are a clerk.\n\nSort {{ input }}.\n\nSay why.\n\nThink step by step.\n\nExample: a -> b\n\nAnswer with one word.",
        Delimiters::Plain,
        &[
            (Role, "You are a clerk."),
            (Task, "Sort {{ input }}.\n\nSay why."),
            (Reasoning, "Think step by step."),
            (Examples, "Example: a -> b"),
            (Format, "Answer with one word."),
        ],
    );
    check("```\n# Task\n```\nx", Delimiters::Plain, &[(Task, "```\n# Task\n```\nx")]);
    check("", Delimiters::Plain, &[]);
}

/// The components of a task's library appear among the prompts that can be drawn, and only those.
#[test]
fn tasks_change_what_is_proposed() {
    let seed = "You are a clerk.\n\nDo it: {{ input }}";
    let mut seen = Vec::new();
    for task in TaskKind::ALL {
        let (grammar, _) = Outline::parse(seed).grammar(&Library::of_task(task)).unwrap();
        let sampler = prompt_grammar::Sampler::new(&grammar);
        let texts: Vec<String> =
            (0..300).map(|i| sampler.sample(&mut Stream::root(i), 9).unwrap().render(&grammar)).collect();
        assert!(texts.iter().all(|t| t.contains("Do it: {{ input }}")));
        for style in ["## Output format\n", "<output_format>\n", "Output format:\n"] {
            assert!(texts.iter().any(|t| t.contains(style)), "{style}");
        }
        seen.push(texts.concat());
    }
    let own = [
        "Use only what the input says.",
        "Keep the given names",
        "Keep names, numbers",
        "exactly what is asked",
    ];
    for (i, text) in own.iter().enumerate().skip(1) {
        for (j, prompts) in seen.iter().enumerate() {
            assert_eq!(prompts.contains(text), i == j, "{text} for {:?}", TaskKind::ALL[j]);
        }
    }
    assert!(seen[0].contains(own[0]));
}
