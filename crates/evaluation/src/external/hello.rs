use std::fmt;

use meta_traits::{Components, ExampleId, Split};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use tokio::time::timeout;

use super::line::Line;
use super::process::Process;
use super::spec::ExternalSpec;
use crate::EvaluationError;
use crate::error::one_line;

const PROTOCOL: u64 = 1;
/// More requests in flight than any program is likely to serve.
const MOST_CONCURRENT: usize = 1024;

/// What an evaluator program says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hello {
    /// The seed text of every component, in the program's order.
    pub components: Components,
    /// How many examples it holds.
    pub examples: ExampleCounts,
    /// Whether it answers `propose`.
    pub propose: bool,
    /// How many requests it serves at once, 1 to 1024.
    pub concurrency: usize,
}

impl Hello {
    /// The names of all examples of `split`, in order.
    pub fn ids(&self, split: Split) -> Vec<ExampleId> {
        (0..self.examples.of(split)).map(|i| ExampleId::new(split, i)).collect()
    }
}

/// How many examples an evaluator program holds; at least one each in `train` and `val`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ExampleCounts {
    /// Examples of the train split.
    pub train: u32,
    /// Examples of the val split.
    pub val: u32,
    /// Examples of the test split; 0 by default.
    #[serde(default)]
    pub test: u32,
}

impl ExampleCounts {
    /// The number of `split`.
    pub fn of(&self, split: Split) -> u32 {
        match split {
            Split::Train => self.train,
            Split::Val => self.val,
            Split::Test => self.test,
            _ => 0,
        }
    }
}

/// Greets a process that was just started and waits for its answer.
pub(super) async fn hello_of(process: &mut Process, spec: &ExternalSpec) -> Result<Hello, EvaluationError> {
    let wrong = |message: String| EvaluationError::Hello { command: spec.program().to_owned(), message };
    process.send(format!("{{\"hello\":{{\"protocol\":{PROTOCOL}}}}}\n").into_bytes());
    match timeout(spec.hello_timeout, process.next_line()).await {
        Err(_) => {
            let waited = spec.hello_timeout;
            Err(wrong(format!(
                "nothing came within {waited:?}. Flush stdout after each line, or raise hello_timeout"
            )))
        }
        Ok(None) => Err(wrong(format!("it ended ({}). See its stderr", process.farewell().await))),
        Ok(Some(Line::TooLong(start))) => {
            let start = one_line(&String::from_utf8_lossy(&start), 60);
            Err(wrong(format!("its first line is longer than 16 MiB: '{start}'")))
        }
        Ok(Some(Line::Whole(line))) => parse(&line).map_err(wrong),
    }
}

#[derive(Deserialize)]
struct RawLine {
    hello: RawHello,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHello {
    protocol: u64,
    components: Seeds,
    examples: ExampleCounts,
    #[serde(default)]
    propose: bool,
    #[serde(default = "one")]
    concurrency: usize,
}

fn one() -> usize {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawComponent {
    kind: String,
    seed: String,
}

/// Components in the order of the line; the JSON library's maps would sort them.
struct Seeds(Components);

impl<'de> Deserialize<'de> for Seeds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Seeds;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("components: an object of {\"kind\":\"text\",\"seed\":\"..\"}")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Seeds, A::Error> {
                let mut seeds = Components::new();
                while let Some((name, component)) = map.next_entry::<String, RawComponent>()? {
                    if component.kind != "text" {
                        let kind = one_line(&component.kind, 40);
                        return Err(A::Error::custom(format!(
                            "component '{name}' has kind '{kind}'. Allowed: text"
                        )));
                    }
                    if seeds.get(&name).is_some() {
                        return Err(A::Error::custom(format!("component '{name}' is given twice")));
                    }
                    seeds.set(&name, component.seed);
                }
                Ok(Seeds(seeds))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A hello, or what is wrong with the line.
fn parse(line: &[u8]) -> Result<Hello, String> {
    let start = || one_line(&String::from_utf8_lossy(line), 80);
    // The version first: a hello of another version may look different.
    let any = serde_json::from_slice::<serde_json::Value>(line);
    let Some(hello) = any.as_ref().ok().and_then(|value| value.get("hello")) else {
        return Err(format!(
            "its first line is '{}'. Only protocol lines may go to stdout; print the rest to stderr",
            start()
        ));
    };
    match hello.get("protocol") {
        Some(version) if version.as_u64() == Some(PROTOCOL) => {}
        Some(other) => {
            return Err(format!(
                "it speaks protocol {}. Allowed: {PROTOCOL}",
                one_line(&other.to_string(), 40)
            ));
        }
        None => return Err(format!("its hello names no protocol. Needed: \"protocol\":{PROTOCOL}")),
    }
    let raw: RawHello = serde_json::from_slice::<RawLine>(line).map(|line| line.hello).map_err(|error| {
        let whole = error.to_string();
        format!(
            "{} (hello line, column {})",
            whole.split(" at line ").next().unwrap_or(&whole),
            error.column()
        )
    })?;
    debug_assert_eq!(raw.protocol, PROTOCOL);
    if raw.components.0.is_empty() {
        return Err("it names no component. Needed: at least one".into());
    }
    if let Some(split) = [Split::Train, Split::Val].into_iter().find(|split| raw.examples.of(*split) == 0) {
        return Err(format!("it holds no example for the {} split. Needed: at least one", split.name()));
    }
    if !(1..=MOST_CONCURRENT).contains(&raw.concurrency) {
        return Err(format!("its concurrency is {}. Allowed: 1 to {MOST_CONCURRENT}", raw.concurrency));
    }
    let RawHello { components, examples, propose, concurrency, .. } = raw;
    Ok(Hello { components: components.0, examples, propose, concurrency })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"hello":{"protocol":1,"components":{"z":{"kind":"text","seed":"s"},"a":{"kind":"text","seed":""}},"examples":{"train":2,"val":1},"propose":true,"concurrency":4}}"#;

    #[test]
    fn a_good_hello_keeps_the_order_of_components() {
        let hello = parse(GOOD.as_bytes()).unwrap();
        assert_eq!(hello.components.names().collect::<Vec<_>>(), ["z", "a"]);
        assert_eq!((hello.propose, hello.concurrency, hello.examples.test), (true, 4, 0));
        assert_eq!(
            hello.ids(Split::Train),
            [ExampleId::new(Split::Train, 0), ExampleId::new(Split::Train, 1)]
        );
        assert!(hello.ids(Split::Test).is_empty());
    }

    #[test]
    fn faults_are_named() {
        for (from, to, part) in [
            ("protocol\":1", "protocol\":2", "it speaks protocol 2. Allowed: 1"),
            ("\"protocol\":1,", "", "names no protocol"),
            ("{\"hello\"", "{\"helo\"", "its first line is"),
            (GOOD, "Loading model ..", "its first line is 'Loading model ..'"),
            (
                "\"text\",\"seed\":\"s\"",
                "\"number\",\"seed\":\"s\"",
                "component 'z' has kind 'number'. Allowed: text",
            ),
            ("\"a\":", "\"z\":", "component 'z' is given twice"),
            ("\"seed\":\"s\"", "\"sed\":\"s\"", "unknown field `sed`"),
            ("\"concurrency\"", "\"concurency\"", "unknown field `concurency`"),
            ("\"concurrency\":4", "\"concurrency\":0", "its concurrency is 0. Allowed: 1 to 1024"),
            ("\"train\":2", "\"train\":0", "no example for the train split"),
            ("\"val\":1", "\"val\":0", "no example for the val split"),
            ("\"train\":2,", "", "missing field `train`"),
            ("\"train\":2", "\"train\":-2", "invalid value"),
        ] {
            let line = GOOD.replace(from, to);
            assert_ne!(line, GOOD);
            let error = parse(line.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{part}: {error}");
            assert!(!error.contains('\n'));
        }
        let none = r#"{"hello":{"protocol":1,"components":{},"examples":{"train":1,"val":1}}}"#;
        assert!(parse(none.as_bytes()).unwrap_err().contains("names no component"));
    }
}
