use std::fmt;

use meta_traits::{Classify, Components, ErrorKind, Stream};

use super::family::Scenario;
use super::genome::{Genome, NAMES, dims, slots};

/// A candidate text that names no member of the benchmark's space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateFault {
    component: String,
    reason: String,
}

impl CandidateFault {
    pub(super) fn new(component: &str, reason: impl Into<String>) -> Self {
        Self { component: component.to_owned(), reason: reason.into() }
    }
}

impl fmt::Display for CandidateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "component '{}': {}", self.component, self.reason)
    }
}

impl std::error::Error for CandidateFault {}

impl Classify for CandidateFault {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }
}

/// How one hidden component is written: line by line `slot=option`.
struct Sheet {
    name: &'static str,
    /// The hidden slot on each line. Line i carries the i-th name of `slots`.
    hidden_slot: Vec<usize>,
    slots: &'static [&'static str],
    /// The digit shown for each option, by hidden slot.
    shown: Vec<Vec<u8>>,
}

/// The text form of candidates: what hidden components, slots and options are called.
///
/// The plain form shows the hidden names. A relabelled form permutes component names among each other, slots within
/// their component and digits within their slot. Components keep their order, which is the order of the chain: that
/// much a user of a real system tells an optimizer.
pub(super) struct Labels {
    sheets: Vec<Sheet>,
}

impl Labels {
    pub(super) fn plain(scenario: Scenario) -> Self {
        let sheet = |c: usize| Sheet {
            name: NAMES[c],
            hidden_slot: (0..dims(c).len()).collect(),
            slots: slots(c),
            shown: dims(c).iter().map(|n| (0..*n).collect()).collect(),
        };
        Self { sheets: (0..scenario.components()).map(sheet).collect() }
    }

    pub(super) fn relabelled(scenario: Scenario, seed: u64) -> Self {
        let root = Stream::root(seed).child("relabel", 0);
        let mut labels = Self::plain(scenario);
        let mut names: Vec<&str> = labels.sheets.iter().map(|s| s.name).collect();
        root.child("components", 0).shuffle(&mut names);
        for (c, (sheet, name)) in labels.sheets.iter_mut().zip(names).enumerate() {
            sheet.name = name;
            root.child("slots", c as u64).shuffle(&mut sheet.hidden_slot);
            let mut rng = root.child("options", c as u64);
            sheet.shown.iter_mut().for_each(|digits| rng.shuffle(digits));
        }
        labels
    }

    /// The index of the component called `name`.
    pub(super) fn component(&self, name: &str) -> Result<usize, CandidateFault> {
        self.sheets.iter().position(|s| s.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.sheets.iter().map(|s| s.name).collect();
            CandidateFault::new(name, format!("unknown; known are {}", known.join(", ")))
        })
    }

    /// What component `c` is called.
    pub(super) fn name(&self, c: usize) -> &'static str {
        self.sheets[c].name
    }

    /// The text of component `c`.
    pub(super) fn text(&self, g: &Genome, c: usize) -> String {
        let sheet = &self.sheets[c];
        let mut text = String::with_capacity(16 * sheet.slots.len());
        for (line, k) in sheet.hidden_slot.iter().enumerate() {
            if line > 0 {
                text.push('\n');
            }
            text.push_str(sheet.slots[line]);
            text.push('=');
            text.push(digit(sheet.shown[*k][g.get(c, *k)]));
        }
        text
    }

    /// All components as texts.
    pub(super) fn write(&self, g: &Genome) -> Components {
        (0..self.sheets.len()).map(|c| (self.sheets[c].name, self.text(g, c))).collect()
    }

    /// Reads every component; components may stand in any order.
    pub(super) fn read(&self, candidate: &Components) -> Result<Genome, CandidateFault> {
        let mut g = Genome::seed();
        for (c, sheet) in self.sheets.iter().enumerate() {
            let text = candidate.get(sheet.name).ok_or_else(|| CandidateFault::new(sheet.name, "missing"))?;
            self.read_component(&mut g, c, text)?;
        }
        if candidate.len() > self.sheets.len() {
            candidate.names().try_for_each(|name| self.component(name).map(|_| ()))?;
        }
        Ok(g)
    }

    /// Reads the text of component `c` into `g`: every slot once, in any order; blank lines are skipped.
    pub(super) fn read_component(&self, g: &mut Genome, c: usize, text: &str) -> Result<(), CandidateFault> {
        let sheet = &self.sheets[c];
        let mut seen = 0_u32;
        for (at, line) in text.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            let (k, v) = self.read_line(c, at, line)?;
            let v = v.ok_or_else(|| {
                CandidateFault::new(sheet.name, format!("line '{line}' sets nothing; write slot=option"))
            })?;
            if seen & (1 << k) != 0 {
                return Err(CandidateFault::new(sheet.name, format!("line '{line}' repeats a slot")));
            }
            seen |= 1 << k;
            g.set(c, k, v);
        }
        match sheet.hidden_slot.iter().position(|k| seen & (1 << k) == 0) {
            Some(line) => Err(CandidateFault::new(
                sheet.name,
                format!("slot '{}' is missing; write every slot once as slot=option", sheet.slots[line]),
            )),
            None => Ok(()),
        }
    }

    /// Reads `slot=option` or `slot`; `guess` is the line the slot is looked for first.
    fn read_line(&self, c: usize, guess: usize, line: &str) -> Result<(usize, Option<u8>), CandidateFault> {
        let sheet = &self.sheets[c];
        let (slot, option) = match line.split_once('=') {
            Some((slot, option)) => (slot.trim_end(), Some(option.trim_start())),
            None => (line, None),
        };
        let at = if sheet.slots.get(guess) == Some(&slot) {
            Some(guess)
        } else {
            sheet.slots.iter().position(|s| *s == slot)
        };
        let k = at.map(|at| sheet.hidden_slot[at]).ok_or_else(|| {
            let known = sheet.slots.join(", ");
            CandidateFault::new(sheet.name, format!("'{line}' names no slot; slots are {known}"))
        })?;
        let Some(option) = option else { return Ok((k, None)) };
        let digits = &sheet.shown[k];
        let shown = match option.as_bytes() {
            [byte] => byte.wrapping_sub(b'0'),
            _ => u8::MAX,
        };
        match digits.iter().position(|d| *d == shown) {
            Some(v) => Ok((k, Some(v as u8))),
            None => Err(CandidateFault::new(
                sheet.name,
                format!("'{line}' is out of range; options are 0 to {}", digits.len() - 1),
            )),
        }
    }

    /// The text of a remark on slot `k` of component `c`.
    pub(super) fn remark(&self, c: usize, k: usize, v: Option<u8>) -> String {
        let sheet = &self.sheets[c];
        let line = sheet.hidden_slot.iter().position(|hidden| *hidden == k).unwrap_or_default();
        let slot = sheet.slots[line];
        match v {
            Some(v) => format!("{slot}={}", digit(sheet.shown[k][usize::from(v)])),
            None => slot.to_owned(),
        }
    }

    /// Reads a remark written by [`Labels::remark`].
    pub(super) fn read_remark(&self, c: usize, text: &str) -> Result<(usize, Option<u8>), CandidateFault> {
        self.read_line(c, 0, text.trim())
    }
}

fn digit(d: u8) -> char {
    char::from(b'0' + d)
}
