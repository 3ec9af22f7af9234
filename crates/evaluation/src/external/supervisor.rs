use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::time::Duration;

use meta_traits::ErrorKind;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::answer::{judge, read, scan_id};
use super::hello::{Hello, hello_of};
use super::job::{Failure, Job};
use super::line::Line;
use super::log::Log;
use super::process::Process;
use super::spec::ExternalSpec;
use crate::error::one_line;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Longer than any run; stands for a time-out that the clock cannot hold.
const FOREVER: Duration = Duration::from_hours(30 * 365 * 24);

/// The one owner of the process: sends requests, sorts answers, watches the clock, restarts.
pub(super) struct Supervisor {
    spec: ExternalSpec,
    hello: Hello,
    concurrency: usize,
    log: Log,
    inbox: mpsc::UnboundedReceiver<Job>,
    queue: VecDeque<Job>,
    in_flight: BTreeMap<u64, InFlight>,
    next_id: u64,
    process: Option<Process>,
    last_answer: Option<Instant>,
    /// Restarts since the last answer.
    restarts: u32,
    resume_at: Instant,
    given_up: Option<Failure>,
}

struct InFlight {
    job: Job,
    sent: Instant,
    deadline: Instant,
}

enum Step {
    Overdue,
    Restart,
    Job(Option<Job>),
    Line(Option<Line>),
}

impl Supervisor {
    pub(super) fn new(
        spec: ExternalSpec,
        hello: Hello,
        concurrency: usize,
        log: Log,
        process: Process,
        inbox: mpsc::UnboundedReceiver<Job>,
    ) -> Self {
        Self {
            spec,
            hello,
            concurrency,
            log,
            inbox,
            queue: VecDeque::new(),
            in_flight: BTreeMap::new(),
            next_id: 0,
            process: Some(process),
            last_answer: None,
            restarts: 0,
            resume_at: Instant::now(),
            given_up: None,
        }
    }

    /// Works until nobody can send jobs any more.
    pub(super) async fn run(mut self) {
        loop {
            self.fill();
            match self.step().await {
                Step::Overdue => self.expire(),
                Step::Restart => self.restart().await,
                Step::Job(None) => return,
                Step::Job(Some(job)) => match &self.given_up {
                    Some(failure) => job.end(Err(failure.clone())),
                    None => self.queue.push_back(job),
                },
                Step::Line(Some(line)) => self.take(line),
                Step::Line(None) => self.mourn().await,
            }
        }
    }

    /// What happens next. Lines come last, so that a program which floods stdout cannot stop the clock.
    async fn step(&mut self) -> Step {
        let overdue = self.in_flight.values().map(|request| request.deadline).min();
        let restart = (self.process.is_none() && !self.queue.is_empty()).then_some(self.resume_at);
        let Self { process, inbox, .. } = self;
        tokio::select! {
            biased;
            () = until(overdue) => Step::Overdue,
            () = until(restart) => Step::Restart,
            job = inbox.recv() => Step::Job(job),
            line = line_of(process.as_mut()) => Step::Line(line),
        }
    }

    /// Sends what may be in flight.
    fn fill(&mut self) {
        let Some(process) = &self.process else { return };
        while self.in_flight.len() < self.concurrency {
            let Some(mut job) = self.queue.pop_front() else { return };
            if job.is_abandoned() {
                continue;
            }
            job.charge_sending();
            process.send(job.body.line(self.next_id));
            let sent = Instant::now();
            let deadline = sent.checked_add(self.spec.timeout).unwrap_or(sent + FOREVER);
            self.in_flight.insert(self.next_id, InFlight { job, sent, deadline });
            self.next_id += 1;
        }
    }

    /// Sorts a line of the program.
    fn take(&mut self, line: Line) {
        let (id, value) = match line {
            Line::TooLong(start) => {
                let excerpt = one_line(&String::from_utf8_lossy(&start), 80);
                let fault = format!("a line of more than 16 MiB: '{excerpt}'");
                let Some(id) = scan_id(&start) else { return self.breach(&fault) };
                (id, Err(Failure::new(ErrorKind::Protocol, fault)))
            }
            Line::Whole(bytes) => match read(&bytes) {
                Ok(reading) => (reading.id, reading.value),
                Err(fault) => return self.breach(&fault),
            },
        };
        let Some(InFlight { mut job, .. }) = self.in_flight.remove(&id) else {
            let why = if id < self.next_id { "was answered before, or too late" } else { "was never asked" };
            return self.breach(&format!("an answer to id {id}, which {why}"));
        };
        self.last_answer = Some(Instant::now());
        self.restarts = 0;
        let result = match value {
            Ok(value) => {
                let (result, cost) = judge(&value, job.body.wants, &self.hello.components);
                job.cost += cost;
                result
            }
            Err(failure) => Err(failure),
        };
        match result {
            Err(failure) if failure.kind == ErrorKind::Transient && !job.retried => {
                self.log.remark(&format!("request {id} is tried again: {}", failure.message));
                job.retried = true;
                self.queue.push_front(job);
            }
            Err(failure) => {
                self.log.remark(&format!("request {id} failed: {}", failure.message));
                job.end(Err(failure));
            }
            ok => job.end(ok),
        }
    }

    fn breach(&self, what: &str) {
        self.log.remark(&format!("protocol: {what}"));
    }

    /// Fails what is overdue; a program that answered nothing since the oldest of it was sent is stopped.
    fn expire(&mut self) {
        // Answers that came while this process was busy elsewhere are not late.
        while let Some(line) = self.process.as_mut().and_then(Process::waiting_line) {
            self.take(line);
        }
        let (now, waited) = (Instant::now(), self.spec.timeout);
        let overdue: Vec<u64> =
            self.in_flight.iter().filter(|(_, r)| r.deadline <= now).map(|(id, _)| *id).collect();
        let mut silent = false;
        for id in overdue {
            let Some(request) = self.in_flight.remove(&id) else { continue };
            silent |= self.last_answer.is_none_or(|answer| answer < request.sent);
            self.log.remark(&format!("request {id} timed out after {waited:?}"));
            let message =
                format!("no answer within {waited:?}. Raise timeout, or see the evaluator's stderr");
            request.job.end(Err(Failure::new(ErrorKind::Transient, message)));
        }
        if silent {
            self.down(&format!("the evaluator was stopped: it answered nothing for {waited:?}"));
        }
    }

    /// The program closed its stdout.
    async fn mourn(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let ended = process.farewell().await;
        drop(process);
        self.down(&format!("the evaluator ended ({ended})"));
    }

    /// Fails what is in flight, and plans the restart or gives up.
    fn down(&mut self, why: &str) {
        self.process = None;
        self.log.remark(why);
        for (_, request) in std::mem::take(&mut self.in_flight) {
            let message = format!("{why} while this request was in flight");
            request.job.end(Err(Failure::new(ErrorKind::Transient, message)));
        }
        if self.restarts >= self.spec.max_restarts {
            let restarts = self.restarts;
            return self.give_up(&format!("{why}; given up after {restarts} restarts without an answer"));
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.restarts.min(16)).min(LONGEST_PAUSE);
        self.resume_at = Instant::now() + pause;
    }

    async fn restart(&mut self) {
        self.restarts += 1;
        self.log.remark(&format!("restart {} of at most {}", self.restarts, self.spec.max_restarts));
        let mut process = match Process::start(&self.spec, &self.log) {
            Ok(process) => process,
            Err(error) => return self.down(&error.to_string()),
        };
        match hello_of(&mut process, &self.spec).await {
            Ok(hello) if hello == self.hello => {
                self.process = Some(process);
                self.last_answer = None;
            }
            Ok(_) => {
                self.give_up("after a restart the evaluator's hello differs from its first. Start a new run");
            }

            Err(error) => self.down(&error.to_string()),
        }
    }

    /// Fails everything queued and everything to come.
    fn give_up(&mut self, why: &str) {
        self.log.remark(why);
        let failure = Failure::new(ErrorKind::Permanent, why);
        for job in std::mem::take(&mut self.queue) {
            job.end(Err(failure.clone()));
        }
        self.given_up = Some(failure);
    }
}

async fn until(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => pending().await,
    }
}

async fn line_of(process: Option<&mut Process>) -> Option<Line> {
    match process {
        Some(process) => process.next_line().await,
        None => pending().await,
    }
}
