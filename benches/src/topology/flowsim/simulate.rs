use topology_neat::{ModuleKind, Workflow};

use super::instance::{Check, GENERATORS, Instance, Skills};
use super::item::{ANSWERS, Item};
use super::noise::{draw, hash, logistic, mix};

/// Most vertices with the task and the output, and inputs of one, of the instance's space.
const VERTICES: usize = 26;

/// What is said of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Right,
    Wrong,
}

/// What is known to help with the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Context {
    None,
    Irrelevant,
    Relevant,
}

/// What a module hands on.
#[derive(Clone, Copy, Debug)]
struct Message {
    active: bool,
    answer: Option<u8>,
    context: Context,
    flag: Said,
    verdict: Said,
}

const SILENCE: Message = Message {
    active: false,
    answer: None,
    context: Context::None,
    flag: Said::Nothing,
    verdict: Said::Nothing,
};

/// Whether some critique, or some check, says that something is wrong.
#[derive(Clone, Copy, Debug, Default)]
struct Blame {
    flagged: bool,
    failed: bool,
}

/// Sums over items.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) items: u32,
    pub(super) right: u32,
    pub(super) cost: f64,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    kind: ModuleKind,
    variant: usize,
    key: u64,
    /// Where its inputs stand in the plan's list.
    from: usize,
    to: usize,
}

/// A workflow laid out for running: steps in order, with the key of each that its noise hangs on.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    skills: &'a Skills,
    steps: Vec<Step>,
    inputs: Vec<u8>,
}

impl<'a> Plan<'a> {
    /// Canonical workflows give canonical keys, so isomorphic ones score exactly alike.
    pub(super) fn new(workflow: &Workflow, instance: &'a Instance) -> Self {
        let mut keys = vec![1_u64];
        let mut steps: Vec<Step> = Vec::with_capacity(workflow.modules().len());
        let mut inputs = Vec::new();
        let mut take = |position: usize, keys: &[u64]| {
            let from = inputs.len();
            inputs.extend(workflow.reads(position).map(|v| v as u8));
            inputs[from..].sort_by_key(|v| keys[usize::from(*v)]);
            let of = inputs[from..].iter().fold(0, |h, v| hash(h, keys[usize::from(*v)], 9));
            (from, inputs.len(), of)
        };
        for (i, module) in workflow.modules().iter().enumerate() {
            let (from, to, of) = take(i, &keys);
            let plain = hash(of, module.kind as u64, u64::from(module.variant));
            // Modules that differ in nothing but who reads them are numbered.
            let mut key = plain;
            while keys.contains(&key) {
                key = mix(key.wrapping_add(1));
            }
            keys.push(key);
            steps.push(Step { kind: module.kind, variant: usize::from(module.variant), key, from, to });
        }
        let (from, to, of) = take(workflow.modules().len(), &keys);
        // The output is one more step; its kind is not looked at.
        steps.push(Step { kind: ModuleKind::Vote, variant: 0, key: of, from, to });
        Self { skills: &instance.skills, steps, inputs }
    }

    /// Who answers, one bit each: generators, then refiners.
    pub(super) fn who(&self) -> u8 {
        let modules = &self.steps[..self.steps.len() - 1];
        modules.iter().fold(0, |who, step| match step.kind {
            ModuleKind::Generate => who | 1 << step.variant,
            ModuleKind::Refine => who | 1 << (GENERATORS + step.variant),
            _ => who,
        })
    }

    /// Runs one item.
    pub(super) fn run(&self, item: &Item, tally: &mut Tally) {
        let mut messages = [SILENCE; VERTICES];
        messages[0].active = true;
        let last = self.steps.len() - 1;
        for (i, step) in self.steps.iter().enumerate() {
            let noise = hash(item.hash, step.key, 5);
            let (read, blamed) = self.read(step, &messages, noise);
            if i == last {
                tally.right += u32::from(read.answer == Some(0));
            } else if read.active {
                messages[i + 1] = self.step(step, item, read, blamed, &messages, noise, &mut tally.cost);
            }
        }
        tally.items += 1;
    }

    /// What comes in, as one message: one of the answers, uniformly, with what was said of it, and the best context;
    /// and what was said to be wrong.
    fn read(&self, step: &Step, messages: &[Message; VERTICES], noise: u64) -> (Message, Blame) {
        let mut read = SILENCE;
        let mut blamed = Blame::default();
        let mut answers = 0_u32;
        for &v in &self.inputs[step.from..step.to] {
            let message = &messages[usize::from(v)];
            if !message.active {
                continue;
            }
            read.active = true;
            read.context = read.context.max(message.context);
            blamed.flagged |= message.flag == Said::Wrong;
            blamed.failed |= message.verdict == Said::Wrong;
            if message.answer.is_some() {
                answers += 1;
                if answers == 1 || draw(noise, 100 + u64::from(answers)) * f64::from(answers) < 1.0 {
                    read.answer = message.answer;
                    read.flag = message.flag;
                    read.verdict = message.verdict;
                }
            }
        }
        (read, blamed)
    }

    #[expect(clippy::too_many_arguments, reason = "one module's whole world, in the innermost loop")]
    fn step(
        &self,
        step: &Step,
        item: &Item,
        mut message: Message,
        blamed: Blame,
        messages: &[Message; VERTICES],
        noise: u64,
        cost: &mut f64,
    ) -> Message {
        let s = self.skills;
        let z = item.kind;
        match step.kind {
            ModuleKind::Route => {
                *cost += 0.1;
                let wanted = step.variant % 3;
                if (item.guess == wanted) != (step.variant < 3) {
                    return SILENCE;
                }
            }
            ModuleKind::Retrieve => {
                *cost += 0.3;
                let found = draw(noise, 1) < logistic(s.retrieve[step.variant][z] + item.findable);
                message.context =
                    message.context.max(if found { Context::Relevant } else { Context::Irrelevant });
            }
            ModuleKind::Critique => {
                *cost += 0.6;
                let help = if message.context == Context::Relevant { 0.7 } else { 0.0 };
                message.flag =
                    said(s.critique[step.variant][z], [0.5, 0.8, help], item, message.answer, noise);
            }
            ModuleKind::Verify => {
                *cost += 0.4;
                message.verdict =
                    said(s.verify[step.variant][z], [0.25, 0.5, 0.0], item, message.answer, noise);
            }
            ModuleKind::Vote => {
                *cost += 0.05;
                message.answer = self.vote(step, messages, noise);
                (message.flag, message.verdict) = (Said::Nothing, Said::Nothing);
            }
            ModuleKind::Generate => {
                *cost += s.price[step.variant];
                if message.answer.is_none() || draw(noise, 9) >= s.copying {
                    let logit = s.generate[step.variant][z];
                    message.answer = Some(self.answer(step.variant, logit, item, message.context, noise));
                }
                (message.flag, message.verdict) = (Said::Nothing, Said::Nothing);
            }
            ModuleKind::Refine => {
                let vouched = message.flag == Said::Right || message.verdict == Said::Right;
                let again = if blamed.failed || blamed.flagged {
                    0.9
                } else if vouched {
                    0.1 * s.restless[step.variant]
                } else {
                    s.restless[step.variant]
                };
                *cost += 0.1;
                if draw(noise, 9) < again {
                    *cost += 0.9;
                    let bonus = match (message.answer, blamed.failed, blamed.flagged) {
                        (None | Some(0), _, _) | (_, false, false) => 0.0,
                        (_, true, _) => s.proof,
                        (_, false, true) => s.hint,
                    };
                    let logit = s.refine[step.variant][z] + bonus;
                    message.answer =
                        Some(self.answer(GENERATORS + step.variant, logit, item, message.context, noise));
                }
                (message.flag, message.verdict) = (Said::Nothing, Said::Nothing);
            }
            // Kinds that the space does not hold pass on what they read.
            _ => {}
        }
        message
    }

    fn answer(&self, who: usize, logit: f64, item: &Item, context: Context, noise: u64) -> u8 {
        let s = self.skills;
        let mut logit = logit - s.slope * item.difficulty + item.taste[who];
        if item.needy {
            logit += if context == Context::Relevant { s.evidence } else { -s.missing };
        }
        if context == Context::Irrelevant {
            logit -= s.distraction;
        }
        if draw(noise, 1) < logistic(logit) {
            0
        } else if draw(noise, 2) < s.habit {
            item.trap[who]
        } else {
            2 + (4.0 * draw(noise, 4)) as u8
        }
    }

    /// The answer with the most weight; ties by lot.
    fn vote(&self, step: &Step, messages: &[Message; VERTICES], noise: u64) -> Option<u8> {
        let mut weights = [0.0; ANSWERS];
        for &v in &self.inputs[step.from..step.to] {
            let message = &messages[usize::from(v)];
            if let (true, Some(answer)) = (message.active, message.answer) {
                let verdict = match message.verdict {
                    Said::Nothing => 1.0,
                    Said::Right => self.skills.trust,
                    Said::Wrong => 1.0 / self.skills.trust,
                };
                let flag = if message.flag == Said::Wrong { 0.5 } else { 1.0 };
                weights[usize::from(answer)] += verdict * flag;
            }
        }
        let most = weights.iter().copied().fold(0.0, f64::max);
        let mut tied = 0_u32;
        let mut chosen = None;
        for (answer, weight) in (0_u8..).zip(weights) {
            if most > 0.0 && weight >= most - 1e-9 {
                tied += 1;
                if tied == 1 || draw(noise, 200 + u64::from(answer)) * f64::from(tied) < 1.0 {
                    chosen = Some(answer);
                }
            }
        }
        chosen
    }
}

/// What a check says of an answer; `weights` are those of difficulty, opacity and helpful context.
fn said(check: Check, weights: [f64; 3], item: &Item, answer: Option<u8>, noise: u64) -> Said {
    let Some(answer) = answer else { return Said::Nothing };
    let [hard, opaque, help] = weights;
    let opaque = opaque * item.opaque;
    let logit = if answer > 0 {
        check.of_wrong - hard * item.difficulty + opaque + help
    } else {
        check.of_right + hard * item.difficulty + opaque - help
    };
    if draw(noise, 1) < logistic(logit) { Said::Wrong } else { Said::Right }
}
