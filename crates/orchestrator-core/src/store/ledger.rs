use std::fmt::Write as _;

use meta_traits::Cost;

use crate::run::{Phase, RunState};

/// What each trial and query used, as CSV; integers only, the last line is the sum.
///
/// Rows of kind `uncertain` are spending that a killed run may have paid without a record; they stand below the sum
/// and are no part of it.
pub fn ledger_csv(state: &RunState, uncertain: &[(String, Cost)]) -> String {
    let mut out = String::from("kind,id,evaluations,model_calls,tokens_in,tokens_out,nano_usd\n");
    let mut row = |kind: &str, id: &str, c: &Cost| {
        let written = writeln!(
            out,
            "{kind},{id},{},{},{},{},{}",
            c.evaluations, c.calls, c.tokens_in, c.tokens_out, c.nano_usd
        );
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
    };
    let mut sum = Cost::ZERO;
    for spend in state.spends() {
        let kind = match (spend.query, spend.phase) {
            (true, _) => "reflection",
            (false, Phase::Search) => "search",
            (false, Phase::Report) => "report",
        };
        row(kind, &spend.id.to_string(), &spend.cost);
        sum += spend.cost;
    }
    row("sum", "", &sum);
    for (what, cap) in uncertain {
        row("uncertain", &format!("\"{}\"", what.replace('"', "'")), cap);
    }
    out
}
