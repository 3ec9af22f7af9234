//! What makes slots sound.

use super::{MOST_OPTIONS, Slot};
use crate::PromptError;

pub(super) fn check_slot(at: usize, slot: &Slot, all: &[Slot]) -> Result<(), PromptError> {
    let name = &slot.name;
    if slot.options.is_empty() {
        return Err(PromptError::Empty { what: "a slot's list of options" });
    }
    if slot.options.len() > MOST_OPTIONS {
        let field = format!("slots.{name}.options");
        return Err(PromptError::range(&field, slot.options.len(), &format!("1 to {MOST_OPTIONS}")));
    }
    unique("options", slot.options.iter().map(|o| o.text.as_str()))?;
    if let Some(option) = slot.options.iter().find(|o| !(o.weight.is_finite() && o.weight > 0.0)) {
        let field = format!("slots.{name}.weight");
        return Err(PromptError::range(&field, option.weight, "a positive number"));
    }
    if let Some(when) = slot.when
        && (when.slot >= at || usize::from(when.above) + 1 >= all[when.slot].options.len())
    {
        let allowed = "an earlier slot, and an option that is not its last";
        return Err(PromptError::range(&format!("slots.{name}.when"), when.slot, allowed));
    }
    Ok(())
}

pub(super) fn unique<'a>(
    list: &'static str,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), PromptError> {
    let mut sorted: Vec<&str> = names.collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(PromptError::Repeated { list, name: pair[0].to_string() }),
        None => Ok(()),
    }
}
