//! Porter's stemmer (1980) with the extensions of NLTK, which `rouge-score` uses.

/// Forms that the rules would spoil, and what they become.
const IRREGULAR: [(&str, &str); 7] = [
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("innings", "inning"),
    ("outings", "outing"),
    ("cannings", "canning"),
];
/// Forms that stay as they are.
const KEPT: [&str; 9] =
    ["sky", "news", "inning", "outing", "canning", "howe", "proceed", "exceed", "succeed"];

/// Step 2, for a stem with at least one vowel-consonant sequence.
const STEP_2: [(&str, &str); 20] = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
];

/// Step 3, under the same condition.
const STEP_3: [(&str, &str); 7] = [
    ("icate", "ic"),
    ("ative", ""),
    ("alize", "al"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ful", ""),
    ("ness", ""),
];

/// Step 4: endings dropped from a stem with two sequences or more.
const STEP_4: [&str; 19] = [
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism",
    "ate", "iti", "ous", "ive", "ize",
];

/// The stem of `word`, which holds ASCII letters in lower case and digits only; digits count as consonants.
pub(super) fn stem(word: &str) -> String {
    if let Some((_, stem)) = IRREGULAR.iter().find(|(form, _)| *form == word) {
        return (*stem).to_owned();
    }
    if KEPT.contains(&word) || word.len() <= 2 {
        return word.to_owned();
    }
    let word = step_1c(step_1b(step_1a(word)));
    let word = step_4(replaced(step_2(word), &STEP_3));
    step_5(word)
}

/// For each letter, whether it is a consonant: a y is one at the start and after a vowel.
fn consonants(word: &str) -> Vec<bool> {
    let mut flags: Vec<bool> = Vec::with_capacity(word.len());
    for letter in word.bytes() {
        flags.push(match letter {
            b'a' | b'e' | b'i' | b'o' | b'u' => false,
            b'y' => flags.last().is_none_or(|before| !before),
            _ => true,
        });
    }
    flags
}

/// Porter's m: how often a consonant follows a vowel.
fn measure(stem: &str) -> usize {
    consonants(stem).windows(2).filter(|pair| !pair[0] && pair[1]).count()
}

fn ends_in_consonant(word: &str) -> bool {
    consonants(word).last().is_some_and(|last| *last)
}

fn ends_doubled(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() >= 2 && bytes[bytes.len() - 1] == bytes[bytes.len() - 2] && ends_in_consonant(word)
}

/// Consonant, vowel, consonant other than w, x, y; or a word of one vowel and one consonant.
fn ends_short(word: &str) -> bool {
    let flags = consonants(word);
    match flags.as_slice() {
        [.., true, false, true] => !word.ends_with(['w', 'x', 'y']),
        [false, true] => true,
        _ => false,
    }
}

/// Replaces the first ending of `rules` that the word has, if its stem is long enough.
fn replaced(word: String, rules: &[(&str, &str)]) -> String {
    for (ending, new) in rules {
        if let Some(stem) = word.strip_suffix(ending) {
            return if measure(stem) > 0 { format!("{stem}{new}") } else { word };
        }
    }
    word
}

fn step_1a(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies") {
        return format!("{stem}{}", if word.len() == 4 { "ie" } else { "i" });
    }
    if let Some(stem) = word.strip_suffix("sses") {
        return format!("{stem}ss");
    }
    if word.ends_with("ss") {
        return word.to_owned();
    }
    word.strip_suffix('s').unwrap_or(word).to_owned()
}

fn step_1b(word: String) -> String {
    if let Some(stem) = word.strip_suffix("ied") {
        return format!("{stem}{}", if word.len() == 4 { "ie" } else { "i" });
    }
    if let Some(stem) = word.strip_suffix("eed") {
        return if measure(stem) > 0 { format!("{stem}ee") } else { word };
    }
    let stems = ["ed", "ing"].into_iter().filter_map(|ending| word.strip_suffix(ending));
    let Some(stem) = stems.into_iter().find(|stem| consonants(stem).contains(&false)) else { return word };
    if ["at", "bl", "iz"].iter().any(|ending| stem.ends_with(ending)) {
        return format!("{stem}e");
    }
    if ends_doubled(stem) {
        let kept = if stem.ends_with(['l', 's', 'z']) { stem } else { &stem[..stem.len() - 1] };
        return kept.to_owned();
    }
    if measure(stem) == 1 && ends_short(stem) { format!("{stem}e") } else { stem.to_owned() }
}

fn step_1c(word: String) -> String {
    match word.strip_suffix('y') {
        Some(stem) if stem.len() > 1 && ends_in_consonant(stem) => format!("{stem}i"),
        _ => word,
    }
}

fn step_2(word: String) -> String {
    if let Some(stem) = word.strip_suffix("alli").filter(|stem| measure(stem) > 0) {
        return step_2(format!("{stem}al"));
    }
    if STEP_2.iter().any(|(ending, _)| word.ends_with(ending)) {
        return replaced(word, &STEP_2);
    }
    if word.ends_with("fulli") {
        return replaced(word, &[("fulli", "ful")]);
    }
    // The l counts with the stem, so that geology loses its ending like archaeology.
    match word.strip_suffix("ogi").filter(|_| word.ends_with("logi")) {
        Some(stem) if measure(stem) > 0 => format!("{stem}og"),
        _ => word,
    }
}

fn step_4(word: String) -> String {
    let Some(ending) = STEP_4.iter().find(|ending| word.ends_with(**ending)) else { return word };
    let stem = &word[..word.len() - ending.len()];
    let fits = measure(stem) > 1 && (*ending != "ion" || stem.ends_with(['s', 't']));
    if fits { stem.to_owned() } else { word }
}

fn step_5(word: String) -> String {
    let long = |stem: &str| measure(stem) > 1 || (measure(stem) == 1 && !ends_short(stem));
    let word = match word.strip_suffix('e') {
        Some(stem) if long(stem) => stem.to_owned(),
        _ => word,
    };
    match word.strip_suffix('l') {
        Some(stem) if stem.ends_with('l') && measure(stem) > 1 => stem.to_owned(),
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn stems_are_those_of_nltk() {
        let golden = include_str!("../../../tests/golden/metrics.json");
        let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
        let stems = golden["stems"].as_object().unwrap();
        assert!(stems.len() > 150);
        for (word, stem) in stems {
            assert_eq!(Some(super::stem(word).as_str()), stem.as_str(), "{word}");
        }
    }
}
