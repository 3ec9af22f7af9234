//! From choices to derivations and back.

use super::{Flat, Pick, Place};
use crate::grammar::{Arrange, Body, Production};
use crate::space::Choices;
use crate::tree::{Node, Tree, arity, set_sizes};

pub(super) fn tree(flat: &Flat, prompt: &Choices) -> Tree {
    let value = |(slot, values): &(Option<usize>, Vec<u32>)| {
        values[slot.map_or(0, |s| usize::from(prompt.option(s))).min(values.len() - 1)]
    };
    let mut tree = Tree { attributes: flat.attributes.iter().map(value).collect(), ..Tree::default() };
    let mut todo = vec![flat.root];
    while let Some(place) = todo.pop() {
        let below = write(flat, place, prompt, &mut tree);
        todo.extend(below.into_iter().rev());
    }
    set_sizes(&mut tree.nodes, |n| arity(&flat.grammar, n));
    tree
}

/// Adds the node of a place; gives the places below it.
fn write(flat: &Flat, at: usize, prompt: &Choices, tree: &mut Tree) -> Vec<usize> {
    let place = &flat.places[at];
    let id = tree.next;
    tree.next += 1;
    let mut node = Node { rule: place.rule, pick: 0, size: 1, id };
    let below = match flat.grammar.rule(place.rule).map(|r| &r.body) {
        Some(Body::Choice(productions)) => {
            node.pick = production(place, productions, prompt, &tree.attributes);
            place.below[node.pick as usize].clone()
        }
        Some(Body::Arrange(arrange)) => {
            let members = present(flat, at, arrange, prompt);
            node.pick = members.len() as u32;
            members
        }
        Some(Body::Hole(_)) | None => {
            match picked(place, prompt) {
                Pick::Written(text) => {
                    node.pick = Tree::WRITTEN;
                    tree.texts.insert(id, text.clone());
                }
                Pick::Taken(pick) => node.pick = *pick,
                Pick::Absent => node.pick = first(place),
            }
            Vec::new()
        }
    };
    tree.nodes.push(node);
    below
}

fn picked<'a>(place: &'a Place, prompt: &Choices) -> &'a Pick {
    let option = place.slot.map_or(0, |s| usize::from(prompt.option(s)));
    place.picks.get(option).unwrap_or(&place.picks[0])
}

/// What stands in a place that its choices leave empty, where the grammar needs it.
fn first(place: &Place) -> u32 {
    place.picks.iter().find_map(|p| if let Pick::Taken(i) = p { Some(*i) } else { None }).unwrap_or(0)
}

/// The production picked, or the first in the order of options that the attributes allow.
fn production(place: &Place, productions: &[Production], prompt: &Choices, values: &[u32]) -> u32 {
    let holds = |i: u32| {
        productions.get(i as usize).is_some_and(|p| p.when.as_ref().is_none_or(|guard| guard.holds(values)))
    };
    let wanted = match picked(place, prompt) {
        Pick::Taken(i) => *i,
        _ => first(place),
    };
    let taken = place.picks.iter().filter_map(|p| if let Pick::Taken(i) = p { Some(*i) } else { None });
    std::iter::once(wanted).chain(taken).find(|i| holds(*i)).unwrap_or(wanted)
}

/// The members that are there, in order, as many as the arrangement needs and takes.
fn present(flat: &Flat, at: usize, arrange: &Arrange, prompt: &Choices) -> Vec<usize> {
    let members = &flat.places[at].below[0];
    let mut order: Vec<usize> = (0..members.len()).collect();
    if flat.top == Some(at) {
        order = prompt.order().iter().map(|s| usize::from(*s)).collect();
    }
    let mut there: Vec<bool> = members.iter().map(|m| flat.is_there(*m, prompt)).collect();
    let count = |there: &[bool]| there.iter().filter(|t| **t).count();
    for m in 0..members.len() {
        if count(&there) < arrange.least {
            there[m] = true;
        }
    }
    for m in (0..members.len()).rev() {
        let rule = flat.places[members[m]].rule;
        let needed = arrange.members.iter().any(|x| x.rule == rule && x.presence >= 1.0);
        if count(&there) > arrange.most && !needed {
            there[m] = false;
        }
    }
    order.into_iter().filter(|m| there[*m]).map(|m| members[m]).collect()
}

pub(super) fn choices(flat: &Flat, tree: &Tree) -> Option<Choices> {
    tree.check(&flat.grammar).ok()?;
    let mut prompt = flat.space.seed();
    for ((slot, values), value) in flat.attributes.iter().zip(tree.attributes()) {
        let option = values.iter().position(|v| v == value)?;
        match slot {
            Some(slot) => prompt.choose(*slot, option as u16),
            None if option == 0 => {}
            None => return None,
        }
    }
    let mut todo = vec![(flat.root, 0)];
    while let Some((at, node)) = todo.pop() {
        let place = &flat.places[at];
        let pick = tree.nodes()[node].pick;
        match &flat.grammar.rule(place.rule)?.body {
            Body::Arrange(_) => {
                come_in(flat, at, &mut prompt);
                let members = &place.below[0];
                let rule = |place: usize| flat.places[place].rule;
                let child = |m: &usize| tree.children(node).find(|c| tree.nodes()[*c].rule == rule(*m));
                for m in members {
                    match child(m) {
                        Some(child) => todo.push((*m, child)),
                        None => leave_out(flat, *m, &mut prompt),
                    }
                }
                if flat.top == Some(at) {
                    let order = seats(members.len(), |m| child(&members[m]));
                    prompt = Choices::new(prompt.options().to_vec(), order);
                }
            }
            body => {
                let own = if matches!(body, Body::Hole(_)) && pick == Tree::WRITTEN {
                    Pick::Written(tree.fill(node, &flat.grammar)?.to_string())
                } else {
                    Pick::Taken(pick)
                };
                let option = place.picks.iter().position(|p| *p == own)?;
                match place.slot {
                    Some(slot) => prompt.choose(slot, option as u16),
                    None => come_in(flat, at, &mut prompt),
                }
                if let Body::Choice(_) = body {
                    todo.extend(place.below[pick as usize].iter().copied().zip(tree.children(node)));
                }
            }
        }
    }
    let prompt = flat.space.canonical(prompt);
    let same = flat.space.fits(&prompt) && flat.render(&prompt) == tree.render(&flat.grammar);
    same.then_some(prompt)
}

fn leave_out(flat: &Flat, at: usize, prompt: &mut Choices) {
    match &flat.places[at].gate {
        super::Gate::Open => {}
        super::Gate::Slot(slot, out) => prompt.choose(*slot, *out),
        super::Gate::Members(of) => {
            for m in &flat.places[*of].below[0] {
                leave_out(flat, *m, prompt);
            }
        }
    }
}

/// Opens a gate that is a slot of presence alone.
fn come_in(flat: &Flat, at: usize, prompt: &mut Choices) {
    if let super::Gate::Slot(slot, out) = flat.places[at].gate
        && prompt.option(slot) == out
        && flat.space.slots()[slot].options.len() == 2
    {
        prompt.choose(slot, 1 - out);
    }
}

/// Sections in the order of their nodes; those that are absent, where nothing says where, before the first that stands
/// behind them in the seed.
fn seats(sections: usize, node: impl Fn(usize) -> Option<usize>) -> Vec<u16> {
    let (mut order, absent): (Vec<usize>, Vec<usize>) = (0..sections).partition(|m| node(*m).is_some());
    order.sort_by_key(|m| node(*m));
    for m in absent {
        let seat = order.iter().position(|o| *o > m).unwrap_or(order.len());
        order.insert(seat, m);
    }
    order.into_iter().map(|m| m as u16).collect()
}
