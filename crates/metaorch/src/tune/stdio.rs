//! The protocol of `--stdio`: one JSON object a line in, one out. `docs/tune.md` describes it.

use std::io::{BufRead, Write};

use bayes_hyperopt::{Configuration, SearchSpace};
use meta_traits::Fidelity;
use orchestrator_core::Error;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::object;
use super::show::reported;
use super::study::{Next, Study, Trial};

/// The version of the protocol.
const PROTOCOL: u32 = 1;

/// One request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    /// What is searched. May hold the space where the command line names none.
    Hello(Hello),
    /// Up to so many trials.
    Ask(u64),
    /// How a trial ended.
    Tell(Value),
    /// An evaluation that was not asked for.
    Observe(Value),
    /// The best trial so far.
    Best {},
    /// Why a pending trial was suggested.
    Explain(u64),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hello {
    protocol: u32,
    #[serde(default)]
    space: Option<SearchSpace>,
}

/// Reads the first line, which must be a hello with a space.
pub(crate) fn space_of_hello(input: &mut impl BufRead) -> Result<SearchSpace, String> {
    let mut line = String::new();
    input.read_line(&mut line).map_err(|e| format!("stdin: {e}"))?;
    match serde_json::from_str(&line) {
        Ok(Request::Hello(Hello { protocol: PROTOCOL, space: Some(space) })) => Ok(space),
        Ok(Request::Hello(Hello { protocol, space: Some(_) })) => Err(unknown_protocol(protocol)),
        Ok(_) => Err("the first line holds no space. Send a hello with one, or give --space".into()),
        Err(e) => Err(format!("the first line is no hello: {}", plain(&e))),
    }
}

/// Answers requests until the input ends.
pub(crate) fn serve(
    study: &mut Study,
    input: impl BufRead,
    mut output: impl Write,
    greet: bool,
) -> Result<(), Error> {
    // A reader that went away closes its end of the input, too.
    let mut send = |answer: Value| drop(writeln!(output, "{answer}").and_then(|()| output.flush()));
    if greet {
        send(hello(study));
    }
    for line in input.lines() {
        let Ok(line) = line else { break };
        if line.trim().is_empty() {
            continue;
        }
        let answer = match serde_json::from_str(&line) {
            Ok(request) => answer(study, request)?,
            Err(e) => Err(format!("the request cannot be read: {}", plain(&e))),
        };
        send(answer.unwrap_or_else(|message| json!({"error": message})));
    }
    Ok(())
}

/// The outer error ends the search; the inner one is the caller's mistake.
fn answer(study: &mut Study, request: Request) -> Result<Result<Value, String>, Error> {
    Ok(match request {
        Request::Hello(Hello { protocol, .. }) if protocol != PROTOCOL => Err(unknown_protocol(protocol)),
        Request::Hello(Hello { space: Some(space), .. }) if space != study.settings.space => {
            Err("the space is not the one searched. Leave it out, or start another search".into())
        }
        Request::Hello(_) => Ok(hello(study)),
        Request::Ask(n) => Ok(ask(study, n)?),
        Request::Tell(report) => tell(study, &report)?,
        Request::Observe(report) => observe(study, &report)?,
        Request::Best {} => Ok(best(study)),
        Request::Explain(id) => Ok(json!({"explanation": study.explain(id)})),
    })
}

fn hello(study: &Study) -> Value {
    let names: Vec<&str> = study.settings.space.parameters().iter().map(|p| p.name.as_str()).collect();
    let told = study.trials().filter(|t| t.outcome.is_some()).count();
    let pending: Vec<u64> = study.pending().map(|t| t.id).collect();
    json!({"hello": {"protocol": PROTOCOL, "algorithm": study.settings.algorithm, "parameters": names,
        "told": told, "pending": pending}})
}

fn ask(study: &mut Study, n: u64) -> Result<Value, Error> {
    let mut trials = Vec::new();
    while (trials.len() as u64) < n {
        match study.ask()? {
            Next::Run(t) => {
                trials.push(json!({"trial": t.id, "parameters": t.parameters, "fidelity": t.fidelity.get()}));
            }
            Next::Wait => return Ok(json!({"trials": trials, "wait": true})),
            Next::Done(reason) => return Ok(json!({"trials": trials, "done": reason})),
        }
    }
    Ok(json!({"trials": trials}))
}

fn tell(study: &mut Study, report: &Value) -> Result<Result<Value, String>, Error> {
    let Some(id) = report.get("trial").and_then(Value::as_u64) else {
        return Ok(Err("tell: field trial is missing. Allowed: the number of a pending trial".into()));
    };
    let Some(fidelity) = study.pending().find(|t| t.id == id).map(|t| t.fidelity) else {
        return Ok(Err(format!("tell: trial {id} is not pending. Tell each asked trial once")));
    };
    let outcome = object(report, study.reading(fidelity));
    let told = study.tell(id, outcome)?.map_err(|e| format!("tell: {e}"));
    Ok(told.map(|()| json!({"told": id})))
}

fn observe(study: &mut Study, report: &Value) -> Result<Result<Value, String>, Error> {
    let parameters = report.get("parameters").cloned().unwrap_or_default();
    let parameters: Configuration = match serde_json::from_value(parameters) {
        Ok(parameters) => parameters,
        Err(e) => return Ok(Err(format!("observe: field parameters: {}", plain(&e)))),
    };
    let outcome = object(report, study.reading(Fidelity::FULL));
    let observed = study.observe(parameters, outcome)?.map_err(|e| format!("observe: {e}"));
    Ok(observed.map(|id| json!({"observed": id})))
}

fn best(study: &Study) -> Value {
    let best = study.best().and_then(|t| Some((t, t.loss()?)));
    let best = best.map(|(t, (loss, fidelity))| {
        json!({"trial": t.id, "parameters": t.parameters, "loss": reported(study, loss), "fidelity": fidelity.get()})
    });
    if study.settings.objectives == 1 {
        return json!({"best": best});
    }
    let losses = |t: &Trial| -> Vec<f64> {
        t.losses().unwrap_or_default().iter().map(|loss| reported(study, *loss)).collect()
    };
    let shown = |t: &Trial| json!({"trial": t.id, "parameters": t.parameters, "losses": losses(t)});
    json!({"best": best, "front": study.front().map(shown).collect::<Vec<_>>()})
}

fn unknown_protocol(given: u32) -> String {
    format!("hello: protocol {given} is not known. Allowed: {PROTOCOL}")
}

fn plain(error: &serde_json::Error) -> String {
    error.to_string().replace('`', "")
}
