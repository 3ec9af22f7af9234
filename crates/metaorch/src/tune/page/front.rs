use super::plot::{Frame, Scale, number};
use crate::tune::show::reported;
use crate::tune::study::{Study, Trial};

/// The first two values of every trial, and the front of best trade-offs; nothing where there is one value.
pub(super) fn draw(study: &Study) -> String {
    let all: Vec<(&Trial, &[f64])> = study.trials().filter_map(|t| Some((t, t.losses()?))).collect();
    if study.settings.objectives < 2 || all.is_empty() {
        return String::new();
    }
    let scales = [0, 1].map(|j| Scale::of(all.iter().map(|(_, losses)| losses[j])));
    let sign = if study.settings.maximize { -1.0 } else { 1.0 };
    let mut frame = Frame::new(420.0, 320.0);
    frame.left_marks(&scales[1], sign);
    let place = |losses: &[f64]| (scales[0].place(losses[0]), scales[1].place(losses[1]));
    let best: Vec<u64> = study.front().map(|t| t.id).collect();
    for (trial, losses) in &all {
        let (x, y) = place(losses);
        let colour = if best.contains(&trial.id) { "#145ac8" } else { "#cdd2d7" };
        let values: Vec<String> = losses.iter().map(|l| number(reported(study, *l))).collect();
        frame.dot(x, y, colour, &format!("trial {}: {}", trial.id, values.join(", ")));
    }
    for mark in scales[0].marks() {
        frame.text(scales[0].place(mark), -0.06, "middle", &number(sign * mark));
    }
    frame.finish("First two values of each trial; the best trade-offs are blue")
}
