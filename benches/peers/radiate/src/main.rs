//! Generations and evaluated genomes a second of processor time: radiate's evolution of graphs on exclusive or.
//!
//! The settings are those of its own example `xor-graph`, with a population of 150 and recurrent edges off. Survivors are
//! not scored again, so genomes are counted by calls of the fitness. One line of JSON.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use radiate::*;

const CASES: [([f32; 2], f32); 4] = [([0.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], 0.0)];

/// Seconds that the threads of this process have run.
fn processor_seconds() -> f64 {
    let mut total = 0;
    for thread in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let counts = std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        total += counts.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    }
    total as f64 / 1e9
}

fn main() {
    let number = |at: usize, or: u64| std::env::args().nth(at).and_then(|a| a.parse().ok()).unwrap_or(or);
    let (seed, generations) = (number(1, 0), number(2, 2000) as usize);
    random_provider::seed(seed);
    let nodes = vec![
        (NodeType::Input, vec![Op::var(0), Op::var(1)]),
        (NodeType::Edge, vec![Op::weight(), Op::identity()]),
        (
            NodeType::Vertex,
            vec![Op::add(), Op::sub(), Op::mul(), Op::div(), Op::linear(), Op::sigmoid()],
        ),
        (NodeType::Output, vec![Op::sigmoid()]),
    ];
    let evaluated = Arc::new(AtomicU64::new(0));
    let count = evaluated.clone();
    let engine = GeneticEngine::builder()
        .codec(GraphCodec::directed(2, 1, nodes))
        .fitness_fn(move |graph: Graph<Op<f32>>| {
            count.fetch_add(1, Ordering::Relaxed);
            let mut network = GraphEvaluator::new(&graph);
            let error = |(inputs, wanted): &([f32; 2], f32)| {
                let miss = network.eval_mut(&inputs.to_vec())[0] - wanted;
                miss * miss
            };
            CASES.iter().map(error).sum::<f32>()
        })
        .population_size(150)
        .minimizing()
        .alter(alters!(
            GraphCrossover::new(0.5, 0.5),
            OperationMutator::new(0.05, 0.05),
            GraphMutator::new(0.06, 0.01).allow_recurrent(false),
        ))
        .build();
    let begin = processor_seconds();
    engine.iter().until_generation(generations).run().expect("the engine runs");
    let seconds = processor_seconds() - begin;
    let genomes = evaluated.load(Ordering::Relaxed);
    println!(
        "{{\"generations_per_cpu_s\":{:.1},\"genomes_per_cpu_s\":{:.0},\"genomes\":{genomes}}}",
        generations as f64 / seconds,
        genomes as f64 / seconds
    );
}
