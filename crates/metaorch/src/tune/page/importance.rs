use bayes_hyperopt::Surrogate;

use super::plot::Frame;
use crate::tune::study::Study;

/// The share of each parameter in the sensitivity of a model of all points, whatever algorithm chose them.
pub(super) fn draw(study: &Study, model: Option<&Surrogate>) -> String {
    let Some(shares) = model.map(Surrogate::importance) else {
        return "<p>Too few trials for a model.</p>".into();
    };
    let space = &study.settings.space;
    let height = 22.0 * space.len() as f64;
    let mut frame = Frame::new(760.0, height);
    let rows = space.len() as f64;
    for (i, (parameter, share)) in space.parameters().iter().zip(&shares).enumerate() {
        let y = 1.0 - (i as f64 + 0.5) / rows;
        frame.line([(0.25, y), (0.25 + 0.65 * share, y)].into_iter(), "#145ac8", 12.0);
        frame.text(0.24, y - 4.0 / height, "end", &parameter.name);
        frame.text(0.26 + 0.65 * share, y - 4.0 / height, "start", &format!("{:.0} %", 100.0 * share));
    }
    let note = "<p>1 / lengthscale over its sum, of a Gaussian process through all trials.</p>";
    frame.finish("Importance of the parameters") + note
}
