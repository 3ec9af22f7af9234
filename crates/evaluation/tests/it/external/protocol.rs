use evaluation::External;
use meta_traits::{
    Cost, Draw, ErrorKind, Evaluator, Fidelity, Instances, Outcome, Query, QueryId, Stream, Trial, TrialId,
};

use super::{Program, complete, draw, evaluate, failed, score, seeds, trial};

#[tokio::test]
async fn answers_may_come_in_any_order() {
    let program = Program::new(
        "hello(3)\nrequests = [receive() for _ in range(3)]\nfor r in reversed(requests): answer(r, text=r['evaluate']['candidate']['a'])\nreceive()",
    );
    let external = program.start().await;
    assert_eq!(external.batching().concurrent, 3);
    let observation = complete(evaluate(&external, &[7, 9, 8]).await);
    let scores: Vec<f32> = observation.instances.iter().map(|s| s.score).collect();
    assert_eq!(scores, [0.07, 0.09, 0.08]);
    assert_eq!(observation.cost, Cost::evaluations(3) + Cost::tokens(3, 0, 0));
    let note = &observation.instances[0].notes[0];
    assert_eq!((note.component.as_str(), note.text.as_str()), ("a", "A"));
    assert_eq!(external.hello().components, seeds());
}

#[tokio::test]
async fn notes_come_only_when_a_trace_is_wanted() {
    let program = Program::new("hello()\nwhile True: answer(receive())");
    let external = program.start().await;
    let mut silent = trial(&[draw(1)]);
    silent.trace = false;
    assert!(complete(external.evaluate(&silent, Stream::root(1)).await).instances[0].notes.is_empty());
}

#[tokio::test]
async fn no_more_are_in_flight_than_the_program_serves() {
    // Scores 1 when no third request comes while two are unanswered.
    let program = Program::new(
        "hello(2)\nwhile True:\n  two = [receive(), receive()]\n  more = select.select([stdin], [], [], 0.2)[0]\n  for r in two: answer(r, 0 if more else 1)",
    );
    let external = program.start().await;
    assert_eq!(complete(evaluate(&external, &[1, 2, 3, 4]).await).losses, [0.0]);
}

#[tokio::test]
async fn the_specification_may_set_the_concurrency() {
    let mut program = Program::new("hello(1)\nfor r in [receive(), receive()]: answer(r)\nreceive()");
    program.spec.concurrency = Some(2);
    let external = program.start().await;
    assert_eq!(external.concurrency(), 2);
    complete(evaluate(&external, &[1, 2]).await);
}

#[tokio::test]
async fn seeds_belong_to_the_draw_and_not_to_the_block() {
    let program =
        Program::new("hello(4)\nwhile True:\n  r = receive()\n  answer(r, text=str(r['evaluate']['seed']))");
    let external = program.start().await;
    let again = Draw { repeat: 1, ..draw(3) };
    let seeds_of = async |external: &External, draws: &[Draw], root: u64| -> Vec<u64> {
        let outcome = external.evaluate(&trial(draws), Stream::root(root)).await;
        complete(outcome).instances.iter().map(|s| s.notes[0].text.parse().unwrap()).collect()
    };
    let together = seeds_of(&external, &[draw(3), draw(4), again], 1).await;
    assert_eq!(seeds_of(&external, &[again], 1).await, [together[2]]);
    assert_eq!(seeds_of(&external, &[draw(4), draw(3)], 1).await, [together[1], together[0]]);
    assert!(together[0] != together[1] && together[0] != together[2]);
    assert_ne!(seeds_of(&external, &[draw(3)], 2).await, [together[0]]);
    assert!(together.iter().all(|seed| *seed < 1 << 53));
}

#[tokio::test]
async fn an_error_may_be_retried_once() {
    // Example 1 is busy once, 2 always, 3 is wrong for good.
    let program = Program::new(
        "hello()\nasked = {}\nwhile True:\n  r = receive(); e = example(r); asked[e] = asked.get(e, 0) + 1\n  open('asked', 'w').write(json.dumps(asked))\n  error = {'message': 'busy' if e < 3 else 'bad key', 'retryable': e < 3}\n  if e == 1 and asked[e] == 2 or e == 0: answer(r)\n  else: send({'id': r['id'], 'error': error, 'cost': {'calls': 5}})",
    );
    let external = program.start().await;
    let observation = complete(evaluate(&external, &[1]).await);
    assert_eq!(observation.cost, Cost::evaluations(1) + Cost::tokens(6, 0, 0), "both tries are paid for");
    let (kind, message, cost) = failed(evaluate(&external, &[2]).await);
    assert_eq!((kind, cost.calls), (ErrorKind::Transient, 10));
    assert!(message.contains("example train/2: busy"), "{message}");
    let (kind, message, cost) = failed(evaluate(&external, &[3]).await);
    assert_eq!((kind, cost.calls, cost.evaluations), (ErrorKind::Permanent, 5, 1));
    assert!(message.contains("bad key"), "{message}");
    assert_eq!(program.read("asked"), r#"{"1": 2, "2": 2, "3": 1}"#);
    assert_eq!(score(&external, 0).await, 0.0);
}

#[tokio::test]
async fn one_failure_fails_a_trial_of_many_and_all_cost_is_counted() {
    let program = Program::new(
        "hello(2)\nwhile True:\n  r = receive()\n  send({'id': r['id'], 'error': {'message': 'no'}, 'cost': {'calls': 1}}) if example(r) == 1 else answer(r)",
    );
    let external = program.start().await;
    let (kind, message, cost) = failed(evaluate(&external, &[0, 1, 2]).await);
    assert_eq!((kind, cost.evaluations, cost.calls), (ErrorKind::Permanent, 3, 3));
    assert!(message.contains("train/1"), "{message}");
}

#[tokio::test]
async fn proposals_carry_the_evidence_about_the_component() {
    let program = Program::new(
        "hello(propose=True)\nwhile True:\n  r = receive()\n  if 'evaluate' in r: answer(r, text='too short')\n  else: send({'id': r['id'], 'text': json.dumps(r['propose']['feedback']), 'cost': {'calls': 1, 'tokens_out': 9}})",
    );
    let external = program.start().await;
    let evidence = complete(evaluate(&external, &[50]).await).instances;
    let query = |component: &str| Query::new(QueryId(0), component.into(), seeds(), evidence.clone());
    let (text, cost) = external.propose(&query("a"), u64::MAX).await.unwrap();
    assert_eq!(text, r#"[{"example": "train/50", "score": 0.5, "text": "too short"}]"#);
    assert_eq!(cost, Cost::tokens(1, 0, 9));
    let (text, _) = external.propose(&query("b"), 1).await.unwrap();
    assert!(text.contains(r#""text": """#), "{text}");
}

#[tokio::test]
async fn a_program_that_does_not_propose_is_not_asked() {
    let program = Program::new("hello()\nreceive()");
    let external = program.start().await;
    let error = external.propose(&Query::new(QueryId(0), "a".into(), seeds(), vec![]), 1).await.unwrap_err();
    assert_eq!(meta_traits::Classify::kind(&error), ErrorKind::Config);
    assert!(error.to_string().contains("propose"), "{error}");
}

#[tokio::test]
async fn trials_that_make_no_sense_are_not_sent() {
    let program = Program::new("hello()\nopen('asked', 'w').write(json.dumps(receive()))");
    let external = program.start().await;
    let check = async |trial: Trial<meta_traits::Components>, part: &str| {
        let (kind, message, cost) = failed(external.evaluate(&trial, Stream::root(1)).await);
        assert_eq!((kind, cost), (ErrorKind::InvalidInput, Cost::ZERO));
        assert!(message.contains(part), "{part}: {message}");
    };
    check(trial(&[draw(0), draw(100)]), "no example train/100; the evaluator holds 100 in train").await;
    check(trial(&[]), "names no example").await;
    let on = Instances::Exactly(vec![draw(0).example]);
    check(Trial::new(TrialId(0), seeds(), Fidelity::FULL, on), "number the repeats").await;
    let mut foreign = trial(&[draw(0)]);
    foreign.candidate = [("a", "x"), ("c", "y")].into_iter().collect();
    check(foreign, "exactly the components b, a").await;
    assert_eq!(program.read("asked"), "");
}

#[tokio::test]
async fn an_outcome_nobody_waits_for_is_forgotten() {
    // Example 1 is answered once the file `go` is there; what is asked is written down.
    let program = Program::new(
        "hello()\nasked = []\nwhile True:\n  r = receive(); asked.append(example(r)); open('asked', 'w').write(str(asked))\n  while asked[-1] == 1 and not os.path.exists('go'): time.sleep(0.005)\n  answer(r)",
    );
    let external = program.start().await;
    let first = trial(&[draw(1)]);
    let mut first = external.evaluate(&first, Stream::root(1));
    assert!(futures_poll(&mut first).await.is_none());
    let second = trial(&[draw(2)]);
    let mut dropped = external.evaluate(&second, Stream::root(1));
    assert!(futures_poll(&mut dropped).await.is_none());
    drop(dropped);
    std::fs::write(program.path("go"), "").unwrap();
    complete(first.await);
    assert_eq!(score(&external, 3).await, 0.03);
    assert_eq!(program.read("asked"), "[1, 3]");
}

/// Polls once, so that the request is on its way.
async fn futures_poll(future: &mut meta_traits::BoxFuture<'_, Outcome>) -> Option<Outcome> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(outcome) => Some(outcome),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
