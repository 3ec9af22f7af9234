use clap::ValueEnum;
use meta_traits::{ExampleId, Split};
use prompt_grammar::space::{Choices, Condition, PromptSpace, Section, Slot, SlotOption};
use serde::Serialize;

/// Options of each slot.
pub(super) const SIZES: [usize; 20] = [7, 8, 5, 6, 6, 6, 4, 3, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2];
/// Slots before the constraints.
pub(super) const WORDING: usize = 10;
pub(super) const GROUPS: usize = 4;
const NAMES: [&str; WORDING] = [
    "role",
    "task",
    "context",
    "reasoning",
    "format",
    "shots",
    "selection",
    "shot order",
    "delimiter",
    "tone",
];
const SECTIONS: [&str; 7] = ["role", "task", "context", "constraints", "reasoning", "examples", "format"];
/// The slot with the number of shots; selection and order of shots count only where it is above 0.
const SHOTS: usize = 5;
/// Training examples.
pub const TRAIN: usize = 60;
/// Validation examples.
pub const VAL: usize = 40;
pub(super) const HIDDEN: usize = 200;
/// The price of tokens: so many log odds (before scaling) for each `FREE` tokens above `FREE`.
const PRICE: f64 = 1.2;
const FREE: f64 = 260.0;

/// What the effects are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// Main effects, pairs, order and tokens.
    Base,
    /// Effects of three options at once as well; they make 10 % of the variance over random prompts.
    Threeway,
    /// The main effects of task and context, and those of reasoning and examples, count as twice the smaller of both.
    Misspecified,
    /// No effects at all.
    Null,
}

/// A table of effects of some slots for each group; cells in the order of the slots, the last running fastest.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Table {
    pub(super) slots: Vec<usize>,
    pub(super) cells: Vec<Vec<f64>>,
}

impl Table {
    fn at(&self, options: &[u16], group: usize) -> f64 {
        let cell = self.slots.iter().fold(0, |cell, &s| cell * SIZES[s] + usize::from(options[s]));
        self.cells[group][cell]
    }
}

/// A landscape with all that is hidden.
#[derive(Clone, Debug, Serialize)]
pub struct Landscape {
    pub(super) number: u64,
    pub(super) variant: Variant,
    /// One table a slot.
    pub(super) main: Vec<Table>,
    /// Pairs and triples.
    pub(super) joint: Vec<Table>,
    /// Effect of the first section standing before the second.
    pub(super) order: Vec<Vec<f64>>,
    /// Tokens of every option of every slot.
    pub(super) tokens: Vec<Vec<u32>>,
    pub(super) group: Vec<usize>,
    pub(super) offset: Vec<f64>,
    pub(super) kappa: f64,
    pub(super) price: f64,
}

impl Landscape {
    /// Its number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The prompts one may try.
    ///
    /// # Panics
    /// Never: the tables are sound.
    pub fn space(&self) -> PromptSpace {
        let option = |slot: usize, o: usize| SlotOption {
            text: o.to_string(),
            tokens: self.tokens[slot][o],
            weight: if slot < WORDING { 1.0 } else { [0.7, 0.3][o] },
        };
        let slot = |s: usize| {
            let name =
                NAMES.get(s).map_or_else(|| format!("constraint {}", s - WORDING), ToString::to_string);
            let mut slot = Slot::new(name, (0..SIZES[s]).map(|o| option(s, o)).collect());
            slot.when = matches!(s, 6 | 7).then_some(Condition { slot: SHOTS, above: 0 });
            slot
        };
        let shown: [&[usize]; 7] =
            [&[0], &[], &[2], &[10, 11, 12, 13, 14, 15, 16, 17, 18, 19], &[3], &[5], &[4]];
        let sections = SECTIONS.iter().zip(shown);
        let sections = sections.map(|(name, by)| Section { name: (*name).into(), shown_by: by.to_vec() });
        PromptSpace::new((0..SIZES.len()).map(slot).collect(), sections.collect(), None)
            .expect("the tables are sound")
    }

    /// All examples a search may use, by split.
    pub fn examples(split: Split) -> Vec<ExampleId> {
        let n = if split == Split::Train { TRAIN } else { VAL };
        (0..n as u32).map(|i| ExampleId::new(split, i)).collect()
    }

    /// Position of an example among all 300.
    pub fn position(example: ExampleId) -> usize {
        let start = match example.split {
            Split::Train => 0,
            Split::Val => TRAIN,
            _ => TRAIN + VAL,
        };
        start + example.index as usize
    }

    /// Tokens of a prompt.
    pub fn tokens(&self, prompt: &Choices) -> u32 {
        prompt.options().iter().zip(&self.tokens).map(|(o, t)| t[usize::from(*o)]).sum()
    }

    /// Scaled effects of a prompt in each group.
    pub(super) fn effects(&self, prompt: &Choices) -> [f64; GROUPS] {
        let options = prompt.options();
        let active = |s: &usize| !matches!(*s, 6 | 7) || options[SHOTS] > 0;
        let present = [
            options[0] > 0,
            true,
            options[2] > 0,
            options[WORDING..].iter().any(|o| *o > 0),
            options[3] > 0,
            options[SHOTS] > 0,
            options[4] > 0,
        ];
        let there: Vec<usize> =
            prompt.order().iter().map(|s| usize::from(*s)).filter(|s| present[*s]).collect();
        let mut common = 0.0;
        for (i, &first) in there.iter().enumerate() {
            common += there[i + 1..].iter().map(|&then| self.order[first][then]).sum::<f64>();
        }
        common -= self.price * (f64::from(self.tokens(prompt)) - FREE).max(0.0) / FREE;
        std::array::from_fn(|g| {
            let main = |s: usize| if active(&s) { self.main[s].at(options, g) } else { 0.0 };
            let mut z: f64 = common;
            if self.variant == Variant::Misspecified {
                z += 2.0 * (main(1).min(main(2)) + main(3).min(main(SHOTS)));
                z += (0..SIZES.len()).filter(|s| !matches!(*s, 1..=3 | SHOTS)).map(main).sum::<f64>();
            } else {
                z += (0..SIZES.len()).map(main).sum::<f64>();
            }
            z += self
                .joint
                .iter()
                .filter(|t| t.slots.iter().all(active))
                .map(|t| t.at(options, g))
                .sum::<f64>();
            self.kappa * z
        })
    }

    /// The probability that each of `examples` (positions) comes out right, in their order.
    pub fn chances(&self, prompt: &Choices, examples: impl IntoIterator<Item = usize>) -> Vec<f64> {
        let z = self.effects(prompt);
        let chance = |j: usize| 1.0 / (1.0 + (-(self.offset[j] + z[self.group[j]])).exp());
        examples.into_iter().map(chance).collect()
    }

    /// The true score: the mean chance over the hidden examples.
    pub fn truth(&self, prompt: &Choices) -> f64 {
        let chances = self.chances(prompt, TRAIN + VAL..TRAIN + VAL + HIDDEN);
        chances.iter().sum::<f64>() / HIDDEN as f64
    }

    /// Whether an example comes out right; always the same for the same arguments.
    pub fn outcome(&self, prompt: &Choices, example: usize, repeat: u64) -> bool {
        let mut state = splitmix(self.number);
        for v in prompt.options().iter().chain(prompt.order()) {
            state = splitmix(state ^ u64::from(*v));
        }
        state = splitmix(splitmix(state ^ example as u64) ^ repeat);
        let unit = (state >> 11) as f64 / 9_007_199_254_740_992.0;
        unit < self.chances(prompt, [example])[0]
    }

    pub(super) const PRICE: f64 = PRICE;
}

/// One step of SplitMix64 from state `x` (Steele, Lea & Flood 2014).
fn splitmix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
