//! Varied systems: what the planner sees, and what it does not.

use meta_traits::Stream;
use serde_json::{Value, json};

/// What a simulated model is asked for, by the most tokens it may write: no two modules of a system share that number.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Role {
    /// One of the labels.
    Label,
    /// Free text of about this share of the limit, and the spread of its length.
    Text { share: f64, spread: f64 },
}

/// Traits of a model that no plan is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Traits {
    pub(super) tokens_per_char: f64,
    pub(super) overhead: u64,
    /// Seconds: of a call, of a token read, of a token written.
    pub(super) latency: [f64; 3],
    pub(super) noise: f64,
    pub(super) stalls: f64,
    pub(super) stall: f64,
    /// Words written around a label.
    pub(super) chatter: f64,
    /// The share of examples that an average prompt gets right, and how far prompts differ.
    pub(super) right: f64,
    pub(super) differ: f64,
    /// The share of examples on which another prompt's outcome is another draw.
    pub(super) flip: f64,
    /// The share of drafts that a verdict accepts.
    pub(super) accepts: f64,
    /// Characters that a rewriting adds, as a median, and the share of rewritings that are of no use.
    pub(super) adds: f64,
    pub(super) duds: f64,
}

/// One generated case.
pub(super) struct Case {
    /// The configuration as its file would hold it.
    pub(super) config: Value,
    /// Rows of train, val and test.
    pub(super) rows: [Vec<Value>; 3],
    /// The right answers by reference number.
    pub(super) answers: Vec<(String, String)>,
    pub(super) labels: Vec<String>,
    pub(super) roles: Vec<(u32, Role)>,
    /// Hidden traits by model.
    pub(super) traits: Vec<(String, Traits)>,
    pub(super) shape: &'static str,
}

const WORDS: [&str; 40] = [
    "order", "parcel", "late", "invoice", "charged", "twice", "please", "help", "account", "password",
    "since", "week", "the", "a", "my", "cannot", "open", "app", "crashes", "after", "update", "refund",
    "still", "missing", "address", "changed", "delivery", "card", "declined", "thanks", "again", "number",
    "support", "never", "answered", "shipping", "cost", "too", "high", "today",
];

const LABELS: [&str; 8] = [
    "billing",
    "delivery",
    "access",
    "technical problem",
    "cancellation",
    "praise",
    "other",
    "sales enquiry",
];

fn normal(rng: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).cos()
}

/// A number between `low` and `high`, its logarithm uniform.
fn between(low: f64, high: f64, rng: &mut Stream) -> f64 {
    low * (high / low).powf(rng.unit())
}

pub(super) fn words(n: usize, rng: &mut Stream) -> String {
    let drawn: Vec<&str> = (0..n).map(|_| WORDS[rng.below(WORDS.len())]).collect();
    drawn.join(" ")
}

impl Traits {
    fn draw(rng: &mut Stream) -> Self {
        Self {
            tokens_per_char: between(0.19, 0.34, rng),
            overhead: rng.below(12) as u64,
            latency: [between(0.15, 1.5, rng), between(5e-6, 1e-4, rng), between(0.004, 0.035, rng)],
            noise: between(0.08, 0.6, rng),
            stalls: if rng.chance(0.6) { between(0.002, 0.03, rng) } else { 0.0 },
            stall: between(2.0, 9.0, rng),
            chatter: if rng.chance(0.5) { 0.0 } else { between(1.0, 20.0, rng) },
            right: 0.1 + 0.75 * rng.unit(),
            differ: between(0.03, 0.2, rng),
            flip: between(0.08, 0.9, rng),
            accepts: 0.2 + 0.75 * rng.unit(),
            adds: between(30.0, 350.0, rng),
            duds: if rng.chance(0.5) { 0.0 } else { 0.25 * rng.unit() },
        }
    }
}

impl Case {
    /// The case of a seed and variant.
    pub(super) fn draw(seed: u64, variant: u64) -> Self {
        let root = Stream::root(seed).child("plan-bench", variant);
        let mut rng = root.child("case", 0);
        let labels: Vec<String> =
            LABELS[..2 + rng.below(LABELS.len() - 1)].iter().map(|l| (*l).to_owned()).collect();
        let sizes =
            [12 + rng.below(50), 10 + rng.below(50), if rng.chance(0.2) { 0 } else { 10 + rng.below(70) }];
        let (rows, answers) = data(sizes, &labels, &root);
        let mut build =
            Build { rng: root.child("system", 0), labels: &labels, roles: Vec::new(), limits: Vec::new() };
        let (shape, modules, flow) = build.system();
        let roles = std::mem::take(&mut build.roles);
        let minibatch = if rng.chance(0.7) { 3 } else { 2 + rng.below(5) };
        let least = 2 * sizes[1] + 2 * minibatch;
        let calls = (between(100.0, 1000.0, &mut rng) as usize).max(least + 10);
        let mut budget = json!({ "calls": calls });
        // Some runs have a second limit, which may bind.
        if rng.chance(0.2) {
            budget["tokens"] = json!((calls as f64 * between(300.0, 3000.0, &mut rng)) as u64 + 200_000);
        }
        let mut traits = vec![("task".to_owned(), Traits::draw(&mut root.child("traits", 0)))];
        let concurrency = 1 + rng.below(16);
        let price = |rng: &mut Stream| between(0.05, 3.0, rng);
        let model = |rng: &mut Stream| {
            let read = price(rng);
            json!({"provider": "openai", "model": "m", "key_env": "", "base_url": "http://127.0.0.1:9",
                "concurrency": concurrency, "usd_per_million_in": read,
                "usd_per_million_out": read * (1.0 + 4.0 * rng.unit())})
        };
        let mut models = json!({ "task": model(&mut rng) });
        let mut optimizer = json!({ "minibatch": minibatch, "max_prompt_length": 800 + rng.below(2400) });
        if rng.chance(0.5) {
            let name = if rng.chance(0.6) { "writer" } else { "task" };
            if name == "writer" {
                models["writer"] = model(&mut rng);
                traits.push(("writer".into(), Traits::draw(&mut root.child("traits", 1))));
            }
            optimizer["proposer"] = json!({ "model": name });
        }
        let mut system = json!({ "input": ["input"], "modules": modules });
        if let Some(flow) = flow {
            system["flow"] = flow;
        }
        let config = json!({
            "name": "recorded", "seed": seed, "system": system, "metric": "label", "models": models,
            "data": {"train": "train.jsonl", "val": "val.jsonl", "test": "test.jsonl", "allow_leakage": true},
            "optimizer": optimizer, "budget": budget, "report": {"test": sizes[2] > 0},
        });
        Self { config, rows, answers, labels, roles, traits, shape }
    }
}

fn data(sizes: [usize; 3], labels: &[String], root: &Stream) -> ([Vec<Value>; 3], Vec<(String, String)>) {
    let mut rng = root.child("data", 0);
    let (length, spread) = (between(8.0, 120.0, &mut rng), between(0.1, 0.8, &mut rng));
    let mut answers = Vec::new();
    let rows = [0, 1, 2].map(|split| {
        // A file needs a row.
        let n = sizes[split].max(1);
        let row = |_| {
            let reference = format!("ref-{:05}", answers.len());
            let label = labels[rng.below(labels.len())].clone();
            let n = (length * (spread * normal(&mut rng)).exp()).clamp(3.0, 400.0) as usize;
            let input = format!("{reference} {}", words(n, &mut rng));
            answers.push((reference, label.clone()));
            json!({ "input": input, "expected": label })
        };
        (0..n).map(row).collect()
    });
    (rows, answers)
}

/// Puts a system together.
struct Build<'a> {
    rng: Stream,
    labels: &'a [String],
    roles: Vec<(u32, Role)>,
    limits: Vec<u32>,
}

impl Build<'_> {
    /// A limit that no other module has; 8 is a verdict's.
    fn limit(&mut self, low: f64, high: f64) -> u32 {
        loop {
            let n = between(low, high, &mut self.rng) as u32;
            if n != 8 && !self.limits.contains(&n) {
                self.limits.push(n);
                return n;
            }
        }
    }

    fn instruction(&mut self, task: &str) -> String {
        let n = between(4.0, 120.0, &mut self.rng) as usize;
        format!("{task} {}.", words(n, &mut self.rng))
    }

    /// A module that answers with a label.
    fn label(&mut self, before: &str, after: &str, sampled: bool) -> Value {
        let max_tokens = self.limit(10.0, 48.0);
        self.roles.push((max_tokens, Role::Label));
        let prompt = format!(
            "{before}{}\n\nText: {{{{ input }}}}\n{after}Label:",
            self.instruction("Choose the label.")
        );
        let mut module = json!({"kind": "llm", "model": "task", "prompt": prompt, "labels": self.labels,
            "choose": "generate", "max_tokens": max_tokens});
        if sampled {
            module["temperature"] = json!(0.8);
        } else if self.rng.chance(0.2) {
            module["choose"] = json!("score");
            module["calibrate"] = json!(self.rng.chance(0.3));
        }
        module
    }

    /// A module that writes free text.
    fn text(&mut self, reads: &str) -> Value {
        let max_tokens = self.limit(50.0, 400.0);
        let role =
            Role::Text { share: 0.08 + 0.8 * self.rng.unit(), spread: between(0.1, 0.6, &mut self.rng) };
        self.roles.push((max_tokens, role));
        let prompt = format!("{}\n\nText: {{{{ input }}}}\n{reads}Notes:", self.instruction("Write notes."));
        let sampled = if self.rng.chance(0.2) { 0.7 } else { 0.0 };
        let optimize = self.rng.chance(0.8);
        json!({"kind": "llm", "model": "task", "prompt": prompt, "max_tokens": max_tokens, "temperature": sampled,
            "optimize": optimize})
    }

    fn system(&mut self) -> (&'static str, Value, Option<Value>) {
        match self.rng.below(8) {
            0 => ("label", json!({ "answer": self.label("", "", false) }), None),
            1 => {
                let k = 1 + self.rng.below(4);
                let near = json!({"kind": "retrieve", "corpus": "train", "k": k, "query": "{{ input }}"});
                let modules = json!({"near": near, "answer": self.label("{{ near }}\n", "", false)});
                ("retrieve", modules, Some(json!(["near", "answer"])))
            }
            2 => {
                let modules =
                    json!({"notes": self.text(""), "answer": self.label("", "Notes: {{ notes }}\n", false)});
                ("chain", modules, Some(json!(["notes", "answer"])))
            }
            3 => {
                let modules = json!({"first": self.text(""), "second": self.text(""),
                    "answer": self.label("", "A: {{ first }}\nB: {{ second }}\n", false)});
                ("parallel", modules, Some(json!(["first", "second", "answer"])))
            }
            4 => {
                let on: Vec<&String> =
                    self.labels.iter().take(1 + self.rng.below(self.labels.len())).collect();
                let cases: serde_json::Map<String, Value> =
                    on.iter().map(|l| ((*l).clone(), json!(["notes", "answer"]))).collect();
                let modules = json!({"kind": self.label("", "", false), "notes": self.text(""),
                    "answer": self.label("", "", false)});
                let branch = json!({"branch": {"on": "{{ kind }}", "cases": cases, "default": ["answer"]}});
                ("branch", modules, Some(json!(["kind", branch])))
            }
            5 => {
                let rounds = 2 + self.rng.below(3);
                let check = json!({"kind": "verify", "model": "task", "choose": "generate",
                    "prompt": "Text: {{ input }}\nDraft: {{ draft }}\nIs the draft right? Answer yes or no."});
                let mut draft = self.label("", "Before: {{ draft }} {{ critique }}\n", false);
                draft["choose"] = json!("generate");
                draft["calibrate"] = json!(false);
                let modules = json!({"answer": draft, "check": check});
                let refine =
                    json!({"refine": {"draft": "answer", "critique": "check", "max_rounds": rounds}});
                ("refine", modules, Some(json!([refine])))
            }
            6 => {
                let samples = 2 + self.rng.below(4);
                let modules = json!({ "answer": self.label("", "", true) });
                ("vote", modules, Some(json!([{"vote": {"of": "answer", "samples": samples}}])))
            }
            _ => {
                let modules = json!({"first": self.text(""), "second": self.text("A: {{ first }}\n"),
                    "kind": self.label("", "B: {{ second }}\n", false),
                    "answer": self.label("", "Kind: {{ kind }}\n", false)});
                ("long", modules, Some(json!(["first", "second", "kind", "answer"])))
            }
        }
    }
}
