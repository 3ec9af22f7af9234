use meta_traits::{Components, DynSnapshot, Optimizer};

/// What the run loop drives: an optimizer of texts whose state can be saved.
pub trait Search: Optimizer<Candidate = Components> + DynSnapshot + Send {
    /// Decisions taken since the last call, in words, oldest first.
    fn decisions(&mut self) -> Vec<String> {
        Vec::new()
    }
}
