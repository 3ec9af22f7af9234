use super::canonical::canonical;
use super::{Module, Port, Workflow, WorkflowError, bits};

/// A workflow under construction: anything can be drawn, [`Draft::settle`] says whether it is one.
///
/// Vertex [`Draft::TASK`] is the task, [`Draft::OUTPUT`] the output; modules follow.
///
/// ```
/// use topology_neat::{Draft, Module, ModuleKind};
/// let mut draft = Draft::default();
/// let answer = draft.add(Module::new(ModuleKind::Generate, 0));
/// draft.join(Draft::TASK, answer);
/// assert!(draft.clone().settle().is_err(), "nothing reaches the output");
/// draft.join(answer, Draft::OUTPUT);
/// assert_eq!(draft.settle()?.modules().len(), 1);
/// # Ok::<(), topology_neat::WorkflowError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Draft {
    /// Labels; those of the task and the output are not used.
    labels: Vec<Module>,
    /// Of each vertex the vertices it reads.
    reads: Vec<u32>,
}

impl Default for Draft {
    fn default() -> Self {
        let none = Module::new(super::ModuleKind::Generate, 0);
        Self { labels: vec![none; 2], reads: vec![0; 2] }
    }
}

impl Draft {
    /// The vertex of the task.
    pub const TASK: usize = 0;
    /// The vertex of the output.
    pub const OUTPUT: usize = 1;
    /// Most vertices: the bits of a word.
    const MOST: usize = 32;

    /// A draft of what is there: vertex `i` of the workflow becomes `i + 1` for modules.
    pub fn of(workflow: &Workflow) -> Self {
        let shift = |reads: u32| (reads & 1) | ((reads & !1) << 1);
        let mut draft = Self::default();
        draft.reads[Self::OUTPUT] = shift(workflow.output);
        for (module, reads) in workflow.modules.iter().zip(&workflow.reads) {
            draft.labels.push(*module);
            draft.reads.push(shift(*reads));
        }
        draft
    }

    /// Adds a module; its vertex.
    pub fn add(&mut self, module: Module) -> usize {
        self.labels.push(module);
        self.reads.push(0);
        self.labels.len() - 1
    }

    /// Lets `to` read `from`. Nothing happens when either vertex does not exist.
    pub fn join(&mut self, from: usize, to: usize) {
        if from < self.labels.len().min(Self::MOST) && to < self.labels.len() {
            self.reads[to] |= 1 << from;
        }
    }

    /// Lets `to` read `from` no more.
    pub fn cut(&mut self, from: usize, to: usize) {
        if from < Self::MOST && to < self.labels.len() {
            self.reads[to] &= !(1 << from);
        }
    }

    /// Puts another module at a vertex.
    pub fn label(&mut self, vertex: usize, module: Module) {
        if let Some(label) = self.labels.get_mut(vertex) {
            *label = module;
        }
    }

    /// The module at a vertex.
    pub fn module(&self, vertex: usize) -> Option<Module> {
        self.labels.get(vertex).copied().filter(|_| vertex > Self::OUTPUT)
    }

    /// Vertices of modules.
    pub fn vertices(&self) -> std::ops::Range<usize> {
        2..self.labels.len()
    }

    /// What `vertex` reads.
    pub fn reads(&self, vertex: usize) -> impl Iterator<Item = usize> + use<> {
        bits(self.reads.get(vertex).copied().unwrap_or(0))
    }

    /// Who reads `vertex`.
    pub fn readers(&self, vertex: usize) -> impl Iterator<Item = usize> + use<'_> {
        (1..self.labels.len()).filter(move |&v| vertex < Self::MOST && self.reads[v] >> vertex & 1 == 1)
    }

    /// Edges as (from, to), in order of `to`.
    pub fn edges(&self) -> Vec<(usize, usize)> {
        (1..self.labels.len()).flat_map(|to| bits(self.reads[to]).map(move |from| (from, to))).collect()
    }

    /// Whether a way leads from one vertex to another.
    pub fn leads(&self, from: usize, to: usize) -> bool {
        self.ancestors(to) >> from & 1 == 1
    }

    /// `vertex` and all that it depends on, as bits.
    fn ancestors(&self, vertex: usize) -> u32 {
        let mut seen = 1_u32 << vertex;
        loop {
            let more = bits(seen).fold(seen, |seen, v| seen | self.reads[v]);
            if more == seen {
                return seen;
            }
            seen = more;
        }
    }

    /// The workflow: what is on no way from the task to the output is dropped.
    ///
    /// # Errors
    /// [`WorkflowError`] when there are too many modules, a cycle, a module without the answer it needs, the task
    /// right at the output, or no way through.
    pub fn settle(mut self) -> Result<Workflow, WorkflowError> {
        let n = self.labels.len();
        if n > Self::MOST {
            let most = Workflow::MAX_MODULES;
            return Err(WorkflowError::Size { what: "modules", found: n - 2, most });
        }
        self.cut(Self::TASK, Self::OUTPUT);
        self.reads[Self::TASK] = 0;
        self.reads.iter_mut().for_each(|reads| *reads &= !(1 << Self::OUTPUT));
        let mut reached = 1_u32;
        let grow =
            |reached: u32| (1..n).filter(|&v| self.reads[v] & reached != 0).fold(reached, |r, v| r | 1 << v);
        while grow(reached) != reached {
            reached = grow(reached);
        }
        if reached >> Self::OUTPUT & 1 == 0 {
            return Err(WorkflowError::Dead);
        }
        let live = reached & self.ancestors(Self::OUTPUT);
        let inner = live & !0b11;
        let found = inner.count_ones() as usize;
        if found > Workflow::MAX_MODULES {
            return Err(WorkflowError::Size { what: "modules", found, most: Workflow::MAX_MODULES });
        }
        let order = self.order(live)?;
        // Vertices of the draft to vertices of the workflow.
        let mut position = [0_usize; Self::MOST];
        for (i, v) in order.iter().enumerate() {
            position[*v] = i + 1;
        }
        let map = |reads: u32| bits(reads & live).fold(0_u32, |word, v| word | 1 << position[v]);
        let modules: Vec<Module> = order.iter().map(|v| self.labels[*v]).collect();
        let reads: Vec<u32> = order.iter().map(|v| map(self.reads[*v])).collect();
        let workflow = Workflow { modules, reads, output: map(self.reads[Self::OUTPUT]) };
        check_types(&workflow)?;
        Ok(canonical(&workflow))
    }

    /// Live modules, each after those it reads.
    fn order(&self, live: u32) -> Result<Vec<usize>, WorkflowError> {
        let inner = live & !0b11;
        let mut done = 1_u32;
        let mut order = Vec::with_capacity(inner.count_ones() as usize);
        loop {
            let left = inner & !done;
            if left == 0 {
                return Ok(order);
            }
            let Some(next) = bits(left).find(|&v| self.reads[v] & live & !done == 0) else {
                let v = left.trailing_zeros() as usize;
                let from = (self.reads[v] & left).trailing_zeros() as usize;
                return Err(WorkflowError::Order { module: v - 1, from: from.saturating_sub(1) });
            };
            done |= 1 << next;
            order.push(next);
        }
    }
}

fn check_types(workflow: &Workflow) -> Result<(), WorkflowError> {
    let ports = workflow.ports();
    let end = [(Port::Answer, "output")];
    let needs = workflow.modules.iter().map(|m| (m.kind.needs(), m.kind.name())).chain(end);
    for (i, (need, kind)) in needs.enumerate() {
        if workflow.reads(i).all(|r| ports[r] < need) {
            return Err(WorkflowError::Type { module: i + 1, kind });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModuleKind;

    #[test]
    fn cycles_and_dead_ends_are_found() {
        let mut draft = Draft::default();
        let a = draft.add(Module::new(ModuleKind::Generate, 0));
        let b = draft.add(Module::new(ModuleKind::Refine, 0));
        let dead = draft.add(Module::new(ModuleKind::Retrieve, 0));
        for (from, to) in [(0, a), (a, b), (b, Draft::OUTPUT), (a, dead)] {
            draft.join(from, to);
        }
        assert!(draft.leads(a, b) && !draft.leads(b, a));
        assert_eq!(draft.clone().settle().unwrap().modules().len(), 2, "the dead end is dropped");
        draft.join(b, a);
        assert!(matches!(draft.settle(), Err(WorkflowError::Order { .. })));
    }

    #[test]
    fn the_task_is_no_answer() {
        let mut draft = Draft::default();
        draft.join(Draft::TASK, Draft::OUTPUT);
        assert_eq!(draft.clone().settle(), Err(WorkflowError::Dead));
        let r = draft.add(Module::new(ModuleKind::Retrieve, 0));
        draft.join(0, r);
        draft.join(r, Draft::OUTPUT);
        assert_eq!(draft.settle(), Err(WorkflowError::Type { module: 2, kind: "output" }));
    }

    #[test]
    fn too_many_modules_are_refused() {
        let mut draft = Draft::default();
        for _ in 0..40 {
            let v = draft.add(Module::new(ModuleKind::Generate, 0));
            draft.join(0, v);
            draft.join(v, Draft::OUTPUT);
        }
        assert!(matches!(draft.settle(), Err(WorkflowError::Size { .. })));
    }
}
