//! Edits as text: how a reflecting model says what to change.
//!
//! A script is a JSON list. `{"set": "role", "to": "expert"}` puts another option into a slot, `{"move": "examples",
//! "to": 0}` sends a section to another place. Slots, options and sections are named, never the text around them; so
//! no reply can break the structure of a prompt, its placeholders or its limit of tokens.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::PromptError;
use crate::space::{Choices, Edit, PromptSpace};

/// The written form of one edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Written {
    Set { set: String, to: String },
    Move { r#move: String, to: usize },
}

/// Edits of one prompt, checked against its space.
///
/// ```
/// use prompt_grammar::script::EditScript;
/// use prompt_grammar::space::{Edit, PromptSpace, Slot, SlotOption};
/// let options = vec![SlotOption::new("none", 0), SlotOption::new("expert", 4)];
/// let space = PromptSpace::new(vec![Slot::new("role", options)], vec![], None)?;
/// let reply = "I would name a role:\n```json\n[{\"set\": \"role\", \"to\": \"expert\"},]\n```";
/// let script = EditScript::parse(reply, &space)?;
/// assert_eq!(script.edits(), [Edit::Choose { slot: 0, option: 1 }]);
/// assert!(EditScript::parse("[{\"set\": \"tone\", \"to\": \"firm\"}]", &space).is_err());
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditScript(Vec<Edit>);

impl EditScript {
    /// The script that leads from one prompt to another.
    pub fn between(from: &Choices, to: &Choices, space: &PromptSpace) -> Self {
        Self(space.edits(from, to))
    }

    /// The script of some edits of the space it will be written for.
    pub(crate) fn of(edits: Vec<Edit>) -> Self {
        Self(edits)
    }

    /// Reads a reply: strictly, and if that fails once more after a repair (what stands around the list is cut off,
    /// a lone object becomes a list, commas before a closing bracket go).
    ///
    /// # Errors
    /// [`PromptError::Script`] when there is no list of edits, or one names what the space does not have.
    pub fn parse(reply: &str, space: &PromptSpace) -> Result<Self, PromptError> {
        let read = |text: &str| serde_json::from_str::<Vec<Written>>(text);
        let written = read(reply).or_else(|first| read(&repaired(reply)).map_err(|_| first));
        let written =
            written.map_err(|e| PromptError::Script { why: format!("is no list of edits: {e}") })?;
        written.into_iter().map(|w| resolve(w, space)).collect::<Result<_, _>>().map(Self)
    }

    /// The edits in order.
    pub fn edits(&self) -> &[Edit] {
        &self.0
    }

    /// The written form, one JSON list on one line.
    pub fn write(&self, space: &PromptSpace) -> String {
        let written: Vec<Written> = self
            .0
            .iter()
            .map(|edit| match *edit {
                Edit::Choose { slot, option } => {
                    let slot = &space.slots()[slot];
                    Written::Set {
                        set: slot.name.clone(),
                        to: slot.options[usize::from(option)].text.clone(),
                    }
                }
                Edit::Move { section, to } => {
                    Written::Move { r#move: space.sections()[usize::from(section)].name.clone(), to }
                }
            })
            .collect();
        serde_json::to_string(&written).unwrap_or_default()
    }
}

fn resolve(written: Written, space: &PromptSpace) -> Result<Edit, PromptError> {
    let unknown = |what: &str, name: &str, among: Vec<&str>| PromptError::Script {
        why: format!("names the {what} '{name}', which is not there; allowed: {}", among.join(", ")),
    };
    match written {
        Written::Set { set, to } => {
            let slots = space.slots();
            let Some(slot) = slots.iter().position(|s| s.name == set) else {
                return Err(unknown("slot", &set, slots.iter().map(|s| s.name.as_str()).collect()));
            };
            let options = &slots[slot].options;
            match options.iter().position(|o| o.text == to) {
                Some(option) => Ok(Edit::Choose { slot, option: option as u16 }),
                None => Err(unknown("option", &to, options.iter().map(|o| o.text.as_str()).collect())),
            }
        }
        Written::Move { r#move, to } => {
            let sections = space.sections();
            match sections.iter().position(|s| s.name == r#move) {
                Some(section) if to < sections.len() => Ok(Edit::Move { section: section as u16, to }),
                Some(_) => Err(PromptError::Script {
                    why: format!("moves '{}' to {to}; allowed: 0 to {}", r#move, sections.len() - 1),
                }),
                None => Err(unknown("section", &r#move, sections.iter().map(|s| s.name.as_str()).collect())),
            }
        }
    }
}

/// The part from the first bracket to the last, as a list, without commas before closing brackets.
fn repaired(reply: &str) -> String {
    let Some(start) = reply.find(['[', '{']) else { return String::new() };
    let end = reply.rfind([']', '}']).map_or(reply.len(), |at| at + 1);
    let body = reply.get(start..end).unwrap_or_default();
    let mut out = String::with_capacity(body.len() + 2);
    let (mut inside, mut escaped) = (false, false);
    for c in body.chars() {
        if !inside && matches!(c, ']' | '}') {
            let kept = out.trim_end().trim_end_matches(',').len();
            out.truncate(kept);
        }
        out.push(c);
        inside = if c == '"' && !escaped { !inside } else { inside };
        escaped = inside && c == '\\' && !escaped;
    }
    if out.starts_with('{') { format!("[{out}]") } else { out }
}

/// The written form of a prompt.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    slots: BTreeMap<String, String>,
    order: Vec<String>,
}

/// A prompt as a JSON object: slot to option for the slots that take part, and the order of all sections.
pub fn describe(prompt: &Choices, space: &PromptSpace) -> String {
    let active = space.slots().iter().enumerate().filter(|(i, _)| space.is_active(prompt, *i));
    let shown = Shown {
        slots: active
            .map(|(i, slot)| (slot.name.clone(), slot.options[usize::from(prompt.option(i))].text.clone()))
            .collect(),
        order: prompt.order().iter().map(|s| space.sections()[usize::from(*s)].name.clone()).collect(),
    };
    serde_json::to_string(&shown).unwrap_or_default()
}

/// The prompt that [`describe`] wrote; slots that are left out have option 0.
///
/// # Errors
/// [`PromptError::Script`] when the text is no such object or names what the space does not have.
pub fn read(text: &str, space: &PromptSpace) -> Result<Choices, PromptError> {
    let shown: Shown =
        serde_json::from_str(text).map_err(|e| PromptError::Script { why: format!("is no prompt: {e}") })?;
    let sets = shown.slots.into_iter().map(|(set, to)| Written::Set { set, to });
    let moves = shown.order.into_iter().enumerate().map(|(to, r#move)| Written::Move { r#move, to });
    let edits = sets.chain(moves).map(|w| resolve(w, space)).collect::<Result<Vec<_>, _>>()?;
    let outside = || PromptError::Script { why: "has more tokens than allowed".into() };
    space.edited(&space.seed(), &edits).ok_or_else(outside)
}
