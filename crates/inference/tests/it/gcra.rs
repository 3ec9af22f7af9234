//! Laws of the rate limiter, the retry budget and the order of calls.

use std::time::Duration;

use inference::{Admission, Gcra, Rate, RetryBudget, RetryShare};
use proptest::prelude::*;

/// What happens next at a limiter.
#[derive(Clone, Debug)]
enum Step {
    /// Time passes, in microseconds.
    Pass(u64),
    /// So many units are asked for.
    Ask(u64),
    /// The open reservation of this rank is settled at this share of its size.
    Settle(usize, f64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0_u64..3_000_000).prop_map(Step::Pass),
        (1_u64..60).prop_map(Step::Ask),
        (0_usize..8, 0.0..=1.0).prop_map(|(i, share)| Step::Settle(i, share)),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// In any window, what was granted (settled: as used, open: as reserved) is at most the burst plus the rate times
    /// the window's length.
    #[test]
    fn never_more_than_burst_and_rate_in_any_window(per_minute in 1_u64..5000, burst in 1_u64..60, steps in steps()) {
        let mut gcra = Gcra::new(Rate::new(per_minute, burst));
        let mut now = Duration::ZERO;
        // Time, reserved, used (if settled).
        let mut granted: Vec<(Duration, u64, Option<u64>)> = Vec::new();
        for step in steps {
            match step {
                Step::Pass(micros) => now += Duration::from_micros(micros),
                Step::Ask(units) => {
                    let units = units.min(burst);
                    match gcra.reserve(now, units) {
                        Admission::Granted => granted.push((now, units, None)),
                        Admission::At(time) => {
                            prop_assert!(time > now, "{time:?} is not later than {now:?}");
                            // The promise is kept, and no earlier moment would have done.
                            let mut then = gcra.clone();
                            prop_assert_eq!(then.reserve(time, units), Admission::Granted);
                            let mut before = gcra.clone();
                            let earlier = time.saturating_sub(Duration::from_nanos(1));
                            prop_assert_ne!(before.reserve(earlier, units), Admission::Granted);
                        }
                        Admission::AfterSettling => {
                            prop_assert!(granted.iter().any(|(_, _, used)| used.is_none()));
                        }
                    }
                }
                Step::Settle(rank, share) => {
                    let open = granted.iter_mut().filter(|(_, _, used)| used.is_none()).nth(rank);
                    if let Some((_, reserved, used)) = open {
                        let spent = (*reserved as f64 * share) as u64;
                        *used = Some(spent);
                        gcra.settle(now, *reserved, spent);
                    }
                }
            }
        }
        let units: Vec<(Duration, u128)> = granted
            .iter()
            .map(|(time, reserved, used)| (*time, u128::from(used.unwrap_or(*reserved))))
            .collect();
        for (i, (from, _)) in units.iter().enumerate() {
            let mut sum = 0_u128;
            for (to, n) in &units[i..] {
                sum += n;
                // sum <= burst + per_minute * t / 60 s, without rounding.
                let window = to.saturating_sub(*from).as_nanos();
                let most = u128::from(burst) * 60_000_000_000 + u128::from(per_minute) * window;
                prop_assert!(sum * 60_000_000_000 <= most, "{sum} units within {window} ns");
            }
        }
    }

    /// A limiter that is asked whenever it says so gives the full rate: nothing is lost to rounding.
    #[test]
    fn the_full_rate_is_given(per_minute in 1_u64..100_000, burst in 1_u64..50) {
        let mut gcra = Gcra::new(Rate::new(per_minute, burst));
        let (mut now, mut granted) = (Duration::ZERO, 0_u64);
        while granted < burst + 500 {
            match gcra.reserve(now, 1) {
                Admission::Granted => {
                    gcra.settle(now, 1, 1);
                    granted += 1;
                }
                Admission::At(time) => now = time,
                Admission::AfterSettling => prop_assert!(false, "nothing is open"),
            }
        }
        let ideal = 500.0 * 60.0 / per_minute as f64;
        prop_assert!((now.as_secs_f64() - ideal).abs() < 1e-6, "{now:?} for {ideal} s");
    }

    /// After n calls, at most reserve + share * n retries.
    #[test]
    fn retries_keep_to_their_share(share in 0.0_f64..3.0, reserve in 0_u32..20, calls in prop::collection::vec(0_u32..6, 0..200)) {
        let mut budget = RetryBudget::new(RetryShare { share, reserve });
        let mut retries = 0_u32;
        for (n, wanted) in (1_u32..).zip(calls) {
            budget.deposit();
            retries += (0..wanted).filter(|_| budget.withdraw()).count() as u32;
            prop_assert!(f64::from(retries) <= f64::from(reserve) + share * f64::from(n) + 1e-3);
        }
    }
}

/// Whoever comes first is served first, however long each call takes and whatever the limits are.
mod order {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use inference::{
        Generate, Generated, InferenceError, LlmClient, Prompt, Rate, Resilient, ResilientOptions, StopCause,
        Usage,
    };
    use meta_traits::{BoxFuture, Cost};
    use proptest::prelude::*;
    use tokio::time::sleep;

    /// Takes as many milliseconds as its prompt says, and notes the seeds in order of arrival.
    struct Slow(Mutex<Vec<u64>>, usize);

    impl LlmClient for Slow {
        fn identity(&self) -> &'static str {
            "slow"
        }
        fn generate<'a>(&'a self, request: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
            Box::pin(async move {
                self.0.lock().unwrap().push(request.seed);
                sleep(Duration::from_millis(u64::from(request.max_tokens))).await;
                Ok(Generated::new("", StopCause::Stop, Usage::new(u64::from(request.max_tokens) / 2, 0)))
            })
        }
        fn cap(&self, request: &Generate) -> Cost {
            Cost::tokens(1, u64::from(request.max_tokens), 0)
        }
        fn concurrency(&self) -> usize {
            self.1
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn first_come_first_served(
            takes in prop::collection::vec(0_u32..400, 1..40), slots in 1_usize..5,
            requests in prop::option::of(1_u64..2000), tokens in prop::option::of(1_u64..50_000),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
            let served = runtime.block_on(async {
                let options = ResilientOptions {
                    requests: requests.map(|n| Rate::new(n, 1 + n / 60)),
                    tokens: tokens.map(|n| Rate::new(n, 1 + n / 10)),
                    ..ResilientOptions::default()
                };
                let client = Arc::new(Resilient::new(Slow(Mutex::default(), slots), options));
                let mut tasks = Vec::new();
                for (i, takes) in (0_u64..).zip(&takes) {
                    let (client, takes) = (Arc::clone(&client), *takes);
                    tasks.push(tokio::spawn(async move {
                        let mut request = Generate::new(Prompt::Text(String::new()));
                        (request.seed, request.max_tokens) = (i, takes);
                        client.generate(&request).await.unwrap();
                    }));
                    // Arrivals are spread out, so that some find a line and some do not.
                    sleep(Duration::from_millis(i % 7)).await;
                }
                for task in tasks {
                    task.await.unwrap();
                }
                client.inner().0.lock().unwrap().clone()
            });
            prop_assert_eq!(served, (0..takes.len() as u64).collect::<Vec<_>>());
        }
    }
}
