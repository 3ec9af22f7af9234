use std::collections::BTreeSet;

use meta_traits::{ExampleId, Query, Stream};

use super::bank::{Bank, Item};
use super::frame::{Cue, Frame, Style};
use super::layout::{LabelList, Layout, Separator, Shot, Tail};
use super::wording::{
    ANSWER_NOUNS, ENDINGS, LABEL_ENDINGS, LABEL_NOUNS, ListStyle, Nouns, ROLES, bodies, is_library,
};

/// One small change of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    AddShot,
    DropShot,
    ReplaceShot,
    ShuffleShots,
    /// All examples anew, as even over the labels as their number allows.
    BalanceShots,
    /// Adds the list of labels, or drops it.
    ToggleLabels,
    ShuffleLabels,
    RestyleLabels,
    Reframe,
    Requote,
    Recue,
    Reseparate,
    Rebody,
    Role,
    Ending,
}

impl Edit {
    /// Edits and how often each is drawn. Examples and frames matter most for small models.
    pub(super) const DRAWN: [(Self, f64); 15] = [
        (Self::AddShot, 4.0),
        (Self::DropShot, 1.0),
        (Self::ReplaceShot, 2.0),
        (Self::ShuffleShots, 1.0),
        (Self::BalanceShots, 6.0),
        (Self::ToggleLabels, 2.0),
        (Self::ShuffleLabels, 1.0),
        (Self::RestyleLabels, 1.5),
        (Self::Reframe, 3.0),
        (Self::Requote, 0.5),
        (Self::Recue, 1.0),
        (Self::Reseparate, 1.0),
        (Self::Rebody, 2.0),
        (Self::Role, 1.0),
        (Self::Ending, 1.5),
    ];
}

/// What edits draw on.
pub(super) struct Source<'a> {
    pub(super) bank: &'a Bank,
    pub(super) max_shots: usize,
    /// Expected answers of the examples that went wrong.
    wrong: Vec<&'a str>,
    /// What new examples are drawn from: all but the evidence. The child is tried on the examples of the evidence;
    /// one that it shows would speak for it without merit.
    drawable: Vec<&'a Item>,
}

impl<'a> Source<'a> {
    pub(super) fn new(bank: &'a Bank, max_shots: usize, query: &Query) -> Self {
        let failed = query.evidence.iter().filter(|s| s.score < 1.0);
        let wrong = failed.filter_map(|s| bank.item(s.example)).map(|i| i.answer.as_str()).collect();
        let tried: BTreeSet<ExampleId> = query.evidence.iter().map(|s| s.example).collect();
        let drawable = bank.items().filter(|(id, _)| !tried.contains(id)).map(|(_, item)| item).collect();
        Self { bank, max_shots, wrong, drawable }
    }

    /// Makes the edit; gives whether the layout may have changed.
    pub(super) fn apply(&self, edit: Edit, layout: &mut Layout, rng: &mut Stream) -> bool {
        match edit {
            Edit::AddShot => layout.shots.len() < self.max_shots && self.add_shot(layout, rng),
            Edit::DropShot => drop_shot(layout, rng),
            Edit::ReplaceShot => drop_shot(layout, rng) && self.add_shot(layout, rng),
            Edit::ShuffleShots => {
                rng.shuffle(&mut layout.shots);
                layout.shots.len() > 1
            }
            Edit::BalanceShots => self.balance(layout, rng),
            Edit::ToggleLabels => self.toggle_labels(layout, rng),
            Edit::ShuffleLabels => layout.labels.as_mut().is_some_and(|list| {
                rng.shuffle(&mut list.labels);
                true
            }),
            Edit::RestyleLabels => layout.labels.as_mut().is_some_and(|list| {
                list.style = other(&ListStyle::ALL, Some(&list.style), rng);
                true
            }),
            Edit::Reframe => self.reframe(layout, rng),
            Edit::Requote => {
                revise(layout, |style, nouns, cue, quoted| Frame::library(style, nouns, cue, !quoted))
            }
            Edit::Recue => revise(layout, |style, nouns, cue, quoted| {
                Frame::library(style, nouns, other(&Frame::CUES, Some(&cue), rng), quoted)
            }),
            Edit::Reseparate => {
                layout.separator = other(&Separator::ALL, Some(&layout.separator), rng);
                true
            }
            Edit::Rebody => self.rebody(layout, rng),
            Edit::Role => {
                layout.role = optional(&ROLES, layout.role, rng);
                true
            }
            Edit::Ending => {
                let labelled = !self.bank.labels().is_empty();
                let fits = |e: &&&str| labelled || !LABEL_ENDINGS.contains(*e);
                let endings: Vec<&'static str> = ENDINGS.iter().filter(fits).copied().collect();
                layout.ending = optional(&endings, layout.ending, rng);
                true
            }
        }
    }

    /// Adds one example at a random place: half the time one with the answer of an example that went wrong, else one
    /// with the answer that is shown least.
    fn add_shot(&self, layout: &mut Layout, rng: &mut Stream) -> bool {
        if !matches!(layout.tail, Tail::Question { .. }) {
            return false;
        }
        let fresh: Vec<&Item> = self.drawable.iter().copied().filter(|i| !shows(layout, i)).collect();
        let blamed: Vec<&Item> =
            fresh.iter().copied().filter(|i| self.wrong.contains(&i.answer.as_str())).collect();
        let shown = |i: &Item| layout.shots.iter().filter(|s| s.answer == i.answer).count();
        let least = fresh.iter().map(|i| shown(i)).min();
        let rare: Vec<&Item> = fresh.iter().copied().filter(|i| Some(shown(i)) == least).collect();
        let drawn = if !blamed.is_empty() && rng.chance(0.5) { rng.pick(&blamed) } else { rng.pick(&rare) };
        let Some(item) = drawn else { return false };
        let shot = shot(item);
        let place = rng.below(layout.shots.len() + 1);
        layout.shots.insert(place, shot);
        true
    }

    /// Draws 2 to `max_shots` examples, answer by answer in turn; half the time one of each label, where they fit: a
    /// label that is not shown is hardly ever chosen by a small model.
    fn balance(&self, layout: &mut Layout, rng: &mut Stream) -> bool {
        let mut items = self.drawable.clone();
        if !matches!(layout.tail, Tail::Question { .. }) || self.max_shots < 2 || items.is_empty() {
            return false;
        }
        rng.shuffle(&mut items);
        let labels = self.bank.labels().len();
        let one_each = (2..=self.max_shots).contains(&labels) && rng.chance(0.5);
        let n = if one_each { labels } else { 2 + rng.below(self.max_shots - 1) };
        let mut shots: Vec<Shot> = Vec::new();
        while shots.len() < n && !items.is_empty() {
            let shown = |i: &Item| shots.iter().filter(|s| s.answer == i.answer).count();
            let least = items.iter().map(|i| shown(i)).min().unwrap_or(0);
            let next = items.iter().position(|i| shown(i) == least).unwrap_or(0);
            shots.push(shot(items.remove(next)));
        }
        rng.shuffle(&mut shots);
        layout.shots = shots;
        true
    }

    fn toggle_labels(&self, layout: &mut Layout, rng: &mut Stream) -> bool {
        if layout.labels.take().is_some() {
            return true;
        }
        let labels = self.bank.labels().to_vec();
        let style = other(&ListStyle::ALL, None, rng);
        if labels.is_empty() {
            return false;
        }
        layout.labels = Some(LabelList { style, labels });
        true
    }

    fn nouns(&self) -> &'static [Nouns] {
        if self.bank.labels().is_empty() { &ANSWER_NOUNS } else { &LABEL_NOUNS }
    }

    /// Draws another frame. A written one goes only if it is a pair of short names: longer ones are instructions.
    fn reframe(&self, layout: &mut Layout, rng: &mut Stream) -> bool {
        let Tail::Question { frame, .. } = &mut layout.tail else { return false };
        let style = other(&Frame::STYLES, None, rng);
        let drawn = other(self.nouns(), None, rng);
        *frame = match frame {
            Frame::Written { before, after } if !is_name(before) || !is_name(after) => return false,
            Frame::Written { .. } => Frame::library(style, drawn, Cue::Name, false),
            Frame::Library { style: old, nouns, cue, quoted } => {
                if rng.chance(0.5) {
                    Frame::library(*old, drawn, *cue, *quoted)
                } else {
                    Frame::library(style, *nouns, *cue, *quoted)
                }
            }
        };
        true
    }

    /// Draws another instruction of the library. A user's own words stay.
    fn rebody(&self, layout: &mut Layout, rng: &mut Stream) -> bool {
        let task = self.bank.task();
        let ours = layout.body.is_empty() || is_library(&layout.body) || task == Some(layout.body.as_str());
        if !ours {
            return false;
        }
        let nouns = match &layout.tail {
            Tail::Question { frame, .. } => frame.nouns(),
            Tail::Fixed(_) => None,
        };
        let labelled = !self.bank.labels().is_empty();
        let mut drawn = bodies(labelled, nouns.unwrap_or(self.nouns()[0]));
        // The task in the user's words is as likely as all of the library's together.
        drawn.extend((0..drawn.len()).filter_map(|_| task.map(String::from)).collect::<Vec<_>>());
        match rng.pick(&drawn) {
            Some(body) => {
                layout.body.clone_from(body);
                true
            }
            None => false,
        }
    }
}

fn shot(item: &Item) -> Shot {
    Shot { input: item.input.clone(), answer: item.answer.clone() }
}

fn shows(layout: &Layout, item: &Item) -> bool {
    layout.shots.iter().any(|s| s.input == item.input)
}

fn drop_shot(layout: &mut Layout, rng: &mut Stream) -> bool {
    if layout.shots.is_empty() {
        return false;
    }
    let at = rng.below(layout.shots.len());
    layout.shots.remove(at);
    true
}

/// Rewrites a frame of the library.
fn revise(layout: &mut Layout, change: impl FnOnce(Style, Nouns, Cue, bool) -> Frame) -> bool {
    match &mut layout.tail {
        Tail::Question { frame, .. } => match *frame {
            Frame::Library { style, nouns, cue, quoted } => {
                *frame = change(style, nouns, cue, quoted);
                true
            }
            Frame::Written { .. } => false,
        },
        Tail::Fixed(_) => false,
    }
}

/// A member of `all` other than `now`, uniformly. `all` has two members at least.
fn other<T: Copy + PartialEq>(all: &[T], now: Option<&T>, rng: &mut Stream) -> T {
    let rest: Vec<T> = all.iter().copied().filter(|t| Some(t) != now).collect();
    rng.pick(&rest).copied().unwrap_or(all[0])
}

/// Another member, or none with probability one third where there is one now.
fn optional(all: &[&'static str], now: Option<&'static str>, rng: &mut Stream) -> Option<&'static str> {
    if now.is_some() && rng.chance(1.0 / 3.0) { None } else { Some(other(all, now.as_ref(), rng)) }
}

/// Whether a written half of a frame is no more than a name, such as `Ticket:`.
fn is_name(mark: &str) -> bool {
    let words = mark.trim().trim_end_matches([':', '>', '-', '=']).trim();
    words.split_whitespace().count() <= 3 && !words.contains(['\n', '.', '!', '?'])
}
