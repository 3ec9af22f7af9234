//! What a search found, as one HTML page: plain text and drawings, no scripts, nothing fetched.

mod convergence;
mod coordinates;
mod front;
mod importance;
mod plot;
mod slices;

use std::fmt::Write as _;

use bayes_hyperopt::Surrogate;
use meta_traits::Fidelity;

use super::show::{failure, reported};
use super::study::{Study, Trial};
use plot::{escape, number};

/// Rows of the table of trials.
const LISTED: usize = 20;

/// Points that the model of the page is made of.
const MODELLED: usize = 300;

const STYLE: &str = "body{font:14px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}svg{max-width:100%;height:auto}\
text{font:11px system-ui,sans-serif;fill:#555}table{border-collapse:collapse}\
td,th{padding:.15rem .6rem;text-align:right;border-bottom:1px solid #ddd}th{font-weight:600}";

/// A trial with a usable loss at the highest fidelity seen.
pub(super) struct Point<'a> {
    pub(super) trial: &'a Trial,
    pub(super) loss: f64,
    /// Its place among all points by loss, 0 for the best to 1 for the worst.
    pub(super) rank: f64,
}

/// The page of `study`.
pub(crate) fn page(study: &Study) -> String {
    let points = points(study);
    // A model takes the cube of their number: of very many the latest will do.
    let latest = points.iter().rev().take(MODELLED).rev();
    let latest: Vec<_> = latest.map(|p| (p.trial.parameters.clone(), p.loss)).collect();
    let model = Surrogate::fit(&study.settings.space, &latest);
    let mut out = String::new();
    let told = study.trials().filter(|t| t.outcome.is_some()).count();
    let failed = study.trials().filter(|t| failure(t).is_some()).count();
    let title = format!("{told} trials of {} parameters", study.settings.space.len());
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    );
    let best = study.best().and_then(|best| Some((best, best.loss()?.0)));
    let found = best.map_or_else(
        || "No trial gave a usable value".to_owned(),
        |(best, loss)| format!("Best value <b>{}</b> at trial {}", number(reported(study, loss)), best.id),
    );
    let _ = writeln!(out, "<p>{found}; {failed} trials failed.</p>");
    let drawings = [
        ("Convergence", convergence::draw(study, &points)),
        ("Trade-offs", front::draw(study)),
        ("Parameters", coordinates::draw(study, &points)),
        ("Importance", importance::draw(study, model.as_ref())),
        ("Slices", slices::draw(study, &points, model.as_ref())),
    ];
    for (title, drawing) in drawings.into_iter().filter(|(_, drawing)| !drawing.is_empty()) {
        let _ = writeln!(out, "<h2>{title}</h2>\n{drawing}");
    }
    table(study, &points, &mut out);
    out.push_str("</body></html>\n");
    out
}

/// The usable trials of the highest fidelity seen, in the order of asking.
fn points(study: &Study) -> Vec<Point<'_>> {
    let highest = study.trials().filter_map(Trial::loss).map(|(_, at)| at.get()).fold(0.0, f64::max);
    let at_highest = |at: Fidelity| at.get() >= highest;
    let usable =
        study.trials().filter_map(|trial| Some((trial, trial.loss().filter(|l| at_highest(l.1))?.0)));
    let mut points: Vec<Point> = usable.map(|(trial, loss)| Point { trial, loss, rank: 0.0 }).collect();
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|a, b| points[*a].loss.total_cmp(&points[*b].loss));
    let last = points.len().saturating_sub(1).max(1) as f64;
    for (place, index) in order.into_iter().enumerate() {
        points[index].rank = place as f64 / last;
    }
    points
}

fn table(study: &Study, points: &[Point], out: &mut String) {
    let mut best: Vec<&Point> = points.iter().collect();
    best.sort_by(|a, b| a.loss.total_cmp(&b.loss));
    best.truncate(LISTED);
    out.push_str("<h2>Best trials</h2>\n<table><tr><th>trial</th><th>value</th>");
    for parameter in study.settings.space.parameters() {
        let _ = write!(out, "<th>{}</th>", escape(&parameter.name));
    }
    out.push_str("</tr>\n");
    for point in best {
        let _ =
            write!(out, "<tr><td>{}</td><td>{}</td>", point.trial.id, number(reported(study, point.loss)));
        for parameter in study.settings.space.parameters() {
            let value = point.trial.parameters.get(&parameter.name);
            let text = value.map_or("-".to_owned(), |v| v.as_f64().map_or_else(|| v.to_string(), number));
            let _ = write!(out, "<td>{}</td>", escape(&text));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n");
}
