use bayes_hyperopt::{Domain, Parameter};

use super::Point;
use super::plot::{Frame, Scale, colour, number};
use crate::tune::study::Study;

/// Where a parameter that is not active is drawn: below its axis.
const OFF: f64 = -0.06;

/// Parallel coordinates: an axis a parameter and one for the value, a line a trial, the best drawn last.
pub(super) fn draw(study: &Study, points: &[Point]) -> String {
    if points.is_empty() {
        return "<p>Nothing to draw yet.</p>".into();
    }
    let space = &study.settings.space;
    let axes = space.len() as f64;
    let mut frame = Frame::new((110.0 * axes).clamp(400.0, 2200.0), 280.0);
    let scale = Scale::of(points.iter().map(|p| p.loss));
    let mut order: Vec<&Point> = points.iter().collect();
    order.sort_by(|a, b| b.rank.total_cmp(&a.rank));
    for point in order {
        let Some(features) = space.encode(&point.trial.parameters) else { continue };
        let places =
            features.into_iter().map(|f| if f < 0.0 { OFF } else { f }).chain([scale.place(point.loss)]);
        frame.line(places.enumerate().map(|(i, y)| (i as f64 / axes, y)), &colour(point.rank), 1.2);
    }
    for (i, parameter) in space.parameters().iter().enumerate() {
        let x = i as f64 / axes;
        frame.line([(x, 0.0), (x, 1.0)].into_iter(), "#888", 1.0);
        for (y, text) in labels(parameter) {
            frame.text(x + 0.004, y - 0.012, "start", &text);
        }
        frame.text(x, -0.12, "middle", &parameter.name);
    }
    let (low, high) = (scale.marks()[0], *scale.marks().last().unwrap_or(&0.0));
    let sign = if study.settings.maximize { -1.0 } else { 1.0 };
    frame.text(0.996, 0.01, "end", &number(sign * low));
    frame.text(0.996, 0.96, "end", &number(sign * high));
    frame.text(1.0, -0.12, "middle", "value");
    frame.finish("Parallel coordinates of the parameters")
}

/// Values to write beside an axis, and where.
pub(super) fn labels(parameter: &Parameter) -> Vec<(f64, String)> {
    match &parameter.domain {
        Domain::Ordinal { levels: values } | Domain::Categorical { choices: values }
            if values.len() <= 12 =>
        {
            let placed = values.iter().map(|v| (parameter.domain.place(v).unwrap_or(0.5), v.to_string()));
            placed.collect()
        }
        domain => [0.0, 1.0]
            .map(|y| (y, domain.value(y)))
            .map(|(y, v)| (y * 0.97, v.as_f64().map_or_else(|| v.to_string(), number)))
            .to_vec(),
    }
}
