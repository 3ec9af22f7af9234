//! What text metrics cost.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use evaluation::{Bleu, Chrf, Rouge, RougeUnit, token_f1};
use meta_traits::Stream;

/// A text of `n` words from a vocabulary of 500.
fn text(n: usize, seed: u64) -> String {
    let mut rng = Stream::root(seed);
    let words: Vec<String> = (0..n).map(|_| format!("word{}", rng.below(500))).collect();
    words.join(" ")
}

fn overlap(c: &mut Criterion) {
    let (reply, reference) = (text(200, 1), text(200, 2));
    let references = [reference.as_str()];
    c.bench_function("token F1 of 200 words", |bench| {
        bench.iter(|| token_f1(black_box(&reply), &reference));
    });
    for (name, unit) in
        [("ROUGE-1", RougeUnit::Words), ("ROUGE-2", RougeUnit::Pairs), ("ROUGE-L", RougeUnit::Sequence)]
    {
        let rouge = Rouge::new(unit).stemmed(true);
        c.bench_function(&format!("{name} of 200 words, stemmed"), |bench| {
            bench.iter(|| rouge.score(black_box(&reply), &reference));
        });
    }
    c.bench_function("BLEU of 200 words", |bench| {
        bench.iter(|| Bleu::default().sentence(black_box(&reply), &references));
    });
    c.bench_function("chrF of 200 words", |bench| {
        bench.iter(|| Chrf::default().sentence(black_box(&reply), &references));
    });
}

criterion_group!(benches, overlap);
criterion_main!(benches);
