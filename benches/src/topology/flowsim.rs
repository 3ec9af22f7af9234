//! FlowSim: workflows run on simulated modules, without a model.
//!
//! A workflow is executed on items with latent difficulty, so errors correlate because items are shared, not because a
//! coefficient says so. All noise is a hash of (instance, item, key of the module, purpose); the key is a hash of the
//! module and the keys of what it reads in canonical order, so isomorphic workflows score exactly alike. **The formulas
//! and ranges are frozen**: no optimizer was there when they were set, and none may change them.
//!
//! # Items
//! Type z of three with shares Dirichlet(3, 3, 3); difficulty d, findability n, opacity v standard normal; needs evidence
//! with probability `needy[z]`; a classifier sees z with probability `classifier`, else one of the other two. Of each
//! generator and refiner g: luck x_g normal with sd `taste`, lasting over calls, and a wrong answer it falls for, t_g: 1
//! with probability `shared`, else uniform on 2..5. A message is (active, answer: 0 right, 1..5 wrong, context, flag,
//! verdict).
//!
//! # Modules (s is the logistic function)
//! - generate g: right with probability s(G\[g, z\] - slope d + x_g + e - distraction \[irrelevant context\]), e =
//!   `evidence` with relevant context and -`missing` without, where evidence is needed. A wrong answer is t_g with
//!   probability `habit`, else uniform on 2..5. Copies an incoming answer with probability `copying`. Costs its price.
//! - retrieve r: relevant with probability s(Q\[r, z\] + n), else irrelevant; what is relevant stays. Costs 0.3.
//! - critique c flags a wrong answer with probability s(W - d/2 + 0.8 v + h), a right one with s(R + d/2 + 0.8 v - h), h =
//!   0.7 with relevant context. Costs 0.6.
//! - verify v fails them with s(W - d/4 + v/2) and s(R + d/4 + v/2). Costs 0.4.
//! - refine r answers again with probability 0.9 when something incoming was flagged or failed, `restless[r]` / 10 when its
//!   answer was passed, else `restless[r]`; like generate with logit F\[r, z\], plus `proof` when the answer was wrong
//!   and failed, `hint` when it was wrong and only flagged. Costs 0.1, and 0.9 more when it answers again.
//! - vote: the answer with most weight; `trust` times for a passed one, 1/`trust` for a failed one, half for a flagged
//!   one. Ties by lot. Costs 0.05.
//! - route q: active only if the classifier sees type q (q < 3), or does not see type q - 3. Costs 0.1.
//! - what reads several answers takes one uniformly, and the best context.
//!
//! Only active modules cost. Score = accuracy - price x mean cost - 0.002 a module. An evaluation is 100 fresh items, the
//! true score 4,000 others.
//!
//! # Ranges
//! | | all | other in |
//! |---|---|---|
//! | needy | 0..0.3 | A 0.5..0.9 |
//! | slope | 1.5..2.5 | |
//! | taste | 1.0..1.6 | C 2.6..3.6 |
//! | habit | 0.6..0.9 | |
//! | shared | 0.5..0.9 | C 0..0.2 |
//! | base of G | -0.5..1.2 | E 2.8..3.8 |
//! | spread of G around base + (0, -0.4, 0, 0.5) | 0.6 x (0.2..0.6) | |
//! | home of G (added at type g mod 3, half of it taken elsewhere) | 0 | F 1.0..1.8 |
//! | prices of generators | 1, 0.4..0.8, 1, 2.0..3.5 (then variants are shuffled) | |
//! | Q | -1.2..0.8 | A 0.3..1.8 |
//! | critique W, R | -0.6..1.0, -2.0..-0.2 | D R + 1.2 |
//! | verify W, R where good | 1.5..3.0, -4.0..-2.2 | |
//! | verify W, R where poor | -1..0, -1..0 | |
//! | share of good checks (each variant and type) | 0.3 | B, D, E 0.85 |
//! | F | mean of G - 0.6..0.2 | |
//! | restless | 0.2..0.6 | D + 0.2 |
//! | evidence, missing, distraction | 0..0.5, 2.0..3.5, 0.1..0.6 | |
//! | copying, hint, trust | 0.2..0.7, 0..0.6, 3..6 | |
//! | proof | 0.3..1.2 | B, D 1.5..3.0; E 1.0..2.0 |
//! | classifier | 0.75..0.97 | F 0.85..0.97 |
//! | price of a unit of cost | 0.003..0.01 | E 0.02..0.04 |
//!
//! The ranges are set by judgement so that textbook workflows ([`Textbook`]) do what is published of them: copies of one
//! model and a vote gain little when it repeats its own mistake (`taste`, `habit`), different models gain where they err on
//! different items (C), refining blindly or on a misleading critic's word loses, a check that can be trusted makes
//! repair pay. It is a simulation: a win here is a win in search under these assumptions.

mod baseline;
mod evolve;
mod instance;
mod item;
mod log;
mod noise;
mod reference;
mod run;
mod simulate;
mod skills;
mod summary;
mod textbook;

pub use baseline::Baseline;
pub use instance::{Family, Instance, Score};
pub use run::{Row, Run, row};
pub use summary::{Ablation, Detail, OfFamily, Summary};
pub use textbook::Textbook;
