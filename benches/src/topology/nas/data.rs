use std::fmt;
use std::str::FromStr;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

/// What networks are trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Two intertwined spirals, 97 points each (Lang & Witbrock 1988); validation and test points lie between them.
    Spirals,
    /// Digits 0 to 9 as strokes on 8 x 8 pixels, moved, faded and with noise.
    Digits,
}

impl Problem {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Spirals, Self::Digits];

    /// Steps of training.
    pub fn steps(self) -> u16 {
        match self {
            Self::Spirals => 200,
            Self::Digits => 60,
        }
    }

    /// Test error that a search is to reach.
    pub fn target(self) -> f64 {
        match self {
            Self::Spirals => 0.05,
            Self::Digits => 0.15,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spirals => "spirals",
            Self::Digits => "digits",
        })
    }
}

impl FromStr for Problem {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|problem| problem.to_string() == text);
        found.ok_or_else(|| format!("'{text}' is no problem; known are spirals, digits"))
    }
}

/// Inputs, row by row, and the class of each row.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Rows times width numbers.
    pub inputs: Vec<f32>,
    /// One class a row, below the number of classes.
    pub classes: Vec<u8>,
}

/// Data to train on, to choose by, and to report.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// Numbers in a row.
    pub width: usize,
    /// Classes.
    pub classes: usize,
    /// To train on.
    pub training: Part,
    /// What searches see the error on.
    pub validation: Part,
    /// What they do not.
    pub test: Part,
}

impl Data {
    /// The data of a problem: always the same.
    pub fn new(problem: Problem) -> Self {
        match problem {
            Problem::Spirals => Self {
                width: 2,
                classes: 2,
                training: spirals(0.0),
                validation: spirals(0.33),
                test: spirals(0.67),
            },
            Problem::Digits => Self {
                width: SIDE * SIDE,
                classes: GLYPHS.len(),
                training: digits(0, 500),
                validation: digits(1, 300),
                test: digits(2, 600),
            },
        }
    }
}

/// Point i at angle pi i / 16 and radius (104 - i) / 104, and its mirror image.
fn spirals(shift: f64) -> Part {
    let mut part = Part { inputs: Vec::new(), classes: Vec::new() };
    for i in 0..97 {
        let i = f64::from(i) + shift;
        let (radius, angle) = ((104.0 - i) / 104.0, i * std::f64::consts::PI / 16.0);
        let (x, y) = ((radius * angle.sin()) as f32, (radius * angle.cos()) as f32);
        part.inputs.extend([x, y, -x, -y]);
        part.classes.extend([0, 1]);
    }
    part
}

const SIDE: usize = 8;
/// The digits on 4 x 6 pixels.
const GLYPHS: [[&str; 6]; 10] = [
    [".##.", "#..#", "#..#", "#..#", "#..#", ".##."],
    ["..#.", ".##.", "..#.", "..#.", "..#.", ".###"],
    [".##.", "#..#", "...#", "..#.", ".#..", "####"],
    ["###.", "...#", ".##.", "...#", "...#", "###."],
    ["#..#", "#..#", "####", "...#", "...#", "...#"],
    ["####", "#...", "###.", "...#", "...#", "###."],
    [".##.", "#...", "###.", "#..#", "#..#", ".##."],
    ["####", "...#", "..#.", "..#.", ".#..", ".#.."],
    [".##.", "#..#", ".##.", "#..#", "#..#", ".##."],
    [".##.", "#..#", "#..#", ".###", "...#", ".##."],
];

fn digits(part: u64, n: usize) -> Part {
    let mut rng = Stream::root(0).child("digits", part);
    let mut data = Part { inputs: Vec::with_capacity(n * SIDE * SIDE), classes: Vec::with_capacity(n) };
    for i in 0..n {
        let class = i % GLYPHS.len();
        let (right, down) = (1 + rng.below(3), rng.below(3));
        let mut pixels = [0.0_f32; SIDE * SIDE];
        for (y, line) in GLYPHS[class].iter().enumerate() {
            for (x, _) in line.bytes().enumerate().filter(|(_, ink)| *ink == b'#') {
                // A twentieth of the ink is missing, the rest is more or less faint.
                let ink = if rng.chance(0.05) { 0.0 } else { 0.5 + 0.5 * rng.unit() };
                pixels[(y + down) * SIDE + x + right] = ink as f32;
            }
        }
        for pixel in &mut pixels {
            *pixel += (0.4 * rng.unit() - 0.2) as f32;
        }
        data.inputs.extend(pixels);
        data.classes.push(class as u8);
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_whole_rows_of_every_class_and_differ() {
        for problem in Problem::ALL {
            let data = Data::new(problem);
            for part in [&data.training, &data.validation, &data.test] {
                assert_eq!(part.inputs.len(), part.classes.len() * data.width);
                assert!(part.inputs.iter().all(|x| x.is_finite() && x.abs() <= 1.5));
                assert!((0..data.classes).all(|c| part.classes.contains(&(c as u8))));
            }
            assert_ne!(data.training, data.validation);
            assert_ne!(data.validation.inputs, data.test.inputs);
            assert_eq!(data, Data::new(problem));
        }
    }
}
