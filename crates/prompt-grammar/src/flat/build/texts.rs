//! Slots of attributes and holes.

use super::{Builder, Free, LEAST, Optional};
use crate::flat::Pick;
use crate::grammar::{Hole, Source};
use crate::space::SlotOption;
use crate::tree::Tree;

impl Builder<'_> {
    /// A slot for every attribute that has a choice, the seed's value first.
    pub(super) fn attributes(&mut self) -> Vec<(Option<usize>, Vec<u32>)> {
        let mut out = Vec::new();
        for (i, attribute) in self.costs.grammar.attributes().iter().enumerate() {
            let own = self.seed.attributes()[i];
            let others = (0..attribute.values.len() as u32)
                .filter(|v| self.structure && *v != own && attribute.values[*v as usize].weight > 0.0);
            let values: Vec<u32> = std::iter::once(own).chain(others).collect();
            let options = values.iter().map(|v| {
                let value = &attribute.values[*v as usize];
                SlotOption { text: value.name.clone(), tokens: 0, weight: value.weight.max(LEAST) }
            });
            let slot = (values.len() > 1).then(|| self.slot(&attribute.name, options.collect(), Vec::new()));
            out.push((slot, values));
        }
        out
    }

    pub(super) fn price_attributes(&mut self, attributes: &[(Option<usize>, Vec<u32>)]) {
        for ((slot, values), longer) in attributes.iter().zip(&self.longer) {
            if let Some(slot) = slot {
                for (option, value) in self.slots[*slot].options.iter_mut().zip(values) {
                    option.tokens = longer[*value as usize];
                }
            }
        }
    }

    pub(super) fn hole(
        &mut self,
        at: usize,
        name: &str,
        hole: &Hole,
        node: Option<usize>,
        optional: Option<Optional>,
        free: Free,
    ) {
        let option = |text: &str, weight: f64| SlotOption {
            text: text.into(),
            tokens: if free == Free::Yes { 0 } else { self.costs.count(text) },
            weight: weight.max(LEAST),
        };
        let (mut picks, mut options) = (Vec::new(), Vec::new());
        let own = node.map(|n| self.seed.nodes()[n].pick);
        if let (Some(Tree::WRITTEN), Some(node)) = (own, node) {
            let text = self.seed.fill(node, self.costs.grammar).unwrap_or_default();
            options.push((option(text, 1.0), Source::Model));
            picks.push(Pick::Written(text.to_string()));
        }
        let usable =
            (0..).zip(&hole.fills).filter(|(i, f)| Some(*i) == own || (f.weight > 0.0 && !hole.protected));
        let mut fills: Vec<_> = usable.collect();
        if fills.is_empty() && picks.is_empty() {
            fills.extend((0..).zip(&hole.fills).find(|(_, f)| f.weight > 0.0));
        }
        fills.sort_by_key(|(i, _)| Some(*i) != own);
        for (i, fill) in fills {
            options.push((option(&fill.text, fill.weight), fill.source));
            picks.push(Pick::Taken(i));
        }
        self.decide(at, name, picks, options, node.is_some(), optional);
    }
}
