use anyhow::bail;

/// Examples scored in one measurement.
const EXAMPLES: usize = 40;

/// The labels of an example: nine tokens in all for SmolLM2.
const LABELS: [&str; 4] = [" very good", " fairly bad", " too close to call", " good"];

const WORDS: [&str; 24] = [
    "the", "river", "was", "old", "and", "people", "came", "from", "far", "to", "see", "how", "water",
    "could", "move", "stone", "in", "winter", "when", "light", "fell", "over", "open", "land",
];

/// What the engines read: the same in every run.
pub struct Texts {
    /// Prompts of 128 and of 512 tokens.
    pub short: String,
    /// See `short`.
    pub long: String,
    /// The start of all examples, 200 tokens.
    pub prefix: String,
    /// What follows it: about 27 tokens each.
    pub suffixes: Vec<String>,
    /// The labels of every example.
    pub labels: Vec<String>,
}

impl Texts {
    /// Writes texts of the wanted lengths; `count` gives the tokens of a text.
    ///
    /// # Errors
    /// When no text of plain words has the wanted length.
    pub fn new(count: impl Fn(&str) -> u64) -> anyhow::Result<Self> {
        let suffixes = (0..EXAMPLES).map(|i| text(&count, 27, i + 3)).collect::<Result<_, _>>()?;
        Ok(Self {
            short: text(&count, 128, 1)?,
            long: text(&count, 512, 2)?,
            prefix: text(&count, 200, 0)?,
            suffixes,
            labels: LABELS.map(str::to_owned).to_vec(),
        })
    }
}

/// A text of `tokens` tokens; different from the start for each `variant`.
fn text(count: &impl Fn(&str) -> u64, tokens: u64, variant: usize) -> anyhow::Result<String> {
    let mut text = String::new();
    for i in 0.. {
        let word = WORDS[(i * (1 + variant % 5 * 2) + variant + variant / 7 * i / 24) % WORDS.len()];
        let longer = format!("{text} {word}");
        match count(&longer) {
            n if n == tokens => return Ok(longer),
            n if n < tokens => text = longer,
            _ if i < 4096 => {}
            n => bail!("no text of {tokens} tokens was found; the nearest has {n}"),
        }
    }
    unreachable!("the loop returns");
}
