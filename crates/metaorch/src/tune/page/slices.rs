use bayes_hyperopt::Surrogate;

use super::Point;
use super::coordinates::labels;
use super::plot::{Frame, Scale, colour, number};
use crate::tune::show::reported;
use crate::tune::study::Study;

/// Places along a slice at which the model is asked.
const STEPS: usize = 48;

/// For each parameter, the value of every trial against that of the parameter, and what a model expects when it alone is
/// moved away from the best trial.
pub(super) fn draw(study: &Study, points: &[Point], model: Option<&Surrogate>) -> String {
    let mut out = String::new();
    let space = &study.settings.space;
    if points.is_empty() {
        return "<p>Nothing to draw yet.</p>".into();
    }
    let best = points.iter().find(|p| p.rank <= 0.0).and_then(|p| space.encode(&p.trial.parameters));
    let scale = Scale::of(points.iter().map(|p| p.loss));
    for (i, parameter) in space.parameters().iter().enumerate() {
        let mut frame = Frame::new(330.0, 170.0);
        frame.left_marks(&scale, if study.settings.maximize { -1.0 } else { 1.0 });
        for point in points.iter().rev() {
            let Some(features) = space.encode(&point.trial.parameters) else { continue };
            if features[i] < 0.0 {
                continue;
            }
            let value =
                point.trial.parameters.get(&parameter.name).map(ToString::to_string).unwrap_or_default();
            let title =
                format!("trial {}: {value} gives {}", point.trial.id, number(reported(study, point.loss)));
            frame.dot(features[i], scale.place(point.loss), &colour(point.rank), &title);
        }
        if let (Some(model), Some(best)) = (model, &best)
            && parameter.domain.cardinality().is_none()
            && best[i] >= 0.0
        {
            let curve = (0..=STEPS).map(|step| step as f64 / STEPS as f64).filter_map(|x| {
                let mut latent = best.clone();
                latent[i] = x;
                let (mean, _) = model.predict(&space.decode(&latent))?;
                Some((x, scale.place(mean))).filter(|(_, y)| (0.0..=1.0).contains(y))
            });
            frame.line(curve, "#d07a1c", 1.5);
        }
        for (x, text) in labels(parameter) {
            frame.text(x, -0.08, "middle", &text);
        }
        frame.text(0.5, -0.17, "middle", &parameter.name);
        out += &frame.finish(&format!("Value against {}", parameter.name));
    }
    out
}
