use aho_corasick::{AhoCorasick, MatchKind};

use super::Piece;
use super::table::{Kind, Table};

/// Tokens that are cut out of a text before anything else.
///
/// As llama.cpp does it: longer tokens first, each from the left, wherever in the text they are.
pub(super) struct Specials {
    /// All of them, longest first.
    tokens: Vec<(String, u32, Kind)>,
    /// Finds which of them a text holds at all; `None` if there are none.
    finder: Option<AhoCorasick>,
}

impl Specials {
    pub(super) fn of(table: &Table) -> Self {
        let mut tokens: Vec<(String, u32, Kind)> = (0_u32..)
            .zip(table.texts.iter().zip(&table.kinds))
            .filter(|(_, (_, kind))| matches!(kind, Kind::Unknown | Kind::Control | Kind::Always))
            .map(|(id, (text, kind))| (text.clone(), id, *kind))
            .collect();
        tokens.sort_by_key(|(text, id, _)| (std::cmp::Reverse(text.len()), *id));
        let texts = tokens.iter().map(|(text, ..)| text);
        // Fails only beyond the memory for some gigabytes of tokens.
        let finder = AhoCorasick::builder().match_kind(MatchKind::Standard).build(texts).ok();
        Self { tokens, finder: finder.filter(|finder| finder.patterns_len() > 0) }
    }

    /// Written forms of the tokens that stand for no text.
    pub(super) fn control(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter(|(_, _, kind)| *kind != Kind::Always).map(|(text, ..)| text.as_str())
    }

    /// Cuts out the tokens that always are one, and with `all` the others, too.
    pub(super) fn cut(&self, text: &str, all: bool) -> Vec<Piece> {
        let mut there: Vec<usize> = self
            .finder
            .iter()
            .flat_map(|finder| finder.find_overlapping_iter(text))
            .map(|found| found.pattern().as_usize())
            .filter(|&i| all || self.tokens[i].2 == Kind::Always)
            .collect();
        there.sort_unstable();
        there.dedup();
        let mut pieces = vec![Piece::Text(text.to_owned())];
        for i in there {
            let (special, id, _) = &self.tokens[i];
            pieces = pieces
                .into_iter()
                .flat_map(|piece| match piece {
                    Piece::Text(text) => around(&text, special, *id),
                    special @ Piece::Special(_) => vec![special],
                })
                .collect();
        }
        pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        pieces
    }
}

fn around(text: &str, special: &str, id: u32) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (i, between) in text.split(special).enumerate() {
        if i > 0 {
            pieces.push(Piece::Special(id));
        }
        pieces.push(Piece::Text(between.to_owned()));
    }
    pieces
}
