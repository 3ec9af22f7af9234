use meta_traits::ErrorKind;

use super::{Program, complete, evaluate, failed, score};

#[tokio::test]
async fn a_crash_costs_the_requests_in_flight_and_no_more() {
    let program = Program::new(
        "hello(2)\nwhile True:\n  r = receive()\n  if example(r) == 1: raise KeyError('answer')\n  answer(r)",
    );
    let external = program.start().await;
    assert_eq!(score(&external, 2).await, 0.02);
    let (kind, message, cost) = failed(evaluate(&external, &[1]).await);
    assert_eq!((kind, cost.evaluations), (ErrorKind::Transient, 1));
    assert!(message.contains("exit code 1; last on stderr: KeyError: 'answer'"), "{message}");
    assert_eq!(score(&external, 3).await, 0.03);
    assert_eq!(program.starts(), 2);
    assert!(program.log().contains("Traceback"), "stderr is in the log: {}", program.log());
}

#[tokio::test]
async fn every_answer_gives_the_restarts_back() {
    let program = Program::new("hello()\nanswer(receive())\nreceive()\nos._exit(3)").max_restarts(1);
    let external = program.start().await;
    for _ in 0..3 {
        assert_eq!(score(&external, 2).await, 0.02);
        assert_eq!(failed(evaluate(&external, &[1]).await).0, ErrorKind::Transient);
    }
}

#[tokio::test]
async fn a_program_that_only_crashes_is_given_up() {
    let program = Program::new("hello(2)\nreceive()\nos._exit(3)").max_restarts(2);
    let external = program.start().await;
    for _ in 0..3 {
        assert_eq!(failed(evaluate(&external, &[1]).await).0, ErrorKind::Transient);
    }
    for _ in 0..2 {
        let (kind, message, cost) = failed(evaluate(&external, &[1]).await);
        assert_eq!((kind, cost.evaluations), (ErrorKind::Permanent, 0));
        assert!(
            message.contains("exit code 3") && message.contains("given up after 2 restarts"),
            "{message}"
        );
    }
    assert_eq!(program.starts(), 3);
}

#[tokio::test]
async fn a_restart_that_fails_counts_too() {
    let program =
        Program::new("if starts > 1: os._exit(4)\nhello(1)\nreceive()\nos._exit(3)").max_restarts(2);
    let external = program.start().await;
    assert_eq!(failed(evaluate(&external, &[1]).await).0, ErrorKind::Transient);
    let (kind, message, _) = failed(evaluate(&external, &[1]).await);
    assert_eq!(kind, ErrorKind::Permanent);
    assert!(message.contains("no usable hello") && message.contains("exit code 4"), "{message}");
    assert_eq!(program.starts(), 3);
}

#[tokio::test]
async fn another_hello_after_a_restart_ends_it() {
    let program = Program::new("hello(starts)\nreceive()\nos._exit(3)");
    let external = program.start().await;
    assert_eq!(failed(evaluate(&external, &[1]).await).0, ErrorKind::Transient);
    let (kind, message, _) = failed(evaluate(&external, &[1]).await);
    assert_eq!(kind, ErrorKind::Permanent);
    assert!(message.contains("hello differs"), "{message}");
}

#[tokio::test]
async fn silence_ends_in_a_restart() {
    let program = Program::new(
        "hello()\nwhile True:\n  r = receive()\n  while example(r) == 1: time.sleep(60)\n  answer(r, text=str(os.getpid()))",
    )
    .timeout(300);
    let external = program.start().await;
    let (kind, message, _) = failed(evaluate(&external, &[1]).await);
    assert_eq!(kind, ErrorKind::Transient);
    assert!(message.contains("no answer within 300ms"), "{message}");
    // A fresh Python may itself be slower than 300 ms on a loaded machine; it is asked until it is up.
    let mut tries = 0;
    while failed_or_score(&external, 5).await.is_none() {
        tries += 1;
        assert!(tries < 20, "{}", program.log());
    }
    assert!(program.starts() >= 2);
    assert!(program.log().contains("it answered nothing for 300ms"), "{}", program.log());
}

async fn failed_or_score(external: &evaluation::External, example: u32) -> Option<f32> {
    match evaluate(external, &[example]).await {
        meta_traits::Outcome::Complete(observation) => Some(observation.instances[0].score),
        _ => None,
    }
}

#[tokio::test]
async fn a_program_that_answers_others_is_not_restarted() {
    // Example 1 is never answered; the others are once it was asked.
    let program = Program::new(
        "hello(2)\nr = receive()\nwhile True:\n  if example(r) != 1: answer(r, text=str(os.getpid()))\n  r = receive()",
    )
    .timeout(1000);
    let external = program.start().await;
    let (kind, message, cost) = failed(evaluate(&external, &[1, 2]).await);
    assert_eq!((kind, cost.evaluations, cost.calls), (ErrorKind::Transient, 2, 1));
    assert!(message.contains("example train/1: no answer within 1s"), "{message}");
    assert_eq!(score(&external, 3).await, 0.03);
    assert_eq!(program.starts(), 1);
}

#[tokio::test]
async fn late_double_and_unknown_answers_are_logged_and_dropped() {
    let program = Program::new(
        "hello()\nwhile True:\n  r = receive()\n  send({'id': 99, 'score': 0.9})\n  answer(r)\n  answer(r, 0.8)",
    );
    let external = program.start().await;
    assert_eq!(score(&external, 1).await, 0.01);
    assert_eq!(score(&external, 2).await, 0.02);
    let log = program.log();
    assert!(log.contains("an answer to id 99, which was never asked"), "{log}");
    assert!(log.contains("an answer to id 0, which was answered before, or too late"), "{log}");
}

#[tokio::test]
async fn garbage_is_logged_and_fails_at_most_the_request_it_names() {
    let program = Program::new(
        "hello()\nwhile True:\n  r = receive()\n  send('Epoch 1 of 3')\n  os.write(1, b'\\xff\\xfe\\n')\n  if example(r) == 1: send('debug {\"id\": %d, \"score\": 1}' % r['id'])\n  else: answer(r)",
    );
    let external = program.start().await;
    assert_eq!(score(&external, 2).await, 0.02);
    let (kind, message, _) = failed(evaluate(&external, &[1]).await);
    assert_eq!(kind, ErrorKind::Protocol);
    assert!(message.contains("the answer is no JSON"), "{message}");
    assert_eq!(score(&external, 3).await, 0.03);
    let log = program.log();
    assert!(log.contains("protocol: a line that is no JSON: 'Epoch 1 of 3'"), "{log}");
    assert_eq!(program.starts(), 1);
}

#[tokio::test]
async fn scores_that_are_none_fail_their_request() {
    let program = Program::new(
        "hello()\nscores = [float('nan'), None, 'high', True, 1e300]\nwhile True:\n  r = receive(); e = example(r)\n  if e == 9: send({'id': r['id']})\n  elif e < 5: send({'id': r['id'], 'score': scores[e]})\n  else: answer(r)",
    );
    let external = program.start().await;
    for (example, expected) in [
        (0, ErrorKind::Numerical),
        (1, ErrorKind::Protocol),
        (2, ErrorKind::Protocol),
        (3, ErrorKind::Protocol),
        (4, ErrorKind::Numerical),
        (9, ErrorKind::Protocol),
    ] {
        let (kind, message, _) = failed(evaluate(&external, &[example]).await);
        assert_eq!(kind, expected, "{message}");
    }
    assert_eq!(score(&external, 6).await, 0.06);
    assert_eq!(program.starts(), 1);
}

#[tokio::test]
async fn an_endless_line_is_cut() {
    let program = Program::new(
        "hello()\nwhile True:\n  r = receive()\n  if example(r) == 1: send('{\"id\":%d,\"score\":1,\"x\":\"%s\"}' % (r['id'], 'x' * (17 << 20)))\n  else: answer(r)",
    );
    let external = program.start().await;
    let (kind, message, _) = failed(evaluate(&external, &[1]).await);
    assert_eq!(kind, ErrorKind::Protocol);
    assert!(message.contains("a line of more than 16 MiB"), "{message}");
    assert_eq!(score(&external, 2).await, 0.02);
}

#[tokio::test]
async fn a_closed_stdout_is_a_crash() {
    let program = Program::new(
        "hello()\nwhile True:\n  r = receive()\n  if example(r) == 1:\n    os.close(1)\n    while True: time.sleep(60)\n  answer(r)",
    );
    let external = program.start().await;
    let (kind, message, _) = failed(evaluate(&external, &[1]).await);
    assert_eq!(kind, ErrorKind::Transient);
    assert!(message.contains("its stdout is closed"), "{message}");
    assert_eq!(score(&external, 2).await, 0.02);
    assert_eq!(program.starts(), 2);
}

#[tokio::test]
async fn a_program_that_does_not_read_blocks_nobody() {
    let program = Program::new("hello(4)\nwhile True: time.sleep(60)").timeout(300).max_restarts(0);
    let external = program.start().await;
    let mut big = super::trial(&[super::draw(1), super::draw(2)]);
    big.candidate.set("a", "x".repeat(1 << 20));
    let outcome = meta_traits::Evaluator::evaluate(&external, &big, meta_traits::Stream::root(1)).await;
    assert_eq!(failed(outcome).0, ErrorKind::Transient);
}

#[tokio::test]
async fn a_flood_on_both_pipes_stops_neither_the_clock_nor_the_answers() {
    let program = Program::new(
        "hello()\ndef flood(fd):\n  while True: os.write(fd, b'noise ' * 1000 + b'\\n')\nr = receive()\nthreading.Thread(target=flood, args=(2,), daemon=True).start()\nanswer(r)\nreceive()\nflood(1)",
    )
    .timeout(400)
    .max_restarts(0);
    let external = program.start().await;
    complete(evaluate(&external, &[1]).await);
    assert_eq!(failed(evaluate(&external, &[2]).await).0, ErrorKind::Transient);
}
