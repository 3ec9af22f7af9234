//! Models that grade replies, and how far their grades can be trusted.
//!
//! A [`Judge`] asks a model by a rubric. [`cohen_kappa`] and [`krippendorff_alpha`] say how well several graders
//! agree, [`SwapStatistics`] whether a judge of pairs favours a place.

use std::sync::Arc;

use inference::{Generate, LlmClient};
use meta_traits::{BoxFuture, Cost, ErrorKind};

use crate::error::one_line;
use crate::metric::{Measured, Metric, Unmeasured};
use crate::{Dataset, EvaluationError, Example, Verdict};

mod agreement;
mod answer;
mod pair;
mod prompt;
mod spec;

pub use agreement::{Level, Weights, cohen_kappa, krippendorff_alpha};
pub use pair::{Comparison, Preference, SwapStatistics};
pub use spec::{JudgeSpec, Scale};

use answer::Grade;

const NAME: &str = "judge";

/// A model that grades replies by a rubric.
///
/// The judge sees the input, the expected value unless told otherwise, and the reply, each between tags that the text
/// cannot close; see [`Scale`] for what it may answer. Its answer must end in one line of a fixed form. An answer that
/// does not is sent back once; a second one that does not is a failed measurement, never a guess.
///
/// Questions are greedy, so equal ones get equal answers from the same model and one from an answer cache. Every call
/// is charged: one a reply, two for pairs, and as many for repairs at most.
///
/// ```
/// use std::sync::Arc;
/// use evaluation::judge::{Judge, JudgeSpec};
/// use evaluation::{Example, Metric};
/// use inference::{Rule, ScriptedClient};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let model = Arc::new(ScriptedClient::rules([
///     Rule::contains("please", "It is polite.\nScore: 5"),
///     Rule::always("It is curt.\nScore: 2"),
/// ]));
/// let judge = Judge::new(model, JudgeSpec::new("big", "The reply is polite."))?;
/// let example = Example::new("Ask for the door to be closed.", serde_json::Value::Null);
/// let measured = judge.measure("Door!", &example).await?;
/// assert_eq!(measured.verdict.score, 0.25);
/// assert_eq!(measured.verdict.detail, "judged 2 of 5: It is curt.");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub struct Judge {
    client: Arc<dyn LlmClient>,
    spec: JudgeSpec,
}

/// A grade, the reasons for it and what they cost.
struct Graded {
    grade: Grade,
    reasons: String,
    cost: Cost,
}

impl Judge {
    /// A judge that asks `client`; the model's name in `spec` is not looked at.
    ///
    /// # Errors
    /// [`EvaluationError::Metric`] for settings that are not usable.
    pub fn new(client: Arc<dyn LlmClient>, spec: JudgeSpec) -> Result<Self, EvaluationError> {
        match spec.fault() {
            None => Ok(Self { client, spec }),
            Some(message) => Err(EvaluationError::Metric { metric: NAME, message }),
        }
    }

    /// The same judge, after a look at every example of `data`.
    ///
    /// # Errors
    /// [`EvaluationError::Unscorable`] for pairs, where an example expects nothing to compare with.
    pub fn fitting(self, data: &Dataset) -> Result<Self, EvaluationError> {
        if self.spec.scale == Scale::Pairwise
            && let Some((id, _)) = data.iter().find(|(_, example)| shown(example).is_none())
        {
            let message = "expected is null or blank, so there is nothing to compare with".to_owned();
            return Err(EvaluationError::Unscorable { scorer: NAME, example: id.to_string(), message });
        }
        Ok(self)
    }

    /// Which of two replies to `input` is better: asked in both orders, so that a liking for a place shows.
    ///
    /// Whatever scale the judge has.
    ///
    /// # Errors
    /// [`Unmeasured`] when a call fails or an answer cannot be read even after a repair.
    pub async fn compare(&self, input: &str, first: &str, second: &str) -> Result<Comparison, Unmeasured> {
        let straight = self.ask(self.pair(input, first, second), Scale::Pairwise, Cost::ZERO).await?;
        let swapped = self.ask(self.pair(input, second, first), Scale::Pairwise, straight.cost).await?;
        let by_place = |grade| match grade {
            Grade::First => Preference::First,
            Grade::Second => Preference::Second,
            _ => Preference::Neither,
        };
        let straight_says = by_place(straight.grade);
        let swapped_says = by_place(swapped.grade).turned();
        Ok(Comparison {
            straight: straight_says,
            swapped: swapped_says,
            cost: swapped.cost,
            reasons: straight.reasons,
        })
    }

    fn pair(&self, input: &str, a: &str, b: &str) -> Generate {
        let spec = JudgeSpec { scale: Scale::Pairwise, ..self.spec.clone() };
        prompt::question(&spec, &[("input", input), ("reply-a", a), ("reply-b", b)])
    }

    fn single(&self, reply: &str, example: &Example) -> Generate {
        let (input, expected) = (example.text(), shown(example));
        let mut sections = vec![("input", input.as_str())];
        if let Some(expected) = expected.as_deref().filter(|_| self.spec.show_expected) {
            sections.push(("expected", expected));
        }
        sections.push(("reply", reply));
        prompt::question(&self.spec, &sections)
    }

    /// Asks, and asks again where the answer cannot be read. `spent` is what was spent before.
    async fn ask(&self, question: Generate, scale: Scale, spent: Cost) -> Result<Graded, Unmeasured> {
        let mut cost = spent;
        let mut request = question.clone();
        let mut reasons = String::new();
        let mut fault = String::new();
        for attempt in 0..2 {
            let answer =
                self.client.generate(&request).await.map_err(|e| Unmeasured::of_model(NAME, &e, cost))?;
            cost += answer.usage.cost();
            if attempt == 0 {
                reasons = reasons_of(&answer.text);
            }
            match answer::read(&answer.text, scale) {
                Ok(grade) => return Ok(Graded { grade, reasons, cost }),
                Err(why) => {
                    fault = format!("{why}: '{}'", one_line(&answer.text, 120));
                    request = prompt::repair(&question, &answer.text, &why, scale);
                }
            }
        }
        let message = format!(
            "the judge's answer cannot be read, even after a repair; {fault}. Choose a model that keeps to \
             '{}: ..', or raise max_tokens",
            answer::key(scale)
        );
        Err(Unmeasured::new(NAME, ErrorKind::Protocol, message, cost))
    }

    async fn grade(&self, reply: &str, example: &Example) -> Result<Measured, Unmeasured> {
        if self.spec.scale == Scale::Pairwise {
            let expected = shown(example).unwrap_or_default();
            let seen = self.compare(&example.text(), reply, &expected).await?;
            return Ok(Measured::new(seen.verdict(), seen.cost));
        }
        let graded = self.ask(self.single(reply, example), self.spec.scale, Cost::ZERO).await?;
        let Grade::Points(points) = graded.grade else {
            let message = "a grade of another scale";
            return Err(Unmeasured::new(NAME, ErrorKind::Bug, message, graded.cost));
        };
        let (score, said) = match self.spec.scale {
            Scale::OneToFive => (f64::from(points.saturating_sub(1)) / 4.0, format!("judged {points} of 5")),
            _ if points == 1 => (1.0, "judged to fulfil the rubric".to_owned()),
            _ => (0.0, "judged not to fulfil the rubric".to_owned()),
        };
        Ok(Measured::new(Verdict::new(score, format!("{said}: {}", graded.reasons)), graded.cost))
    }
}

impl Metric for Judge {
    fn name(&self) -> &str {
        NAME
    }

    fn measure<'a>(
        &'a self,
        reply: &'a str,
        example: &'a Example,
    ) -> BoxFuture<'a, Result<Measured, Unmeasured>> {
        Box::pin(self.grade(reply, example))
    }

    fn cap(&self, reply: &str, example: &Example) -> Cost {
        let questions = if self.spec.scale == Scale::Pairwise {
            let (input, expected) = (example.text(), shown(example).unwrap_or_default());
            vec![self.pair(&input, reply, &expected), self.pair(&input, &expected, reply)]
        } else {
            vec![self.single(reply, example)]
        };
        let with_repair = |question: &Generate| {
            // A repair reads the question, the answer and a few words more.
            let asked = self.client.cap(question);
            let again = self.client.cap(&prompt::repair(question, "", REPAIR_REASON, self.spec.scale));
            asked + again + Cost::tokens(0, u64::from(self.spec.max_tokens), 0)
        };
        questions.iter().map(with_repair).sum()
    }
}

/// As long as any reason of [`answer::read`].
const REPAIR_REASON: &str = "its last line is not of the form asked for";

/// The expected value as text; `None` where there is none.
fn shown(example: &Example) -> Option<String> {
    let text = match &example.expected {
        serde_json::Value::Null => return None,
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    (!text.trim().is_empty()).then_some(text)
}

/// What stands before the last line, shortly.
fn reasons_of(answer: &str) -> String {
    let kept = answer.trim_end();
    let before = kept.rfind('\n').map_or("", |end| &kept[..end]);
    let reasons = one_line(before, 300);
    if reasons.is_empty() { "no reasons given".to_owned() } else { reasons }
}
