//! What a run will use, before it uses anything: prediction intervals.
//!
//! A plan is made in four steps, all of them deterministic by the run's seed:
//!
//! 1. *What is known of a metric call.* The prompts are filled in and counted, module by module ([`Work`](work)). A
//!    [`Probe`] of a few training examples, where one is made, corrects tokens, calls, scores and seconds by the ratio
//!    of what was seen to what had been foreseen; without it, answers have wide beliefs and calls the default
//!    latencies, and the plan says so.
//! 2. *What is not known.* A world is drawn: the share of each branch, tokens a character, answer lengths, speed, the
//!    seed's score, how often a rewriting changes an outcome, how much longer prompts become.
//! 3. *The run in that world.* The optimizer's loop is gone through with luck in the place of scores: minibatches,
//!    rewritings, validations, the limits of the meter, the answer cache, calls in flight and their order.
//! 4. *Intervals.* The 5 % and 95 % points over many worlds, moved apart or together by factors that were learnt on
//!    recorded runs ([`Calibration`]): conformalised quantiles (Romano, Patterson & Candès 2019, "Conformalized
//!    Quantile Regression", eq. 6, on a logarithmic scale). Finished runs of the same task
//!    ([`PastRun`]) come in before that, as a normal correction of each amount's logarithm.

mod calibration;
mod gepa;
mod growth;
mod history;
mod interval;
mod joint;
mod prediction;
mod probe;
mod purse;
mod racing;
mod simulate;
mod work;
mod world;

pub use calibration::{Calibration, Factors};
pub use history::PastRun;
pub use interval::Interval;
pub use prediction::{Amounts, Prediction, Source};
pub use probe::{PROBES, Probe};
pub use simulate::{Evidence, Simulated};
pub use work::DEFAULT_LATENCY;
