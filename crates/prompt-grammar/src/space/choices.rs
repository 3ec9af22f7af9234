use serde::{Deserialize, Serialize};

/// One prompt of a [`PromptSpace`](super::PromptSpace): an option for each slot, and the order of the sections.
///
/// Order holds every section once, absent ones included, so that a section which comes back has its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Choices {
    options: Vec<u16>,
    order: Vec<u16>,
}

impl Choices {
    /// The prompt with these options, by slot, and this order of sections.
    pub fn new(options: Vec<u16>, order: Vec<u16>) -> Self {
        Self { options, order }
    }

    /// The option of every slot.
    pub fn options(&self) -> &[u16] {
        &self.options
    }

    /// The sections from first to last.
    pub fn order(&self) -> &[u16] {
        &self.order
    }

    /// The option in `slot`.
    ///
    /// # Panics
    /// When there is no such slot.
    pub fn option(&self, slot: usize) -> u16 {
        self.options[slot]
    }

    /// A number that stands for this prompt in logs: the same for equal prompts, hardly ever for others (FNV-1a over
    /// options and order).
    pub fn fingerprint(&self) -> u64 {
        let parts = self.options.iter().chain([&u16::MAX]).chain(&self.order);
        parts
            .flat_map(|v| v.to_le_bytes())
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// Puts `option` into `slot`.
    ///
    /// # Panics
    /// When there is no such slot.
    pub fn choose(&mut self, slot: usize, option: u16) {
        self.options[slot] = option;
    }

    /// Puts sections in ascending order of a key; those of equal keys stay as they are among themselves.
    pub(super) fn sort_sections(&mut self, key: impl Fn(usize) -> usize) {
        self.order.sort_by_key(|section| key(usize::from(*section)));
    }

    /// Takes the section at place `from` out and puts it in so that it stands at place `to`.
    ///
    /// # Panics
    /// When there is no such place.
    pub fn move_section(&mut self, from: usize, to: usize) {
        let section = self.order.remove(from);
        self.order.insert(to, section);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_section_stands_where_it_was_sent() {
        let mut prompt = Choices::new(vec![0], vec![0, 1, 2, 3]);
        prompt.move_section(0, 3);
        assert_eq!(prompt.order(), [1, 2, 3, 0]);
        prompt.move_section(3, 1);
        assert_eq!(prompt.order(), [1, 0, 2, 3]);
    }
}
