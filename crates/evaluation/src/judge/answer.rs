//! Reading a judge's answer: strictly, so that nothing is scored which the judge did not say.

use super::Scale;

/// What a judge said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grade {
    /// A number of the scale.
    Points(u8),
    /// The first of two replies is better.
    First,
    /// The second is.
    Second,
    /// Neither is.
    Neither,
}

/// The word before the colon.
pub(super) fn key(scale: Scale) -> &'static str {
    match scale {
        Scale::OneToFive => "Score",
        Scale::Binary => "Fulfilled",
        Scale::Pairwise => "Better",
    }
}

/// What may stand after it.
pub(super) fn allowed(scale: Scale) -> &'static str {
    match scale {
        Scale::OneToFive => "1, 2, 3, 4 or 5",
        Scale::Binary => "yes or no",
        Scale::Pairwise => "A, B or neither",
    }
}

/// The grade on the last line that is not blank: `Score: 4`, `Fulfilled: yes`, `Better: A`, without case.
///
/// # Errors
/// When that line is anything else, or another line of this form says otherwise: then nobody can know what was meant.
pub(super) fn read(answer: &str, scale: Scale) -> Result<Grade, String> {
    let mut lines = answer.lines().map(str::trim).filter(|line| !line.is_empty()).rev();
    let last = lines.next().ok_or("it is empty")?;
    let grade = line(last, scale).ok_or("its last line is not of the form asked for")?;
    if lines.filter_map(|other| line(other, scale)).any(|other| other != grade) {
        return Err("two of its lines say different things".into());
    }
    Ok(grade)
}

fn line(line: &str, scale: Scale) -> Option<Grade> {
    let (key, value) = line.split_once(':')?;
    if !key.trim().eq_ignore_ascii_case(self::key(scale)) {
        return None;
    }
    let value = value.trim();
    let is = |word: &str| value.eq_ignore_ascii_case(word);
    match scale {
        Scale::OneToFive => match value.as_bytes() {
            [digit @ b'1'..=b'5'] => Some(Grade::Points(digit - b'0')),
            _ => None,
        },
        Scale::Binary if is("yes") => Some(Grade::Points(1)),
        Scale::Binary if is("no") => Some(Grade::Points(0)),
        Scale::Pairwise if is("A") => Some(Grade::First),
        Scale::Pairwise if is("B") => Some(Grade::Second),
        Scale::Pairwise if is("neither") => Some(Grade::Neither),
        Scale::Binary | Scale::Pairwise => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_last_line_in_its_form_counts() {
        let read = |answer: &str| read(answer, Scale::OneToFive).ok();
        for answer in ["Score: 4", "It is fine.\nscore:4\n\n", "Score: 4\nso\nScore: 4 "] {
            assert_eq!(read(answer), Some(Grade::Points(4)), "{answer:?}");
        }
        for answer in [
            "",
            "4",
            "Score: 6",
            "Score: 0",
            "Score: 4.5",
            "Score: 4/5",
            "Score: 44",
            "Score: four",
            "**Score: 4**",
            "Score: 4\nBye",
            "Score: 1\nScore: 4",
            "The Score: 4",
            "Score: \u{664}",
        ] {
            assert_eq!(read(answer), None, "{answer:?}");
        }
    }

    #[test]
    fn the_other_scales() {
        assert_eq!(read("x\nFulfilled: YES", Scale::Binary), Ok(Grade::Points(1)));
        assert_eq!(read("Fulfilled: no", Scale::Binary), Ok(Grade::Points(0)));
        assert!(read("Fulfilled: yes, mostly", Scale::Binary).is_err());
        assert_eq!(read("Better: a", Scale::Pairwise), Ok(Grade::First));
        assert_eq!(read("Better: B", Scale::Pairwise), Ok(Grade::Second));
        assert_eq!(read("Better: neither", Scale::Pairwise), Ok(Grade::Neither));
        assert!(read("Better: both", Scale::Pairwise).is_err());
        assert!(read("Score: 3", Scale::Pairwise).is_err());
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_harm_and_a_good_last_line_alone_decides(
            noise in "\\PC{0,80}|[Score:fildbetr ABynoeh0-9\\n*]{0,80}", points in 1..=5_u8,
        ) {
            for scale in [Scale::OneToFive, Scale::Binary, Scale::Pairwise] {
                if let Ok(Grade::Points(n)) = read(&noise, scale) {
                    prop_assert!(n <= 5);
                }
            }
            let answer = format!("{noise}\nScore: {points}");
            match read(&answer, Scale::OneToFive) {
                Ok(grade) => prop_assert_eq!(grade, Grade::Points(points)),
                Err(why) => prop_assert!(why.starts_with("two") && noise.to_lowercase().contains("score")),
            }
            let spoilt = format!("{answer} {noise}x");
            prop_assert!(read(&spoilt, Scale::OneToFive).is_err());
        }
    }
}
