//! Evolves a network for exclusive or; a page with drawings goes to the output, the log as JSON lines to the errors.
//!
//! `cargo run -p topology-neat --example xor > xor.html`

use meta_traits::{Ask, Observation, Optimizer, Outcome};
use topology_neat::{Activation, Neat, NeatOptions, Network, NetworkGenome, NetworkSpace, draw};

const CASES: [([f64; 2], f64); 4] =
    [([0.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], 0.0)];

/// The sum of squared errors.
fn loss(genome: &NetworkGenome) -> f64 {
    let mut network = Network::of(genome);
    CASES.iter().map(|(inputs, wanted)| (network.activate(inputs)[0] - wanted).powi(2)).sum()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = NeatOptions::new(NetworkSpace::feed_forward(2, 1, Activation::Sigmoid));
    options.generations = Some(100);
    let mut neat = Neat::new(options, 1)?;
    let mut history = Vec::new();
    while let Ask::Run(trial) = neat.ask() {
        let loss = loss(&trial.candidate);
        neat.tell(trial.id, Outcome::Complete(Observation::of_loss(loss)))?;
        if let Some(report) = neat.report().filter(|r| r.generation == history.len() as u64) {
            eprintln!("{}", serde_json::to_string(report)?);
            history.push(report.clone());
            if neat.best().is_some_and(|(_, seen)| seen.losses[0] < 1e-3) {
                break;
            }
        }
    }
    let (network, seen) = neat.best().ok_or("no network has a finite loss")?;
    println!("<!doctype html><meta charset=\"utf-8\"><title>Exclusive or</title><body>");
    println!("<p>Squared error {:.5} after {} generations.</p>", seen.losses[0], history.len());
    println!("{}", draw::network_svg(network));
    println!("<p>Species:</p>\n{}", draw::species_svg(&history));
    println!("<pre>{}</pre></body>", draw::lineage_dot(&history).replace("->", "-&gt;"));
    Ok(())
}
