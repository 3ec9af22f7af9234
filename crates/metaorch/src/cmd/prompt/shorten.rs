//! `prompt shorten`: a shorter prompt at no significant loss.

use evaluation::race::ConfidenceSequence;
use prompt_grammar::worth::LossTest;
use prompt_grammar::{AnalysisDepth, Estimate, Tokens as _};

use super::Fault;
use super::show::{look, stream};
use crate::args::Shorten;
use crate::exit;
use crate::progress::print_json;

/// Stands for a population without end.
const POPULATION: usize = 1 << 40;

/// The confidence sequence of `evaluation` on differences mapped to [0, 1].
struct Bounded;

impl LossTest for Bounded {
    fn lowest(&self, differences: &[f64], level: f64) -> f64 {
        let mut bounds = ConfidenceSequence::new(POPULATION, level);
        for difference in differences {
            bounds.observe(f64::midpoint(1.0, difference.clamp(-1.0, 1.0)));
        }
        2.0 * bounds.interval().0 - 1.0
    }
}

pub(super) fn shorten(args: &Shorten, json: bool) -> Result<u8, Fault> {
    let shown = look(&args.scores, AnalysisDepth::Basic)?;
    let text = shown.anatomy.text();
    if !shown.shared {
        let path = args.scores.source.display();
        return Err(Fault::File(format!(
            "{path}: has no column 'example'; prompts can only be compared on examples that both have"
        )));
    }
    let taken = shown.worth.shorter(text, args.margin, args.level, &Bounded)?;
    let open = shown.worth.fewer(text, &stream());
    let tokens = Estimate.count(text);
    if json {
        print_json(&serde_json::json!({
            "event": "shorten", "prompt": text, "tokens": tokens, "margin": args.margin, "level": args.level,
            "no_worse": taken, "unproven": open,
        }));
        return Ok(exit::OK);
    }
    match &taken {
        Some(short) => {
            println!(
                "{} tokens instead of {tokens}; the mean differs by {:+.3}, at least {:+.3}, on {} examples:\n\n{}",
                short.tokens, short.difference, short.lowest, short.examples, short.text
            );
        }
        None => println!(
            "no recorded prompt is shorter than {tokens} tokens and surely within {} of its score",
            args.margin
        ),
    }
    if let Some(open) = open {
        println!(
            "\nnot scored yet: without {} components that may be worth nothing it has {} tokens:\n\n{}",
            open.gone.len(),
            open.tokens,
            open.text
        );
    }
    Ok(exit::OK)
}
