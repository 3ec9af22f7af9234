//! The choice among kinds of model by evidence.

use std::borrow::Cow;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::draws::draws;
use super::regime::Regime;
use super::subset::{Data, INDUCING};
use crate::gp::{
    Breadth, Covariance, Gp, NoiseKind, Prior, Problem, Targets, Warp, Workspace, cover, inducing_means,
};
use crate::kernel::{Bend, Kernel, Layout, Shape, Structure};
use crate::maximize::lbfgs::{Limits, minimize};

/// Nugget of models that pass through the data, as a share of the signal's variance.
const NUGGET: f64 = 1e-12;
/// Nugget of models through values that were drawn, and so need not be met exactly.
const SMOOTHED: f64 = 1e-6;
/// Every so many fits one starts from afar.
const AFAR: usize = 3;
/// How far from the usual start, in the logarithm of the lengthscales, in turn.
const FAR: [f64; 4] = [0.0, 1.5, -1.0, 3.0];

/// Every so many fits bends of the inputs are tried, with at least so many points.
const BENDING: usize = 8;
const LEAST_BENT: usize = 20;
/// Steps of ln a and ln b of a bend, how far they go, and the variance of their prior.
const BEND_STEP: f64 = 0.35;
const MOST_BENT: f64 = 1.4;
const BEND_VARIANCE: f64 = 0.75;
/// By how much, in ln of the evidence, each number of the bends has to make a model better.
const CLEAR: f64 = 2.0;

/// Effort of a first fit.
const FIRST: Limits = Limits { evaluations: 40, gain: 1e-5, gradient: 1e-3, first_step: 0.5 };
/// Effort of a fit that begins where the last one ended.
const AGAIN: Limits = Limits { evaluations: 15, ..FIRST };

/// What is settled about models before any data.
#[expect(
    clippy::struct_excessive_bools,
    reason = "four switches that are set apart, each its own name in saved states"
)]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// The noise that fits start from, as a share of the signal's variance.
    pub(crate) noise: f64,
    /// Whether parameters are fitted and kinds compete; else the prior's start is taken as it is.
    pub(crate) learns: bool,
    /// Whether losses may be bent.
    pub(crate) bends: bool,
    /// Whether only smooth kinds with noise are made, which show the trend.
    pub(crate) smooth: bool,
    /// Whether inputs may be bent.
    #[serde(default)]
    pub(crate) inputs: bool,
    /// Normal laws (mean, standard deviation) of the logarithm of lengthscales that other tasks have taught.
    pub(crate) taught: Vec<(f64, f64)>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { noise: 1e-6, learns: true, bends: true, smooth: false, inputs: false, taught: Vec::new() }
    }
}

/// What the search for a model remembers between suggestions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Memory {
    champion: Regime,
    terms: Terms,
    /// The last parameters of each kind fitted.
    fitted: Vec<(Regime, Vec<f64>)>,
    /// Counts the challenges.
    turn: usize,
    /// Counts the fits.
    fits: usize,
    /// Bends of the inputs, one a parameter, or none at all.
    #[serde(default)]
    bends: Vec<Bend>,
}

/// A fitted model with the bend of its targets.
pub(crate) struct Model {
    pub(crate) gp: Gp,
    pub(crate) regime: Regime,
    pub(crate) targets: Targets,
    /// ln of the posterior density at the parameters, in the units of the losses.
    pub(crate) evidence: f64,
    prior: Prior,
}

/// Parameters of one kind with what they were found from.
struct Fit {
    regime: Regime,
    prior: Prior,
    theta: Vec<f64>,
    targets: Targets,
    evidence: f64,
}

impl Memory {
    pub(crate) fn new(champion: Regime) -> Self {
        Self::with(champion, Terms::default())
    }

    pub(crate) fn with(champion: Regime, terms: Terms) -> Self {
        Self { champion, terms, fitted: Vec::new(), turn: 0, fits: 0, bends: Vec::new() }
    }

    /// A fresh memory of the smooth kinds with noise, under the same terms.
    pub(super) fn smooth(&self) -> Self {
        let champion = match self.champion.structure {
            Structure::Linear => self.champion,
            _ => Regime::bowl(self.champion.warp),
        };
        Self::with(champion, Terms { smooth: true, ..self.terms.clone() })
    }

    /// Takes up what another memory holds, unless there is something already.
    pub(super) fn begin_like(&mut self, other: &Self) {
        if self.fitted.is_empty() {
            self.clone_from(other);
        }
    }

    /// The champion's model of many data: parameters from a subset, predictions from as many as can be.
    ///
    /// `challenges` other kinds try to explain the data better first. `None` when no model can be made of them.
    pub(crate) fn model(&mut self, layout: &Layout, data: &Data, challenges: usize) -> Option<Model> {
        let part = data.to_learn();
        let learnt = self.fit(layout, part.as_ref().unwrap_or(data), challenges)?;
        if part.is_none() { Some(learnt) } else { learnt.over(data) }
    }

    /// Fits the champion to the data, lets `challenges` other kinds try to explain them better, and gives the winner.
    pub(crate) fn fit(&mut self, layout: &Layout, data: &Data, challenges: usize) -> Option<Model> {
        let mut w = Workspace::new(data.losses.len());
        let (plain, told) = (layout, data);
        let (layout, data) = (&plain.with_bends(&self.bends), &bent(told, plain, &self.bends));
        let mut best = self.fit_one(self.champion, layout, data, &mut w);
        let challenges = if self.terms.learns { challenges } else { 0 };
        // The rarer bends of losses come in turn beside the usual challengers, and have to be clearly better.
        let rare = challenges > 0 && self.terms.bends && !self.terms.smooth && self.fits % 4 == 1;
        for i in 0..challenges + usize::from(rare) {
            let warp = if self.fits % 8 == 1 { Warp::Power } else { Warp::Tamed };
            let challenger =
                if i < challenges { self.challenger(layout.len()) } else { Regime { warp, ..self.champion } };
            let ahead = if i < challenges { 0.0 } else { CLEAR };
            if challenger == self.champion {
                continue;
            }
            let found = self.fit_one(challenger, layout, data, &mut w);
            let evidence = |fit: &Option<Fit>| fit.as_ref().map_or(f64::NEG_INFINITY, |f| f.evidence);
            if evidence(&found) > evidence(&best) + ahead {
                self.champion = challenger;
                best = found;
            }
        }
        if self.fits % AFAR == AFAR - 1
            && self.terms.learns
            && let Some(held) = &mut best
        {
            let shift = FAR[self.fits / AFAR % FAR.len()];
            let start = |prior: &Prior| shifted(prior, layout, shift);
            let again = self.fit_from(start, self.champion, layout, data, FIRST, &mut w);
            if let Some(found) = again.filter(|found| found.evidence > held.evidence) {
                self.remember(&found);
                *held = found;
            }
        }
        let mut best = best?;
        let may_bend = self.terms.inputs && self.terms.learns && self.champion.structure != Structure::Linear;
        if may_bend && self.fits % BENDING == BENDING - 1 && told.losses.len() >= LEAST_BENT {
            best = self.bend(best, plain, told, &mut w);
        }
        self.fits += 1;
        let (layout, data) = (plain.with_bends(&self.bends), bent(told, plain, &self.bends));
        best.into_model(&layout, &data.columns, &mut w)
    }

    /// Bends each plain number a little more or less, one by one, as far as that explains the data better; taken where with
    /// the parameters fitted anew it does so, what bends cost included: their prior and `CLEAR` for each that is not 0.
    fn bend(&mut self, held: Fit, layout: &Layout, data: &Data, w: &mut Workspace) -> Fit {
        let none = vec![[0.0; 2]; layout.len()];
        let before = if self.bends.is_empty() { none } else { self.bends.clone() };
        let dear = |b: &f64| if *b == 0.0 { 0.0 } else { 0.5 * b * b / BEND_VARIANCE + CLEAR };
        let prior = |bends: &[Bend]| bends.iter().flatten().map(dear).sum::<f64>();
        let mut bends = before.clone();
        let mut evidence = held.evidence - prior(&before);
        let once = Limits { evaluations: 1, ..FIRST };
        for &d in &layout.radial {
            for (side, step) in [(0, BEND_STEP), (0, -BEND_STEP), (1, BEND_STEP), (1, -BEND_STEP)] {
                let mut other = bends.clone();
                other[d][side] = (other[d][side] + step).clamp(-MOST_BENT, MOST_BENT);
                let (layout, data) = (layout.with_bends(&other), bent(data, layout, &other));
                let theta = held.theta.clone();
                let found = self.fit_from(|_| theta, held.regime, &layout, &data, once, w);
                let found = found.map_or(f64::NEG_INFINITY, |fit| fit.evidence - prior(&other));
                if found > evidence {
                    (bends, evidence) = (other, found);
                }
            }
        }
        let (own, data) = (layout.with_bends(&bends), bent(data, layout, &bends));
        let theta = held.theta.clone();
        match self.fit_from(|_| theta, held.regime, &own, &data, AGAIN, w) {
            Some(found) if found.evidence - prior(&bends) > held.evidence - prior(&before) => {
                self.bends = bends;
                self.remember(&found);
                found
            }
            _ => held,
        }
    }

    /// The next in turn: every third time a landmark, else a neighbour of the champion.
    fn challenger(&mut self, dimensions: usize) -> Regime {
        self.turn += 1;
        let far = self.turn.is_multiple_of(3) && self.champion.structure != Structure::Linear;
        let mut kinds = if far { Regime::landmarks(dimensions) } else { self.champion.near(dimensions) };
        if !self.terms.taught.is_empty() {
            kinds.push(Regime { breadth: Breadth::Taught, ..self.champion });
        }
        kinds.retain(|kind| self.terms.bends || kind.warp == Warp::Plain);
        kinds.retain(|kind| !self.terms.smooth || kind.is_smooth());
        let place = if far { self.turn / 3 } else { self.turn - self.turn / 3 };
        if kinds.is_empty() { self.champion } else { kinds[place % kinds.len()] }
    }

    /// What is believed of the parameters of a kind.
    fn prior(&self, regime: Regime, layout: &Layout) -> Prior {
        let mut prior = regime.prior(layout);
        if regime.noise == NoiseKind::Inferred {
            let last = prior.start.len() - 1;
            prior.start[last] = libm::log(self.terms.noise).clamp(prior.low[last], prior.high[last]);
        }
        if regime.breadth == Breadth::Taught {
            for (i, (mean, sd)) in self.terms.taught.iter().enumerate().take(layout.len()) {
                (prior.mean[i], prior.sd[i], prior.start[i]) = (*mean, *sd, *mean);
            }
        }
        prior
    }

    /// A kind fitted from where it ended last, or else from what it shares with the champion.
    fn fit_one(&mut self, regime: Regime, layout: &Layout, data: &Data, w: &mut Workspace) -> Option<Fit> {
        let known = self.fitted.iter().find(|(kind, _)| kind.shares_parameters(regime));
        let fit = if !self.terms.learns {
            let once = Limits { evaluations: 1, ..FIRST };
            self.fit_from(|prior| prior.start.clone(), regime, layout, data, once, w)
        } else if let Some((_, theta)) = known {
            self.fit_from(|_| theta.clone(), regime, layout, data, AGAIN, w)
        } else {
            let near =
                self.fit_from(|prior| self.like(regime, prior, layout), regime, layout, data, FIRST, w);
            // A law with room for long lengthscales has hills far away.
            let far = if regime.breadth == Breadth::Wide {
                self.fit_from(|prior| shifted(prior, layout, 1.5), regime, layout, data, FIRST, w)
            } else {
                None
            };
            near.into_iter().chain(far).max_by(|a, b| a.evidence.total_cmp(&b.evidence))
        }?;
        self.remember(&fit);
        Some(fit)
    }

    fn remember(&mut self, fit: &Fit) {
        self.fitted.retain(|(kind, _)| !kind.shares_parameters(fit.regime));
        self.fitted.push((fit.regime, fit.theta.clone()));
    }

    /// A kind fitted from a start.
    fn fit_from(
        &self,
        start: impl FnOnce(&Prior) -> Vec<f64>,
        regime: Regime,
        layout: &Layout,
        data: &Data,
        limits: Limits,
        w: &mut Workspace,
    ) -> Option<Fit> {
        let targets = Targets::new(&data.losses, regime.warp);
        let prior = self.prior(regime, layout);
        let start = start(&prior);
        let problem = problem(layout, &data.columns, regime, &prior, &targets.z);
        let f = |theta: &[f64], gradient: &mut [f64]| problem.negative_log_posterior(theta, gradient, w);
        let (theta, value) = minimize(f, &start, &prior.low, &prior.high, limits);
        let evidence = targets.log_jacobian - value;
        evidence.is_finite().then_some(Fit { regime, prior, theta, targets, evidence })
    }

    /// The start of a kind not fitted before: what it shares with the champion, else the prior's.
    fn like(&self, regime: Regime, prior: &Prior, layout: &Layout) -> Vec<f64> {
        let mut start = prior.start.clone();
        let champion = self.fitted.iter().find(|(kind, _)| kind.shares_parameters(self.champion));
        if let Some((kind, theta)) = champion
            && kind.structure == regime.structure
        {
            let shared = Kernel::parameters(layout, regime.structure);
            start[..shared].copy_from_slice(&theta[..shared]);
        }
        start
    }
}

impl Model {
    /// What all of `data`, of which the model knows a part, say at up to `count` of them that cover it: their positions and losses.
    pub(crate) fn summary(&self, data: &Data, count: usize) -> Vec<(usize, f64)> {
        self.summary_of(&data.bent(&self.gp.layout), count)
    }

    /// The same of data as distances see them.
    fn summary_of(&self, data: &Data, count: usize) -> Vec<(usize, f64)> {
        let Self { gp, regime, .. } = self;
        let inverse: Vec<f64> = gp.theta[..gp.layout.len()].iter().map(|l| libm::exp(-l)).collect();
        let Some(first) = data.order().first().copied() else { return Vec::new() };
        let chosen = cover(&data.columns, &inverse, first, count);
        let targets = Targets::new(&data.losses, regime.warp);
        let covariance =
            Covariance { layout: &gp.layout, shape: gp.shape, theta: &gp.theta, nugget: gp.nugget };
        let means = inducing_means(covariance, &data.columns, &targets.z, &chosen).unwrap_or_default();
        chosen.into_iter().zip(means).map(|(i, mean)| (i, targets.loss(mean).0)).collect()
    }

    /// Losses a target, at the best of them.
    pub(super) fn slope(&self) -> f64 {
        let best = self.targets.z.iter().copied().fold(f64::INFINITY, f64::min);
        self.targets.loss(best).1
    }

    /// `count` processes of the same kind over the same data, with parameters drawn from their posterior.
    pub(super) fn draws(&self, count: usize, rng: &mut Stream) -> Vec<Gp> {
        let Self { gp, regime, targets, prior, .. } = self;
        let problem = problem(&gp.layout, gp.columns(), *regime, prior, &targets.z);
        draws(&problem, &gp.theta, count, rng)
    }

    /// The process at the same parameters over the same points, but for its noise.
    pub(super) fn without_noise(&self) -> Option<Gp> {
        let Self { gp, regime, prior, .. } = self;
        let exact = Regime { noise: NoiseKind::Fixed, ..*regime };
        let shared = Kernel::parameters(&gp.layout, regime.structure);
        let targets = gp.targets();
        let problem =
            Problem { nugget: SMOOTHED, ..problem(&gp.layout, gp.columns(), exact, prior, targets) };
        Gp::new(&problem, &gp.theta[..shared], &mut Workspace::new(gp.len()))
    }

    /// The same parameters over other data.
    fn over(self, data: &Data) -> Option<Self> {
        let layout = &self.gp.layout.clone();
        let data = &data.bent(layout);
        let inverse: Vec<f64> = self.gp.theta[..layout.len()].iter().map(|l| libm::exp(-l)).collect();
        let part = data.to_predict(&inverse).map(|near| {
            // Beside the nearest stand inducing points, whose losses are what all points say there.
            let mut far = self.summary_of(data, INDUCING);
            far.retain(|(i, _)| !near.contains(i));
            let mut part = data.pick(near);
            for (i, loss) in far {
                part.push(&data.point(i), loss);
            }
            part
        });
        let data = part.as_ref().unwrap_or(data);
        let targets = Targets::new(&data.losses, self.regime.warp);
        let Self { gp, regime, evidence, prior, .. } = self;
        let fit = Fit { regime, prior, theta: gp.theta, targets, evidence };
        fit.into_model(layout, &data.columns, &mut Workspace::new(data.losses.len()))
    }
}

impl Fit {
    fn into_model(self, layout: &Layout, columns: &[Vec<f64>], w: &mut Workspace) -> Option<Model> {
        let Self { regime, prior, theta, targets, evidence } = self;
        let problem = problem(layout, columns, regime, &prior, &targets.z);
        let gp = Gp::new(&problem, &theta, w)?;
        Some(Model { gp, regime, targets, evidence, prior })
    }
}

/// Data as distances see them.
fn bent<'a>(data: &'a Data, layout: &Layout, bends: &[Bend]) -> Cow<'a, Data> {
    if bends.is_empty() { Cow::Borrowed(data) } else { Cow::Owned(data.bent(&layout.with_bends(bends))) }
}

/// The prior's start with the logarithms of all lengthscales moved.
fn shifted(prior: &Prior, layout: &Layout, by: f64) -> Vec<f64> {
    let mut start = prior.start.clone();
    start[..layout.len()].iter_mut().for_each(|lengthscale| *lengthscale += by);
    start
}

fn problem<'a>(
    layout: &'a Layout,
    columns: &'a [Vec<f64>],
    regime: Regime,
    prior: &'a Prior,
    z: &'a [f64],
) -> Problem<'a> {
    let shape = Shape::new(regime.structure, regime.smoothness);
    Problem { layout, shape, noise: regime.noise, nugget: NUGGET, prior, columns, z }
}
