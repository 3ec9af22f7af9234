use std::collections::BTreeMap;

use serde::Serialize;

use super::{Row, Work};

/// What all rows say.
#[derive(Debug, Serialize)]
pub struct Speeds {
    /// Tokens of a 512-token prompt read a second by the clock, for each number of threads; medians.
    pub prefill_tok_s: BTreeMap<String, f64>,
    /// The same for 128 tokens.
    pub prefill_128_tok_s: BTreeMap<String, f64>,
    /// Tokens written a second.
    pub decode_tok_s: BTreeMap<String, f64>,
    /// Examples scored a second.
    pub score_examples_s: BTreeMap<String, f64>,
    /// The four speeds with one thread for each second of processor time: other programs on the machine matter less.
    pub cpu: BTreeMap<&'static str, f64>,
    /// The same of the server.
    pub llama_cpp_cpu: Option<BTreeMap<&'static str, f64>>,
    /// Our speed by the server's, one thread each.
    pub vs_llama_cpp: Option<Ratios>,
    /// Most memory held with one thread, in MB.
    pub peak_memory_mb: Option<f64>,
}

/// Medians of the ratios of neighbouring measurements, by processor time where it is known, else by the clock.
#[derive(Debug, Serialize)]
pub struct Ratios {
    /// Reading: the lesser of both lengths.
    pub prefill: f64,
    /// 128 and 512 tokens.
    pub prefill_128: f64,
    /// See `prefill_128`.
    pub prefill_512: f64,
    /// Writing.
    pub decode: f64,
    /// Scoring.
    pub score: f64,
}

/// Summarises rows.
pub fn summary(rows: &[Row], peak_memory_mb: Option<f64>) -> Speeds {
    let own = |work| {
        let mut speeds = BTreeMap::new();
        for threads in [1, 2] {
            let of = rows.iter().filter(|r| r.engine == "own" && r.work == work && r.threads == threads);
            if let Some(speed) = median(of.map(|r| r.amount as f64 / r.wall_s).collect()) {
                speeds.insert(threads.to_string(), speed);
            }
        }
        speeds
    };
    let single = |engine| rows.iter().filter(move |r| r.engine == engine && r.threads == 1);
    let cpu = |engine| {
        let of = |work| median(single(engine).filter(|r| r.work == work).map(speed).collect());
        let names = ["prefill_128", "prefill_512", "decode", "score"];
        names
            .into_iter()
            .zip(Work::ALL)
            .filter_map(|(name, work)| Some((name, of(work)?)))
            .collect::<BTreeMap<_, _>>()
    };
    let ratio = |work| {
        let pairs = single("own").zip(single("llama.cpp")).filter(|(own, _)| own.work == work);
        median(pairs.map(|(own, other)| speed(own) / speed(other)).collect())
    };
    let ratios = || {
        let (prefill_128, prefill_512) = (ratio(Work::Prefill128)?, ratio(Work::Prefill512)?);
        let (decode, score) = (ratio(Work::Decode)?, ratio(Work::Score)?);
        Some(Ratios { prefill: prefill_128.min(prefill_512), prefill_128, prefill_512, decode, score })
    };
    let vs_llama_cpp = ratios();
    Speeds {
        prefill_tok_s: own(Work::Prefill512),
        prefill_128_tok_s: own(Work::Prefill128),
        decode_tok_s: own(Work::Decode),
        score_examples_s: own(Work::Score),
        cpu: cpu("own"),
        llama_cpp_cpu: vs_llama_cpp.is_some().then(|| cpu("llama.cpp")),
        vs_llama_cpp,
        peak_memory_mb,
    }
}

fn speed(row: &Row) -> f64 {
    row.amount as f64 / row.cpu_s.unwrap_or(row.wall_s)
}

fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let (low, high) = (numbers.get(numbers.len().checked_sub(1)? / 2)?, numbers.get(numbers.len() / 2)?);
    Some(f64::midpoint(*low, *high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_medians_of_neighbours() {
        let mut rows = Vec::new();
        for (repeat, (own, other)) in [(2.0, 1.0), (6.0, 2.0), (8.0, 1.0)].into_iter().enumerate() {
            for work in Work::ALL {
                for (engine, speed) in [("own", own), ("llama.cpp", other)] {
                    let cpu_s = Some(1.0 / speed);
                    rows.push(Row { engine, threads: 1, work, repeat, amount: 1, wall_s: 2.0, cpu_s });
                }
            }
        }
        let speeds = summary(&rows, None);
        assert!((speeds.vs_llama_cpp.unwrap().prefill - 3.0).abs() < 1e-9);
        assert!((speeds.cpu["decode"] - 6.0).abs() < 1e-9);
        assert!((speeds.score_examples_s["1"] - 0.5).abs() < 1e-9);
        assert!(summary(&rows[..1], None).vs_llama_cpp.is_none());
    }
}
