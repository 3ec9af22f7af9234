use serde::{Deserialize, Serialize};

use crate::workflow::{ModuleKind, Workflow};

/// The cell of a workflow in an archive of elites (MAP-Elites; Mouret & Clune 2015): how large, how deep, how much of it
/// checks.
///
/// ```
/// use topology_neat::{Module, ModuleKind, Niche, Workflow};
/// let (one, check) = (Module::new(ModuleKind::Generate, 0), Module::new(ModuleKind::Verify, 0));
/// let plain = Workflow::new(&[(one, &[0])], &[1])?;
/// let checked = Workflow::new(&[(one, &[0]), (check, &[1])], &[2])?;
/// assert_ne!(Niche::of(&plain), Niche::of(&checked));
/// # Ok::<(), topology_neat::WorkflowError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Niche {
    /// Modules: 0 one, 1 two or three, 2 four to six, 3 more.
    pub size: u8,
    /// Modules on the longest way: 0 one, 1 two or three, 2 more.
    pub depth: u8,
    /// Share of modules that check answers: 0 none, 1 up to a third, 2 more.
    pub checks: u8,
}

impl Niche {
    /// The cell of a workflow.
    pub fn of(workflow: &Workflow) -> Self {
        let n = workflow.modules().len();
        let is_check =
            |kind| matches!(kind, ModuleKind::Critique | ModuleKind::Verify | ModuleKind::Validator);
        let checks = workflow.modules().iter().filter(|m| is_check(m.kind)).count();
        Self {
            size: match n {
                0..=1 => 0,
                2..=3 => 1,
                4..=6 => 2,
                _ => 3,
            },
            depth: match workflow.depth() {
                0..=1 => 0,
                2..=3 => 1,
                _ => 2,
            },
            checks: u8::from(checks > 0) + u8::from(3 * checks > n),
        }
    }
}

/// The first of each cell, in the order of `ranked`.
pub(crate) fn elites<'a>(ranked: &[&'a Workflow]) -> Vec<&'a Workflow> {
    let mut cells: Vec<Niche> = Vec::new();
    let mut elites = Vec::new();
    for workflow in ranked {
        let cell = Niche::of(workflow);
        if !cells.contains(&cell) {
            cells.push(cell);
            elites.push(*workflow);
        }
    }
    elites
}

#[cfg(test)]
mod tests {
    use meta_traits::{Space as _, Stream};

    use super::*;
    use crate::{Library, WorkflowSpace};

    #[test]
    fn elites_are_the_first_of_their_cells() {
        let space = WorkflowSpace::new(Library::default(), 10, 5).unwrap();
        let all: Vec<Workflow> = (0..200).map(|seed| space.sample(&mut Stream::root(seed))).collect();
        let ranked: Vec<&Workflow> = all.iter().collect();
        let elites = elites(&ranked);
        assert!(elites.len() > 5, "{} cells", elites.len());
        for elite in &elites {
            let first = ranked.iter().find(|w| Niche::of(w) == Niche::of(elite)).unwrap();
            assert_eq!(first, elite);
        }
    }
}
