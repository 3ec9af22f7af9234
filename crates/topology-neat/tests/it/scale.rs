//! Large populations of large networks need memory and time in proportion.

use meta_traits::{Ask, Observation, Optimizer as _, Outcome};
use topology_neat::{Activation, Neat, NeatOptions, NetworkSpace};

/// Genes of the smallest network: 99 inputs and the bias, 10 outputs.
const GENES: usize = 1_000;
/// The generations of a run.
const GENERATIONS: u64 = 3;

/// The largest population; more by `METAORCH_SOAK_N`.
#[expect(clippy::disallowed_methods, reason = "the test, not the pillar, takes its count from outside")]
fn population() -> usize {
    std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(128)
}

/// A number that the system says of this thread, or of its process.
#[expect(clippy::disallowed_methods, reason = "the test, not the pillar, asks the system")]
fn of_process(file: &str, line: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/thread-self/{file}")).unwrap_or_default();
    let found = text.lines().find_map(|l| l.strip_prefix(line)).unwrap_or_default();
    found.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Runs with every network of a generation held at once; returns the nanoseconds of this thread.
fn run(population: usize) -> u64 {
    let mut space = NetworkSpace::feed_forward(99, 10, Activation::Tanh);
    (space.max_hidden, space.max_edges) = (200, 2 * GENES);
    let mut options = NeatOptions::new(space);
    options.population = population;
    options.generations = Some(GENERATIONS);
    let mut neat = Neat::new(options, 1).unwrap();
    let begin = of_process("schedstat", "");
    while neat.generation() < GENERATIONS {
        let mut trials = Vec::new();
        while let Ask::Run(trial) = neat.ask() {
            trials.push(trial);
        }
        assert_eq!(trials.len(), population);
        for trial in trials {
            assert!(trial.candidate.edges().len() >= GENES / 2);
            let loss = trial.candidate.edges().iter().map(|e| (e.payload - 0.5).powi(2)).sum();
            neat.tell(trial.id, Outcome::Complete(Observation::of_loss(loss))).unwrap();
        }
    }
    assert!(neat.best().is_some());
    of_process("schedstat", "") - begin
}

/// Time is compared in long loops alone, where it is long enough to say something.
#[test]
fn memory_and_time_grow_with_the_population_alone() {
    let largest = population();
    let sizes = [largest / 4, largest / 2, largest];
    let spent = sizes.map(|size| (size, run(size)));
    let peak = of_process("status", "VmHWM:") / 1024;
    for (size, nanos) in spent {
        let each = nanos as f64 / (GENERATIONS as usize * size * GENES) as f64;
        println!("population {size}, {GENES} genes: {each:.1} ns a gene and generation; peak {peak} MiB");
    }
    if largest >= 2_000 {
        assert!(peak < 2 * 1024, "{peak} MiB");
        assert!(
            spent[2].1 < 8 * spent[0].1,
            "four times the population takes at most twice four times as long"
        );
    }
}
