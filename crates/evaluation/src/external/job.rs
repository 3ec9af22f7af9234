use meta_traits::{Components, Cost, ErrorKind, ExampleId, Note, Query};
use serde_json::json;
use tokio::sync::oneshot;

/// What a request may be answered with: the half that the request asked for is filled.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) score: f32,
    pub(super) notes: Vec<Note>,
    pub(super) text: String,
}

/// Why a request has no answer.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// The end of a request, and what it cost.
pub(super) type Answered = (Result<Answer, Failure>, Cost);

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    Score,
    Text,
}

/// A request without its id.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) wants: Wants,
    /// `"evaluate":{..}` or `"propose":{..}`.
    member: String,
}

impl Body {
    pub(super) fn evaluate(candidate: &Components, example: ExampleId, seed: u64) -> Self {
        let candidate = object(candidate);
        let member = format!(r#""evaluate":{{"candidate":{candidate},"example":"{example}","seed":{seed}}}"#);
        Self { wants: Wants::Score, member }
    }

    pub(super) fn propose(query: &Query, seed: u64) -> Self {
        let feedback = query.evidence.iter().map(|scored| {
            let about = scored.notes.iter().filter(|note| note.component == query.component);
            let text: Vec<&str> = about.map(|note| note.text.as_str()).collect();
            // The decimal digits of the f32, not those of its f64 neighbour.
            let score: serde_json::Value =
                serde_json::from_str(&scored.score.to_string()).unwrap_or_default();
            json!({"example": scored.example.to_string(), "score": score, "text": text.join("\n")})
        });
        let feedback = feedback.collect::<serde_json::Value>();
        let (component, candidate) = (json!(query.component), object(&query.candidate));
        let member = format!(
            r#""propose":{{"component":{component},"candidate":{candidate},"feedback":{feedback},"seed":{seed}}}"#
        );
        Self { wants: Wants::Text, member }
    }

    /// The line that asks for this under `id`.
    pub(super) fn line(&self, id: u64) -> Vec<u8> {
        format!("{{\"id\":{id},{}}}\n", self.member).into_bytes()
    }
}

/// A JSON object in the order of the components.
fn object(components: &Components) -> String {
    let fields: Vec<String> =
        components.iter().map(|(name, text)| format!("{}:{}", json!(name), json!(text))).collect();
    format!("{{{}}}", fields.join(","))
}

/// A request on its way: what to ask, whom to tell, and what it has cost so far.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) body: Body,
    pub(super) cost: Cost,
    /// Whether its one retry is used up.
    pub(super) retried: bool,
    reply: oneshot::Sender<Answered>,
}

impl Job {
    pub(super) fn new(body: Body, reply: oneshot::Sender<Answered>) -> Self {
        Self { body, cost: Cost::ZERO, retried: false, reply }
    }

    /// Whether nobody waits for the answer any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    /// Counts the sending: one metric call an evaluation, however often it is tried.
    pub(super) fn charge_sending(&mut self) {
        if self.body.wants == Wants::Score {
            self.cost.evaluations = 1;
        }
    }

    pub(super) fn end(self, result: Result<Answer, Failure>) {
        // Whoever dropped the receiver does not want to know.
        let _ = self.reply.send((result, self.cost));
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::{Draw, QueryId, Scored, Split};
    use serde_json::Value;

    use super::*;

    #[test]
    fn requests_are_one_line_in_the_order_of_components() {
        let candidate: Components = [("b", "two\n\"x\""), ("a", "é")].into_iter().collect();
        let line = Body::evaluate(&candidate, ExampleId::new(Split::Train, 12), 1).line(7);
        let text = String::from_utf8(line).unwrap();
        assert_eq!(
            text,
            "{\"id\":7,\"evaluate\":{\"candidate\":{\"b\":\"two\\n\\\"x\\\"\",\"a\":\"é\"},\"example\":\"train/12\",\"seed\":1}}\n"
        );
    }

    #[test]
    fn evidence_becomes_feedback_about_the_component() {
        let candidate: Components = [("a", "x"), ("b", "y")].into_iter().collect();
        let draw = Draw { example: ExampleId::new(Split::Train, 3), repeat: 0 };
        let mut scored = Scored::new(draw, 0.1);
        for (component, text) in [("a", "one"), ("b", "other"), ("a", "two")] {
            scored.notes.push(Note { component: component.into(), text: text.into() });
        }
        let silent = Scored::new(draw, 1.0);
        let query = Query::new(QueryId(0), "a".into(), candidate, vec![scored, silent]);
        let line: Value = serde_json::from_slice(&Body::propose(&query, 9).line(8)).unwrap();
        assert_eq!(
            line,
            serde_json::json!({"id": 8, "propose": {
                "component": "a", "candidate": {"a": "x", "b": "y"}, "seed": 9,
                "feedback": [
                    {"example": "train/3", "score": 0.1, "text": "one\ntwo"},
                    {"example": "train/3", "score": 1, "text": ""},
                ],
            }})
        );
    }
}
