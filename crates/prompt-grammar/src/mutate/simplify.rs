use super::Mutator;
use crate::grammar::Body;
use crate::tree::Tree;

impl Mutator<'_> {
    /// The tree without those optional members of arrangements whose effect may be nothing: `effect` gives the interval
    /// of a component's effect by id, and those that contain 0 go. None where nothing can go.
    ///
    /// Components without an interval stay. Whether the shorter text is truly no worse is for a test on fresh examples
    /// to say.
    pub fn simplify(&self, tree: &Tree, effect: impl Fn(u32) -> Option<(f64, f64)>) -> Option<Tree> {
        let idle = |id: u32| effect(id).is_some_and(|(low, high)| low <= 0.0 && 0.0 <= high);
        let mut short = tree.clone();
        let mut at = 0;
        while at < short.nodes().len() {
            let node = short.nodes()[at];
            let gone = match self.grammar.rule(node.rule).map(|r| &r.body) {
                Some(Body::Arrange(arrange)) => short.children(at).find(|c| {
                    let child = short.nodes()[*c];
                    let optional = arrange.members.iter().any(|m| m.rule == child.rule && m.presence < 1.0);
                    if !optional || !idle(child.id) {
                        return false;
                    }
                    let mut next = short.clone();
                    next.remove(at, *c);
                    self.admits(&short, &next)
                }),
                _ => None,
            };
            match gone {
                Some(child) => short.remove(at, child),
                None => at += 1,
            }
        }
        (short.fingerprint() != tree.fingerprint()).then_some(short)
    }
}
