//! Measures the embedded engine: loading, reading, writing, and scoring of labels behind a shared prompt.
//!
//! `cargo run --release -p inference --example score_labels -- MODEL.gguf [EXAMPLES]`
//!
//! Prints one JSON object with speeds per second of processor time on one thread (wall time where the system does not
//! tell).

use std::num::NonZeroUsize;
use std::time::Instant;

use inference::embedded::{EmbeddedClient, EmbeddedOptions};
use inference::{Generate, LlmClient, Prompt, Score};

const SHOTS: &str = "Sort each news item into one topic.\n\n\
    News: The central bank left its main interest rate unchanged on Thursday and said that it expects prices to rise \
    more slowly next year as energy becomes cheaper.\nTopic: business\n\n\
    News: The home side came from two goals behind to win the cup final after extra time, with the captain scoring \
    the decisive penalty in front of eighty thousand people.\nTopic: sport\n\n\
    News: Researchers have built a battery that charges in five minutes and keeps most of its capacity after ten \
    thousand cycles, a step towards cheaper electric cars.\nTopic: science\n\n\
    News: Negotiators from both countries met again on neutral ground to extend the cease-fire, but left without an \
    agreement on the border crossings.\nTopic: world politics\n\n\
    News: The festival opens tonight with a new opera by a composer who taught herself to write music at the age of \
    fifty, after thirty years as a nurse.\nTopic: arts and culture\n\n";

const ITEMS: [&str; 6] = [
    "Shares of the airline fell by a tenth after it warned that strikes would cost it most of its summer profit",
    "The striker will miss the rest of the season after tearing a ligament in training on Tuesday morning",
    "A telescope in the desert has seen water vapour in the air of a small planet around a nearby star",
    "Voters in the island nation go to the polls on Sunday in the first election since the prime minister resigned",
    "The retailer will close forty shops and move its stock to two large warehouses outside the capital",
    "Heavy rain forced the organisers to stop play on the second day with the visitors on two hundred runs",
];

/// One to three tokens each.
const LABELS: [&str; 5] = [" business", " sport", " science", " world politics", " arts and culture"];

/// Seconds of processor time of this process, from Linux's clock of 100 ticks; elsewhere wall time.
fn seconds(since: Instant) -> f64 {
    let ticks = std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| {
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
    });
    ticks.map_or_else(|| since.elapsed().as_secs_f64(), |ticks| ticks / 100.0)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: score_labels MODEL.gguf [EXAMPLES]")?;
    let examples: usize = arguments.next().map_or(Ok(60), |n| n.parse())?;
    let mut options = EmbeddedOptions::default();
    options.threads = NonZeroUsize::MIN;
    let start = Instant::now();
    let clock = seconds(start);
    let client = EmbeddedClient::open_with(&path, &options)?;
    let load = seconds(start) - clock;

    let mut read = Generate::new(Prompt::Text(SHOTS.repeat(3)));
    read.max_tokens = 1;
    let clock = seconds(start);
    let answer = client.generate(&read).await?;
    let prefill = answer.usage.tokens_in as f64 / (seconds(start) - clock);

    let mut write = Generate::new(Prompt::Text("Once upon a time there was".to_owned()));
    write.max_tokens = 100;
    let clock = seconds(start);
    let answer = client.generate(&write).await?;
    let decode = answer.usage.tokens_out as f64 / (seconds(start) - clock);

    let mut rates = Vec::new();
    for shared in [SHOTS.len(), 0] {
        let clock = seconds(start);
        let mut seen = (0, 0);
        let count = if shared == 0 { examples.div_ceil(6) } else { examples };
        for i in 0..count {
            let text = format!("{SHOTS}News: {} ({i}).\nTopic:", ITEMS[i % ITEMS.len()]);
            let mut request = Score::new(Prompt::Text(text), LABELS.iter().map(|&l| l.to_owned()).collect());
            request.shared_prefix = shared;
            let scored = client.score(&request).await?;
            seen = (scored.usage.tokens_cached, scored.usage.tokens_in);
            if i < ITEMS.len() && shared > 0 {
                let best = scored.best().map_or("none", |b| LABELS[b]);
                eprintln!("{best:>17} {:.3?} {}", scored.log_probs, ITEMS[i]);
            }
        }
        rates.push((count as f64 / (seconds(start) - clock), seen));
    }
    println!(
        "{{\"load_s\":{load:.2},\"prefill_tokens_per_s\":{prefill:.1},\"decode_tokens_per_s\":{decode:.1},\
         \"examples_per_s\":{:.2},\"tokens_cached\":{},\"tokens_in\":{},\"examples_per_s_without_sharing\":{:.2}}}",
        rates[0].0, rates[0].1.0, rates[0].1.1, rates[1].0
    );
    Ok(())
}
