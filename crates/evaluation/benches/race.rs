//! What the evaluation scheduler costs beside the calls it saves.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use evaluation::race::{ConfidenceSequence, EProcess, Posterior, Prior, Race, RaceAsk, RaceOptions, Target};
use meta_traits::Stream;

const EXAMPLES: usize = 100;

/// A race with the incumbent known and `candidates` entered, after `blocks` blocks.
fn race(candidates: usize, blocks: usize) -> Race {
    let mut race = Race::new(EXAMPLES, RaceOptions::default(), Stream::root(1)).unwrap();
    let incumbent = race.enter();
    let mut rng = Stream::root(2);
    for example in 0..EXAMPLES {
        race.record(incumbent, example, f64::from(u8::from(rng.chance(0.5)))).unwrap();
    }
    for _ in 0..candidates {
        race.enter();
    }
    for _ in 0..blocks {
        block(&mut race, &mut rng);
    }
    race
}

/// One block, asked and told.
fn block(race: &mut Race, rng: &mut Stream) {
    if let RaceAsk::Run(block) = race.ask() {
        let scores: Vec<f64> = block.draws.iter().map(|_| f64::from(u8::from(rng.chance(0.55)))).collect();
        race.tell(block.id, &scores).unwrap();
    }
}

fn blocks(c: &mut Criterion) {
    for (candidates, done) in [(20, 20), (20, 60), (200, 60)] {
        let start = race(candidates, done);
        c.bench_function(&format!("block of 5 among {candidates} candidates after {done} blocks"), |bench| {
            bench.iter_batched_ref(
                || (start.clone(), Stream::root(3)),
                |(race, rng)| block(race, rng),
                BatchSize::LargeInput,
            );
        });
    }
}

/// Three slots of 20 versions each after 1,000 results with blame.
fn model(c: &mut Criterion) {
    let mut posterior = Posterior::new(3, 200, Prior::default());
    let mut rng = Stream::root(4);
    let parts: Vec<usize> = (0..60).map(|i| posterior.part(i % 3, i.checked_sub(3))).collect();
    for n in 0..1000 {
        let of = |slot: usize, rng: &mut Stream| parts[3 * rng.below(20) + slot];
        let combination = [of(0, &mut rng), of(1, &mut rng), of(2, &mut rng)];
        let combination = posterior.combination(&combination);
        let blamed = [rng.below(3)];
        posterior.observe(combination, n % 200, f64::from(u8::from(rng.chance(0.5))), &blamed);
    }
    posterior.update();
    c.bench_function("update of 60 parts after 1,000 results", |bench| {
        bench.iter_batched_ref(|| posterior.clone(), Posterior::update, BatchSize::LargeInput);
    });
    let best = [parts[57], parts[58], parts[59]];
    c.bench_function("estimate of a combination", |bench| {
        bench.iter(|| posterior.estimate(black_box(&best)));
    });
}

fn evidence(c: &mut Criterion) {
    c.bench_function("e-process of 100 differences", |bench| {
        bench.iter(|| {
            let mut evidence = EProcess::new(Target::Finite(EXAMPLES), 1.0);
            (0..EXAMPLES).for_each(|i| evidence.observe(f64::from(u8::from(i % 3 == 0))));
            evidence.value()
        });
    });
    c.bench_function("confidence sequence of 100 scores", |bench| {
        bench.iter(|| {
            let mut bounds = ConfidenceSequence::new(EXAMPLES, 0.05);
            (0..EXAMPLES).for_each(|i| bounds.observe(f64::from(u8::from(i % 3 == 0))));
            bounds.interval()
        });
    });
}

criterion_group!(benches, blocks, model, evidence);
criterion_main!(benches);
