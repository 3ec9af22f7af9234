//! A prompt as a page for browsers: no scripts, nothing loaded.

use std::fmt::Write as _;

use prompt_grammar::worth::ComponentWorth;

use super::colour::Colour;
use super::show::{Shown, colour, in_words};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222}\
pre{white-space:pre-wrap;background:#f6f6f4;padding:1rem;border-radius:6px;font:14px/1.6 ui-monospace,monospace}\
mark{background:#e4e4e0;color:inherit;border-radius:3px}mark.good{background:#bfe3c0}mark.bad{background:#f2c1bb}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .5rem;border-bottom:1px solid #ddd;\
vertical-align:top}td.n{white-space:nowrap;font-variant-numeric:tabular-nums}svg{display:block}\
@media(prefers-color-scheme:dark){body{background:#181816;color:#ddd}pre{background:#242422}mark{background:#3a3a36}\
mark.good{background:#24512a}mark.bad{background:#6b2a24}td,th{border-color:#444}}";

/// Width of the drawn intervals.
const WIDTH: f64 = 240.0;

/// The page of a prompt: the text with its components marked, and a table with values and intervals.
pub(super) fn page(shown: &Shown) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Prompt</title><style>{STYLE}</style></head><body>\n<h1>Prompt</h1>\n"
    );
    let n = shown.worth.prompts().len();
    let seen =
        shown.seen.map_or("Not scored".into(), |(mean, k)| format!("Mean score {mean:.3} over {k} scores"));
    let _ = writeln!(
        out,
        "<p>{seen}; judged by {n} prompts. Values are Shapley values in log odds of success with 90&nbsp;% intervals, \
         from what a search chose: observational. <mark class=\"good\">helps</mark> <mark class=\"bad\">hurts</mark> \
         <mark>may be worth nothing</mark></p>\n<pre>{}</pre>",
        marked(shown)
    );
    let reach = shown.values.iter().flatten().map(|w| w.high.abs().max(w.low.abs())).fold(0.1, f64::max);
    out.push_str("<table><thead><tr><th>Component</th><th>Worth</th><th>Interval</th><th>Prompts</th></tr></thead><tbody>\n");
    for (component, value) in shown.anatomy.components().iter().zip(&shown.values) {
        let text = escaped(shown.anatomy.text_of(component));
        let support = value.map_or(String::new(), |w| format!("{} of {n}", w.support));
        let bar = value.map_or(String::new(), |w| interval(&w, reach));
        let words = in_words(value.as_ref());
        let _ = writeln!(
            out,
            "<tr><td>{text}</td><td class=\"n\">{}</td><td>{bar}</td><td class=\"n\">{support}</td></tr>",
            words.trim()
        );
    }
    out + "</tbody></table>\n</body></html>\n"
}

/// The text with its components marked.
fn marked(shown: &Shown) -> String {
    let (text, mut out, mut from) = (shown.anatomy.text(), String::new(), 0);
    for (component, value) in shown.anatomy.components().iter().zip(&shown.values) {
        out.push_str(&escaped(&text[from..component.range.start]));
        let class = match colour(value.as_ref()) {
            Colour::Good => " class=\"good\"",
            Colour::Bad => " class=\"bad\"",
            _ => "",
        };
        let body = escaped(&text[component.range.clone()]);
        let _ = match value {
            Some(w) => write!(out, "<mark{class} title=\"{}\">{body}</mark>", in_words(Some(w))),
            None => write!(out, "{body}"),
        };
        from = component.range.end;
    }
    out + &escaped(&text[from..])
}

/// An interval around its value on a line whose middle is 0.
fn interval(worth: &ComponentWorth, reach: f64) -> String {
    let x = |value: f64| WIDTH / 2.0 * (1.0 + value / reach);
    let fill = match colour(Some(worth)) {
        Colour::Good => "#3a8a45",
        Colour::Bad => "#b5483c",
        _ => "#888",
    };
    format!(
        "<svg width=\"{WIDTH}\" height=\"16\" role=\"img\" aria-label=\"{:.2} to {:.2}\"><line x1=\"{2:.1}\" x2=\"{2:.1}\" \
         y1=\"0\" y2=\"16\" stroke=\"#aaa\"/><line x1=\"{3:.1}\" x2=\"{4:.1}\" y1=\"8\" y2=\"8\" stroke=\"{fill}\" \
         stroke-width=\"3\"/><circle cx=\"{5:.1}\" cy=\"8\" r=\"4\" fill=\"{fill}\"/></svg>",
        worth.low,
        worth.high,
        WIDTH / 2.0,
        x(worth.low),
        x(worth.high),
        x(worth.value)
    )
}

/// Text that is nothing but text in a page.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
