//! Who ran, who waited for whom, and how it ended: a record of a [`Coordinator`](crate::Coordinator) and its drawing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::admit::Ticket;

/// Something that happened to an update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// When, by the coordinator's clock.
    pub at: Duration,
    /// To which update.
    pub ticket: Ticket,
    /// What.
    pub what: What,
}

/// What can happen to an update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It was taken.
    Submitted {
        /// Whose it is.
        component: String,
        /// What sort of change it is.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        kind: String,
        /// Running updates that held what it wanted.
        behind: Vec<Ticket>,
    },
    /// It started.
    Granted,
    /// It was asked to stop.
    AskedToStop,
    /// It ended well.
    Finished,
    /// It failed, was cancelled or given up.
    Failed,
    /// It will not start, for something it depended on failed.
    Dropped,
}

/// One update as a bar.
struct Bar<'a> {
    component: &'a str,
    kind: &'a str,
    behind: &'a [Ticket],
    submitted: Duration,
    granted: Option<Duration>,
    asked: Option<Duration>,
    ended: Option<(Duration, bool)>,
}

const ROW: u32 = 18;
const LEFT: u32 = 190;
const WIDTH: u32 = 900;
/// Colours that are told apart by people of all kinds of sight (Okabe and Ito 2008).
const COLOURS: [&str; 7] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442"];

/// Draws happenings as a timeline: an SVG of one bar an update, in order of submission.
///
/// Grey is waiting, a colour per component is running, a red end is a failure, a notch a request to stop; a tooltip says
/// behind whom it waited. What has not ended runs to the right edge. Names are escaped. O(n log n).
///
/// ```
/// use std::sync::Arc;
/// use coordination::{Access, Admission, Coordinator, ManualClock, Update, timeline};
/// use meta_traits::{Budget, Cost};
/// let coordinator = Coordinator::with_clock(Admission::new(1), Budget::UNLIMITED, ManualClock::default()).traced();
/// let pass = coordinator.submit(Update::new("topology", Access::default()), Cost::ZERO)?;
/// drop(pass);
/// let drawn = timeline::svg(&coordinator.trace());
/// assert!(drawn.starts_with("<svg") && drawn.contains("topology"));
/// # Ok::<(), coordination::CoordinateError>(())
/// ```
pub fn svg(happenings: &[Happening]) -> String {
    let bars = bars(happenings);
    let end = happenings.iter().map(|h| h.at).max().unwrap_or_default().max(Duration::from_nanos(1));
    let x = |at: Duration| f64::from(LEFT) + f64::from(WIDTH) * at.as_secs_f64() / end.as_secs_f64();
    let mut components: Vec<&str> = bars.values().map(|b| b.component).collect();
    components.sort_unstable();
    components.dedup();
    let height = ROW * (u32::try_from(bars.len()).unwrap_or(u32::MAX / ROW - 2) + 2);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<title>Updates over {:.3} s</title>\n",
        LEFT + WIDTH + 10,
        end.as_secs_f64()
    );
    for (row, (ticket, bar)) in bars.iter().enumerate() {
        let y = f64::from(ROW) * (row as f64 + 1.0);
        let colour = COLOURS[components.binary_search(&bar.component).unwrap_or(0) % COLOURS.len()];
        let stop = bar.ended.map_or(end, |(at, _)| at);
        let granted = bar.granted.unwrap_or(stop);
        let mut rect = |from: Duration, to: Duration, fill: &str, narrow: f64| {
            let (left, width) = (x(from), (x(to) - x(from)).max(narrow));
            let height = f64::from(ROW - 6);
            let _ = write!(
                out,
                "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{fill}\"/>",
                y + 3.0
            );
        };
        rect(bar.submitted, granted, "#cccccc", 0.0);
        if bar.granted.is_some() {
            rect(granted, stop, colour, 1.0);
        }
        if let Some(at) = bar.asked {
            rect(at, at, "#000000", 2.0);
        }
        if let Some((at, false)) = bar.ended {
            rect(at, at, "#b00020", 3.0);
        }
        let numbers: Vec<String> = bar.behind.iter().map(|t| t.number().to_string()).collect();
        let waited =
            if numbers.is_empty() { String::new() } else { format!(", behind {}", numbers.join(", ")) };
        let kind = if bar.kind.is_empty() { String::new() } else { format!("{}: ", escape(bar.kind)) };
        let _ = writeln!(
            out,
            "<text x=\"4\" y=\"{:.1}\">{} {}<title>{kind}waited {:.6} s{waited}</title></text>",
            y + 13.0,
            ticket.number(),
            escape(bar.component),
            granted.saturating_sub(bar.submitted).as_secs_f64()
        );
    }
    out + "</svg>\n"
}

/// The same as a page of its own.
pub fn html(happenings: &[Happening]) -> String {
    let head = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Timeline of updates</title>\n<body>\n";
    format!("{head}{}</body></html>\n", svg(happenings))
}

fn bars(happenings: &[Happening]) -> BTreeMap<Ticket, Bar<'_>> {
    let mut bars: BTreeMap<Ticket, Bar> = BTreeMap::new();
    for Happening { at, ticket, what } in happenings {
        if let What::Submitted { component, kind, behind } = what {
            let (granted, asked, ended) = (None, None, None);
            bars.insert(*ticket, Bar { component, kind, behind, submitted: *at, granted, asked, ended });
        }
        let Some(bar) = bars.get_mut(ticket) else { continue };
        match what {
            What::Submitted { .. } => {}
            What::Granted => bar.granted = Some(*at),
            What::AskedToStop => bar.asked = Some(*at),
            What::Finished => bar.ended = Some((*at, true)),
            What::Failed | What::Dropped => bar.ended = bar.ended.or(Some((*at, false))),
        }
    }
    bars
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
