use std::collections::{BinaryHeap, HashMap};

use super::table::{Kind, Table};

/// A space as pieces write it.
const SPACE: &str = "\u{2581}";

/// Pieces with likelihoods (Kudo & Richardson 2018): the likeliest pair of neighbours is merged first.
///
/// Letters that no piece covers become their bytes.
pub(super) struct SentencePieces {
    ids: HashMap<String, u32>,
    scores: Vec<f32>,
    /// The token of each byte, where there is one.
    bytes: Vec<Option<u32>>,
    /// Whether a space is put before a text that follows a special token or nothing.
    pub(super) space_first: bool,
}

/// A piece of the text being encoded: `length` bytes from `start` on, and its neighbours. Merged ones have length 0.
#[derive(Clone, Copy)]
struct Symbol {
    start: usize,
    length: usize,
    before: Option<usize>,
    after: Option<usize>,
}

/// Two neighbours that could be merged; the greatest is merged first.
#[derive(Clone, Copy)]
struct Merge {
    score: f32,
    left: usize,
    right: usize,
    length: usize,
}

impl Ord for Merge {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Merge {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Merge {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Merge {}

impl SentencePieces {
    pub(super) fn new(table: &Table, space_first: bool) -> Self {
        let byte = |byte: u8| {
            table.id(&format!("<0x{byte:02X}>")).or_else(|| table.id(&char::from(byte).to_string()))
        };
        // Text never becomes a control token, whatever it spells.
        let piece = |id: u32| !matches!(table.kinds[id as usize], Kind::Control | Kind::Unknown);
        Self {
            ids: table
                .ids
                .iter()
                .filter(|(_, id)| piece(**id))
                .map(|(text, id)| (text.clone(), *id))
                .collect(),
            scores: table.scores.clone(),
            bytes: (0..=255).map(byte).collect(),
            space_first,
        }
    }

    /// Appends the tokens of a text; `first` tells that a special token or nothing comes before it.
    pub(super) fn encode(&self, text: &str, first: bool, tokens: &mut Vec<u32>) {
        let mut written = text.replace(' ', SPACE);
        if first && self.space_first {
            written.insert_str(0, SPACE);
        }
        let mut symbols: Vec<Symbol> = written
            .char_indices()
            .enumerate()
            .map(|(i, (start, letter))| Symbol {
                start,
                length: letter.len_utf8(),
                before: i.checked_sub(1),
                after: Some(i + 1),
            })
            .collect();
        if let Some(last) = symbols.last_mut() {
            last.after = None;
        }
        let mut merges = BinaryHeap::new();
        for right in 1..symbols.len() {
            merges.extend(self.merge(&written, &symbols, Some(right - 1), Some(right)));
        }
        while let Some(Merge { left, right, length, .. }) = merges.pop() {
            let (a, b) = (symbols[left], symbols[right]);
            // One of the two may have been merged meanwhile.
            if a.length == 0 || b.length == 0 || a.length + b.length != length {
                continue;
            }
            symbols[left].length = length;
            symbols[left].after = b.after;
            symbols[right].length = 0;
            if let Some(after) = b.after {
                symbols[after].before = Some(left);
            }
            merges.extend(self.merge(&written, &symbols, a.before, Some(left)));
            merges.extend(self.merge(&written, &symbols, Some(left), b.after));
        }
        for symbol in symbols.iter().filter(|symbol| symbol.length > 0) {
            let piece = &written[symbol.start..symbol.start + symbol.length];
            match self.ids.get(piece) {
                Some(id) => tokens.push(*id),
                None => tokens.extend(piece.bytes().filter_map(|byte| self.bytes[usize::from(byte)])),
            }
        }
    }

    fn merge(
        &self,
        text: &str,
        symbols: &[Symbol],
        left: Option<usize>,
        right: Option<usize>,
    ) -> Option<Merge> {
        let (left, right) = (left?, right?);
        let (a, b) = (symbols[left], symbols[right]);
        let length = a.length + b.length;
        let id = *self.ids.get(&text[a.start..a.start + length])?;
        Some(Merge { score: self.scores[id as usize], left, right, length })
    }
}

/// What each token spells; control tokens spell nothing.
pub(super) fn spell(table: &Table) -> Vec<Vec<u8>> {
    let spelled = |(text, kind): (&String, &Kind)| match kind {
        Kind::Normal => text.replace(SPACE, " ").into_bytes(),
        Kind::Always => text.as_bytes().to_vec(),
        Kind::Byte => byte(text).into_iter().collect(),
        Kind::Control | Kind::Unknown | Kind::Unused => Vec::new(),
    };
    table.texts.iter().zip(&table.kinds).map(spelled).collect()
}

/// The byte of a token such as `<0x0A>`.
fn byte(text: &str) -> Option<u8> {
    u8::from_str_radix(text.strip_prefix("<0x")?.strip_suffix('>')?, 16).ok()
}
