//! Acquisitions made of draws from the model.

use meta_traits::Stream;

use super::memory::Model;
use crate::acquisition::Criterion;
use crate::baseline::draw;
use crate::gp::{Gp, Joint, NoiseKind};

/// Draws of the noiseless values at the points told.
const DRAWS: usize = 8;
/// Draws of the results of points that are awaited.
const FANTASIES: usize = 8;
/// Up to so many points awaited, and points told, results are drawn; above, the expected ones are taken.
const AWAITED: usize = 8;
const TOLD: usize = 300;

/// Whether the results of so many points awaited are drawn, with so many told.
pub(super) fn are_drawn(pending: usize, told: usize) -> bool {
    (1..=AWAITED).contains(&pending) && told <= TOLD
}

/// Models without noise through draws of the values at the points told, each with the expected improvement on its best
/// one: their mean is the noisy expected improvement (Letham et al. 2019). `None` where there is no noise.
pub(super) fn noiseless(model: &Model, rng: &mut Stream) -> Option<Vec<(Gp, Criterion)>> {
    if model.regime.noise != NoiseKind::Inferred {
        return None;
    }
    let points: Vec<Vec<f64>> = (0..model.gp.len()).map(|i| model.gp.point(i)).collect();
    let joint = Joint::new(&model.gp, &points)?;
    let exact = model.without_noise()?;
    let one = |_| {
        let normals: Vec<f64> = points.iter().map(|_| draw(rng)).collect();
        let values = joint.draw(&normals);
        let mut gp = exact.clone();
        gp.set_targets(Some(&values));
        // The draws say no more of the variance than the data.
        gp.variance = model.gp.variance;
        let best = values.iter().copied().fold(f64::INFINITY, f64::min);
        (gp, Criterion::LogExpectedImprovement { best })
    };
    Some((0..DRAWS).map(one).collect())
}

/// The expected improvement with several points awaited: models that were told one joint draw of their results each, with the
/// improvement counted from the best of that draw and `best`; their mean is what one more point adds to the improvement
/// expected of all together (Ginsbourger et al. 2010, Wilson et al. 2018, greedily). `None` where nothing can be drawn.
pub(super) fn fantasies(
    gp: &Gp,
    pending: &[&Vec<f64>],
    best: f64,
    rng: &mut Stream,
) -> Option<Vec<(Gp, Criterion)>> {
    let points: Vec<Vec<f64>> = pending.iter().map(|features| (*features).clone()).collect();
    let joint = Joint::new(gp, &points)?;
    let one = |_| {
        let normals: Vec<f64> = points.iter().map(|_| draw(rng)).collect();
        let values = joint.draw(&normals);
        let mut told = gp.clone();
        points.iter().zip(&values).for_each(|(x, z)| told.append(x, Some(*z)));
        // The draws say no more of the variance than the data.
        told.variance = gp.variance;
        let best = values.iter().copied().fold(best, f64::min);
        (told, Criterion::LogExpectedImprovement { best })
    };
    Some((0..FANTASIES).map(one).collect())
}

/// Place of the point (features) where a function drawn from the process is least; `terms`, one a point, count in standard
/// deviations of the losses. `None` where nothing can be drawn.
pub(crate) fn least_drawn(gp: &Gp, points: &[Vec<f64>], terms: &[f64], rng: &mut Stream) -> Option<usize> {
    let normals: Vec<f64> = points.iter().map(|_| draw(rng)).collect();
    let drawn = Joint::new(gp, points)?.draw(&normals);
    let value = |i: &usize| terms[*i] - drawn[*i];
    let most = (0..points.len()).max_by(|a, b| value(a).total_cmp(&value(b)));
    most.filter(|i| value(i) > f64::NEG_INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Layout;
    use crate::optimizer::engine::{EVERYWHERE, Query};
    use crate::optimizer::memory::Memory;
    use crate::optimizer::regime::Regime;
    use crate::optimizer::subset::Data;
    use crate::optimizer::surface::Flat;
    use crate::{Acquisition, Domain, KernelKind, Parameter, SearchSpace};

    fn line() -> SearchSpace {
        SearchSpace::new(vec![Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 })]).unwrap()
    }

    /// A bowl at 0.4 with noise far above its curve near the bottom.
    fn noisy(points: u64) -> Data {
        let mut data = Data::default();
        let mut rng = Stream::root(4);
        for _ in 0..points {
            let x = rng.unit();
            data.push(&[x], 4.0 * (x - 0.4).powi(2) + 0.1 * draw(&mut rng));
        }
        data
    }

    fn model(data: &Data, noise: NoiseKind) -> Model {
        let kind = Regime { noise, ..Regime::new(KernelKind::Rbf) };
        Memory::new(kind).model(&Layout::new(&line()), data, 0).unwrap()
    }

    /// The parts disagree about the values told, keep to the mean of the model, and know what was told better than it.
    #[test]
    fn draws_go_through_likely_values() {
        let data = noisy(25);
        let noisy = model(&data, NoiseKind::Inferred);
        let parts = noiseless(&noisy, &mut Stream::root(1)).unwrap();
        assert!(noiseless(&model(&data, NoiseKind::Fixed), &mut Stream::root(1)).is_none());
        let at = noisy.gp.predictor().marginal(&[0.4]);
        let means: Vec<f64> = parts.iter().map(|(gp, _)| gp.predictor().marginal(&[0.4]).mean).collect();
        let mean = means.iter().sum::<f64>() / means.len() as f64;
        assert!((mean - at.mean).abs() < 2.0 * at.variance.sqrt(), "{means:?} {at:?}");
        assert!(means.iter().any(|m| (m - means[0]).abs() > 1e-3 * at.variance.sqrt()));
        assert!(parts.iter().all(|(gp, _)| gp.predictor().marginal(&data.point(0)).variance < at.variance));
    }

    /// With one point awaited the mean over the draws, added to the improvement expected of that point, is the improvement
    /// expected of both together, and no more is expected of the same place again.
    #[test]
    fn fantasies_give_the_improvement_of_both_together() {
        let gp = model(&noisy(12), NoiseKind::Fixed).gp;
        let (a, b, best) =
            (vec![0.33], vec![0.47], gp.targets().iter().copied().fold(f64::INFINITY, f64::min));
        let mut rng = Stream::root(3);
        let joint = Joint::new(&gp, &[a.clone(), b.clone()]).unwrap();
        let draws = 20_000;
        let both = (0..draws).map(|_| {
            let drawn = joint.draw(&[draw(&mut rng), draw(&mut rng)]);
            (best - drawn[0].min(drawn[1])).max(0.0)
        });
        let both = both.sum::<f64>() / f64::from(draws);
        let improvement = |gp: &Gp, x: &[f64], best: f64| {
            let at = gp.predictor().marginal(x);
            Criterion::LogExpectedImprovement { best }.score(at).value.exp()
        };
        let (mut more, mut again, rounds) = (0.0, 0.0, 100);
        for round in 0..rounds {
            let parts = fantasies(&gp, &[&a], best, &mut rng.child("round", round)).unwrap();
            for (told, criterion) in &parts {
                let score = |x: &[f64]| criterion.score(told.predictor().marginal(x)).value.exp();
                more += score(&b) / (parts.len() as f64 * rounds as f64);
                again += score(&a) / (parts.len() as f64 * rounds as f64);
            }
        }
        let one = improvement(&gp, &a, best);
        assert!((one + more - both).abs() < 0.1 * both, "{one} + {more} against {both}");
        assert!(again < 0.05 * one, "{again} {one}");
    }

    #[test]
    fn each_draw_has_its_own_least_point_near_the_minimum() {
        let data = noisy(40);
        let noisy = model(&data, NoiseKind::Inferred);
        let points: Vec<Vec<f64>> = (0..100).map(|i| vec![f64::from(i) / 99.0]).collect();
        let rng = Stream::root(2);
        let drawn = |terms: &[f64], i| least_drawn(&noisy.gp, &points, terms, &mut rng.child("draw", i));
        let places: Vec<f64> = (0..6).filter_map(|i| drawn(&[0.0; 100], i)).map(|at| points[at][0]).collect();
        assert!(places.iter().all(|x| (x - 0.4).abs() < 0.3), "{places:?}");
        assert!(places.iter().any(|x| (x - places[0]).abs() > 0.0), "{places:?}");
        let mut barred = [f64::NEG_INFINITY; 100];
        assert_eq!(drawn(&barred, 0), None);
        barred[7] = -1.0;
        assert_eq!(drawn(&barred, 0), Some(7));
        assert_eq!(least_drawn(&noisy.gp, &[], &[], &mut Stream::root(2)), None);
    }

    #[test]
    fn without_noise_it_is_the_expected_improvement() {
        let (space, data) = (line(), noisy(12));
        let suggest = |acquisition, noise| {
            let query = Query {
                space: &space,
                layout: &Layout::new(&space),
                data: &data,
                pending: Vec::new(),
                acquisition,
                weight: 0.1,
                turn: 0,
                local: false,
            };
            query.maximize(model(&data, noise), &mut Flat, EVERYWHERE, &mut Stream::root(1)).unwrap().latent
        };
        let kinds = [Acquisition::ExpectedImprovement, Acquisition::NoisyExpectedImprovement];
        let [plain, noisy] = kinds.map(|kind| suggest(kind, NoiseKind::Fixed));
        assert_eq!(plain, noisy);
        let [plain, noisy] = kinds.map(|kind| suggest(kind, NoiseKind::Inferred));
        assert_ne!(plain, noisy);
    }
}
