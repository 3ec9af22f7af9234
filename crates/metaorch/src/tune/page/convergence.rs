use super::Point;
use super::plot::{Frame, Scale, colour, number};
use crate::tune::show::reported;
use crate::tune::study::Study;

/// The value of every trial, and the best so far.
pub(super) fn draw(study: &Study, points: &[Point]) -> String {
    if points.is_empty() {
        return "<p>Nothing to draw yet.</p>".into();
    }
    let scale = Scale::of(points.iter().map(|p| p.loss));
    let last = points.iter().map(|p| p.trial.id).max().unwrap_or(0).max(1) as f64;
    let mut frame = Frame::new(760.0, 260.0);
    frame.left_marks(&scale, if study.settings.maximize { -1.0 } else { 1.0 });
    let mut best = f64::INFINITY;
    let mut path: Vec<(f64, f64)> = Vec::new();
    for point in points {
        let (x, y) = (point.trial.id as f64 / last, scale.place(point.loss));
        frame.dot(
            x,
            y,
            &colour(point.rank),
            &format!("trial {}: {}", point.trial.id, number(reported(study, point.loss))),
        );
        if point.loss < best {
            path.extend(path.last().map(|(_, before)| (x, *before)));
            best = point.loss;
            path.push((x, y));
        }
    }
    path.extend(path.last().map(|(_, y)| (1.0, *y)));
    frame.line(path.into_iter(), "#145ac8", 2.0);
    frame.text(0.0, -0.07, "start", "trial 0");
    frame.text(1.0, -0.07, "end", &format!("trial {last}"));
    frame.finish("Value of each trial, and the best so far")
}
