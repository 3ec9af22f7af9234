//! What statistics and the leakage report cost.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use evaluation::stats::{Bootstrap, Zeros, hodges_lehmann, paired_permutation, wilcoxon};
use evaluation::{By, Dataset, Example};
use meta_traits::Stream;

fn scores(n: usize, seed: u64) -> Vec<f64> {
    let mut rng = Stream::root(seed);
    (0..n).map(|_| rng.unit()).collect()
}

fn tests(c: &mut Criterion) {
    let (a, b) = (scores(300, 1), scores(300, 2));
    let rng = Stream::root(3);
    let bootstrap = Bootstrap::default();
    c.bench_function("bca of 300 scores, 10,000 resamples", |bench| {
        bench.iter(|| bootstrap.mean_interval(black_box(&a), &rng));
    });
    c.bench_function("paired permutation of 300 pairs, 10,000 patterns", |bench| {
        bench.iter(|| paired_permutation(black_box(&a), &b, 10_000, &rng));
    });
    c.bench_function("signed ranks of 300 pairs", |bench| {
        bench.iter(|| wilcoxon(black_box(&a), &b, Zeros::Wilcox));
    });
    let (many, more) = (scores(10_000, 4), scores(10_000, 5));
    c.bench_function("Hodges-Lehmann shift of 10,000 and 10,000", |bench| {
        bench.iter(|| hodges_lehmann(black_box(&many), &more));
    });
}

/// 10,000 rows of 60 words from a vocabulary of 2,000; `template` words at the front are the same in all.
fn rows(template: usize) -> Dataset {
    let mut rng = Stream::root(6);
    let row = |rng: &mut Stream| {
        let front = (0..template).map(|i| format!("t{i}"));
        let words: Vec<String> =
            front.chain((template..60).map(|_| format!("w{}", rng.below(2_000)))).collect();
        Example::new(words.join(" "), ["yes", "no"][rng.below(2)])
    };
    let mut part = |n: usize| (0..n).map(|_| row(&mut rng)).collect::<Vec<_>>();
    let (train, val, test) = (part(6_000), part(2_000), part(2_000));
    Dataset::from_examples(train, Some(val), Some(test)).expect("every split has rows")
}

fn data(c: &mut Criterion) {
    let mut group = c.benchmark_group("10,000 rows");
    group.sample_size(10);
    for (name, template) in [("leakage", 0), ("leakage, half of each row from a template", 30)] {
        let data = rows(template);
        group.bench_function(name, |bench| bench.iter(|| black_box(&data).leakage()));
    }
    let train = rows(0).rows(meta_traits::Split::Train).unwrap_or_default().to_vec();
    let whole = Dataset::from_examples(train, None, None).expect("there are rows");
    group.bench_function("stratified split of 6,000 with copies", |bench| {
        bench.iter(|| black_box(&whole).clone().split(0.2, 0.2, &By::stratified(), &Stream::root(1)));
    });
}

criterion_group!(benches, tests, data);
criterion_main!(benches);
