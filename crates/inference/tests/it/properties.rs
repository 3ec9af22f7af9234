//! Laws that hold for every input.

use std::sync::Arc;

use inference::{
    Cached, Generate, Ledger, LlmClient, Metered, Prompt, Purpose, Score, Scored, ScriptedClient, Usage,
};
use meta_traits::Cost;
use proptest::prelude::*;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

prop_compose! {
    fn usages()(
        n in 0_u64..1 << 40, cached in 0_u64..1 << 40, out in 0_u64..1 << 40,
        money in 0_u64..1 << 50, from_cache: bool,
    ) -> Usage {
        let mut usage = Usage::new(n, out);
        usage.tokens_cached = cached;
        usage.nano_usd = money;
        usage.from_cache = from_cache;
        usage
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is asked, a scripted answer stays within its cap.
    #[test]
    fn usage_never_exceeds_the_cap(prompt in ".{0,60}", answer in "\\PC{0,60}", max_tokens in 0_u32..12, stop in ".{0,2}") {
        let client = ScriptedClient::answering(move |_| answer.clone());
        let mut request = Generate::new(Prompt::Text(prompt));
        request.max_tokens = max_tokens;
        request.stop = vec![stop.clone()];
        let cap = client.cap(&request);
        let given = block_on(client.generate(&request)).unwrap();
        let used = given.usage.cost();
        prop_assert!(used.tokens_in <= cap.tokens_in && used.tokens_out <= cap.tokens_out && used.calls <= cap.calls);
        prop_assert!(stop.is_empty() || !given.text.contains(&stop));
    }

    /// Any finite scores come back from disk bit for bit.
    #[test]
    fn cached_scores_are_bit_equal(scores in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO, 0..6)) {
        let dir = tempfile::tempdir().unwrap();
        let labels = vec!["x".to_owned(); scores.len()];
        let given = scores.clone();
        let client = Cached::new(ScriptedClient::answering(|_| String::new()).scoring(move |_| given.clone()), dir.path());
        let request = Score::new(Prompt::Text("p".into()), labels);
        let bits = |scored: Scored| scored.log_probs.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let expected: Vec<u64> = scores.iter().map(|x| x.to_bits()).collect();
        prop_assert_eq!(bits(block_on(client.score(&request)).unwrap()), expected.clone());
        prop_assert_eq!(bits(block_on(client.score(&request)).unwrap()), expected);
        prop_assert_eq!(client.stats().hits, 1);
    }

    /// The ledger's totals are the exact sums of what each call cost.
    #[test]
    fn ledger_totals_are_exact_sums(usages in prop::collection::vec(usages(), 0..40)) {
        let ledger = Arc::new(Ledger::default());
        for usage in &usages {
            let client = Metered::new(Reporting(*usage), Purpose::Task, Arc::clone(&ledger));
            block_on(client.generate(&Generate::new(Prompt::Text(String::new())))).unwrap();
        }
        let total = ledger.total();
        prop_assert_eq!(total.paid, usages.iter().map(Usage::paid).sum::<Cost>());
        prop_assert_eq!(total.from_cache, usages.iter().filter(|usage| usage.from_cache).count() as u64);
        let by_key = ledger.totals();
        prop_assert_eq!(by_key.values().map(|total| total.paid).sum::<Cost>(), total.paid);
        let csv_money: u64 = ledger.csv().lines().skip(1)
            .map(|row| row.split(',').collect::<Vec<_>>())
            .filter(|row| row[9] == "0")
            .map(|row| row[8].parse::<u64>().unwrap())
            .sum();
        prop_assert_eq!(csv_money, total.paid.nano_usd);
    }
}

/// Reports a given usage.
struct Reporting(Usage);

impl LlmClient for Reporting {
    fn identity(&self) -> &'static str {
        "reporting"
    }
    fn generate<'a>(
        &'a self,
        _: &'a Generate,
    ) -> meta_traits::BoxFuture<'a, Result<inference::Generated, inference::InferenceError>> {
        Box::pin(async { Ok(inference::Generated::new("", inference::StopCause::Stop, self.0)) })
    }
    fn cap(&self, _: &Generate) -> Cost {
        Cost::ZERO
    }
}
