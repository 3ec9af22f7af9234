//! Speed of the embedded engine, alone or against a llama.cpp server on the same file.
//!
//! ```text
//! python3 benches/peers/llama-server.py --model PATH --threads 1 --port 8123 &
//! cargo run --release -p metaorch-benches --bin llm-speed -- --model PATH --server http://127.0.0.1:8123 --json
//! ```
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use metaorch_benches::llm::{Own, Row, Server, Speeds, Texts, Work, peak_memory, summary};
use metaorch_benches::{parse, write_rows};

/// Tokens a second of reading and writing, and examples a second of scoring whole labels, with 1 and 2 threads.
///
/// With --server the same work is timed on a llama.cpp server, which should have one thread, in turns with the engine;
/// ratios are per second of processor time. The last line of the output is one JSON object.
#[derive(clap::Parser)]
#[command(name = "llm-speed", version)]
struct Args {
    /// The model file (GGUF).
    #[arg(long, value_name = "PATH")]
    model: PathBuf,
    /// A llama.cpp server with the same model, as http://HOST:PORT.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Repetitions; medians are reported.
    #[arg(long, default_value = "5")]
    repeats: NonZeroUsize,
    /// Writes raw rows and the command to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints the JSON object alone.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args: Args = parse();
    match bench(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench(args: &Args) -> anyhow::Result<()> {
    let server = args.server.as_deref().map(Server::connect).transpose()?;
    let mut rows = Vec::new();
    let mut peak = None;
    for threads in [NonZeroUsize::MIN, NonZeroUsize::MIN.saturating_add(1)] {
        let own = Own::open(&args.model, threads)?;
        let texts = Texts::new(|text| own.count(text))?;
        // One of each unmeasured: pages, caches and clocks settle.
        turn(&own, server.as_ref(), &texts, 0, &mut Vec::new())?;
        for repeat in 0..args.repeats.get() {
            // Only one thread is compared, for the server has one.
            let server = server.as_ref().filter(|_| threads == NonZeroUsize::MIN);
            turn(&own, server, &texts, repeat, &mut rows)?;
        }
        if threads == NonZeroUsize::MIN {
            peak = peak_memory();
        }
    }
    if let Some(directory) = &args.out {
        write_rows(directory, "llm-speed", &rows)?;
    }
    let speeds = summary(&rows, peak);
    if !args.json {
        show(&speeds);
    }
    println!("{}", serde_json::to_string(&speeds)?);
    Ok(())
}

/// Each work once on both.
fn turn(
    own: &Own,
    server: Option<&Server>,
    texts: &Texts,
    repeat: usize,
    rows: &mut Vec<Row>,
) -> anyhow::Result<()> {
    for work in Work::ALL {
        rows.push(own.measure(work, texts, repeat)?);
        if let Some(server) = server {
            rows.push(server.measure(work, texts, repeat)?);
        }
    }
    Ok(())
}

fn show(speeds: &Speeds) {
    let table = [
        ("read, 128 tokens", "tokens/s", &speeds.prefill_128_tok_s),
        ("read, 512 tokens", "tokens/s", &speeds.prefill_tok_s),
        ("write", "tokens/s", &speeds.decode_tok_s),
        ("score", "examples/s", &speeds.score_examples_s),
    ];
    for (name, unit, speeds) in table {
        for (threads, speed) in speeds {
            println!("{name:<18} {threads} thread(s) {speed:>8.1} {unit}");
        }
    }
    if let Some(ratios) = &speeds.vs_llama_cpp {
        println!(
            "of llama.cpp's speed: read {:.2} and {:.2}, write {:.2}, score {:.2}",
            ratios.prefill_128, ratios.prefill_512, ratios.decode, ratios.score
        );
    }
}
