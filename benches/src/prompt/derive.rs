//! How fast derivations are drawn.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use meta_traits::Stream;
use prompt_grammar::{Draft, Grammar, Part, Production, Sampler, Tree};
use serde::Serialize;

/// Draws derivations and writes their texts, on one thread, for grammars of several sizes.
#[derive(Clone, Debug, clap::Args)]
pub struct DeriveArgs {
    /// Numbers of nonterminals.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000,5000")]
    sizes: Vec<usize>,
    /// Seconds a size; the fastest of its ten parts counts, since other programs can only slow one down.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Prints the JSON object alone.
    #[arg(long)]
    json: bool,
}

/// What came out, for one size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Speed {
    /// Derivations a second.
    pub per_s: f64,
    /// Characters a text.
    pub characters: f64,
    /// Nodes a tree.
    pub nodes: f64,
}

/// The last line: derivations a second by number of nonterminals.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Summary {
    per_s: BTreeMap<String, f64>,
}

/// Measures and prints.
///
/// # Errors
/// When a grammar cannot be made or written.
pub fn derive(args: &DeriveArgs) -> anyhow::Result<()> {
    anyhow::ensure!(args.seconds > 0.0 && args.seconds <= 60.0, "--seconds must be above 0 and at most 60");
    let mut per_s = BTreeMap::new();
    for size in &args.sizes {
        let speed = measure(*size, Duration::from_secs_f64(args.seconds / 10.0))?;
        if !args.json {
            println!(
                "{size:>6} nonterminals  {:>10.0} derivations/s  {:>5.1} characters  {:>5.1} nodes",
                speed.per_s, speed.characters, speed.nodes
            );
        }
        per_s.insert(size.to_string(), speed.per_s.round());
    }
    println!("{}", serde_json::to_string(&Summary { per_s })?);
    Ok(())
}

/// A grammar of `n` nonterminals with five alternatives each: two of two or three letters, three of a letter and one or
/// two nonterminals drawn at random, so that the whole grammar is in use and texts have some 13 characters.
///
/// # Errors
/// When it is not sound, which would be a fault of this program.
pub fn grammar(n: usize) -> anyhow::Result<Grammar> {
    let mut rng = Stream::root(17).child("grammar", n as u64);
    let name = |i: usize| format!("n{i}");
    let letter = |rng: &mut Stream| char::from(b'a' + rng.below(26) as u8).to_string();
    let mut draft = Draft::new(name(0));
    for i in 0..n {
        let mut productions = Vec::new();
        for alternative in 0..5 {
            let mut parts = vec![Part::text(letter(&mut rng) + &letter(&mut rng))];
            match alternative {
                0 => parts.push(Part::text(letter(&mut rng))),
                1 => {}
                // The next rule is always used, so that none is unreachable.
                2 => parts.push(Part::Rule(name((i + 1) % n))),
                3 => parts.push(Part::Rule(name(rng.below(n)))),
                _ => parts.extend([Part::Rule(name(rng.below(n))), Part::Rule(name(rng.below(n)))]),
            }
            productions.push(Production::new(parts));
        }
        // The start leads on, so that texts are not mostly one rule long.
        if i == 0 {
            productions.drain(..2);
        }
        draft = draft.choice(name(i), productions);
    }
    Ok(draft.build()?)
}

fn measure(size: usize, part: Duration) -> anyhow::Result<Speed> {
    let grammar = grammar(size)?;
    let sampler = Sampler::new(&grammar);
    let mut rng = Stream::root(1).child("derive", size as u64);
    let (mut tree, mut text) = (Tree::default(), String::new());
    let (mut fastest, mut derivations, mut characters, mut nodes) = (0.0_f64, 0_u64, 0_usize, 0_usize);
    for _ in 0..10 {
        let (begin, mut n) = (Instant::now(), 0_u64);
        while begin.elapsed() < part {
            for _ in 0..500 {
                sampler.sample_into(&mut rng, 60, &mut tree)?;
                text.clear();
                tree.render_into(&grammar, &mut text);
                characters += text.len();
                nodes += tree.nodes().len();
            }
            n += 500;
        }
        derivations += n;
        fastest = fastest.max(n as f64 / begin.elapsed().as_secs_f64());
    }
    let n = derivations as f64;
    Ok(Speed { per_s: fastest, characters: characters as f64 / n, nodes: nodes as f64 / n })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_long_as_those_of_the_peers() {
        for size in [10, 5000] {
            let speed = measure(size, Duration::from_millis(5)).unwrap();
            assert!((8.0..20.0).contains(&speed.characters), "{size}: {speed:?}");
        }
    }
}
