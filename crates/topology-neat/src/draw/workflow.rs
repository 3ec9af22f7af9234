use super::Diagram;
use crate::workflow::Workflow;

/// The task is node 0, module `i` (from 1) node `i`, the output the last.
///
/// ```
/// use topology_neat::{Diagram, Module, ModuleKind, Workflow};
/// let workflow = Workflow::single(Module::new(ModuleKind::Generate, 2))?;
/// let expected = "flowchart LR\n  n0[\"task\"]\n  n1[\"generate2\"]\n  n2[\"output\"]\n  n0 --> n1\n  n1 --> n2\n";
/// assert_eq!(Diagram::from(&workflow).mermaid(), expected);
/// # Ok::<(), topology_neat::WorkflowError>(())
/// ```
impl From<&Workflow> for Diagram {
    fn from(workflow: &Workflow) -> Self {
        let mut diagram = Self::default();
        diagram.add("task");
        for module in workflow.modules() {
            diagram.add(module.to_string());
        }
        diagram.add("output");
        for i in 0..=workflow.modules().len() {
            workflow.reads(i).for_each(|from| diagram.join(from, i + 1));
        }
        diagram
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::{Space as _, Stream};

    use super::*;
    use crate::{Library, WorkflowSpace};

    #[test]
    fn every_module_and_edge_is_drawn_once() {
        let space = WorkflowSpace::new(Library::default(), 12, 5).unwrap();
        for seed in 0..50 {
            let workflow = space.sample(&mut Stream::root(seed));
            let diagram = Diagram::from(&workflow);
            assert_eq!(diagram.labels().len(), workflow.modules().len() + 2);
            assert_eq!(diagram.edges().len(), workflow.edges());
            assert_eq!(diagram.svg().matches("<path").count(), workflow.edges());
        }
    }
}
