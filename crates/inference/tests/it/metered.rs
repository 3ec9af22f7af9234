//! The ledger behind real clients.

use std::sync::Arc;
use std::task::{Context, Waker};

use inference::{
    Cached, CallEnd, Generate, Generated, InferenceError, Ledger, LlmClient, Metered, Prompt, Purpose,
    ScriptedClient,
};
use meta_traits::{BoxFuture, Cost};

fn ask(text: &str) -> Generate {
    Generate::new(Prompt::Text(text.to_owned()))
}

#[tokio::test]
async fn totals_by_purpose_and_model_are_the_sums_of_what_was_paid() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Ledger::default());
    let metered = |name: &str, purpose| {
        let script = ScriptedClient::answering(|_| "two words".into()).named(name);
        Metered::new(Cached::new(script, dir.path()), purpose, Arc::clone(&ledger))
    };
    let (task, reflection) = (metered("small", Purpose::Task), metered("large", Purpose::Reflection));
    let mut paid = Cost::ZERO;
    for text in ["a", "b c", "a", "a"] {
        paid += task.generate(&ask(text)).await.unwrap().usage.paid();
    }
    paid += reflection.generate(&ask("d e f")).await.unwrap().usage.paid();
    assert_eq!(ledger.total().paid, paid);
    assert_eq!(paid, Cost::tokens(3, 6, 6));
    let totals = ledger.totals();
    assert_eq!(totals.len(), 2);
    let small = totals[&(Purpose::Task, "small".to_owned())];
    assert_eq!((small.paid, small.from_cache), (Cost::tokens(2, 3, 4), 2));
    assert_eq!(small.saved, Cost::tokens(2, 2, 4));
    assert_eq!(ledger.csv().lines().count(), 6);
    assert!(ledger.csv().contains("\n3,task,small,generate,answered,1,0,2,0,1\n"), "{}", ledger.csv());
}

/// Never answers.
struct Silent;

impl LlmClient for Silent {
    fn identity(&self) -> &'static str {
        "silent"
    }
    fn generate<'a>(&'a self, _: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(std::future::pending())
    }
    fn cap(&self, _: &Generate) -> Cost {
        Cost::ZERO
    }
}

#[tokio::test]
async fn failed_and_abandoned_calls_are_recorded_as_such() {
    let ledger = Arc::new(Ledger::default());
    let failing = Metered::new(ScriptedClient::rules([]), Purpose::Judge, Arc::clone(&ledger));
    assert!(failing.generate(&ask("x")).await.is_err());
    let silent = Metered::new(Silent, Purpose::Task, Arc::clone(&ledger));
    let request = ask("x");
    let mut call = silent.generate(&request);
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(call);
    drop(silent.generate(&request)); // Never begun: nothing to record.
    let ends: Vec<CallEnd> = ledger.calls().iter().map(|call| call.end).collect();
    assert_eq!(ends, [CallEnd::Failed, CallEnd::Abandoned]);
    assert_eq!(ledger.total().paid, Cost::ZERO);
}
