use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

/// How a byte-level vocabulary wants a text split into words, by the name a file gives it.
///
/// The patterns are those of llama.cpp, whose files these are; where it departs from the model's own tokenizer, the
/// files depart, too.
pub(super) struct Splitting {
    /// Names in files.
    names: &'static [&'static str],
    way: Way,
    /// Whether a word that is a token stays whole, whatever the merges say.
    pub(super) whole_words: bool,
    /// Whether the start token comes first where the file does not say.
    pub(super) starts: bool,
}

enum Way {
    /// GPT-2's own pattern alone.
    Words,
    /// The same after cutting out each digit.
    WordsAndDigits,
    /// Each pattern in turn splits what the ones before have left.
    Patterns(&'static [&'static str]),
}

const WORDS: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)";
const LLAMA3: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

static SPLITTINGS: [Splitting; 6] = [
    Splitting {
        names: &["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"],
        way: Way::WordsAndDigits,
        whole_words: false,
        starts: false,
    },
    Splitting {
        names: &["gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling", "mellum", "exaone4"],
        way: Way::Words,
        whole_words: false,
        starts: false,
    },
    Splitting {
        names: &["default"],
        way: Way::Patterns(&[r"[\p{P}\$\+<=>\^~\|]+", WORDS, r"\p{N}+", "[0-9][0-9][0-9]"]),
        whole_words: false,
        starts: false,
    },
    Splitting {
        names: &["llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral"],
        way: Way::Patterns(&[LLAMA3]),
        whole_words: true,
        starts: true,
    },
    Splitting {
        names: &["qwen2", "deepseek-r1-qwen", "megrez", "kormo", "stablelm2", "hunyuan"],
        way: Way::Patterns(&[QWEN2]),
        whole_words: false,
        starts: false,
    },
    Splitting { names: &["tekken"], way: Way::Patterns(&[TEKKEN]), whole_words: true, starts: true },
];

impl Splitting {
    /// The splitting of this name.
    ///
    /// # Errors
    /// A sentence that names the known ones.
    pub(super) fn named(name: &str) -> Result<&'static Self, String> {
        SPLITTINGS.iter().find(|splitting| splitting.names.contains(&name)).ok_or_else(|| {
            let known: Vec<&str> = SPLITTINGS.iter().flat_map(|splitting| splitting.names).copied().collect();
            format!("splits text as '{name}'; the embedded engine knows {}", known.join(", "))
        })
    }

    /// The splitter, which also turns bytes into the letters of byte-level vocabularies.
    pub(super) fn splitter(&self) -> Result<Sequence, String> {
        let steps: Vec<PreTokenizerWrapper> = match self.way {
            Way::Words => vec![ByteLevel::new(false, true, true).into()],
            Way::WordsAndDigits => vec![Digits::new(true).into(), ByteLevel::new(false, true, true).into()],
            Way::Patterns(patterns) => {
                let split = |pattern: &&str| {
                    let pattern = SplitPattern::Regex((*pattern).to_owned());
                    Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map(Into::into)
                };
                let mut steps: Vec<PreTokenizerWrapper> = patterns
                    .iter()
                    .map(split)
                    .collect::<Result<_, _>>()
                    .map_err(|error| error.to_string())?;
                steps.push(ByteLevel::new(false, true, false).into());
                steps
            }
        };
        Ok(Sequence::new(steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles_and_names_are_unique() {
        let mut names: Vec<&str> = SPLITTINGS.iter().flat_map(|splitting| splitting.names).copied().collect();
        for splitting in &SPLITTINGS {
            splitting.splitter().unwrap();
        }
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        assert!(Splitting::named("klingon").err().unwrap().contains("smollm"));
    }
}
