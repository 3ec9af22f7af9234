//! Real tasks with a model: what searches make of a plain system, on examples that they never saw.
//!
//! ```text
//! cargo run --release -p metaorch-benches --bin real -- --data FOLDER --model smollm2-135m-instruct \
//!     --optimizer metaorch --optimizer static-gepa --calls 600 --seeds 0..4 --out DIR --json
//! ```
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use metaorch_benches::real::{Arm, Finished, Row, Task, compare, measure};
use metaorch_benches::{Range, in_parallel, parse, write_rows};

/// Searches on real tasks and the test scores of what they find.
///
/// The last line of the output is one JSON object; comparisons of the first optimizer with every other come before it
/// unless --json is given. Stopped, the program goes on where it was when it is started again with the same --out.
#[derive(clap::Parser)]
#[command(name = "real", version)]
struct Args {
    /// A folder of train.jsonl, val.jsonl and test.jsonl, or a folder of such folders; may be repeated.
    #[arg(long, required = true, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// Which of the folders in a folder of folders; all by default.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    tasks: Vec<String>,
    /// A known model's name or a GGUF file, run here, or the address of a llama.cpp server.
    #[arg(long, default_value = "smollm2-135m-instruct", value_name = "GGUF_OR_URL")]
    model: String,
    /// What searches; may be repeated.
    #[arg(long, value_enum, default_value = "metaorch")]
    optimizer: Vec<Arm>,
    /// Metric calls a run.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(20..=1_000_000))]
    calls: u64,
    /// Seeds of the runs, A..B with both ends included. Develop below 100, report on 100 and above.
    #[arg(long, default_value = "0..4")]
    seeds: Range,
    /// Test examples on which what was recommended on the way is scored as well; 0 for none.
    #[arg(long, default_value_t = 0, value_name = "N")]
    curve: usize,
    /// Runs at a time, each with a model and a thread of its own.
    #[arg(long, default_value = "1")]
    threads: NonZeroUsize,
    /// Keeps runs and raw rows in this directory; a temporary one by default.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints the JSON object alone.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match bench(&parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench(args: &Args) -> anyhow::Result<()> {
    let mut tasks = Vec::new();
    for folder in &args.data {
        tasks.extend(Task::find(folder, &args.tasks)?);
    }
    let scratch = tempfile::tempdir()?;
    let out = args.out.as_deref().unwrap_or(scratch.path());
    let of =
        |task| args.seeds.iter().flat_map(move |seed| args.optimizer.iter().map(move |a| (task, *a, seed)));
    let cases: Vec<(&Task, Arm, u64)> = tasks.iter().flat_map(of).collect();
    let finished = in_parallel(&cases, args.threads, |(task, arm, seed)| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(measure(task, *arm, &args.model, args.calls, *seed, args.curve, out))
    });
    let finished: Vec<Finished> = finished.into_iter().collect::<anyhow::Result<_>>()?;
    if args.out.is_some() {
        write_rows(out, "real", &finished)?;
    }
    if let (false, [ours, others @ ..]) = (args.json, args.optimizer.as_slice()) {
        for other in others {
            let (ours, theirs) = (ours.name(), other.name());
            if let Some(found) = compare(&finished, &ours, &theirs) {
                println!("{ours} less {theirs}: {}", serde_json::to_string(&found)?);
            }
        }
    }
    let rows: Vec<&Row> = finished.iter().map(|f| &f.row).collect();
    println!("{}", serde_json::json!({ "rows": rows }));
    Ok(())
}
