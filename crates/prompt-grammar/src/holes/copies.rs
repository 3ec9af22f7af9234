use std::collections::BTreeSet;

/// Words in a row that must not be copied.
const GRAM: usize = 5;

/// Finds what a text copies from evaluation inputs: five words in a row, whatever case and punctuation.
///
/// Holds 8 bytes a word of the inputs. Two different rows of words are taken for the same with probability 2^-64.
///
/// ```
/// use prompt_grammar::holes::Copies;
/// let copies = Copies::of(["My invoice of last month was paid twice."]);
/// assert_eq!(copies.find("Tickets such as 'my invoice of last month' go to billing."), Some("my invoice of last month"));
/// assert_eq!(copies.find("An invoice that was paid twice goes to billing."), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies(BTreeSet<u64>);

impl Copies {
    /// Remembers the rows of words of these inputs.
    pub fn of<'a>(inputs: impl IntoIterator<Item = &'a str>) -> Self {
        let mut grams = BTreeSet::new();
        for input in inputs {
            grams.extend(words(input).windows(GRAM).map(hash));
        }
        Self(grams)
    }

    /// The first stretch of `text` that stands in an input.
    pub fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        let words = words(text);
        let copied = words.windows(GRAM).find(|gram| self.0.contains(&hash(gram)))?;
        let (first, last) = (copied.first()?, copied.last()?);
        Some(&text[first.0..last.0 + last.1.len()])
    }
}

/// Words with the places they begin at.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut out = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                out.push((from, &text[from..at]));
                start = None;
            }
            _ => {}
        }
    }
    out
}

/// FNV-1a over the lower-case words.
fn hash(gram: &[(usize, &str)]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for (_, word) in gram {
        for c in word.chars().flat_map(char::to_lowercase).chain([' ']) {
            hash = (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}
